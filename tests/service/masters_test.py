#!/usr/bin/env python3
"""masters_test - control/authmasters: who may act as another account, by the
authorization identity of SASL (RFC 4616), over IMAP, POP3 and submission."""
import base64, contextlib, glob, os, pwd, re, socket, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from sasl import Scram
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
PORTS = {'imapd': 143, 'pop3d': 110, 'submission': 587}


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def log(service):
    with open(f'/var/mta/log/{service}/current', errors='replace') as f:
        return f.read()


def plain(user, authzid, secret=SECRET):
    return base64.b64encode(f'{authzid}\0{user}\0{secret}'.encode()).decode()


class Client:
    def __init__(self, service):
        self.service = service
        self.sock = socket.create_connection(('127.0.0.1', PORTS[service]), 60)
        self.file = self.sock.makefile('rwb')
        self.line()
        if service == 'submission':
            self.say('EHLO client.example')

    def line(self):
        return self.file.readline().decode('latin-1').rstrip('\r\n')

    def say(self, command):
        """The answer's last line."""
        self.file.write(f'{"a " if self.service == "imapd" else ""}{command}\r\n'.encode())
        self.file.flush()
        while True:
            line = self.line()
            if not line or not line.startswith('* ') and not re.match(r'\d\d\d-', line):
                return line

    def raw(self, line):
        """Within a command: what comes next."""
        self.file.write(line.encode() + b'\r\n')
        self.file.flush()
        return self.line()

    def log_in(self, user, authzid, secret=SECRET):
        verb = 'AUTHENTICATE' if self.service == 'imapd' else 'AUTH'
        return re.match(r'(a OK|\+OK|235) ', self.say(f'{verb} PLAIN {plain(user, authzid, secret)}') + ' ') is not None

    def end(self):
        self.say({'imapd': 'LOGOUT', 'pop3d': 'QUIT', 'submission': 'QUIT'}[self.service])
        self.file.close()
        self.sock.close()


def may(user, authzid, service='imapd', secret=SECRET):
    client = Client(service)
    held = client.log_in(user, authzid, secret)
    client.end()
    return held


def last(event, service='imapd'):
    found = wait_for(lambda: [line for line in log(service).splitlines() if f'login: {event} ' in line])
    return found[-1].split(f'login: {event} ')[1]


def tells(event, *words, service='imapd'):
    """s6-log takes its time."""
    return wait_for(lambda: all(word in last(event, service) for word in words))


def restart():
    for service, port in PORTS.items():
        run('s6-svc', '-wR', '-T', '20000', '-r', f'/var/mta/service/{service}')
        wait_for(lambda: run('ss', '-Hltn', f'sport = :{port}').stdout)


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\nroot:{SECRET}\n')
for service, port in PORTS.items():
    control(service + 'addresses', f'127.0.0.1:{port}\n')
control('me', 'mx.example.org\n')
control('locals', 'example.org\nmx.example.org\nlocalhost\n')
control('logindelaymax', '0\n')
control('imapdreuse', '127.0.0.1\n')
run('/var/mta/bin/mtactl', 'start')
for name in 'alice', 'bob', 'gate':
    run('/var/mta/bin/mtactl', 'user', 'add', name + '@new.example', input=SECRET + '\n')
wait_for(lambda: all(run('ss', '-Hltn', f'sport = :{port}').stdout for port in PORTS.values()))

check('without the file nobody is a master', not may('ann', 'joe') and tells('refused', 'reason=no-master wanted=joe'), last('refused'))
check('one is oneself', may('ann', '') and may('ann', 'ann') and may('ann', 'ann@example.org'))

