#!/usr/bin/env python3
"""login_test - POP3 log-in through the whole chain on port 110: listen, pop3d,
login, lookup, checkpw, PAM; who may, who may not, and what is left of it."""
import ctypes, fcntl, glob, os, poplib, pwd, re, socket, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from memory import *
from sasl import *

on_host()
SECRET, ALICE = 'Correct-Horse 7%s' % os.getpid(), 'Batteriestaple-%s' % os.getpid()
WRONG = 'Wrongwrongwrong-%s' % os.getpid()


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def log():
    with open('/var/mta/log/pop3d/current', errors='replace') as f:
        return f.read()


def home(user):
    return pwd.getpwnam(user).pw_dir


def deliver(maildir, uid, *texts):
    for folder in ('', '/cur', '/new', '/tmp'):
        os.makedirs(maildir + folder, exist_ok=True)
        os.chown(maildir + folder, uid, uid)
    for i, text in enumerate(texts):
        path = '%s/new/%d.M%d.host' % (maildir, 1700000000 + i, i)
        with open(path, 'w') as f:
            f.write(text)
        os.chown(path, uid, uid)


def connect(host='127.0.0.1'):
    return poplib.POP3(host, 110, timeout=30)


def log_in(user, password, host='127.0.0.1'):
    client = connect(host)
    client.user(user)
    client.pass_(password)
    return client


def refusal(attempt, *arguments):
    """What the server says to an attempt that must fail; '' if it does not."""
    try:
        client = attempt(*arguments)
        client.quit()
        return ''
    except poplib.error_proto as error:
        return error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)


def apop(user, password):
    client = connect()
    client.apop(user, password)
    return client


def raw(lines, limit=30):
    """Send everything at once, read to the end."""
    with socket.create_connection(('127.0.0.1', 110), limit) as s:
        s.sendall(lines.encode())
        data = b''
        while True:
            more = s.recv(4096)
            if not more:
                return data.decode('latin-1').split('\r\n')
            data += more


def holders(secret):
    """Which processes have it in memory; a sanitizer's own memory is too large to search."""
    if sanitized:
        return []
    return [(name, pid) for name in ('pop3d', 'login', 'checkpw', 'lookup', 'listen')
            for pid in processes(name) if holds(pid, secret.encode())]


def argon2id(password):
    library = ctypes.CDLL('libargon2.so.1')
    out = ctypes.create_string_buffer(200)
    secret, salt = password.encode(), b'0123456789abcdef'
    size = ctypes.c_size_t
    code = library.argon2id_hash_encoded(2, 8192, 4, secret, size(len(secret)), salt, size(len(salt)), size(32), out, size(len(out)))
    return out.value.decode() if code == 0 else None


def status(pid):
    with open('/proc/%d/status' % pid) as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


# ---- the host ----
run('chpasswd', '-c', 'SHA512', input='joe:%s\nann:%s\nroot:%s\n' % (SECRET, SECRET, SECRET))
joe, ann = pwd.getpwnam('joe').pw_uid, pwd.getpwnam('ann').pw_uid
deliver(home('joe') + '/Maildir', joe, 'Subject: one\n\n.first\n', 'Subject: two\n\nsecond\n')
added = run('/var/mta/bin/mtactl', 'user', 'add', 'alice@example.net', input=ALICE + '\n')
check('mtactl user add', added.returncode == 0, added)
run('/var/mta/bin/mtactl', 'user', 'add', 'bob@example.net', input='x\n')
with open('/var/mta/users/passwords') as f:
    passwords = f.read()
with open('/var/mta/users/passwords', 'w') as f:
    f.write(re.sub('bob@example.net:.*', lambda _: 'bob@example.net:' + argon2id('argon secret'), passwords))
    f.write('nohash@example.net:\nodd@example.net:plain\ncarol@example.net:' + argon2id('no newline'))
run('ip', 'address', 'add', '192.0.2.1/32', 'dev', 'lo')
control('logindelaymax', '1\n')
control('pop3peruser', '1\n')
for name in ('smtpd', 'submission', 'queue'):
    run('rm', '-rf', '/var/mta/service/' + name)
