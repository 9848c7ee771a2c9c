#!/usr/bin/env python3
"""sieve_unauthenticate_test - UNAUTHENTICATE, RFC 5804 section 2.14.1, for the
clients of control/sievedreuse: the relay, the session, and login's next hello."""
import base64, contextlib, glob, os, pwd, re, select, socket, ssl, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from managesieve import *
from memory import *
from sasl import Scram, b64
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def log():
    return ''.join(open(p, errors='replace').read() for p in glob.glob('/var/mta/log/sieved/*') if os.path.isfile(p))


def sessions_of(user):
    uid = pwd.getpwnam(user).pw_uid
    return [p for p in glob.glob('/proc/[0-9]*') if os.path.exists(p + '/exe') and os.stat(p).st_uid == uid]


def begin(source='127.0.0.1'):
    """One of control/sievedreuse is at 127.0.0.1, another at 127.0.0.2."""
    client = Sieve.connect(source=source)
    client.known = client.capabilities()
    return client


def auth(user, secret=SECRET):
    return b'AUTHENTICATE "PLAIN" "%s"\r\n' % b64(f'\0{user}\0{secret}').encode()


def logged_in(user='joe', **more):
    client = begin(**more)
    client.raw(auth(user))
    got = client.read()
    if not got.is_('OK'):
        raise RuntimeError(got)
    return client


def owner(client):
    client.send(b'CAPABILITY')
    return client.capabilities().get('OWNER')


def again(client, user):
    """In one write: UNAUTHENTICATE, and the log-in of the next."""
    client.raw(b'UNAUTHENTICATE\r\n' + auth(user))
    return client.read().is_('OK') and client.read().is_('OK')


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
run('/var/mta/bin/mtactl', 'user', 'add', 'alice@example.net', input=SECRET + '\n')
control('logindelaymax', '0\n')
control('sieveperuser', '1\n')
control('sievedreuse', '127.0.0.1\n')
checked = run('/var/mta/bin/mtactl', 'check')
check('mtactl check knows the file', checked.returncode == 0, checked)
os.rename('/var/mta/service/.sieved', '/var/mta/service/sieved')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :4190').stdout)

# ---- who has it ----
c = begin()
unlogged = c.known
check('not before the log-in', 'UNAUTHENTICATE' not in c.known and c.ask(b'UNAUTHENTICATE').is_('NO'), c.known)
c.raw(auth('joe'))
check('a relayed log-in', c.read().is_('OK') and len(sessions_of('joe')) == 1)
c.send(b'CAPABILITY')
known = c.capabilities()
check('then it is announced', 'UNAUTHENTICATE' in known and known['OWNER'] == 'joe' and known['SASL'] == unlogged['SASL'], known)
c.ask(b'LOGOUT')
check('LOGOUT ends the connection', c.is_over())
wait_for(lambda: not sessions_of('joe'))
other = logged_in(source='127.0.0.2')
other.send(b'CAPABILITY')
check('a client of another network has it not', 'UNAUTHENTICATE' not in other.capabilities() and other.ask(b'UNAUTHENTICATE').is_('NO'))


def holders_of(client):
    """Whose processes have the server's end."""
    port, found = '%04X' % client.s.getsockname()[1], set()
    inode = next(words[9] for words in map(str.split, open('/proc/net/tcp')) if words[1].endswith(':105E') and words[2].endswith(':' + port))
    for path in glob.glob('/proc/[0-9]*/fd/*'):
        with contextlib.suppress(OSError):
            if os.readlink(path) == f'socket:[{inode}]':
                found.add(os.stat('/proc/' + path.split('/')[2]).st_uid)
    return found


joe, ours = pwd.getpwnam('joe').pw_uid, pwd.getpwnam('mta-sieve').pw_uid
check('whose connection is the user\'s process\'s', holders_of(other) == {joe}, holders_of(other))
other.ask(b'LOGOUT')
wait_for(lambda: not sessions_of('joe'))
c = logged_in()
check('of one that is relayed it is not', holders_of(c) == {ours}, holders_of(c))

# ---- and then ----
check('scripts', c.ask(b'PUTSCRIPT', 'main', literal('# UNAUTHENTICATE\r\nkeep;\r\n')).is_('OK') and
      c.ask(b'LISTSCRIPTS').data == [['main']])
