#!/usr/bin/env python3
"""login_send_test - remote-send and remote-auth: control/smtpauth against
servers that know the password, and that do not."""
import base64, hashlib, hmac, os, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from memory import holds
from servers import *
from sasl import b64, xor

PASSWORD = 'two words #1'
unb64 = lambda text: base64.b64decode(text, validate=True)
OK, NO = b'235 2.7.0 in', b'535 5.7.8 no'


# ---- the servers' side of the mechanisms ----
def plain(wanted=('joe', PASSWORD)):
    def auth(say, hear, arguments):
        return OK if arguments[0] == 'PLAIN' and unb64(arguments[1]) == f'\0{wanted[0]}\0{wanted[1]}'.encode() else NO
    return auth


def login(say, hear, arguments):
    got = []
    for question in (b'Username:', b'Password:'):
        say(base64.b64encode(question))
        got.append(unb64(hear()).decode())
    return OK if got == ['joe', PASSWORD] and arguments == ['LOGIN'] else NO


def cram(say, hear, arguments):
    say(base64.b64encode(b'<1@mx.example>'))
    return OK if unb64(hear()).decode() == 'joe ' + hmac.new(PASSWORD.encode(), b'<1@mx.example>', 'md5').hexdigest() \
        and arguments == ['CRAM-MD5'] else NO


def scram(hash, knows=PASSWORD, early=False, long=False):
    """early: 235 in place of the proof that the server knows it."""
    def auth(say, hear, arguments):
        if not arguments[0].startswith('SCRAM-'):
            return NO
        first = unb64(arguments[1]).decode()
        gs2, bare = first[:3], first[3:]
        nonce = bare.split('r=')[1] + 'x' * (2900 if long else 8)
        salt, rounds = b'salt of ours', 4096
        server_first = f'r={nonce},s={b64(salt)},i={rounds}'
        say(b64(server_first).encode())
        final = unb64(hear()).decode()
        if early:
            return OK
        bare_final, proof = final.rsplit(',p=', 1)
        text = f'{bare},{server_first},{bare_final}'
        sign = lambda key, t: hmac.new(key, t.encode(), hash).digest()
        salted = hashlib.pbkdf2_hmac(hash, knows.encode(), salt, rounds)
        stored = hashlib.new(hash, sign(salted, 'Client Key')).digest()
        if hashlib.new(hash, xor(unb64(proof), sign(stored, text))).digest() != stored and knows == PASSWORD:
            return NO
        say(base64.b64encode(b'v=' + base64.b64encode(sign(sign(salted, 'Server Key'), text))))
        return OK if hear() == b'' else NO
    return auth


def secret(text, mode=0o640, group=65534):
    with open(CONTROL + 'smtpauth', 'w') as f:
        f.write(text)
    os.chown(CONTROL + 'smtpauth', 0, group)
    os.chmod(CONTROL + 'smtpauth', mode)


def smart(mechanisms, auth, **more):
    return Server(after=('AUTH ' + mechanisms,), auth=auth, **more)


def route(domain, server, host='mx.example', port=25):
    answers[host] = pack(('S', 'ok'), ('M', f'0 {host} {server.address}'))
    return f'{domain}:{host}:{port}\n'


hosts = {}
secrets, routes, policies = [], [], []


def add(name, mechanisms, auth, password=PASSWORD, line='* joe {}', policy='encrypt', **more):
    """A smarthost of that name, reached by [ADDRESS], for NAME.example."""
    s = hosts[name] = Server(after=() if mechanisms is None else ('AUTH ' + mechanisms,), auth=auth, **more)
    routes.append(f'{name}.example:[{s.address}]')
    if policy:
        policies.append(f'{name}.example {policy}')
    if line:
        secrets.append(f'[{s.address}] ' + line.format('base64:' + b64(password)))