control('authmasters', '# who acts for whom\nann\n\nalice@new.example new.example   # support\ngate@new.example other.example example.org\n')
restart()
client = Client('imapd')
check('a master', client.log_in('ann', 'joe'))
uids = {os.stat(p).st_uid for p in glob.glob('/proc/[0-9]*') if os.path.exists(p + '/exe') and 'imapd\0-s' in open(p + '/cmdline').read()}
check('it has the other one\'s process', uids == {pwd.getpwnam('joe').pw_uid}, uids)
check('the log has both names', wait_for(lambda: re.match(r'user=ann client=127\.0\.0\.1 method=PLAIN account=joe uid=\d+ pid=', last('login'))), last('login'))
for user, authzid, account in ('ann', 'bob@new.example', 'bob@new.example'), ('alice@new.example', 'bob@new.example', 'bob@new.example'), \
        ('gate@new.example', 'joe@example.org', 'joe'), ('ann', '', 'ann'), ('ann', 'alice@new.example', 'alice@new.example'):
    client.say('UNAUTHENTICATE')
    held = client.log_in(user, authzid)
    check(f'{user} as {authzid or "oneself"}', held and tells('login', f'account={account} ', f'user={user} '), last('login'))
client.end()

for user, authzid, reason in ('joe', 'ann', 'no-master'), ('bob@new.example', 'alice@new.example', 'no-master'), \
        ('alice@new.example', 'joe', 'no-master'), ('gate@new.example', 'bob@new.example', 'no-master'), \
        ('ann', 'root', 'no-mailbox'), ('ann', 'daemon', 'no-mailbox'), ('ann', 'nosuch', 'no-mailbox'), \
        ('nosuch', 'joe', 'no-mailbox'), ('ann', 'joe+x@example.org', 'no-mailbox'), ('ann', 'postmaster', 'no-mailbox'):
    held = may(user, authzid)
    check(f'not {user} as {authzid}', not held and tells('refused', f'reason={reason} wanted={authzid}'), last('refused'))
check('not with a wrong password', not may('ann', 'joe', secret='x') and
      tells('refused', 'user=ann ', 'reason=password wanted=joe'), last('refused'))
check('nor with the other one\'s', run('chpasswd', '-c', 'SHA512', input='joe:Other-1\n').returncode == 0 and
      not may('ann', 'joe', secret='Other-1') and may('ann', 'joe') and may('joe', '', secret='Other-1'))
control('uidmin', str(pwd.getpwnam('joe').pw_uid + 1) + '\n')
restart()
check('nor as one below control/uidmin', not may('ann', 'joe') and may('ann', 'ann') and tells('refused', 'no-mailbox wanted=joe'), last('refused'))
os.unlink('/var/mta/control/uidmin')
restart()


def scram(authzid):
    """SCRAM-SHA-256 over POP3: its answer, and was the server's signature right?"""
    client = Client('pop3d')
    exchange = Scram('alice@new.example', SECRET, gs2=f'n,a={authzid},')
    said = client.say('AUTH SCRAM-SHA-256 ' + base64.b64encode(exchange.first()).decode())
    if said.startswith('+ '):
        said = client.say(base64.b64encode(exchange.final(base64.b64decode(said[2:]))).decode())
    is_right = said.startswith('+ ') and base64.b64decode(said[2:]) == exchange.verifier
    return (client.say('') if is_right else said).startswith('+OK'), is_right


check('SCRAM: as another', scram('bob@new.example') == (True, True) and tells('login', 'account=bob@new.example', service='pop3d'), last('login', 'pop3d'))
check('SCRAM: not out of the domain, though the proof is right', scram('joe') == (False, True) and tells('refused', 'reason=no-master wanted=joe', service='pop3d'))
check('POP3', may('ann', 'bob@new.example', 'pop3d') and not may('joe', 'ann', 'pop3d', 'Other-1') and
      tells('login', 'user=ann ', 'account=bob@new.example ', service='pop3d'), last('login', 'pop3d'))
check('submission', may('ann', 'joe', 'submission') and not may('alice@new.example', 'joe', 'submission') and
      tells('login', 'user=ann ', 'account=joe ', service='submission'), last('login', 'submission'))

