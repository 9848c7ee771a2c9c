#!/usr/bin/env python3
"""peers_send_test - remote-send, with TLS and logins, to Debian's Postfix, Exim
and OpenSMTPD.  Those that are not installed are skipped; PEERS=FOLDER:FOLDER
names folders into which their packages were unpacked (dpkg -x), because they
cannot be installed side by side."""
import ctypes, glob, os, pwd, shutil, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from servers import *

run = lambda *words, **more: subprocess.run(words, capture_output=True, text=True, **more)
# /etc is ours; what PEERS has lies over /usr.
os.makedirs(MTA + '/etc/upper'), os.makedirs(MTA + '/etc/work')
run('mount', '-t', 'overlay', 'etc', '-o', f'lowerdir=/etc,upperdir={MTA}/etc/upper,workdir={MTA}/etc/work', '/etc', check=True)
if os.environ.get('PEERS'):
    folders = ':'.join(f + '/usr' for f in os.environ['PEERS'].split(':'))
    run('mount', '-t', 'overlay', 'usr', '-o', f'lowerdir={folders}:/usr', '/usr', check=True)
for path in ('/var/spool', '/var/empty', '/var/lib'):
    os.makedirs(path, exist_ok=True)
    run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'none', path, check=True)
USERS = ('Debian-exim', 'opensmtpd', 'opensmtpq', 'box')
for number, user in enumerate(USERS):
    os.makedirs(f'{MTA}/home/{user}')
    with open('/etc/passwd', 'a') as passwd, open('/etc/group', 'a') as group:
        passwd.write(f'{user}:x:{59000 + number}:{59000 + number}::{MTA}/home/{user}:/bin/sh\n')
        group.write(f'{user}:x:{59000 + number}:\n')
    os.chown(f'{MTA}/home/{user}', 59000 + number, 59000 + number)
BOX = MTA + '/home/box/Maildir'
CERT, KEY = certificate('peer.example')
BAD_CERT, BAD_KEY = certificate('peer.example', -1)
for path in (CERT, KEY, BAD_CERT, BAD_KEY):
    os.chmod(path, 0o600)
os.makedirs(MTA + '/peers')
PASSWORD = 'correct horse'
MESSAGE = b'From: from@me.example\nTo: box@peer.example\nSubject: %s\n\n.a dot, and 8 bits: \xc3\xa9\nthe end\n'


def write(name, text, mode=0o644):
    path = f'{MTA}/peers/{name}'
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def listens(address, port=25):
    def look():
        try:
            with socket.create_connection((address, port), 2) as s:
                return port == 465 or s.recv(100)[:3] == b'220'
        except OSError:
            return False
    return wait_for(look, 20)


# ---- the peers: address -> what it is; .1 in clear, .2 TLS, .3 with a certificate out of date, .4 TLS and AUTH ----
def postfix():
    if not os.path.exists('/usr/sbin/postfix'):
        return None
    etc, net = MTA + '/peers/postfix', '127.0.11.'
    os.makedirs(etc + '/sasl'), os.makedirs(etc + '/spool'), os.makedirs(etc + '/data')
    os.chown(etc + '/data', pwd.getpwnam('postfix').pw_uid, -1)
    with open(etc + '/main.cf', 'w') as f:
        f.write(f'''compatibility_level = 3.6
queue_directory = {etc}/spool
data_directory = {etc}/data
maillog_file = {etc}/log
maillog_file_prefixes = /var
myhostname = peer.example
mydestination = peer.example
inet_protocols = ipv4
mynetworks =
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
alias_maps =
alias_database =
local_recipient_maps =
home_mailbox = Maildir/
smtpd_tls_security_level = may
smtpd_tls_chain_files = {KEY}, {CERT}
smtpd_sasl_local_domain = peer.example
cyrus_sasl_config_path = {etc}/sasl
''')
    with open(etc + '/sasl/smtpd.conf', 'w') as f:
        f.write('pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256\n')
    with open('/usr/share/postfix/master.cf.dist') as f:
        lines = [x.split() for x in f if x[0] not in '# \n']
    smtpd = [x for x in lines if x[:2] == ['smtp', 'inet']][0]
    with open(etc + '/master.cf', 'w') as f:
        for fields in lines:
            fields[4] = 'n'
            if fields is not smtpd:
                f.write('  '.join(fields) + '\n')
        for end, port, options in (
                (1, 25, '-o smtpd_tls_security_level=none'), (2, 25, ''),
                (3, 25, f'-o smtpd_tls_chain_files={BAD_KEY},{BAD_CERT}'),
                (4, 25, '-o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes'),
                (4, 465, '-o smtpd_sasl_auth_enable=yes -o smtpd_tls_wrappermode=yes')):
            f.write('  '.join([f'{net}{end}:{port}'] + smtpd[1:4] + ['n'] + smtpd[5:] + [options]) + '\n')
    set_sasl_password('joe', 'peer.example', PASSWORD)
    started = run('postfix', '-c', etc, 'start')
    return net, started, lambda: run('postfix', '-c', etc, 'stop'), ('joe', 'SCRAM-SHA-256')


