#!/usr/bin/env python3
"""tls_test - TLS for SMTP and POP3 through the whole chain: listen, smtpd or
pop3d, tlsd, keyd; certificates, resumption, what is refused, where keys are."""
import glob, hashlib, os, poplib, pwd, re, smtplib, socket, ssl, subprocess, sys, time, warnings
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from memory import holds

on_host()
TLS, CA = '/var/mta/tls', '/var/mta/test-ca'
sanitized = is_sanitized()


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def log(service='smtpd'):
    with open(f'/var/mta/log/{service}/current', errors='replace') as f:
        return f.read()


def processes(name):
    found = []
    for path in glob.glob('/proc/[0-9]*/status'):
        try:
            text = open(path).read()
        except OSError:
            continue
        if re.match(rf'Name:\t{name}\n', text) and 'State:\tZ' not in text:
            found.append(int(path.split('/')[2]))
    return sorted(found)


def clients():
    """Of tlsd: one for each client."""
    parents = processes('tlsd')
    return {pid for pid in parents if int(open(f'/proc/{pid}/stat').read().split()[3]) in parents}


# ---- certificates ----

def openssl(*arguments, **more):
    result = run('openssl', *arguments, **more)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return result.stdout


def make_ca():
    os.mkdir(CA)
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
            '-subj', '/CN=Test CA', '-keyout', CA + '/ca.key', '-out', CA + '/ca.pem')


def certificate(file, name, kind):
    """A chain and its key as one file of ours; the PEM of the key."""
    base = f'{CA}/{file}'
    new = ['rsa:2048'] if kind == 'rsa' else ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    openssl('req', '-newkey', *new, '-nodes', '-subj', '/CN=' + name, '-keyout', base + '.key', '-out', base + '.csr')
    openssl('x509', '-req', '-in', base + '.csr', '-CA', CA + '/ca.pem', '-CAkey', CA + '/ca.key', '-CAcreateserial',
            '-days', '2', '-out', base + '.crt', '-extfile', '/dev/stdin', input=f'subjectAltName=DNS:{name}\n')
    key = open(base + '.key').read()
    put(file + '.pem', open(base + '.crt').read() + key)
    return key


def put(name, text):
    with open(f'{TLS}/.new', 'w') as f:
        f.write(text)
    os.chown(f'{TLS}/.new', 0, pwd.getpwnam('mta-key').pw_gid)
    os.chmod(f'{TLS}/.new', 0o640)
    os.rename(f'{TLS}/.new', f'{TLS}/{name}')


def trusting(**options):
    context = ssl.create_default_context(cafile=CA + '/ca.pem')
    for name, value in options.items():
        setattr(context, name, value)
    return context


# ---- clients ----

def smtp(context=None, name='mx.example.org', host='127.0.0.1'):
    s = smtplib.SMTP(host, 25, timeout=20, local_hostname='client.example')
    s._host = name
    if context:
        s.starttls(context=context)
    return s


def raw(port=25):
    s = socket.create_connection(('127.0.0.1', port), 20)
    return s, s.makefile('rb')


def starttls(injected=b'', port=25):
    """A socket on which TLS may begin."""
    s, lines = raw(port)
    lines.readline()
    s.sendall(b'EHLO client.example\r\n')
    while lines.readline()[3:4] == b'-':
        pass
    s.sendall(b'STARTTLS\r\n' + injected)
    reply = lines.readline()
    assert reply.startswith(b'220'), reply
    return s


def serial(context, name='mx.example.org', port=995):
    """Whom the certificate names, and its key's kind."""
    with socket.create_connection(('127.0.0.1', port), 20) as s, context.wrap_socket(s, server_hostname=name) as t:
        der = t.getpeercert(True)
        return t.getpeercert()['subject'][-1][0][1], t.cipher()[0], der, t.version()


def refused(context, port=995, name='mx.example.org'):
    try:
        serial(context, name, port)
        return ''
    except (ssl.SSLError, OSError) as error:
        return str(error) or 'closed'


# ---- the host ----

run('ip', 'address', 'add', '192.0.2.1/32', 'dev', 'lo')
run('chpasswd', input='joe:open sesame\n')
control('timeouttls', '2\n')
control('smtpdpernetwork', '100\n')
started = run('/var/mta/bin/mtactl', 'start')
check('the system starts', started.returncode == 0, started.stderr)
self_signed = ssl.create_default_context(cafile=TLS + '/self.pem')
with smtp(self_signed) as s:
    check('the first start made a certificate of control/me, which serves', s.sock.version() == 'TLSv1.3')
    s.ehlo()
    check('after STARTTLS it is not offered again', not s.has_extn('starttls') and s.has_extn('pipelining'), s.esmtp_features)
    check('nor begun again', s.docmd('STARTTLS')[0] == 503)