started = run('/var/mta/bin/mtactl', 'start')
check('mtactl start', started.returncode == 0, started.stderr)
sanitized = is_sanitized()

# ---- those who may ----
client = connect()
check('the greeting has a challenge with the host\'s name',
      re.search(rb'^\+OK .*<\d+\.\d+\.[0-9a-f]{16}@mx\.example\.org>$', client.getwelcome()), client.getwelcome())
other = connect()
check('another one each time', client.getwelcome() != other.getwelcome())
client.quit(), other.quit()
client = log_in('joe', SECRET)
check('a system user by PAM', client.stat()[0] == 2, client.stat())
check('byte-stuffing and sizes', client.retr(1)[1] == [b'Subject: one', b'', b'.first'] and client.stat()[1] == 24 + 24,
      client.stat())
pids = [pid for pid in processes('pop3d') if status(pid)['Uid'].split()[0] == str(joe)]
check('his session is a process of his', len(pids) == 1, pids)
if pids:
    state = status(pids[0])
    check('with his group alone', state['Gid'].split() == [str(pwd.getpwnam('joe').pw_gid)] * 4 and
          state['Groups'].strip() == '', state)
    check('in a jail', sanitized or (state['Seccomp'] == '2' and state['NoNewPrivs'] == '1' and
                                     int(state['CapEff'], 16) == 0), state)
    check('without an environment', open('/proc/%d/environ' % pids[0], 'rb').read() == b'')
    fds = {int(fd): os.readlink('/proc/%d/fd/%s' % (pids[0], fd)) for fd in os.listdir('/proc/%d/fd' % pids[0])}
    check('with the client, the log, login and the mailbox, nothing else',
          fds[0] == fds[1] and fds[0].startswith('socket:') and fds[2].startswith('pipe:') and
          fds[4].startswith('socket:') and all('/Maildir' in fds[fd] for fd in fds if fd not in (0, 1, 2, 4)), fds)
    command = open('/proc/%d/cmdline' % pids[0], 'rb').read()
    check('no secret among its arguments', SECRET.encode() not in command, command)
check('the process before the log-in is gone', len([p for p in processes('pop3d') if p not in pids]) == 1)
check('no process holds the password of a session', holders(SECRET) == [], holders(SECRET))
check('(the search finds what is there)', sanitized or any(name == 'login' for name, _ in holders('mx.example.org')))
check('a second session: control/pop3peruser', '[IN-USE]' in refusal(log_in, 'joe', SECRET))
client.dele(1)
client.quit()
check('QUIT deletes', wait_for(lambda: len(glob.glob(home('joe') + '/Maildir/*/*.host*')) == 1),
      glob.glob(home('joe') + '/Maildir/*/*'))
with open(home('joe') + '/Maildir/.pop3.lock', 'w') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    check('a locked mailbox', '[IN-USE]' in refusal(log_in, 'joe', SECRET))
client = log_in('joe@example.org', SECRET)
check('with the host\'s domain', client.stat()[0] == 1)
client.quit()
client = log_in('JOE', SECRET)
check('in capitals', client.stat()[0] == 1)
client.quit()
answers = raw('USER joe\r\nPASS %s\r\nSTAT\r\nNOOP\r\nQUIT\r\n' % SECRET)
check('what was sent with the log-in is answered after it', len(answers) == 7 and
      [a[:3] for a in answers[:6]] == ['+OK'] * 6 and answers[3].startswith('+OK 1 '), answers)