def set_sasl_password(user, realm, password):
    """As saslpasswd2 does, which is in another package."""
    sasl, connection = ctypes.CDLL('libsasl2.so.2'), ctypes.c_void_p()
    sasl.sasl_server_init(None, b'test')
    sasl.sasl_server_new(b'smtp', None, realm.encode(), None, None, None, 0, ctypes.byref(connection))
    if sasl.sasl_setpass(connection, f'{user}@{realm}'.encode(), password.encode(), len(password), None, 0, 1) != 0:
        raise OSError('no sasldb')
    os.chmod('/etc/sasldb2', 0o644)


def exim():
    if not os.path.exists('/usr/sbin/exim4'):
        return None
    net = '127.0.12.'
    os.makedirs('/var/spool/exim4')
    shutil.chown('/var/spool/exim4', 'Debian-exim', 'Debian-exim')
    # Exim takes its certificate from the address that was called.
    os.makedirs('/etc/exim4', exist_ok=True)
    conf = '/etc/exim4/exim4.conf'  # with another it gives its privileges up
    text = (f'''primary_hostname = peer.example
domainlist local = peer.example
spool_directory = /var/spool/exim4
log_file_path = /var/spool/exim4/%slog
keep_environment =
acl_smtp_rcpt = rcpt
tls_advertise_hosts = ${{if eq{{$received_ip_address}}{{127.0.12.1}}{{}}{{*}}}}
tls_certificate = ${{if eq{{$received_ip_address}}{{127.0.12.3}}{{{BAD_CERT}}}{{{CERT}}}}}
tls_privatekey = ${{if eq{{$received_ip_address}}{{127.0.12.3}}{{{BAD_KEY}}}{{{KEY}}}}}
tls_on_connect_ports = 465
local_interfaces = {' ; '.join('<; ' * (i == 1) + f'127.0.12.{i}.25' for i in (1, 2, 3, 4))} ; 127.0.12.4.465
auth_advertise_hosts = ${{if and {{{{eq{{$received_ip_address}}{{127.0.12.4}}}} {{def:tls_in_cipher}}}}{{*}}{{}}}}
begin acl
rcpt:
  accept domains = +local
  accept authenticated = *
  deny
begin routers
user:
  driver = accept
  check_local_user
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = $home/Maildir
  maildir_format
begin authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{joe}}{{{PASSWORD}}}fail}}
  server_set_id = $auth1
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and {{{{eq{{$auth2}}{{joe}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
''')
    with open(conf, 'w') as f:
        f.write(text)
    os.chmod(conf, 0o644)
    for path in (CERT, KEY, BAD_CERT, BAD_KEY):
        shutil.chown(path, 'Debian-exim')
    process = subprocess.Popen(['/usr/sbin/exim4', '-bdf'], stderr=subprocess.STDOUT, stdout=open(MTA + '/peers/exim.out', 'w'))
    return net, None, lambda: (process.terminate(), process.wait()), ('joe', 'CRAM-MD5')


