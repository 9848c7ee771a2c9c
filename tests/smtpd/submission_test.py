#!/usr/bin/env python3
"""submission_test - port 587 as users' programs see it: AUTH with each
mechanism that they know (smtplib, swaks, msmtp, curl, and SCRAM by hand), what
an authenticated user may send, and what is done to the message."""
import base64, glob, hashlib, hmac, os, pwd, re, shutil, smtplib, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from memory import *
from sasl import *

on_host()
PID = os.getpid()
JOE, ALICE, TOKEN, CHECKED = f'Correct-Horse 7{PID}', f'Batteriestaple-{PID}', f'tokentoken.{PID}', f'from-elsewhere-{PID}'
WRONG = f'Wrongwrongwrong-{PID}'


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def log():
    try:
        with open('/var/mta/log/submission/current', errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


def queued():
    return sorted(glob.glob('/var/mta/queue/new/*'))


def plain(user, password, authorize=''):
    return b64(f'{authorize}\0{user}\0{password}')


def holders(*secrets):
    if sanitized:
        return []
    wanted = [form for secret in secrets for form in forms(secret)]
    return [(name, pid) for name in ('smtpd', 'login', 'checkpw', 'lookup', 'listen')
            for pid in processes(name) if holds(pid, *wanted)]


# ---- the host ----
run('chpasswd', '-c', 'SHA512', input=f'joe:{JOE}\nann:{JOE}\n')
for address, password in (('alice@example.net', ALICE), ('bob@example.net', 'x'), ('carol@example.net', 'y')):
    added = run('/var/mta/bin/mtactl', 'user', 'add', address, input=password + '\n')
    check('mtactl user add ' + address, added.returncode == 0, added)
with open('/var/mta/users/scram') as f:
    lines = f.read()
check('SCRAM keys of both kinds', re.search(r'^alice@example.net:SCRAM-SHA-256\$10000\$\S+ SCRAM-SHA-1\$10000\$\S+$', lines, re.M), lines)
state = os.stat('/var/mta/users/scram')
check('for mta-auth alone', (state.st_uid, state.st_gid, state.st_mode & 0o777) == (0, pwd.getpwnam('mta-auth').pw_gid, 0o640))
with open('/var/mta/users/passwords') as f:
    kept = ''.join(line for line in f if not line.startswith('carol'))
with open('/var/mta/users/passwords', 'w') as f:
    f.write(kept)
os.makedirs('/var/mta/checkers')
os.chmod('/var/mta/checkers', 0o1777)
for name, secret in (('password', CHECKED), ('token', TOKEN)):
    with open('/var/mta/checkers/' + name, 'w') as f:
        f.write(f'''#!/usr/bin/env python3
import os, sys
with os.fdopen(3, 'rb') as f:
    parts = f.read().split(b'\\0')
with open('/var/mta/checkers/seen.{name}', 'a') as f:
    print(os.getuid(), os.getgroups(), sorted(os.environ), sys.argv, parts[0].decode(), len(parts), file=f)
if parts[0] == b'bob@example.net' and {name == 'password'}:
    sys.exit(1)
sys.exit(111 if parts[1] == b'later' else 0 if parts[1] == {secret.encode()!r} else 1)
''')
    os.chmod('/var/mta/checkers/' + name, 0o755)
control('passwordchecker', '/var/mta/checkers/password\n')
control('oauthchecker', '/var/mta/checkers/token\n')
control('authmechanisms', 'PLAIN\nLOGIN\nSCRAM-SHA-256\nSCRAM-SHA-1\nSCRAM-SHA-256-PLUS\nCRAM-MD5\nEXTERNAL\nOAUTHBEARER\nXOAUTH2\n')
control('logindelaymax', '1\n')
control('xclientnets', '127.0.0.9\n')
control('senderlogins', 'team@example.net: joe alice@example.net\n@example.com: alice@example.net  # a domain\n')
run('ip', 'address', 'add', '192.0.2.1/32', 'dev', 'lo')
for name in ('queue', 'pop3d'):
    shutil.rmtree('/var/mta/service/' + name, ignore_errors=True)
started = run('/var/mta/bin/mtactl', 'start')
check('mtactl start', started.returncode == 0, started.stderr)
sanitized = is_sanitized()

# ---- what is offered ----
s = smtplib.SMTP('127.0.0.1', 25)
s.ehlo()
check('no AUTH on port 25', 'auth' not in s.esmtp_features and s.docmd('AUTH', 'PLAIN ' + plain('joe', JOE))[0] == 502)
s.close()
s = smtplib.SMTP('127.0.0.1', 587)
s.ehlo()
check('AUTH on port 587', s.esmtp_features.get('auth', '').split() ==
      ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5', 'PLAIN', 'LOGIN', 'OAUTHBEARER', 'XOAUTH2'], s.esmtp_features)
check('MAIL before it', s.docmd('MAIL', 'FROM:<joe@example.org>') [0] == 530 and b'5.7.0' in s.docmd('MAIL', 'FROM:<joe@example.org>')[1])
s.close()
w = Wire(587, '192.0.2.1')
w.reply()
w.send('EHLO x')
offered = [w.line()]
while offered[-1][3] == '-':
    offered.append(w.line())
check('not where others listen', not any('AUTH' in line for line in offered), offered)
said = w.ask('AUTH PLAIN ' + plain('joe', JOE))
check('and refused there, with a sentence', said.startswith('538 5.7.11 ') and len(said) > 40, said)

# ---- programs ----
def smtplib_login(mechanism, user, password):
    with smtplib.SMTP('127.0.0.1', 587) as s:
        s.ehlo()
        s.user, s.password = user, password
        try:
            return s.auth(mechanism, getattr(s, 'auth_' + mechanism.lower().replace('-', '_')))[0]
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code


for mechanism in ('PLAIN', 'LOGIN', 'CRAM-MD5'):
    check('smtplib ' + mechanism, smtplib_login(mechanism, 'alice@example.net', ALICE) == 235, log()[-300:])
check('smtplib, a user of this host', smtplib_login('PLAIN', 'joe', JOE) == 235)
check('smtplib, a wrong password', smtplib_login('LOGIN', 'joe', WRONG) == 535)
for mechanism in ('PLAIN', 'LOGIN', 'CRAM-MD5'):
    got = run('swaks', '--server', '127.0.0.1:587', '--from', 'alice@example.net', '--to', 'joe@example.org', '--auth', mechanism,
              '--auth-user', 'alice@example.net', '--auth-password', ALICE)
    check('swaks ' + mechanism, got.returncode == 0, got.stdout[-500:])
for mechanism in ('plain', 'login', 'cram-md5', 'scram-sha-1', 'scram-sha-256'):
    got = run('msmtp', '--host=127.0.0.1', '--port=587', '--auth=' + mechanism, '--user=alice@example.net', '--from=alice@example.net',
              f'--passwordeval=echo {ALICE}', 'joe@example.org', input='Subject: msmtp\n\nx\n')
    check('msmtp ' + mechanism, got.returncode == 0, got)
for mechanism in ('oauthbearer', 'xoauth2'):
    got = run('msmtp', '--host=127.0.0.1', '--port=587', '--auth=' + mechanism, '--user=alice@example.net', '--from=alice@example.net',
              f'--passwordeval=echo {TOKEN}', '--tls=off', 'joe@example.org', input='Subject: msmtp\n\nx\n')
    check('msmtp ' + mechanism, got.returncode == 0 or 'TLS' in got.stderr, got)
with open('/var/mta/checkers/mail', 'w') as f:
    f.write('Subject: curl\r\n\r\nx\r\n')


def curl(mechanism, *more):
    return run('curl', '-s', '-v', '--url', 'smtp://127.0.0.1:587/x', '--mail-from', 'alice@example.net', '--mail-rcpt',
               'joe@example.org', '--upload-file', '/var/mta/checkers/mail', '--login-options', 'AUTH=' + mechanism, *more)


for mechanism in ('PLAIN', 'LOGIN', 'CRAM-MD5'):
    got = curl(mechanism, '--user', 'alice@example.net:' + ALICE)
    check('curl ' + mechanism, got.returncode == 0 and 'AUTH ' + mechanism in got.stderr, got.stderr[-500:])
for mechanism in ('OAUTHBEARER', 'XOAUTH2'):
    got = curl(mechanism, '--user', 'alice@example.net', '--oauth2-bearer', TOKEN)
    check('curl ' + mechanism, got.returncode == 0 and re.search('AUTH (OAUTHBEARER|XOAUTH2)\n', got.stderr), got.stderr[-500:])
    got = curl(mechanism, '--user', 'alice@example.net', '--oauth2-bearer', 'bad')
    check('curl ' + mechanism + ' with a wrong token', got.returncode != 0 and '535 5.7.8' in got.stderr, got.stderr[-500:])
with open('/var/mta/checkers/seen.token') as f:
    seen = f.read().splitlines()
checker = str(pwd.getpwnam('mta-checker').pw_uid)
check('the checker has a uid of its own, no groups, a clean environment, no token among its arguments',
      seen and all(line.startswith(f"{checker} [] ['LC_CTYPE', 'PATH'] ['/var/mta/checkers/token', '/bin/true'] alice@example.net 4") or
                   line.startswith(f"{checker} [] ['PATH'] ['/var/mta/checkers/token', '/bin/true'] alice@example.net 4") for line in seen), seen[:2])

# ---- SCRAM by hand ----
for mechanism, name in (('SCRAM-SHA-256', 'sha256'), ('SCRAM-SHA-1', 'sha1')):
    for initial in (True, False):
        got, signed = submission().scram(Scram('alice@example.net', ALICE, name), mechanism, initial)
        check(f'{mechanism}, {"with" if initial else "without"} an initial response', got.startswith('235 2.7.0') and signed, got)
    got, signed = submission().scram(Scram('alice@example.net', WRONG, name), mechanism)
    check(mechanism + ' with a wrong password', got.startswith('535 5.7.8') and not signed, got)
    got, signed = submission().scram(Scram('joe', JOE, name), mechanism)
    check(mechanism + ' for one without keys', got.startswith('535 5.7.8') and not signed, got)
salts = {}
for user in ('nobody-here@example.net', 'joe', 'alice@example.net', 'nobody-else@example.net'):
    for attempt in range(2):
        client = Scram(user, 'x')
        submission().scram(client, 'SCRAM-SHA-256')
        salts.setdefault(user, set()).add((client.salt, client.iterations, len(base64.b64decode(client.salt))))
check('a name has one salt, whether there is such an account or not', all(len(s) == 1 for s in salts.values()) and
      len({s for v in salts.values() for s, _, _ in v}) == 4 and len({v[1:] for s in salts.values() for v in s}) == 1, salts)
got, _ = submission().scram(Scram('alice@example.net', ALICE, gs2='n,a=alice@example.net,'), 'SCRAM-SHA-256')
check('an authorization name that is the same', got.startswith('235'), got)
got, _ = submission().scram(Scram('alice@example.net', ALICE, gs2='n,a=bob@example.net,'), 'SCRAM-SHA-256')
check('and one that is not', got.startswith('535'), got)
got = submission().ask('AUTH SCRAM-SHA-256-PLUS ' + b64('p=tls-exporter,,n=alice@example.net,r=abc'))
check('-PLUS is not offered without TLS', got.startswith('504 5.5.4'), got)

# ---- the words of RFC 4954 ----
w = Wire(587)
w.reply()
check('AUTH before EHLO', w.ask('AUTH PLAIN ' + plain('joe', JOE)).startswith('503'))
w.ask('HELO x')
check('AUTH after HELO', w.ask('AUTH PLAIN ' + plain('joe', JOE)).startswith('503'))
w.ask('EHLO x')
for line, want in (('AUTH', '501'), ('AUTH DIGEST-MD5', '504 5.5.4'), ('AUTH EXTERNAL =', '504 5.5.4'), ('AUTH PLAIN x', '501 5.5.2'),
                   ('AUTH PLAIN ' + 'A' * 12289, '500 5.5.6'), ('AUTH ' + 'X' * 3000, '504'), ('NOOP ' + 'x' * 3000, '500 5.5.6')):
    got = w.ask(line)
    check(f'{line[:30]} gets {want}', got.startswith(want), got)
check('a challenge', w.ask('AUTH PLAIN') == '334 ')
check('*: cancelled', w.ask('*').startswith('501 5.7.0'))
check('LOGIN asks for a name', w.ask('AUTH LOGIN') == '334 ' + b64('Username:'))
check('and a password', w.ask(b64('joe')) == '334 ' + b64('Password:'))
check('*: cancelled again', w.ask('*').startswith('501 5.7.0'))
w.ask('AUTH PLAIN')
check('a line that is too long', w.ask('A' * 20000).startswith('500 5.5.6'))
w.ask('AUTH PLAIN')
check('no base64', w.ask('!!!').startswith('501 5.5.2'))
check('LOGIN with the name at once', w.ask('auth login ' + b64('joe')) == '334 ' + b64('Password:'))
check('goes on', w.ask(b64(JOE)).startswith('235 2.7.0'), log()[-300:])
check('AUTH once', w.ask('AUTH PLAIN ' + plain('joe', JOE)).startswith('503'))
w = submission()
check('a PLAIN of three parts', w.ask('AUTH PLAIN ' + plain('joe@example.org', JOE, 'joe')).startswith('235'))
check('within a transaction', w.ask('MAIL FROM:<joe@example.org>').startswith('250') and w.ask('AUTH PLAIN =').startswith('503'))
w = submission()
check('=: an empty response', w.ask('AUTH PLAIN =').startswith('535'), log()[-300:])
check('as another', w.ask('AUTH PLAIN ' + plain('joe', JOE, 'ann')).startswith('535'))
got = w.ask('AUTH PLAIN ' + plain('joe', WRONG))
check('the third ends the connection', got.startswith('535') and w.reply().startswith('421') and w.line() == '', got)
w = submission()
w.send('AUTH PLAIN\r\n' + plain('joe', JOE) + '\r\nNOOP')
check('all in one write', [w.reply()[:3] for _ in range(3)] == ['334', '235', '250'])

# ---- another's passwords ----
check('control/passwordchecker', submission().ask('AUTH PLAIN ' + plain('carol@example.net', CHECKED)).startswith('235'), log()[-300:])
check('a wrong one', submission().ask('AUTH PLAIN ' + plain('carol@example.net', WRONG)).startswith('535'))
got = submission().ask('AUTH PLAIN ' + plain('carol@example.net', 'later'))
check('one that it cannot tell', got.startswith('454 4.7.0'), got)
check('not for accounts in the table', submission().ask('AUTH PLAIN ' + plain('alice@example.net', CHECKED)).startswith('535'))
check('nor for nobody', submission().ask('AUTH PLAIN ' + plain('nobody-there@example.net', CHECKED)).startswith('535'))

# ---- no secret stays ----
w = submission()
w.ask('AUTH PLAIN ' + plain('alice@example.net', ALICE))
check('no process holds the password of a session', holders(ALICE) == [], holders(ALICE))
check('(the search finds what is there)', sanitized or 'smtpd' in [name for name, _ in holders('client.example')])
w = submission()
w.ask('AUTH LOGIN'), w.ask(b64('joe')), w.ask(b64(WRONG))
check('nor a wrong one', holders(WRONG) == [], holders(WRONG))
w.ask('AUTH PLAIN')
w.ask(b64(WRONG)[:-4] + '!!!!')
check('nor one that was no base64', holders(WRONG) == [], holders(WRONG))
w = submission()
w.ask('AUTH LOGIN'), w.ask(b64(WRONG)), w.ask('*')
check('nor what was cancelled', holders(WRONG) == [], holders(WRONG))
w = submission()
w.ask('AUTH XOAUTH2 ' + b64(f'user=alice@example.net\1auth=Bearer {TOKEN}\1\1'))
check('nor a token', holders(TOKEN) == [], holders(TOKEN))
w = Wire(587, '192.0.2.1')
w.reply(), w.ask('EHLO x'), w.ask('AUTH PLAIN ' + plain('joe', WRONG))
check('nor one that was refused unheard', holders(WRONG) == [], holders(WRONG))

# ---- who may send as whom, and where to ----
def session(user, password):
    w = submission()
    got = w.ask('AUTH PLAIN ' + plain(user, password))
    if not got.startswith('235'):
        check('AUTH of ' + user, False, got)
    return w


for user, password, sender, want in (
        ('joe', JOE, 'joe@example.org', '250'), ('joe', JOE, 'JOE@localhost', '250'), ('joe', JOE, 'joe+list@example.org', '250'),
        ('joe', JOE, '', '250'), ('joe', JOE, 'team@example.net', '250'), ('joe', JOE, 'ann@example.org', '553 5.7.1'),
        ('joe', JOE, 'x@example.com', '553 5.7.1'), ('joe', JOE, 'joe@elsewhere.example', '553 5.7.1'),
        ('alice@example.net', ALICE, 'Alice@example.net', '250'), ('alice@example.net', ALICE, 'x@example.com', '250'),
        ('alice@example.net', ALICE, 'bob@example.net', '553 5.7.1'), ('alice@example.net', ALICE, 'team@example.net', '250')):
    got = session(user, password).ask(f'MAIL FROM:<{sender}>')
    check(f'{user} as <{sender}>: {want}', got.startswith(want) and (want == '250' or 'control/senderlogins' in got), got)


check('MAIL with AUTH=', session('joe', JOE).ask('MAIL FROM:<joe@example.org> AUTH=<>').startswith('250'))


def send(w, text, sender='joe@example.org', to='x@elsewhere.example'):
    before = queued()
    w.ask(f'MAIL FROM:<{sender}>')
    got = w.ask(f'RCPT TO:<{to}>')
    if got.startswith('250'):
        got = w.ask('DATA')
    if got.startswith('354'):
        got = w.ask(text + '\r\n.')
    new = [f for f in queued() if f not in before]
    return got, open(new[0], errors='replace').read() if new else ''


w = session('joe', JOE)
got, text = send(w, 'Subject: x\r\nBcc: a@b.example,\r\n c@d.example\r\nTo: y@z.example\r\nbcc : kept\r\n\r\nBcc: body')
header = text.split('\n\n')[0]
check('an authenticated user may relay', got.startswith('250'), got)
check('Received says how', re.search(r'^Received: from client.example \(\[127.0.0.1\]\)\n\tby mx.example.org with ESMTPA id ', header), header)
check('without the account', 'joe' not in header.split('\n')[0] + header.split('\n')[1], header)
check('Bcc is gone with its folds', 'a@b.example' not in text and 'c@d.example' not in text and 'Bcc: body' in text, text)
check('what was missing is there', re.search(r'\nFrom: <joe@example.org>\nDate: \w{3}, .*\nMessage-ID: <\S+@mx.example.org>$', header), header)
check('and the rest as it was', '\nSubject: x\nTo: y@z.example\n' in header, header)
check('the envelope has the account', '\0Ajoe\0' in text, text[-600:])
check('so has the log', wait_for(lambda: re.search(r'accepted client=127.0.0.1 helo=client.example user=joe from=<joe@example.org>', log())), log()[-400:])
whole = 'From: Joe <joe@example.org>\r\nDate: Tue, 24 Nov 2026 11:00:00 +0000\r\nMessage-ID: <a@b>\r\n\r\nx'
got, text = send(w, whole)
check('a whole message is left alone', text.split('\n\n')[0].endswith('+0000\nFrom: Joe <joe@example.org>\nDate: Tue, 24 Nov 2026 11:00:00 +0000\nMessage-ID: <a@b>'), text)
got, text = send(w, 'no header at all')
check('a message without a header gets one', re.search(r'\nMessage-ID: \S+\n\nno header at all\n', text), text)
got, text = send(w, 'Subject: no body')
check('one without a body, too', re.search(r'\nSubject: no body\nFrom: .*\nDate: .*\nMessage-ID: \S+\n', text), text)
w.close()


def proxied(*claims):
    """What a proxy of control/xclientnets brings."""
    w = submission(source='127.0.0.9')
    for said in (*(f'XCLIENT {claim}' for claim in claims), 'EHLO client.example'):
        w.ask(said)
    return w


got, text = send(proxied('ADDR=192.0.2.7 LOGIN=joe'), whole)
check('whom a proxy named is logged in: he may relay, and is in the envelope', got.startswith('250') and '\0Ajoe\0' in text and
      text.startswith('Received: from client.example ([192.0.2.7])\n\tby mx.example.org with ESMTPA id '), (got, text))
check('but send as himself alone', proxied('LOGIN=ann').ask('MAIL FROM:<joe@example.org>').startswith('553 5.7.1'))
for claim in ('LOGIN=[UNAVAILABLE]', 'LOGIN=[TEMPUNAVAIL]', 'ADDR=127.0.0.1'):
    check(f'until it says {claim}, as in Postfix', proxied('LOGIN=joe', claim).ask('MAIL FROM:<joe@example.org>').startswith('530'))
    w = submission(source='127.0.0.9')
    w.ask('AUTH PLAIN ' + plain('joe', JOE))
    w.ask('XCLIENT ' + claim)
    w.ask('EHLO client.example')
    check(f'AUTH, and then {claim}: nobody is logged in', w.ask('MAIL FROM:<joe@example.org>').startswith('530'))
    got = w.ask('AUTH PLAIN ' + plain('alice@example.net', WRONG))
    check(f'{claim}: AUTH is judged anew', got.startswith('535'), got)
    got = w.ask('AUTH PLAIN ' + plain('ann', JOE))
    check(f'{claim}: and as another it may be said', got.startswith('235'), got)
    check(f'{claim}: once', w.ask('AUTH PLAIN ' + plain('ann', JOE)).startswith('503'))
    got = w.ask('MAIL FROM:<joe@example.org>')
    check(f'{claim}: nobody is the one before', got.startswith('553 5.7.1'), got)
    got, text = send(w, whole, sender='ann@example.org')
    check(f'{claim}: but who logged in last', got.startswith('250') and '\0Aann\0' in text, (got, text[-300:]))
control('hideclient', '1\n')
control('messagesperhour', '3\n')
control('recipientsperhour', '4\n')
run('s6-svc', '-wr', '-r', '/var/mta/service/submission')


def reloaded():
    try:
        w = submission()
        return w if w.ask('AUTH PLAIN ' + plain('joe', JOE)).startswith('235') else None
    except OSError:
        return None


time.sleep(0.3)
w = wait_for(reloaded, 20)
got, text = send(w, whole)
check('control/hideclient', text.startswith('Received: from localhost\n\tby mx.example.org with ESMTPA id '), text[:200])
check('three messages an hour', [send(w, whole)[0][:3] for _ in range(2)] == ['250'] * 2)
got, text = send(w, whole)
check('and no fourth', got.startswith('450 4.7.1') and 'control/messagesperhour' in got, got)
got, text = send(session('joe', JOE), whole)
check('nor in another session', got.startswith('450 4.7.1'), got)
check('what a proxy brings is not counted', send(proxied('LOGIN=joe'), whole)[0].startswith('250'))
w = session('alice@example.net', ALICE)
w.ask('MAIL FROM:<alice@example.net>')
for i in range(5):
    w.ask(f'RCPT TO:<x{i}@elsewhere.example>')
check('recipients are counted', w.ask('DATA').startswith('450 4.7.1'))
check('the session goes on', w.ask('RSET').startswith('250') and send(w, whole, 'alice@example.net')[0].startswith('250'))

# ---- delays, shared by all logins; faults ----
check('users/penalty is root\'s', oct(os.stat('/var/mta/users/penalty').st_mode & 0o777) == '0o600')
times = []
for _ in range(3):
    began = time.monotonic()
    submission().ask('AUTH PLAIN ' + plain('mallory', WRONG))
    times.append(time.monotonic() - began)
check('each failure of a name on loopback takes longer', times[0] < times[1] < times[2] + 0.2 and times[2] > 0.9, times)
began = time.monotonic()
check('another name does not wait', session('ann', JOE) and time.monotonic() - began < 0.9, time.monotonic() - began)
log_text = log()
check('the log names mechanism and account', re.search(r'login: login user=alice@example.net client=127.0.0.1 method=SCRAM-SHA-256 account=alice@example.net', log_text), log_text[-400:])
check('and why one was refused', 'method=PLAIN reason=no-mailbox' in log_text and 'reason=password' in log_text)
check('no secret in the log', not any(s in log_text for s in (JOE, ALICE, WRONG, TOKEN, CHECKED)))
os.rename('/var/mta/users/scramsecret', '/var/mta/users/scramsecret.away')
got = submission().ask('AUTH SCRAM-SHA-256 ' + Scram('nobody@example.net', 'x').first().hex())
got, _ = submission().scram(Scram('nobody@example.net', 'x'), 'SCRAM-SHA-256')
check('without its secret SCRAM is for later', got.startswith('454'), got)
os.rename('/var/mta/users/scramsecret.away', '/var/mta/users/scramsecret')
w = submission()
w.ask('AUTH LOGIN')
w.close()
check('one that hangs up within an exchange is no failure', wait_for(lambda: 'reason=client' in log()), log()[-300:])
uids = {name: {os.stat('/proc/%d' % p).st_uid for p in processes(name)} for name in ('smtpd', 'checkpw')}
check('no session died of its jail', 'died of signal' not in log() and 'SIGSYS' not in log(), log()[-500:])
for name in ('checkpw', 'login'):
    kill_all(processes(name))
    check('after the death of ' + name + ' it comes back', wait_for(reloaded, 20), log()[-600:])
status = run('/var/mta/bin/mtactl', 'check')
check('mtactl check', status.returncode == 0, status.stdout)
control('authmechanisms', 'PLAIN\nPLANE\n')
control('passwordchecker', 'checker\n')
control('senderlogins', 'a@b.example\n')
control('messagesperhour', 'many\n')
status = run('/var/mta/bin/mtactl', 'check')
check('and it names what is wrong', status.returncode == 78 and status.stdout.endswith('\n4 faults\n') and
      all(name in status.stderr for name in ('authmechanisms', 'passwordchecker', 'senderlogins', 'messagesperhour')), status)
done()