mode = os.stat(TLS + '/self.pem')
check('its key is for keyd alone', (mode.st_mode & 0o777, mode.st_uid) == (0o640, 0))
make_ca()
keys = [certificate('mx-ecdsa', 'mx.example.org', 'ec'), certificate('mx-rsa', 'mx.example.org', 'rsa'),
        certificate('other', 'other.example.net', 'ec')]
self_text = open(TLS + '/self.pem').read()
os.unlink(TLS + '/self.pem')


# ---- certificates are taken while sessions last ----

time.sleep(2.1)                                       # tlsd asks keyd every two seconds at most
with smtp(trusting()) as s:
    check('new certificates are used at once', s.noop()[0] == 250)
    who = serial(trusting(), 'other.example.net')[0]
    check('SNI: another name, its certificate', who == 'other.example.net', who)
    who = serial(trusting(check_hostname=False), 'unknown.example')[0]
    check('SNI: an unknown name gets the one of control/me', who == 'mx.example.org', who)
    rsa, ecdsa = (trusting(maximum_version=ssl.TLSVersion.TLSv1_2) for _ in range(2))
    rsa.set_ciphers('aRSA')
    ecdsa.set_ciphers('aECDSA')
    kinds = [serial(c) for c in (rsa, ecdsa)]
    check('RSA and ECDSA side by side, TLS 1.2', ['-RSA-' in kinds[0][1], '-ECDSA-' in kinds[1][1]] == [True, True] and
          kinds[0][2] != kinds[1][2], [k[1] for k in kinds])
    out = run('openssl', 's_client', '-connect', '127.0.0.1:995', '-sigalgs', 'rsa_pss_rsae_sha256', '-CAfile', CA + '/ca.pem',
              '-servername', 'mx.example.org', '-tls1_3', input='QUIT\r\n')
    check('RSA-PSS in TLS 1.3', 'Peer signature type: RSA-PSS' in out.stdout and 'Verification: OK' in out.stdout, out.stdout[-1500:])
    certificate('mx-ecdsa', 'mx.example.org', 'ec')
    before = serial(trusting())[2]
    time.sleep(2.1)
    check('a certificate that is replaced is served without a restart', serial(trusting())[2] != before)
    check('a session from before goes on', s.noop()[0] == 250)
put('self.pem', self_text)
openssl('req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-days', '2', '-subj', '/CN=mx.example.org', '-addext',
        'subjectAltName=DNS:mx.example.org', '-keyout', CA + '/weak.key', '-out', CA + '/weak.crt')
put('weak.pem', open(CA + '/weak.crt').read() + open(CA + '/weak.key').read())
time.sleep(2.1)
check('a self-signed and a weak certificate of the same name are not served', serial(trusting())[0] == 'mx.example.org')
check('the weak one is named in the log', 'tls/weak.pem: the key is too weak' in log('pop3d'), log('pop3d')[-800:])
os.unlink(TLS + '/weak.pem')
os.unlink(TLS + '/self.pem')
put('broken.pem', 'nothing\n')
put('swapped.pem', open(CA + '/mx-rsa.crt').read() + keys[2])
time.sleep(2.1)
check('a file that is no certificate leaves the others alone', serial(trusting())[0] == 'mx.example.org')
check('and is named in the log, with the mend', 'tls/broken.pem: no private key' in log('pop3d') and
      'tls/swapped.pem: the key is not of the first certificate' in log('pop3d'), log('pop3d')[-1500:])
checked = run('/var/mta/bin/mtactl', 'check')
check('mtactl check names it too', checked.returncode == 78 and 'tls/broken.pem' in checked.stdout + checked.stderr, checked)
for name in ('broken.pem', 'swapped.pem'):
    os.unlink(f'{TLS}/{name}')
os.chmod(TLS + '/other.pem', 0o644)
checked = run('/var/mta/bin/mtactl', 'check')
check('a key that all can read is a fault', checked.returncode == 78 and 'other.pem: should be root:mta-key 0640' in checked.stdout, checked)
os.chmod(TLS + '/other.pem', 0o640)


# ---- mail and mailboxes ----

