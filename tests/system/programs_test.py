#!/usr/bin/env python3
"""programs_test - the mail programs that people have, at ports 110, 143, 465, 587, 993 and 995: mutt sends with each way to
log in and reads by IMAP; fetchmail, getmail and mpop fetch; offlineimap keeps a copy in step while mail arrives.  Each is
skipped where it is not installed."""
import atexit, glob, os, pty, pwd, select, shutil, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
HOST = 'mx.example.org'
WORK = tempfile.mkdtemp(prefix='programs.', dir='/var/tmp')
atexit.register(shutil.rmtree, WORK, True)
MAILDIR = pwd.getpwnam('joe').pw_dir + '/Maildir'


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, 'HOME': WORK}, **{'timeout': 90, **more})


def write(name, text):
    path = f'{WORK}/{name}'
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, 0o600)
    return path


def has(program):
    if shutil.which(program):
        return True
    check(f'{program} # skip it is not installed', True)
    return False


def subjects(folder=MAILDIR):
    found = []
    for path in glob.glob(folder + '/new/*') + glob.glob(folder + '/cur/*'):
        try:
            with open(path) as f:
                found += [line.split(': ', 1)[1].strip() for line in f if line.startswith('Subject: ')][:1]
        except FileNotFoundError:
            pass
    return sorted(found)


def deliver(*names):
    for name in names:
        run('/var/mta/bin/sendmail', 'joe@example.org', input=f'Subject: {name}\n\n{name}\n')
    check(f'{len(names)} messages are there', wait_for(lambda: set(names) <= set(subjects())), subjects())


def empty():
    for path in glob.glob(MAILDIR + '/new/*') + glob.glob(MAILDIR + '/cur/*'):
        os.unlink(path)


def maildir(name, owner='root'):
    for part in ('', '/new', '/cur', '/tmp'):
        os.mkdir(f'{WORK}/{name}{part}')
        shutil.chown(f'{WORK}/{name}{part}', owner)
    return f'{WORK}/{name}'


# ---- the host ----
os.chmod(WORK, 0o711)
with open('/etc/hosts', 'a') as f:
    f.write('127.0.0.1 mx.example.org\n')
run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
added = run('/var/mta/bin/mtactl', 'user', 'add', 'alice@example.net', input=f'{SECRET}\n{SECRET}\n')
check('mtactl user add', added.returncode == 0, added)
started = run('/var/mta/bin/mtactl', 'start')
check('mtactl start', started.returncode == 0, started.stderr)
for port in (110, 143, 465, 587, 993, 995):
    wait_for(lambda: run('ss', '-Hltn', f'sport = :{port}').stdout)
SELF = '/var/mta/tls/self.pem'
CA = write('ca.pem', run('openssl', 'x509', '-in', SELF).stdout)


# ---- mutt ----
def muttrc(more, sender='joe@example.org'):
    return write('muttrc', f'set from="{sender}" envelope_from_address="{sender}" use_envelope_from\n'
                 f'set hostname="example.org" ssl_force_tls ssl_ca_certificates_file="{CA}" certificate_file="{CA}"\n'
                 f'set nosave_empty copy=no confirmappend=no record="" header_cache="" imap_keepalive=300\n{more}')


def mutt_sends(url, mechanism, user):
    name = f'mutt {mechanism} {url.split(":")[0]}'
    rc = muttrc(f'set smtp_url="{url}" smtp_pass="{SECRET}" smtp_authenticators="{mechanism}"\n',
                user if '@' in user else user + '@example.org')
    got = run('mutt', '-n', '-F', rc, '-s', name, 'joe@example.org', input='x\n')
    check(f'mutt sends by {url} {mechanism}', got.returncode == 0 and wait_for(lambda: name in subjects()), (got, subjects()))


def at_terminal(argv, is_over):
    """Run a program that wants a terminal until is_over(); its screen."""
    screen = b''
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(HOME=WORK, TERM='vt100')
        os.execvp(argv[0], argv)
    end = time.monotonic() + 40
    while time.monotonic() < end and not is_over():
        if select.select([fd], [], [], 0.2)[0]:
            try:
                screen += os.read(fd, 65536)
            except OSError:
                break
    os.close(fd)
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)
    return screen.decode(errors='replace')


if has('mutt'):
    for mechanism, user in (('plain', 'joe'), ('login', 'joe'), ('scram-sha-256', 'alice@example.net')):
        for url in (f'smtps://{user}@{HOST}:465', f'smtp://{user}@{HOST}:587'):
            mutt_sends(url, mechanism, user)
    empty()
    deliver('to be kept')
    rc = muttrc(f'set folder="imaps://joe@{HOST}/" spoolfile="imaps://joe@{HOST}/INBOX" imap_user=joe imap_pass="{SECRET}"\n'
                'set move=no quit=yes delete=yes confirmcreate=no\n'
                'push "<save-message>=Kept<enter><sync-mailbox><quit>"\n')
    screen = at_terminal(['mutt', '-n', '-F', rc], lambda: subjects(MAILDIR + '/.Kept') == ['to be kept'] and not subjects())
    check('mutt moves a message to another folder by IMAP', subjects(MAILDIR + '/.Kept') == ['to be kept'] and not subjects(),
          (subjects(), subjects(MAILDIR + '/.Kept'), screen[-1500:]))