check('with an argument it is none', c.ask(b'UNAUTHENTICATE', 'x').is_('NO') and owner(c) == 'joe')
check('UNAUTHENTICATE', c.ask(b'UNAUTHENTICATE').is_('OK') and wait_for(lambda: not sessions_of('joe')))
c.send(b'CAPABILITY')
known = c.capabilities()
check('capabilities are those from before the log-in', known == unlogged, (known, unlogged))
check('and so are the commands', c.ask(b'LISTSCRIPTS').is_('NO') and c.ask(b'UNAUTHENTICATE').is_('NO'))
c.raw(auth('ann'))
check('the next one logs in', c.read().is_('OK') and owner(c) == 'ann' and len(sessions_of('ann')) == 1)
check('and has scripts of its own', c.ask(b'LISTSCRIPTS').data == [] and c.ask(b'GETSCRIPT', 'main').is_('NO', 'NONEXISTENT'))
failed = [i for i in range(10) if not again(c, 'joe') or owner(c) != 'joe' or not again(c, 'ann') or owner(c) != 'ann']
check('in one write, again and again, with one session an account', not failed, failed)
c.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
text, failed = b'unauthenticate\r\n' + auth('joe'), []
for cut in range(1, len(text)):
    c.raw(text[:cut])
    time.sleep(0.003)
    c.raw(text[cut:])
    if not c.read().is_('OK') or not c.read().is_('OK'):
        failed.append(cut)
check(f'cut at each of {len(text)} bytes', not failed, failed)
for byte in text:
    c.raw(bytes([byte]))
check('byte by byte', c.read().is_('OK') and c.read().is_('OK'))
big = '# ' + 'x' * 60000 + '\r\nkeep;\r\n'
c.raw(b'PUTSCRIPT "big" ' + literal(big) + b'\r\nGETSCRIPT "big"\r\nDELETESCRIPT "big"\r\nCHECKSCRIPT "x"\r\nUNAUTHENTICATE\r\n' + auth('ann'))
got = [c.read() for _ in range(6)]
check('pipelined behind a large script', [g.word for g in got] == ['OK', 'OK', 'OK', 'NO', 'OK', 'OK'] and got[1].data == [[big]] and owner(c) == 'ann',
      [(g.word, g.text) for g in got])
c.ask(b'UNAUTHENTICATE')
proof = Scram('alice@example.net', SECRET)
c.send(b'AUTHENTICATE', 'SCRAM-SHA-256', b64(proof.first()))
challenge, _ = c.string(c.f.readline())
c.send(b64(proof.final(base64.b64decode(challenge))))
got = c.read()
check('SCRAM: the proof comes with the OK', got.is_('OK', 'SASL') and base64.b64decode(got.argument) == proof.verifier and
      owner(c) == 'alice@example.net', got)
c.ask(b'UNAUTHENTICATE')
wrong = [c.ask(b'AUTHENTICATE', 'PLAIN', b64('\0ann\0x')) for _ in range(2)]
c.raw(auth('ann'))
check('attempts that fail', all(g.is_('NO') for g in wrong) and c.read().is_('OK'), wrong)
c.ask(b'UNAUTHENTICATE')
wrong = [c.ask(b'AUTHENTICATE', 'PLAIN', b64('\0ann\0x')) for _ in range(3)]
check('are counted anew, and three are enough', [g.word for g in wrong] == ['NO', 'NO', 'BYE'] and c.is_over(), wrong)

# ---- under TLS ----
c = begin()
c.ask(b'STARTTLS')
c = Sieve(CONTEXT.wrap_socket(c.s, server_hostname='mx.example.org'))
known = c.capabilities()
c.raw(auth('joe'))
c.read()
check('under TLS', again(c, 'ann') and owner(c) == 'ann' and c.ask(b'UNAUTHENTICATE').is_('OK'))
c.send(b'CAPABILITY')
check('TLS is kept', c.capabilities() == known and 'STARTTLS' not in known and c.ask(b'STARTTLS').is_('NO'))
c.ask(b'LOGOUT')

# ---- ends ----
c = logged_in()
if not is_sanitized():
    left = [(name, pid) for name in ('sieved', 'login', 'checkpw') for pid in processes(name) if holds(pid, *forms(SECRET))]
    check('no process has the password', left == [], left)