add('scram', 'PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256', scram('sha256'))
add('sha1', 'PLAIN SCRAM-SHA-1', scram('sha1'))
add('cram', 'LOGIN CRAM-MD5 PLAIN', cram)
add('plain', 'LOGIN PLAIN', plain())
add('login', 'LOGIN', login)
add('unknown', 'GSSAPI NTLM', plain())
add('none', None, plain())
add('wrong', 'PLAIN', plain(), password='other')
add('crowd', 'PLAIN', lambda *x: time.sleep(1) or NO)
add('friends', 'PLAIN', lambda *x: time.sleep(1) or OK)
add('two', 'PLAIN', lambda say, hear, a: OK if b'good' in unb64(a[1]) else NO, line='good@me.example good {}')
secrets.append(f"[{hosts['two'].address}] * bad x")
add('later', 'PLAIN', lambda *x: b'454 4.7.0 not now')
add('knownot', 'SCRAM-SHA-256', scram('sha256', knows='another'))
add('early', 'SCRAM-SHA-256', scram('sha256', early=True))
add('long', 'SCRAM-SHA-256', scram('sha256', long=True))
add('rubbish', 'PLAIN', lambda say, hear, a: [say(b'!!!'), hear()] and b'501 5.5.2 cancelled')
add('more', 'PLAIN', lambda say, hear, a: [say(b'eHh4'), hear()] and b'501 5.5.2 cancelled')
add('endless', 'LOGIN', lambda say, hear, a: [[say(b'VXNlcm5hbWU6'), hear()] for i in range(3)] and b'501 5.5.2 no')
add('hangup', 'PLAIN', lambda *x: b'')
add('bare', 'PLAIN', plain(), before=())
add('cleartext', 'PLAIN', plain(), policy='none', before=('AUTH PLAIN',))
add('strict', 'PLAIN', plain(), policy=None)
add('may', 'PLAIN', plain(), policy='may', before=('AUTH PLAIN',))
add('senders', 'PLAIN', lambda say, hear, a: OK, line=None)
a = hosts['senders'].address
for who in (f'ann@me.example', '@me.example'):
    secrets.append(f'[{a}]:25 {who} {who.strip("@")} x')
add('nobody', 'PLAIN', plain(), line=None)
hosts['nobody'].before = ('STARTTLS',)
asks = hosts['asks'] = Server(before=())
named = hosts['named'] = Server(after=('AUTH PLAIN',), auth=plain(), port=2587)
forged = hosts['forged'] = Server(after=('AUTH PLAIN',), auth=plain(), pair=OTHER, port=2588)
answers['mx.example'] = pack(('S', 'ok'), ('M', f'0 mx.example {named.address}'))
routes += ['named.example:mx.example:2587', 'forged.example:mx2.example:2588']
answers['mx2.example'] = pack(('S', 'ok'), ('M', f'0 mx2.example {forged.address}'))
secrets += [f'MX.example:2587 * joe base64:{b64(PASSWORD)}', f'mx2.example * joe base64:{b64(PASSWORD)}']
control('smtproutes', '\n'.join(routes) + '\n')
control('tlspolicy', '\n'.join(policies) + '\n* may\n')
secret('# host sender user password\n' + '\n'.join(secrets) + '\n')
os.environ['LANG'] = 'C'
sender = Sender()


def send(name, **more):
    return Channel(sender, domain=name + '.example').send(**more)


def told(name):
    return [x for x in hosts[name].commands if ' AUTH' in ' ' + x or 'MAIL' in x]


# ---- mechanisms ----
for name, mechanism in (('scram', 'SCRAM-SHA-256'), ('sha1', 'SCRAM-SHA-1'), ('cram', 'CRAM-MD5'), ('plain', 'PLAIN'),
                        ('login', 'LOGIN')):
    got = send(name, mark='5')
    commands = told(name)
    check(f'{mechanism}', got and got[0] == 'K' and commands[0].startswith(f'tls AUTH {mechanism}') and
          commands[1].startswith('tls MAIL'), (got, commands))
    check('... in the log', logged(r'5{23} tls=TLS\S+ cipher=\S+ verified=\S+ auth=' + mechanism + r' server=\['))