def opensmtpd():
    if not os.path.exists('/usr/sbin/smtpctl'):
        return None
    net = '127.0.13.'
    for folder in ('/var/spool/smtpd', '/var/lib/opensmtpd/empty'):
        os.makedirs(folder)
        os.chmod(folder, 0o711)
    for path in (CERT, KEY, BAD_CERT, BAD_KEY):
        shutil.chown(path, 'root')
    hashed = run('openssl', 'passwd', '-6', PASSWORD).stdout.strip()
    users = write('opensmtpd.users', f'joe {hashed}\n')
    conf = write('opensmtpd.conf', f'''pki good cert "{CERT}"
pki good key "{KEY}"
pki bad cert "{BAD_CERT}"
pki bad key "{BAD_KEY}"
table users file:{users}
listen on {net}1 hostname peer.example
listen on {net}2 tls pki good hostname peer.example
listen on {net}3 tls pki bad hostname peer.example
listen on {net}4 tls-require pki good auth <users> hostname peer.example
listen on {net}4 port 465 smtps pki good auth <users> hostname peer.example
action "local" maildir
match from any for domain "peer.example" action "local"
match auth from any for any action "local"
''', 0o600)
    # Debian 12's 6.8 signs by methods of legacy keys, and OpenSSL 3 makes such keys only where an engine has
    # asked for them (OpenSMTPD's issue 1171): libengine-pkcs11-openssl does.  Without it no client shakes hands.
    openssl = write('openssl.cnf', '''openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
default_algorithms = PKEY_CRYPTO
''')
    more = {'OPENSSL_CONF': openssl} if glob.glob('/usr/lib/*/engines-3/pkcs11.so') else {}
    process = subprocess.Popen(['/usr/sbin/smtpd', '-d', '-f', conf], stderr=subprocess.STDOUT, env={**os.environ, **more},
                               stdout=open(MTA + '/peers/opensmtpd.out', 'w'))
    return net, None, lambda: (process.terminate(), process.wait()), ('joe', 'PLAIN')


def arrived(subject):
    def look():
        for path in glob.glob(BOX + '/new/*'):
            with open(path, 'rb') as f:
                text = f.read()
            if b'Subject: ' + subject.encode() + b'\n' in text:
                return text
    return wait_for(look, 15)


def can_tls(net):
    """Can openssl shake hands with it?"""
    got = run('openssl', 's_client', '-starttls', 'smtp', '-connect', net + '2:25', '-verify_return_error', '-CAfile',
              CA + '/ca.pem', input='QUIT\n')
    return 'Verify return code: 0 (ok)' in got.stdout and 'alert' not in got.stderr