os.rename('/var/mta/users/apop', '/var/mta/users/apop.away')
client = connect()
check('no challenge while no account has a secret for it', b'<' not in client.getwelcome(), client.getwelcome())
check('and no APOP', '[AUTH]' in refusal(client._shortcmd, 'APOP alice@example.net ' + '0' * 32))
client.close()
got = run('curl', '-s', '--user', 'joe:' + SECRET, 'pop3://127.0.0.1/1')
check('curl', got.returncode == 0 and got.stdout == 'Subject: two\n\nsecond\n', got)
os.rename('/var/mta/users/apop.away', '/var/mta/users/apop')
got = run('curl', '-s', '--login-options', 'AUTH=+APOP', '--user', 'alice@example.net:' + ALICE, 'pop3://127.0.0.1/')
check('curl with APOP', got.returncode == 0, got)
client = log_in('ann', SECRET)
check('no Maildir yet is an empty mailbox', client.stat() == (0, 0))
client.quit()
deliver(home('ann') + '/Maildir', ann, *['Subject: %d\n\n' % i for i in range(300)])
client = log_in('ann', SECRET)
check('many messages, in a jail', client.stat() == (300, 10 * 14 + 90 * 15 + 200 * 16), client.stat())
client.retr(300), client.top(1, 0)
client.quit()
seen = wait_for(lambda: glob.glob(home('ann') + '/Maildir/cur/*:2,S'))
check('what was retrieved is marked as seen', [os.path.basename(p)[:10] for p in seen] == ['1700000299'], seen)
client = log_in('alice@example.net', ALICE)
check('a virtual account', client.stat() == (0, 0))
client.quit()
deliver('/var/mta/mail/example.net/alice/Maildir',
        int(run('sh', '-c', 'grep ^alice /var/mta/users/accounts | cut -d: -f2').stdout), 'Subject: a\n\nb\n')
client = apop('alice@example.net', ALICE)
check('APOP', client.stat()[0] == 1)
check('no process holds the password of APOP', holders(ALICE) == [], holders(ALICE))
client.quit()
client = log_in('bob@example.net', 'argon secret')
check('argon2id, with threads', client.stat() == (0, 0))
client.quit()
run('/var/mta/bin/mtactl', 'user', 'passwd', 'alice@example.net', input='changed\n')
client = log_in('Alice@Example.NET', 'changed')
check('a new password counts at once', client.stat()[0] == 1)
client.quit()
check('and the old one no more', '[AUTH]' in refusal(log_in, 'alice@example.net', ALICE))

control('defaultdelivery', 'mbox\n')
spool = '/var/mail/joe'
with open(spool, 'w') as f:
    f.write('From a@b Tue Nov 24 11:00:00 2026\nSubject: m\n\n>From here\n\n' * 2)
os.chown(spool, joe, pwd.getpwnam('joe').pw_gid)
os.chmod(spool, 0o660)


def in_mbox():
    client = log_in('joe', SECRET)
    lines = client.retr(1)[1] if client.stat()[0] else []
    if b'Subject: m' in lines:
        client.dele(1)
    client.quit()
    return b'From here' in lines


check('a user whose mailbox is an mbox', wait_for(in_mbox), log()[-300:])
check('deletes in it', open(spool).read().count('Subject: m') == 1, open(spool).read())
os.unlink('/var/mta/control/defaultdelivery')
wait_for(lambda: log_in('joe', SECRET).retr(1)[1][0] == b'Subject: two')