body = os.urandom(3 << 20).hex()
lines = '\n'.join(body[i:i + 76] for i in range(0, len(body), 76))
with smtp(trusting()) as s:
    s.sendmail('ann@example.org', ['joe@example.org'], f'Subject: large\n\n{lines}\n')
maildir = pwd.getpwnam('joe').pw_dir + '/Maildir/new/*'
there = wait_for(lambda: glob.glob(maildir))
text = open(there[0]).read() if there else ''
check('six MiB arrive whole', hashlib.sha256(text[text.find('\n\n') + 2:].encode()).digest() ==
      hashlib.sha256((lines + '\n').encode()).digest(), len(text))
check('Received tells of TLS', re.search(r'with ESMTPS id \w+\n\tfor <joe@example.org>\n\ttls TLS_AES_\w+;', text), text[:600])
check('and so does the log', re.search(r'smtpd: \w+ accepted .* tls=TLSv1.3 ', log()))
context = trusting(check_hostname=False)
pop = poplib.POP3_SSL('127.0.0.1', 995, timeout=20, context=context)
pop.user('joe')
pop.pass_('open sesame')
got = b'\n'.join(pop.retr(1)[1]).decode()
check('POP3 on port 995 gives them back', got[got.find('\n\n') + 2:] == lines, len(got))
pop.quit()
ended = wait_for(lambda: re.search(r'pop3d: .*user=joe client=127\.0\.0\.1.*', log('pop3d')))
check('the log has the client, not tlsd', ended, log('pop3d')[-600:])
pop = poplib.POP3('192.0.2.1', 110, timeout=20)
check('another host is offered STLS, and no log-in in clear', 'STLS' in pop.capa() and 'USER' not in pop.capa(), pop.capa())
pop.close()
with socket.create_connection(('192.0.2.1', 110), 20, ('192.0.2.1', 0)) as s:
    pop = s.makefile('rwb', 0)
    ask = lambda line: (pop.write(line + b'\r\n'), pop.readline())[1]
    pop.readline()
    check('another host may not log in in clear', ask(b'USER joe').startswith(b'-ERR [AUTH]'))
    check('STLS begins', ask(b'STLS').startswith(b'+OK'))
    with context.wrap_socket(s, server_hostname='mx.example.org') as t:
        pop = t.makefile('rwb', 0)
        check('and then it may', [ask(b'USER joe')[:3], ask(b'PASS open sesame')[:3], ask(b'STAT')[:3]] == [b'+OK'] * 3)
        check('STLS is over by then', ask(b'STLS').startswith(b'-ERR'))
        ask(b'QUIT')
curl = run('curl', '-sS', '--cacert', CA + '/ca.pem', '--resolve', 'mx.example.org:995:127.0.0.1',
           'pop3s://mx.example.org/', '-u', 'joe:open sesame')
check('curl lists a mailbox by pop3s', curl.returncode == 0 and curl.stdout.split()[:1] == ['1'], curl)
curl = run('curl', '-sS', '--ssl-reqd', '--cacert', CA + '/ca.pem', '--resolve', 'mx.example.org:25:127.0.0.1',
           'smtp://mx.example.org/', '--mail-from', 'a@example.net', '--mail-rcpt', 'joe@example.org', '-T', '-', '--crlf', input='Subject: c\n\nc\n')
check('curl sends by STARTTLS', curl.returncode == 0, curl)


# ---- resumption ----

context = trusting()
for version in ('TLSv1_2', 'TLSv1_3'):
    context = trusting(maximum_version=getattr(ssl.TLSVersion, version))
    sessions, reused, session = [], [], None
    for attempt in range(3):
        with socket.create_connection(('127.0.0.1', 995), 20) as s, \
                context.wrap_socket(s, server_hostname='mx.example.org', session=session) as t:
            t.recv(100)                               # the greeting: a ticket of 1.3 has come before it
            reused.append(t.session_reused)
            session = t.session
    # Each session serves once: in TLS 1.2 its name is seen by all, and there is no new one with it.
    check(f'{version}: a client that comes back resumes its session', reused == [False, True, version == 'TLSv1_3'], reused)
first = session
outcome = []
for attempt in range(2):
    with socket.create_connection(('127.0.0.1', 995), 20) as s, \
            context.wrap_socket(s, server_hostname='mx.example.org', session=first) as t:
        t.recv(100)
        outcome.append(t.session_reused)
check('TLSv1_3: each ticket serves once', outcome == [True, False], outcome)