# ---- tokens, RFC 7628 ----
CHECKER = r"""#!/usr/bin/env python3
import os, sys
with os.fdopen(3, 'rb') as f:
    name, token = f.read().split(b'\0')[:2]
kind, owner = token.split(b':')
if kind == b'bad':
    sys.exit(1)
if owner == name:
    sys.exit(0)
os.write(1, {b'good': owner + b'\n', b'mute': b'', b'cut': owner, b'two': owner + b'\n' + owner + b'\n',
             b'long': b'x' * 400 + b'\n', b'old': owner + b'\n'}[kind])
sys.exit(1 if kind == b'old' else 2)
"""
os.makedirs('/var/mta/checkers')
os.chmod('/var/mta/checkers', 0o755)
with open('/var/mta/checkers/token', 'w') as f:
    f.write(CHECKER)
os.chmod('/var/mta/checkers/token', 0o755)
control('oauthchecker', '/var/mta/checkers/token\n')
restart()


def bearer(token, wanted, mechanism='OAUTHBEARER', service='imapd'):
    client = Client(service)
    head = f'n,a={wanted},\1' if mechanism == 'OAUTHBEARER' else f'user={wanted}\1'
    text = base64.b64encode(f'{head}auth=Bearer {token}\1\1'.encode()).decode()
    said = client.say(f'{"AUTHENTICATE" if service == "imapd" else "AUTH"} {mechanism} {text}')
    if re.match(r'(\+|334) ', said):          # a refusal is a challenge
        said = client.raw('AQ==')
    with contextlib.suppress(ConnectionError):
        client.end()
    return re.match(r'(a OK|\+OK|235) ', said + ' ') is not None


for mechanism in 'OAUTHBEARER', 'XOAUTH2':
    check(f'{mechanism}: one\'s own token', bearer('good:joe', 'joe', mechanism) and tells('login', 'user=joe ', 'account=joe '), last('login'))
    check(f'{mechanism}: a master\'s', bearer('good:ann', 'joe', mechanism) and
          tells('login', 'user=ann ', f'method={mechanism} ', 'account=joe '), last('login'))
    check(f'{mechanism}: of some domains', bearer('good:alice@new.example', 'bob@new.example', mechanism) and
          not bearer('good:alice@new.example', 'joe', mechanism) and
          tells('refused', 'user=alice@new.example ', 'reason=no-master wanted=joe'), last('refused'))
    check(f'{mechanism}: of who is none', not bearer('good:joe', 'ann', mechanism) and
          tells('refused', 'user=joe ', 'reason=no-master wanted=ann'), last('refused'))
    check(f'{mechanism}: for nobody, or root', not bearer('good:ann', 'nosuch', mechanism) and not bearer('good:ann', 'root', mechanism) and
          tells('refused', 'user=ann ', 'reason=no-mailbox wanted=root'), last('refused'))
    check(f'{mechanism}: whose owner is nobody here', not bearer('good:nosuch', 'joe', mechanism) and
          tells('refused', 'user=nosuch ', 'reason=no-mailbox wanted=joe'), last('refused'))
check('a token that is wrong', not bearer('bad:ann', 'joe'))
check('a checker that ends with 1, whatever it writes', not bearer('old:ann', 'joe') and tells('refused', 'user=joe ', 'reason=password'), last('refused'))
check('one that tells no name, half a one, two, or a long one', not any(bearer(kind + ':ann', 'joe') for kind in ('mute', 'cut', 'two', 'long')) and
      tells('later', 'user=joe ', 'reason=checkpw'), last('later'))
check('submission takes it, too', bearer('good:ann', 'joe', service='submission') and
      tells('login', 'user=ann ', 'account=joe ', service='submission'), last('login', 'submission'))
control('authmasters', 'ann joe@example.org\n')
checked = run('/var/mta/bin/mtactl', 'check')
check('mtactl check', checked.returncode == 78 and 'authmasters:1: write ACCOUNT, or ACCOUNT DOMAIN' in checked.stdout + checked.stderr, checked)
check('no secret is in the log', not any(SECRET in log(service) for service in PORTS))
done()