# ---- what does not work waits ----
for label, name, code, words in (
        ('no mechanism of ours', 'unknown', '4.7.0', 'no mechanism'), ('AUTH is not offered', 'none', '4.7.0', 'not offer'),
        ('the wrong password', 'wrong', '4.7.8', '535 5.7.8 no'), ('454', 'later', '4.7.0', '454 4.7.0'),
        ('a server that does not know it', 'knownot', '4.7.0', 'AUTH:'),
        ('235 before it has proven that', 'early', '4.7.0', 'does not know the password'),
        ('a challenge that is no base64', 'rubbish', '4.7.0', 'base64'),
        ('a question too many', 'more', '4.7.0', 'more than'), ('questions without end', 'endless', '4.7.0', 'more than')):
    got = send(name)
    check(f'{label}: later', got and got[:2] == ('Z', code) and words in got[2], got)
    check('... and no message is told', not any('MAIL' in x for x in hosts[name].commands), hosts[name].commands)
check('the log says so', logged(r'no login server=\[127.0.3.\d+\]\S+ reason=535 5.7.8 no'))
got = send('long')
check('a nonce of 2900 bytes', got and got[0] in 'KZ', got)
got = send('hangup')
check('rubbish in place of a reply: later', got and got[0] in 'ZU' and not hosts['hangup'].messages, got)

# ---- a login that was refused is left alone ----
logins = lambda name: sum('AUTH' in x for x in hosts[name].commands)
got = [send('wrong') for i in range(3)]
check('a wrong password is not tried again for each message', all(g and g[:2] == ('Z', '4.7.8') and
      'refused this login' in g[2] and 'for 5 min' in g[2] for g in got) and logins('wrong') == 1 and
      hosts['wrong'].connections == 1, (got, hosts['wrong'].commands))
got = [send('later') for i in range(3)]
check('what says later is asked again', got and [g[1] for g in got] == ['4.7.0'] * 3 and logins('later') == 4, (got, logins('later')))


def at_once(name, count):
    got = []
    crowd = [Channel(sender, domain=name + '.example') for i in range(count)]
    threads = [threading.Thread(target=lambda c=c: got.append(c.send())) for c in crowd]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    for c in crowd:
        c.end.close()
    return got


got = at_once('crowd', 8)
check('nor by many at once', len(got) == 8 and all(g and g[:2] == ('Z', '4.7.8') for g in got) and logins('crowd') == 1,
      (got, logins('crowd')))
got = at_once('friends', 8)
check('they all go when it is right', len(got) == 8 and all(g and g[0] == 'K' for g in got) and logins('friends') == 8, got)
c = Channel(sender, domain='two.example')
got = [c.send(sender=x + '@me.example') for x in ('bad', 'good', 'bad', 'good')]
check('another login at that host is another matter', [g[0] for g in got] == ['Z', 'K', 'Z', 'K'] and
      [x.split(' ')[0:2] for x in told('two')].count(['tls', 'AUTH']) == 2, (got, told('two')))
c.end.close()

# ---- when the password may go ----
got = send('bare')
check('no TLS: no password', got and got[:2] == ('Z', '4.7.4') and not told('bare'), (got, told('bare')))
got = send('may')
check('may counts as encrypt', got and got[:2] == ('K', '2.0.0') or got[:2] == ('Z', '4.7.4'), (got, told('may')))
check('... no password in clear', not any(x.startswith('AUTH') for x in hosts['may'].commands), told('may'))
got = send('cleartext')
check('none by name: in clear, as it was told', got and got[0] == 'K' and told('cleartext')[0].startswith('AUTH PLAIN '), got)
got = send('strict')
check('no line of its own in tlspolicy: a verified host, or none', got and got[:2] == ('Z', '4.7.5') and not told('strict'), got)
got = send('named')
check('a verified name', got and got[0] == 'K' and told('named')[0].startswith('tls AUTH PLAIN'), (got, told('named')))
got = send('forged')
check('another name', got and got[:2] == ('Z', '4.7.5') and not told('forged'), (got, told('forged')))
got = send('strict', message=b'Subject: x\nTLS-Required: No\n\nhello\n')
check('TLS-Required: No changes nothing', got and got[:2] == ('Z', '4.7.5') and not told('strict'), got)

# ---- whose ----
c = Channel(sender, domain='senders.example')
s = hosts['senders']
got = [c.send(sender=x) for x in ('ann@me.example', 'Ann@me.example', 'bob@me.example', 'x@other.example', '')]
users = [unb64(x.split(' ')[3]).split(b'\0')[1].decode() if 'AUTH' in x else '-' for x in told('senders')]
check('a login for each sender, a connection for each login', [g[0] for g in got] == ['K'] * 5 and
      users == ['ann@me.example', '-', '-', 'me.example', '-', '-', '-'] and s.connections == 3, (got, users, s.connections))