# ---- what is refused ----

s = starttls(b'NOOP\r\nMAIL FROM:<evil@example.net>\r\n')
with trusting().wrap_socket(s, server_hostname='mx.example.org') as t:
    lines = t.makefile('rb')
    t.sendall(b'MAIL FROM:<a@example.net>\r\n')
    reply = lines.readline()
    lines.close()
    check('commands injected before the handshake are gone, and EHLO must be said anew', reply.startswith(b'503'), reply)
check('which the log tells', wait_for(lambda: 'bytes behind STARTTLS thrown away client=127.0.0.1' in log()))
old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
old.set_ciphers('DEFAULT:@SECLEVEL=0')
warnings.simplefilter('ignore', DeprecationWarning)
old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
check('TLS 1.1 is refused', refused(old))
weak = trusting(maximum_version=ssl.TLSVersion.TLSv1_2)
weak.set_ciphers('AES128-SHA:AES256-SHA256')
check('a cipher without forward secrecy is refused', refused(weak))
web = trusting()
web.set_alpn_protocols(['http/1.1', 'h2'])
check('who asks for another protocol (ALPN) is refused', refused(web))
mail = trusting()
mail.set_alpn_protocols(['http/1.1', 'pop3'])
check('who asks for ours is not', not refused(mail))
s = starttls()
s.sendall(b'EHLO this is no handshake\r\n' * 20)
s.settimeout(10)
try:
    answer = s.recv(1000)
except ConnectionResetError:
    answer = b''
check('garbage for a handshake: an alert, then the end', answer[:1] in (b'\x15', b''), answer)
s.close()
check('the log says why', wait_for(lambda: re.search(r'no TLS client=127\.0\.0\.1 reason=(wrong version|packet|http|unsupported)', log())), log()[-800:])
s = starttls()
began = time.monotonic()
s.settimeout(10)
check('a handshake that does not come is given up (control/timeouttls)', s.recv(10) == b'' and 1 < time.monotonic() - began < 8,
      time.monotonic() - began)
s.close()
check('and the log says so', wait_for(lambda: 'reason=the handshake took too long' in log()))
parents = len(processes('keyd'))                      # one for each parent of tlsd
fast = time.monotonic()
idle = [starttls() for _ in range(40)]
with smtp(trusting()) as s:
    check('forty that dawdle keep nobody waiting', s.noop()[0] == 250 and time.monotonic() - fast < 8, time.monotonic() - fast)
for s in idle:
    s.close()
check('their processes end', wait_for(lambda: len(processes('tlsd')) == parents, 10), processes('tlsd'))


control('timeoutsmtpd', '2\n')
control('maxjunk', '100000\n')
run('s6-svc', '-h', '/var/mta/service/smtpd')
wait_for(lambda: smtp(trusting()).quit()[0] == 221)
before = clients()
with starttls() as s, trusting().wrap_socket(s, server_hostname='mx.example.org') as t:
    t.settimeout(1)
    try:
        while True:
            t.sendall(b'HELP\r\n' * 1000)            # and never a byte read
    except OSError:
        pass
    stuck = clients() - before
    check('a client that does not read has a process of its own', len(stuck) == 1, [stuck, before])
    check('for a few seconds only', wait_for(lambda: not stuck & set(processes('tlsd')), 15), stuck)
control('timeoutsmtpd', '300\n')
run('s6-svc', '-h', '/var/mta/service/smtpd')


# ---- who logs in by certificate, and with the channel bound ----

def client_certificate(name, ca=CA + '/ca'):
    base = f'{CA}/client-{name}'
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=' + name,
            '-keyout', base + '.key', '-out', base + '.csr')
    openssl('x509', '-req', '-in', base + '.csr', '-CA', ca + '.pem', '-CAkey', ca + '.key', '-CAcreateserial',
            '-days', '2', '-out', base + '.crt')
    context = trusting()
    context.load_cert_chain(base + '.crt', base + '.key')
    return context


def by_certificate(context):
    with smtplib.SMTP_SSL('127.0.0.1', 465, timeout=20, context=context, local_hostname='c') as s:
        s.ehlo()
        offered = s.esmtp_features.get('auth', '')
        code = s.docmd('AUTH', 'EXTERNAL =')[0]
        return 'EXTERNAL' in offered, code


