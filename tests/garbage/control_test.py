#!/usr/bin/env python3
"""control_test - garbage in every control file: mtactl check names file and
line, the service that reads it does not start and says the same, and mail is
deferred until the file is mended: nothing bounces, nothing is lost."""
import glob, os, re, select, shutil, signal, smtplib, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
TOP = os.path.realpath(TESTS + '/..')
BIN, CONTROL = '/var/mta/bin/', '/var/mta/control/'
SCRATCH = os.environ['host_dir'] + '/garbage'
os.mkdir(SCRATCH)


def read(path):
    with open(path, errors='replace') as f:
        return f.read()


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, errors='replace', **more)


# ---- which files there are: what the sources read ----
SOURCES = '\n'.join(read(p) for p in glob.glob(TOP + '/*/*.c') + glob.glob(TOP + '/lib/*/*.c') if '/tests/' not in p)
SERVICES = {os.path.basename(os.path.dirname(p)): read(p).replace('\\\n', ' ') for p in glob.glob(TOP + '/service/*/run')}
LISTENING = {m for text in SERVICES.values() for m in re.findall(r'exec listen (\w+)', text)}
LOGINS = {m for text in SERVICES.values() for m in re.findall(r' login (\w+)', text)} - {'smtp'}
NUMBERS = {m[0]: m[1:] for m in re.findall(r'control_number\(\s*"(\w+)",\s*([^,]+),\s*([^,]+),\s*([^;]+?)\)', SOURCES)}
READERS = r'(?:control_(?:value|words?|host|path|list)|domain_list|domain_lines|load_set|network_list|dial_control|is_set|program_of)'
FILES = set(re.findall(READERS + r'\(\s*"(\w+)"', SOURCES)) | set(NUMBERS)
for suffix, reader in re.findall(r'snprintf\(\s*file, sizeof\(file\), "%s(\w+)".*?(\w+)\(\s*file\b', SOURCES, re.S):
    for service in LOGINS if suffix == 'peruser' else LISTENING:
        FILES.add(service + suffix)
        if reader == 'control_number':
            NUMBERS[service + suffix] = ()
check('the sources read control files', len(FILES) > 60 and len(NUMBERS) > 35, (len(FILES), len(NUMBERS)))


def put(name, content, folder=CONTROL):
    clear(name, folder)
    with open(folder + '/' + name, 'wb') as f:
        f.write(content)


def clear(name, folder=CONTROL):
    path = folder + '/' + name
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    elif os.path.lexists(path):
        os.unlink(path)


GOOD = {'me': b'mx.example.org\n', 'locals': b'example.org\nlocalhost\nmx.example.org\n'}


def mend(name, folder=CONTROL):
    if name in GOOD:
        put(name, GOOD[name], folder)
    else:
        clear(name, folder)


# ---- mtactl check ----
def named(files, label, line=None, extra=''):
    """Does mtactl check exit 78 and name each of the files, with its line?"""
    got = run(BIN + 'mtactl', 'check')
    text = got.stdout + got.stderr
    where = ':' if line is None else f':{line}:'
    missing = [n for n in sorted(files) if f'{CONTROL}{n}{where}' not in text]
    check(f'mtactl check names {label}: {len(files)} files', got.returncode == 78 and not missing and extra in text,
          (got.returncode, missing, text[-500:] if missing else ''))
    for name in FILES:
        mend(name)


sound = run(BIN + 'mtactl', 'check')
while sound.returncode != 0 and 'no certificate' in sound.stdout:
    run(BIN + 'mtactl', 'start')
    run(BIN + 'mtactl', 'stop')
    sound = run(BIN + 'mtactl', 'check')
check('mtactl check finds no fault in sound settings', sound.returncode == 0, (sound.stdout, sound.stderr))