os.kill(int(sessions_of('joe')[0].split('/')[2]), 9)
check('a session that is killed ends the connection', c.is_over())
c = logged_in()
c.raw(b'NOOP "1"\r\nUNAUTHENTICATE\r\n' + auth('ann') + b'NOOP "2"\r\n')
c.s.shutdown(socket.SHUT_WR)
got = [c.read() for _ in range(4)]
check('a client that says no more hears all', [g.argument for g in got] == ['1', None, None, '2'] and c.is_over(), got)
c = logged_in()
c.raw(b'PUTSCRIPT "cut" {100+}\r\nkeep;')
c.close()
check('a client that is gone ends its session', wait_for(lambda: not sessions_of('joe')))
check('and half a script is none', not os.path.exists(os.path.expanduser('~joe/Maildir/sieve/cut.sieve')))

# ---- a session that is none ----
HOSTILE = r"""#!/usr/bin/python3
import os, sys, time
plan = open('/tmp/plan').read()
say = lambda text: os.write(1, text.encode())
# At once: later it would be an answer to UNAUTHENTICATE, which it may give.
say('OK "logged in"\r\n' + ('OK "forged"\r\n' if plan == 'ahead' else ''))
heard = b''
while b'UNAUTHENTICATE' not in heard:
    more = os.read(0, 4096)
    if not more:
        sys.exit()
    heard += more
say({'no': 'NO "no"\r\n', 'data': '"a"\r\nOK\r\n', 'literal': 'OK {4}\r\nOK\r\n\r\n',
     'forged': 'OK "done"\r\nOK "forged"\r\n', 'lf': 'OK\nOK "forged"\r\n'}.get(plan, 'OK "done"\r\n'))
while more := os.read(0, 4096):
    heard += more
with open('/tmp/heard', 'ab') as f:
    f.write(b'<' + heard + b'>')
if plan == 'stay':
    time.sleep(100)
"""
os.rename('/var/mta/bin/sieved', '/var/mta/bin/sieved.real')
with open('/var/mta/bin/sieved', 'w') as f:
    f.write(HOSTILE)
os.chmod('/var/mta/bin/sieved', 0o755)
open('/tmp/heard', 'w').close()
os.chmod('/tmp/heard', 0o666)


def attack(plan):
    with open('/tmp/plan', 'w') as f:
        f.write(plan)
    client = logged_in()
    client.raw(b'UNAUTHENTICATE\r\n' + auth('ann'))
    return client


for plan in 'ahead', 'no', 'data', 'literal', 'lf':
    c = attack(plan)
    said = b''
    with contextlib.suppress(ConnectionError):
        said = c.f.read()
    check(f'{plan}: no whole line of it reaches the client', said.count(b'\r\n') == 0, said)
    wait_for(lambda: not sessions_of('joe'))
check('the log says so', wait_for(lambda: log().count('relay ended client=127.0.0.1 reason=broken-dialogue') == 5), log()[-2000:])
c = attack('forged')
got = [c.read(), c.read()]
check('forged: the answer is the server\'s own', all(g.is_('OK') for g in got) and got[1].text != 'forged', got)
c.close()
wait_for(lambda: not sessions_of('joe') and not sessions_of('ann'))
c = attack('stay')
check('stay: UNAUTHENTICATE', c.read().is_('OK'))
check('stay: no log-in is judged while the process lives', not select.select([c.s], [], [], 1.5)[0] and len(sessions_of('joe')) == 1)
with contextlib.suppress(ProcessLookupError):
    os.kill(int(sessions_of('joe')[0].split('/')[2]), 9)
check('stay: and then it is', c.read().is_('OK'))
c.close()
heard = open('/tmp/heard', newline='').read()
check('no process heard what came behind it', heard.count('<UNAUTHENTICATE\r\n>') >= 2 and 'PLAIN' not in heard, heard)
os.rename('/var/mta/bin/sieved.real', '/var/mta/bin/sieved')
check('no secret is in the log', SECRET not in log() and b64(f'\0ann\0{SECRET}') not in log())
check('mtactl stop', run('/var/mta/bin/mtactl', 'stop').returncode == 0)
done()