joe = client_certificate('joe')
joe.check_hostname = False
check('without control/tlsclientca a certificate is nobody', by_certificate(joe) == (False, 504), by_certificate(joe))
os.makedirs('/var/mta/control/ca', exist_ok=True)
with open('/var/mta/control/ca/clients.pem', 'w') as f:
    f.write(open(CA + '/ca.pem').read())
control('tlsclientca', '/var/mta/control/ca/clients.pem\n')
run('s6-svc', '-h', '/var/mta/service/submission')
check('with it, EXTERNAL is offered, and the certificate of joe is joe', wait_for(lambda: by_certificate(joe) == (True, 235), 10),
      [by_certificate(joe), log('submission')[-500:]])
openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
        '-subj', '/CN=Test CA', '-keyout', CA + '/other.key2.key', '-out', CA + '/other.key2.pem')
forged = client_certificate('ann', CA + '/other.key2')
forged.check_hostname = False
check('one of another authority is nobody', by_certificate(forged) == (False, 504), by_certificate(forged))
nobody = client_certificate('nosuchuser')
nobody.check_hostname = False
check('one that names no account is refused', by_certificate(nobody) == (True, 535), by_certificate(nobody))
run('/var/mta/bin/mtactl', 'user', 'add', 'alice@example.net', input='wonderland\n')
with open('/etc/hosts', 'a') as f:
    f.write('127.0.0.1 mx.example.org\n')
for mechanism in 'SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS':
    got = run('gsasl', '--smtp', '--connect=mx.example.org:587', '--hostname=mx.example.org', '--mechanism=' + mechanism,
              '--authentication-id=alice@example.net', '--password=wonderland', '--x509-ca-file=' + CA + '/ca.pem',
              '--starttls', '--no-client-first', input='')
    check(f'GNU SASL logs in by {mechanism}, bound to the connection',
          re.search(f'login: login user=alice@example.net .*method={mechanism} ', log('submission')), [got.stdout[-600:], got.stderr[-600:], log('submission')[-400:]])


# ---- where keys are ----

def secrets():
    """What of each key must be nowhere: an EC scalar and an RSA prime, in either byte order, and the PEM."""
    for name in ('mx-ecdsa', 'mx-rsa', 'other'):
        text = open(f'{CA}/{name}.key').read()
        dump = openssl('pkey', '-in', f'{CA}/{name}.key', '-noout', '-text')
        number = re.search(r'(?:priv|prime1):\n((?:    .*\n)+)', dump)[1]
        raw = bytes.fromhex(re.sub(r'[\s:]', '', number)).lstrip(b'\0')
        yield raw
        yield raw[::-1]
        yield text.split('\n')[2].encode()


if not sanitized:
    with smtp(trusting()) as s, smtp(trusting()) as t:
        t.noop()
        found = []
        for secret in secrets():
            for name in ('tlsd', 'smtpd', 'pop3d', 'listen', 'login', 'lookup', 'queue-inject'):
                found += [(name, pid) for pid in processes(name) if holds(pid, secret)]
        check('no private key is in any process but keyd', not found, found)
        held = [any(holds(pid, secret) for pid in processes('keyd')) for secret in secrets()]
        check('control: keyd has every one of them', all(any(held[i:i + 3]) for i in (0, 3, 6)), held)
        child = max(processes('tlsd'))
        fds = {fd: os.readlink(f'/proc/{child}/fd/{fd}') for fd in os.listdir(f'/proc/{child}/fd')}
        sockets = [fd for fd, what in fds.items() if what.startswith('socket:')]
        others = {what for fd, what in fds.items() if fd not in sockets}
        check('a session of tlsd holds its client, its plain end and the log', len(sockets) == 2 and
              all('pipe:' in what or what == '/dev/null' for what in others), fds)
        uids = {name: {int(re.search(r'Uid:\t(\d+)', open(f'/proc/{pid}/status').read())[1]) for pid in processes(name)}
                for name in ('tlsd', 'keyd')}
        check('each under its own uid', uids == {'tlsd': {pwd.getpwnam('mta-tls-smtp').pw_uid, pwd.getpwnam('mta-tls-pop3').pw_uid},
              'keyd': {pwd.getpwnam('mta-key').pw_uid}}, uids)


# ---- death of a neighbour ----

for name in ('keyd', 'tlsd'):
    victims = processes(name)
    kill_all(victims)
    check(f'{name} killed: the chain starts anew and serves', wait_for(lambda: not set(victims) & set(processes(name)) and
          not refused(trusting()) , 30) and wait_for(lambda: smtp(trusting()).quit()[0] == 221, 20), refused(trusting()))
done()