for label, text in (('letters for a number', b'ten'), ('a number that is too large', b'9' * 30), ('one below zero', b'-1'),
                    ('a fraction', b'1.5'), ('a unit', b'10k'), ('a number and more', b'1 2')):
    for name in NUMBERS:
        put(name, b'# what it is\n\n' + text + b' # why\n')
    named(NUMBERS, label, 3)
NUL = b'# what it is\n\n\x01\0\xff\xfe\n'
LONG = b'# what it is\n' + b'~ \x01' * 50000 + b'\n'
for label, content, line in (('NUL bytes', NUL, 3), ('an over-long line of rubbish', LONG, 2)):
    for name in FILES:
        put(name, content)
    named(FILES, label, line)
MAX = int(eval(re.search(r'CONTROL_MAX = ([^,]+)', read(TOP + '/lib/base/control.h'))[1]))
with open(SCRATCH + '/big', 'wb') as f:
    f.write((b'#' * 99 + b'\n') * (MAX // 100 + 1))
for name in FILES:
    clear(name)
    os.symlink(SCRATCH + '/big', CONTROL + name)
named(FILES, f'files of more than {MAX} bytes', None, f'over {MAX} bytes')
for name in FILES:
    clear(name)
    os.mkdir(CONTROL + name)
named(FILES, 'a folder in the place of a file', None, 'Is a directory')
for name in FILES:
    put(name, b'')
    os.chown(CONTROL + name, 65534, 65534)
    os.chmod(CONTROL + name, 0)
named(FILES, 'a file that no service can read', None, 'chmod 644')
# What a person mistypes in files that are more than a number, line by line.
TYPING = {'locals': b'example.org example.net', 'virtualdomains': b'joe@example.org', 'rcpthosts': b'a.example,b.example',
          'me': b'mx example', 'helohost': b'm\xc3\xbcnchen.example', 'relayclients': b'10.0.0.0/33', 'proxynets': b'10.0.0',
          'xclientnets': b'localhost', 'verpclients': b'localhost', 'pipeconnectnets': b'*', 'nosoliciting': b'a b', 'cleartextnets': b'::1/129', 'imapdreuse': b'10.0.0.1-9', 'sievedreuse': b'10.0.0.1-9', 'authmasters': b'joe ann@example.org', 'smtpdaddresses': b'127.0.0.1:99999',
          'pop3daddresses': b'mail.example.org', 'postmaster': b'joe ann', 'quarantine': b'a b',
          'doublebounceto': b'a b', 'recipientdelimiter': b'+ -', 'defaultdelivery': b'/var/mail',
          'smtproutes': b'example.org', 'senderroutes': b'example.org smart.example', 'odmrfetch': b'mx.example a@b.example', 'limits': b'example.org many',
          'tlspolicy': b'example.org maybe', 'tlsca': b'ca.pem', 'smtpauth': b'smart.example * me',
          'sourceaddress': b'* localhost', 'discardehlo': b'* CHUNKING HELP',
          'nameservers': b'dns.example.org', 'senderlogins': b'joe: joe', 'imapdsubmitters': b'joe ann',
          'filters': b'spam', 'milters': b'inet:port', 'rspamd': b'here', 'authmechanisms': b'PLIAN',
          'tlsclientca': b'/no/such/file', 'passwordchecker': b'checker', 'oauthchecker': b'checker'}
for name, text in TYPING.items():
    put(name, b'# what it is\n' + text + b'\n')
named(TYPING, 'typing errors', 2)
for route in (b'lmtp:unix:/run/lmtp', b'lmtp:/run/lmtp'):
    put('smtproutes', b'# what it is\nexample.org:' + route + b'\n')
    named(['smtproutes'], f'a socket with a path, {route.decode()}', 2, 'write lmtp:[127.0.0.1]:24')
sound = run(BIN + 'mtactl', 'check')
check('mtactl check finds no fault in what was mended', sound.returncode == 0, (sound.stdout, sound.stderr))


# ---- each service, started from its run script, while one file after another is mended ----
def start_once(service, folder, quiet=0.35):
    """What a service logs until it is ready or has named a file, and then has nothing to say; was it ready?"""
    ready, tell = os.pipe()
    log, write = os.pipe()
    shell = ('mount --make-rprivate / && mount --bind "$1" /var/mta/control && exec "$2" '
             f'3>/proc/self/fd/{tell}')
    # Those of its neighbours that wait until they are needed (-w) are to start, too.
    script = f'{SCRATCH}/{service}.run'
    off = '' if os.path.exists('/var/mta/service/' + service) else '.'
    with open(f'/var/mta/service/{off}{service}/run') as f, open(script, 'w') as out:
        out.write(f.read().replace('neighbour -w', 'neighbour'))
    os.chmod(script, 0o755)
    child = subprocess.Popen(['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', shell, 'sh', folder,
                              script], stdin=subprocess.DEVNULL, stdout=write, stderr=write,
                             pass_fds=[tell])
    os.close(tell), os.close(write)
    text, is_ready, awaited, end = b'', False, [log, ready], time.monotonic() + 60
    while time.monotonic() < end:
        is_settled = is_ready or CONTROL.encode() in text
        heard = select.select(awaited, [], [], quiet if is_settled else 60)[0]
        if not heard:
            break
        if ready in heard:
            is_ready = os.read(ready, 1) == b'\n'
            awaited.remove(ready)
        if log in heard:
            more = os.read(log, 65536)
            if not more:
                break
            text += more
    child.kill()
    child.wait()
    os.close(log), os.close(ready)
    return text.decode(errors='replace'), is_ready


COMPLAINT = re.compile(rf'^([\w-]+): (?:cannot (?:open|read) )?{CONTROL}(\w+):(\d+:)? (\S.*)$', re.M)


def hear(service, content):
    """(program, file) of every complaint while all files are broken, then mended one by one as they are named."""
    folder = f'{SCRATCH}/{service}'
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    for name in FILES:
        put(name, content, folder)
    heard, ill = set(), []
    for _ in range(60):
        text, is_ready = start_once(service, folder)
        found = COMPLAINT.findall(text)
        if not found:                       # a busy machine may only be slow to complain
            text, is_ready = start_once(service, folder, 3)
            found = COMPLAINT.findall(text)
        if not found:
            return heard, is_ready, ill, text
        for program, name, line, _ in found:
            heard.add((program, name))
            if line != '3:':
                ill.append((program, name, line))
            mend(name, folder)
            if name == 'filters':
                put(name, b'milter\nrspamd\n', folder)
        if is_ready and 'started by' in text:
            ill.append(text)
    return heard, False, ill, text


with ThreadPoolExecutor(len(SERVICES)) as pool:
    results = dict(zip(SERVICES, pool.map(lambda s: hear(s, NUL), SERVICES)))
by_service = set()
for service, (heard, is_ready, ill, text) in results.items():
    by_service |= {name for _, name in heard}
    check(f'{service} names file and line of {len(heard)} broken files, then starts', is_ready and heard and not ill,
          (is_ready, ill, text[-1500:]))
# What no service reads: files of commands, and of programs by hand.
unheard = FILES - by_service - {'uidfirst', 'uidlast', 'landlockmax'}
check('every file that is read was named by a service', not unheard, unheard)


# ---- mail while a file is broken ----
def offer_smtp(subject):
    """'kept', 'later' (4xx, or no word at all), or what else was said."""
    try:
        with smtplib.SMTP('127.0.0.1', 25, timeout=2) as client:
            client.sendmail('ann@example.org', ['joe@example.org'], f'Subject: {subject}\n\n.\n')
        return 'kept'
    except smtplib.SMTPRecipientsRefused as refused:
        code = list(refused.recipients.values())[0][0]
    except smtplib.SMTPResponseException as error:
        code = error.smtp_code
    except OSError:
        return 'later'
    return 'later' if code < 0 or 400 <= code < 500 else str(code)


def offer(command, subject, **more):
    message = f'Subject: {subject}\n\n.\n'
    got = subprocess.run(command, input=message, capture_output=True, text=True, timeout=10, **more)
    return {0: 'kept', 75: 'later'}.get(got.returncode, f'{got.returncode} {got.stderr}')


def offer_sendmail(subject):
    return offer([BIN + 'sendmail', '-f', 'ann@example.org', 'joe@example.org'], subject)


def offer_inject(subject):
    envelope = SCRATCH + '/envelope'
    with open(envelope, 'wb') as f:
        f.write(b'Fann@example.org\0Tjoe@example.org\0\0')
    return offer(['sh', '-c', f'exec {BIN}queue-inject 1<{envelope}'], subject, user='ann')


WAYS = {'smtp': offer_smtp, 'sendmail': offer_sendmail, 'queue-inject': offer_inject}
HOMES = os.environ['host_dir'] + '/home/'


def subjects(user):
    return [read(p).split('Subject: ')[1].split('\n')[0] for p in glob.glob(HOMES + user + '/Maildir/new/*')]


def log(service):
    return ''.join(read(p) for p in glob.glob(f'/var/mta/log/{service}/current'))


def episode(name, content, services, restart=(), spoil=None):
    """Break a file for two seconds, offering mail by each way; mend it: all that was offered arrives."""
    before = {s: log(s).count(CONTROL + name) for s in services}
    put(name, content)
    if spoil:
        spoil(CONTROL + name)
    for service in restart:
        run('s6-svc', '-t', '/var/mta/service/' + service)
    offered = {f'{name}-{way}': (tell, tell(f'{name}-{way}')) for way, tell in WAYS.items()}
    strange = {s: a for s, (_, a) in offered.items() if a not in ('kept', 'later')}
    check(f'{name} broken: mail is kept or deferred', not strange, strange)
    said = wait_for(lambda: all(log(s).count(CONTROL + name) > before[s] for s in services), 12)
    check(f'{name} broken: logged with its line by {", ".join(services)}', said and all(
        spoil or re.search(rf'{CONTROL}{name}:\d+: ', log(s)) for s in services), [log(s)[-700:] for s in services])
    mend(name)
    for subject, (tell, answer) in offered.items():
        held = answer == 'kept' or wait_for(lambda: tell(subject) == 'kept', 40)
        check(f'{name} mended: taken by {subject.split("-", 1)[1]}', held, log('smtpd')[-700:])
    return set(offered)


started = run(BIN + 'mtactl', 'start')
check('mtactl start, all mended', started.returncode == 0, started.stderr)
wanted = episode('locals', NUL, ('smtpd', 'queue'))
wanted |= episode('queuelifetime', b'# in s\nfive days\n', ('queue',))
wanted |= episode('me', b'mx example org\n', ('smtpd', 'queue'))
wanted |= episode('virtualdomains', b'example.net\n', ('smtpd',), spoil=lambda p: (os.chown(p, 65534, 65534), os.chmod(p, 0)))
wanted |= episode('databytes', b'50 MiB\n', ('smtpd',), ('smtpd',))
run(BIN + 'sendmail', '-q')     # what was tried in between waits five minutes
arrived = wait_for(lambda: wanted <= set(subjects('joe')), 40)
check('all that was offered has arrived', arrived, (wanted - set(subjects('joe')), run(BIN + 'mailq').stdout, log('queue')[-1500:]))
check('nothing was returned to its sender', not glob.glob(HOMES + 'ann/Maildir/new/*') and
      not glob.glob('/var/mta/mail/postmaster/Maildir/new/*'))
check('the queue is empty', wait_for(lambda: not glob.glob('/var/mta/queue/cur/?/*')), glob.glob('/var/mta/queue/cur/?/*'))
signals = [line for s in SERVICES for line in log(s).splitlines() if 'of signal' in line and 'signal 15' not in line]
check('no program died of a signal', not signals, signals)
done()