# ---- AUTH: RFC 5034 ----
client = connect()
check('SASL among the capabilities', client.capa().get('SASL') == ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN', 'LOGIN'], client.capa())
check('AUTH alone lists them', client._longcmd('AUTH')[1] == [b'SCRAM-SHA-256', b'SCRAM-SHA-1', b'PLAIN', b'LOGIN'])
check('one that is not offered', '-ERR no such mechanism' in refusal(client._shortcmd, 'AUTH CRAM-MD5'))
client.quit()


def pop():
    wire = Wire(110)
    wire.line()
    wire.reply = wire.line
    return wire


def authenticated(wire, last):
    return last.startswith('+OK 1 ') and wire.ask('STAT').startswith('+OK 1 ') and wire.ask('QUIT').startswith('+OK')


for mechanism, name in (('SCRAM-SHA-256', 'sha256'), ('SCRAM-SHA-1', 'sha1')):
    wire = pop()
    got, signed = wire.scram(Scram('alice@example.net', 'changed', name), mechanism)
    check('POP3 ' + mechanism, signed and authenticated(wire, got), got)
    got, signed = pop().scram(Scram('alice@example.net', WRONG, name), mechanism, initial=False)
    check('POP3 %s with a wrong password' % mechanism, got.startswith('-ERR [AUTH]'), got)
    wait_for(lambda: time.sleep(1.2) or True)
wire = pop()
check('POP3 PLAIN', authenticated(wire, wire.ask('AUTH PLAIN ' + b64('\0joe\0' + SECRET))), log()[-300:])
wire = pop()
check('POP3 LOGIN', wire.ask('AUTH LOGIN') == '+ ' + b64('Username:') and wire.ask(b64('joe')) == '+ ' + b64('Password:') and
      authenticated(wire, wire.ask(b64(SECRET))), log()[-300:])
wire = pop()
check('POP3 AUTH cancelled', wire.ask('AUTH PLAIN') == '+ ' and wire.ask('*').startswith('-ERR') and
      authenticated(wire, wire.ask('AUTH PLAIN ' + b64('\0joe\0' + SECRET))), log()[-300:])
answers = raw('AUTH PLAIN\r\n%s\r\nSTAT\r\nQUIT\r\n' % b64('\0joe\0' + SECRET))
check('what was sent with AUTH is answered after it', len(answers) == 6 and answers[1] == '+ ' and
      [a[:3] for a in answers[2:5]] == ['+OK'] * 3, answers)
wire = pop()
wire.ask('AUTH PLAIN ' + b64('\0joe\0' + SECRET))
other = pop()
check('a second session by AUTH', '[IN-USE]' in other.ask('AUTH PLAIN ' + b64('\0joe\0' + SECRET)))
check('no process holds what AUTH said', holders(SECRET) == [] and holders(b64('\0joe\0' + SECRET)) == [])
wire.ask('QUIT')
got = run('curl', '-s', '--login-options', 'AUTH=PLAIN', '--user', 'joe:' + SECRET, 'pop3://127.0.0.1/1')
check('curl with AUTH PLAIN', got.returncode == 0 and got.stdout.startswith('Subject: two'), got)

# ---- those who may not ----
def refused(pair):
    began = time.monotonic()
    return refusal(log_in, *pair), time.monotonic() - began


CASES = [('joe', SECRET.lower()), ('joe@localhost', SECRET + 'x'), ('nobody-here', SECRET), ('root', SECRET),
         ('joe+ext', SECRET), ('postmaster', SECRET), ('joe@example.net', SECRET), ('nohash@example.net', 'x'),
         ('odd@example.net', 'plain'), ('\\joe', SECRET), ('alice', 'changed'), ('alice@example.net', ' changed')]
with ThreadPoolExecutor(len(CASES)) as pool:
    for pair, (said, took) in zip(CASES, pool.map(refused, CASES)):
        check('refused, and not too fast: ' + pair[0], '[AUTH]' in said and took >= 0.5, (said, took))
check('APOP for one without a secret', '[AUTH]' in refusal(apop, 'joe', SECRET))
check('APOP with a wrong digest', '[AUTH]' in refusal(apop, 'alice@example.net', 'x'))
client = connect()
digest = '0' * 32
said = [refusal(client._shortcmd, 'APOP alice@example.net ' + digest) for _ in range(2)]
check('a challenge counts once', wait_for(lambda: 'no-challenge' in log()), said)
client.close()

client = connect()
times = []
for _ in range(3):
    began = time.monotonic()
    client.user('Mallory')
    said = refusal(client.pass_, WRONG)
    times.append(time.monotonic() - began)
    if len(times) == 1:
        check('refused for now', '[AUTH]' in said, said)
        check('no process holds a wrong password', holders(WRONG) == [], holders(WRONG))
check('each failure takes longer', times[0] < times[1] < times[2], times)
try:
    client.noop()
    check('the third ends the connection', False)
except (OSError, EOFError, poplib.error_proto):
    check('the third ends the connection', True)
client.close()
run('usermod', '--expiredate', '1', 'ann')
check('an account that has expired', '[AUTH]' in refusal(log_in, 'ann', SECRET))

# ---- clear text ----
client = connect('192.0.2.1')
check('no challenge for strangers', b'<' not in client.getwelcome(), client.getwelcome())
check('nor USER among the capabilities', 'USER' not in client.capa(), client.capa())
said = refusal(client.user, 'joe')
check('clear text is refused with a sentence', said.startswith('-ERR [AUTH] ') and len(said) > 30, said)
check('and PASS', refusal(client.pass_, SECRET).startswith('-ERR'))
client.quit()

# ---- by hand ----
by_hand = [run('/var/mta/bin/checkpw', *words, input=password + '\n') for words, password in
           ((['joe'], SECRET), (['joe'], 'no'), (['bob@example.net'], 'argon secret'), (['carol@example.net'], 'no newline'),
            (['joe@example.org'], SECRET), (['nobody-here'], 'x'))]
check('checkpw by hand', [(p.returncode, p.stdout) for p in by_hand] ==
      [(0, 'right\n'), (77, 'wrong\n'), (0, 'right\n'), (0, 'right\n'), (0, 'right\n'), (77, 'wrong\n')], by_hand)
check('login by hand says how it is used', run('/var/mta/bin/login').returncode == 64 and
      run('/var/mta/bin/login', 'pop3').returncode == 64 and 'usage' in run('/var/mta/bin/login', '-h').stdout)

# ---- faults ----
uids = {name: sorted({status(p)['Uid'].split()[0] for p in processes(name)}) for name in ('login', 'checkpw', 'pop3d')}
check('each under its uid', uids == {'login': ['0'], 'checkpw': sorted(['0', str(pwd.getpwnam('mta-auth').pw_uid)]),
                                    'pop3d': [str(pwd.getpwnam('mta-pop3').pw_uid)]}, uids)
os.rename('/var/mta/users/passwords', '/var/mta/users/passwords.away')
os.mkdir('/var/mta/users/passwords')
check('a table that cannot be read is for later', '[SYS/TEMP]' in refusal(log_in, 'alice@example.net', 'changed'))
os.rmdir('/var/mta/users/passwords')
os.rename('/var/mta/users/passwords.away', '/var/mta/users/passwords')
client = log_in('alice@example.net', 'changed')
alice = [status(pid)['Uid'].split()[0] for pid in processes('pop3d')]
client.quit()
alice = [uid for uid in alice if uid != str(pwd.getpwnam('mta-pop3').pw_uid)][0]
run('useradd', '--uid', alice, '--gid', 'joe', '--no-create-home', 'thief')
check('that nobody has a uid is remembered for a while', refusal(log_in, 'alice@example.net', 'changed') == '')
kill_all(processes('login'))
check('a uid whose user has another group is not served',
      wait_for(lambda: '[AUTH]' in refusal(log_in, 'alice@example.net', 'changed'), 20), log()[-600:])
run('userdel', 'thief')
for name in ('checkpw', 'lookup', 'login'):
    old = processes(name)
    kill_all(old)

    def works():
        try:
            connected = log_in('joe', SECRET)
            connected.quit()
            return True
        except (OSError, EOFError, poplib.error_proto):
            return False
    check('after the death of ' + name + ' it comes back', wait_for(works, 20), log()[-600:])
control('cleartextnets', '192.0.2.0/24\n')
run('/var/mta/bin/mtactl', 'stop')
run('/var/mta/bin/mtactl', 'start')
client = log_in('joe', SECRET, '192.0.2.1')
check('a network in control/cleartextnets', client.stat()[0] == 1)
began = time.monotonic()
stopped = run('/var/mta/bin/mtactl', 'stop')
check('mtactl stop ends an open session', stopped.returncode == 0 and time.monotonic() - began < 14, stopped)
check('nothing of it is left', processes('pop3d') == [], processes('pop3d'))
check('no process died of its jail', 'signal 31' not in log())
check('the log has no secret', all(secret not in log() for secret in (SECRET, ALICE, WRONG)))
check('the log names user, client and reason', 'refused user=Mallory client=127.0.0.1 method=password reason=no-mailbox' in log() and
      re.search(r'login user=joe client=127\.0\.0\.1 method=password account=joe uid=%d pid=\d+' % joe, log()))
if os.environ.get('VERBOSE'):
    print(log())
done()