empty()

# ---- fetchmail ----
if has('fetchmail'):
    for protocol, more in (('POP3', 'ssl sslproto "auto"'), ('POP3', 'sslproto "tls1.2+"'), ('IMAP', 'ssl'), ('IMAP', 'sslproto "tls1.2+"')):
        deliver('fetch 1', 'fetch 2')
        rc = write('fetchmailrc', f'poll {HOST} protocol {protocol} user "joe" password "{SECRET}" {more} sslcertfile "{CA}" '
                   f'sslcertck fetchall mda "cat >> {WORK}/fetched"\n')
        got = run('fetchmail', '-v', '-f', rc, '--nosyslog', '--pidfile', WORK + '/fetchmail.pid', '-i', WORK + '/fetchids')
        text = open(WORK + '/fetched').read() if os.path.exists(WORK + '/fetched') else ''
        check(f'fetchmail {protocol} {more}', got.returncode == 0 and text.count('Subject: fetch ') == 2 and not subjects(),
              (got.returncode, got.stdout[-900:], got.stderr[-300:], subjects()))
        os.path.exists(WORK + '/fetched') and os.unlink(WORK + '/fetched')
        empty()

# ---- getmail ----
def getmail(retriever, attempt):
    """What two runs gave; TimeoutExpired if one hung."""
    deliver('get 1', 'get 2')
    near = maildir(f'{retriever}.{attempt}', 'ann')      # it delivers nothing as root
    kept = maildir(f'{retriever}.{attempt}.kept')
    rc = write('getmailrc', f'[retriever]\ntype = {retriever}\nserver = {HOST}\nusername = joe\npassword = {SECRET}\n'
               f'ca_certs = {CA}\n\n[destination]\ntype = Maildir\npath = {near}/\nuser = ann\n\n'
               '[options]\ndelete = false\nread_all = false\n')
    first = run('getmail', '--getmaildir', kept, '--rcfile', rc, timeout=30)
    deliver('get 3')
    second = run('getmail', '--getmaildir', kept, '--rcfile', rc, timeout=30)
    return first, second, subjects(near), subjects()


if has('getmail'):
    for retriever in ('SimplePOP3SSLRetriever', 'SimpleIMAPSSLRetriever'):
        # Once in a hundred times getmail waits for ever for a lock of its own, when its child has delivered.
        for attempt in range(5):
            try:
                got = getmail(retriever, attempt)
                break
            except subprocess.TimeoutExpired as hung:
                got = (hung,)
                empty()
        check(f'getmail {retriever}: each once, and left there', len(got) == 4 and got[0].returncode == 0 and got[1].returncode == 0 and
              got[2] == got[3] == ['get 1', 'get 2', 'get 3'], got)
        empty()

# ---- mpop ----
if has('mpop'):
    deliver('mpop 1', 'mpop 2')
    near = maildir('mpop')
    rc = write('mpoprc', f'account a\nhost {HOST}\nport 110\nuser joe\npassword {SECRET}\ntls on\ntls_starttls on\ntls_trust_file {CA}\n'
               f'keep on\nuidls_file {WORK}/uidls\ndelivery maildir {near}\naccount default : a\n')
    first = run('mpop', '-C', rc)
    deliver('mpop 3')
    second = run('mpop', '-C', rc)
    check('mpop: each once, by STLS and UIDL', first.returncode == 0 and second.returncode == 0 and
          subjects(near) == ['mpop 1', 'mpop 2', 'mpop 3'], (first, second, subjects(near)))
    empty()

# ---- offlineimap ----
if has('offlineimap'):
    near = WORK + '/near'
    rc = write('offlineimaprc', f'[general]\naccounts = a\nui = basic\nmetadata = {WORK}/.offlineimap\n\n[Account a]\nlocalrepository = near\n'
               f'remoterepository = far\n\n[Repository near]\ntype = Maildir\nlocalfolders = {near}\n\n'
               f'[Repository far]\ntype = IMAP\nremotehost = {HOST}\nremoteuser = joe\nremotepass = {SECRET.replace("%", "%%")}\n'
               f'ssl = yes\nsslcacertfile = {CA}\n')
    deliver(*[f'copy {i}' for i in range(5)])
    got = run('offlineimap', '-o', '-c', rc)
    check('offlineimap takes what is there', got.returncode == 0 and subjects(near + '/INBOX') == subjects(), (got, subjects(near + '/INBOX')))
    gone = sorted(glob.glob(near + '/INBOX/*/*'))[:2]
    for path in gone:
        os.unlink(path)
    with open(near + '/INBOX/new/1.here', 'w') as f:
        f.write('From: joe@example.org\nMessage-ID: <here@x>\nSubject: made here\n\nx\n')
    deliver('copy 9')
    got = run('offlineimap', '-o', '-c', rc)
    again = run('offlineimap', '-o', '-c', rc)
    check('and keeps both sides in step', got.returncode == again.returncode == 0 and subjects(near + '/INBOX') == subjects() and
          len(subjects()) == 5 and {'made here', 'copy 9'} < set(subjects()), (got, again, subjects(), subjects(near + '/INBOX')))

done()