def try_peer(name, net, login, has_tls):
    user, mechanism = login

    def send(number, domain, subject, good=True, words=''):
        got = Channel(sender, domain=domain).send(MESSAGE % subject.encode(), mark=str(number), users=('box@peer.example',))
        if not good:
            return check(f'{name}: {subject}: {words}', got and got[0] == 'Z' and words in got[2], got)
        text = arrived(subject) if got and got[0] == 'K' else None
        check(f'{name}: {subject}', text and text.endswith(b'\n.a dot, and 8 bits: \xc3\xa9\nthe end\n'), (got, text))

    names = {n: f'{name}{n}.example' for n in ('clear', 'may', 'old', 'verify', 'oldverify', 'auth', 'smtps', 'wrong', 'encrypt')}
    ends = dict(clear=1, may=2, old=3, verify=2, oldverify=3, auth=4, smtps=4, wrong=4, encrypt=1)
    # Two ports of one address, and two names of it, so that each has a password of its own.
    control('smtproutes', ''.join(f'{names[n]}:{"smtps:" if n == "smtps" else ""}[{net}{ends[n]}]\n' for n in ends))
    control('tlspolicy', f'{names["verify"]} verify peer.example\n{names["oldverify"]} verify peer.example\n'
            f'{names["auth"]} verify peer.example\n{names["smtps"]} verify peer.example\n{names["wrong"]} verify peer.example\n'
            f'{names["encrypt"]} encrypt\n')
    with open(CONTROL + 'smtpauth', 'w') as f:
        f.write(f'[{net}4] @me.example {user} {PASSWORD}\n[{net}4] @wrong.example {user} not this\n')
    os.chown(CONTROL + 'smtpauth', 0, 65534), os.chmod(CONTROL + 'smtpauth', 0o640)
    sender = Sender()
    send(1, names['clear'], 'in-clear')
    check(f'{name}: the log says that', logged('1{23} tls=none'))
    with socket.create_connection((net + '1', 25), 10) as probe:
        probe.recv(1000), probe.sendall(b'EHLO me.example\r\n')
        words = probe.recv(4000)
    if b'CHUNKING' in words:
        channel, large = Channel(sender, domain=names['clear']), b'.dots and ends\n..\n.\n\n' * 10000
        got = [channel.send(MESSAGE % subject + text, users=users) for subject, text, users in (
            (b'chunk-small', b'.\n', ('box@peer.example',)), (b'chunk-refused', b'', ('box@not.peer.example',)),
            (b'chunk-large', large, ('box@peer.example', 'box@not.peer.example')), (b'chunk-last', b'..\n', ('box@peer.example',)))]
        check(f'{name}: by BDAT, one after another', [v[0] for v in (got[0], got[1], *got[2], got[3])] == ['K', 'D', 'K', 'D', 'K'], got)
        check(f'{name}: whole', all((arrived(s) or b'').endswith(b'the end\n' + text) for s, text in (
            ('chunk-small', b'.\n'), ('chunk-large', large), ('chunk-last', b'..\n'))))
    if name == 'exim':
        check('exim: its log says so', b' K ' in open('/var/spool/exim4/mainlog', 'rb').read())
    send(2, names['may'], 'opportunistic')
    if not has_tls:
        check(f'{name}: a handshake that the server fails: in clear', logged('2{23} tls=none'))
        send(4, names['verify'], 'verified', False, 'not to be had')
        check(f'{name}: the rest # skip no client shakes hands with it: libengine-pkcs11-openssl and libp11-3 into PEERS, too', True)
        return sender.end()
    check(f'{name}: by TLS 1.3', logged('2{23} tls=TLSv1.3'))
    send(3, names['old'], 'out-of-date')
    check(f'{name}: encrypted all the same', logged('3{23} tls=TLSv1.3 .*verified=(?!yes)'))
    send(4, names['verify'], 'verified')
    check(f'{name}: and verified', logged('4{23} tls=TLSv1.3 .*verified=yes'))
    send(5, names['oldverify'], 'old', False, 'expired')
    send(5, names['encrypt'], 'none-to-be-had', False, 'not to be had')
    send(6, names['auth'], 'login')
    check(f'{name}: by {mechanism}', logged(f'6{{23}} tls=TLSv1.3 .*verified=yes auth={mechanism}'))
    send(7, names['smtps'], 'smtps')
    check(f'{name}: port 465, with a login', logged(f'7{{23}} tls=TLSv1.3 .*verified=yes auth={mechanism}'))
    got = Channel(sender, domain=names['wrong']).send(MESSAGE % b'wrong', sender='from@wrong.example')
    check(f'{name}: the wrong password: later', got and got[0] == 'Z' and '535' in got[2], got)
    sender.end()


for name, begin in (('postfix', postfix), ('exim', exim), ('opensmtpd', opensmtpd)):
    shutil.rmtree(BOX, ignore_errors=True)
    begun = begin()
    if begun is None:
        check(f'{name} # skip is not installed', True)
        continue
    net, started, end, login = begun
    up = all(listens(f'{net}{i}') for i in (1, 2, 3, 4)) and listens(net + '4', 465)
    check(f'{name} is up', up, started or run('tail', '-n', '20', f'{MTA}/peers/{name}.out').stdout)
    if up:
        open(log.name, 'w').close()
        try_peer(name, net, login, can_tls(net))
    for path in glob.glob(MTA + f'/peers/{name}/log') + [f'{MTA}/peers/{name}.out', '/var/spool/exim4/mainlog']:
        if os.environ.get('PEERS_LOG') and os.path.exists(path):
            print('#', '# '.join(open(path, errors='replace')))
    end()
done()