got = send('nobody')
check('a route that has none: no AUTH', got and got[0] == 'K' and told('nobody')[0].startswith('tls MAIL'), got)
s = Server(after=('AUTH PLAIN',), auth=plain())
got = Channel(sender, s).send()
check('an MX: no AUTH', got and got[0] == 'K' and not any('AUTH' in x for x in s.commands), s.commands)

# ---- remote-auth: who holds what ----
c = Channel(sender, domain='plain.example')
c.send()


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children') as f:
        return f.read().split()


def pids(name):
    return [int(p) for p in subprocess.run(['pgrep', '-x', name], capture_output=True, text=True).stdout.split()]


def family(name):
    mine = pids(name)
    return [p for p in mine if any(str(p) in children(q) for q in mine)]


if not is_sanitized():      # their shadows are terabytes
    OTHERS = b64('other').encode()
    sessions = family('remote-auth')
    check('a session of remote-auth for this channel', len(sessions) >= 1, sessions)
    check('the parent knows every password', any(holds(p, b64(PASSWORD).encode()) for p in pids('remote-auth')))
    check('a session has forgotten those of other hosts', sessions and not any(holds(p, OTHERS) for p in sessions))
    senders = family('remote-send')
    plains = b64('\0joe\0' + PASSWORD).encode()
    check('what spoke PLAIN holds no copy of it', senders and not any(holds(p, plains) or holds(p, PASSWORD.encode())
                                                                      for p in senders), senders)
c.end.close()
check('all end', sender.end() == (0, 0, 0))

# ---- remote-auth by itself ----


def alone():
    ours, theirs = pair()
    p = start('remote-auth', stdin=theirs.fileno(), stderr=subprocess.PIPE)
    theirs.close()
    return p, ours


def session(control_end, *packets):
    end, other = pair()
    socket.send_fds(control_end, [b'S1\0'], [other.fileno()])
    other.close()
    got = []
    for packet in packets:
        try:
            end.send(packet)
            if packet[:1] != b'H':
                got.append(end.recv(20000))
        except OSError:
            got.append(b'')
    return got


p, ours = alone()
a = hosts['plain'].address
bind = pack(('H', f'[{a}]'), ('P', 25))
select = pack(('S', 'x@y.example'))
line = int(dict(unpack(session(ours, bind, select)[0]))['N'])
begin = lambda n: pack(('L', n), ('M', 'PLAIN'), ('B', ''))
check('of the bound host', b'PLAIN' in session(ours, bind, begin(line))[0])
check('of no other', all(b'no such line' in session(ours, bind, begin(n))[0] for n in range(1, len(secrets) + 2) if n != line))
check('bound once', session(ours, bind, bind, select) == [b''])
check('not before', session(ours, select) == [b''] and session(ours, begin(line)) == [b''])
check('a challenge before its time', b'no exchange' in session(ours, bind, pack(('C', '')))[0])
check('garbage', session(ours, bind, b'\xff' * 100) == [b''])
check('a host without one', dict(unpack(session(ours, pack(('H', 'x.example'), ('P', 25)), select)[0])).items() >= {'N': '0', 'E': ''}.items())
stamp = lambda: dict(unpack(session(ours, bind, select)[0]))['T']
first = stamp()
check('the file has a stamp', first == stamp() != '0')
ours.close()
check('it ends with its asker', p.wait(10) == 0)
os.utime(CONTROL + 'smtpauth')
p, ours = alone()
check('another file has another', stamp() != first)
ours.close()
p.wait(10)
for label, mode, text, words in (('one that all can read', 0o644, secrets[0], 'chmod 640'),
                                 ('a line without sense', 0o640, 'smart.example joe', 'smtpauth:1:')):
    secret(text + '\n', mode)
    p, ours = alone()
    check(f'{label}: waits', p.wait(10) == 75 and words in p.stderr.read().decode())
got = subprocess.run([MTA + '/bin/remote-auth'], stdin=subprocess.DEVNULL, capture_output=True)
check('it needs its pair', got.returncode == 64)
done()
