#!/usr/bin/env python3
"""crash_test - kill each role at each of its system calls, and let each call
fail that can, while a message passes: nothing that was accepted is lost.

make crashtest does every point; in make check every thirtieth (CRASH_STEP)."""
import concurrent.futures, glob, hashlib, os, pwd, re, shutil, smtplib, socketserver, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
import tap
from tap import *

os.environ.setdefault('TEST_FS', 'ext4')   # with a journal, whatever this machine's disk has
on_host()
skip_if_sanitized('the sanitizers make system calls of their own, and die of ptrace')
STEP = int(os.environ.get('CRASH_STEP', 30))
FAULT = os.environ['BUILD'] + '/tests/fault/fault'
BODY = ('0123456789abcdef' * 4 + '\n') * 40
MBOX = '/var/mta/ann.mbox'         # an alias that is a file
BOXES = 'joe', 'ann', 'sue', 'sue/.Box'
SCRIPT = 'require ["fileinto", "copy"]; fileinto :copy "Box"; redirect :copy "any@far.example";\n'
PASSES = 400                      # more calls than any role makes for a message
accepted = {}                     # mark -> mailboxes (user names) that must have it
sinks = {}                        # mark -> how often the other host took it


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, **more)


class Sink(socketserver.StreamRequestHandler):
    """The other host: takes mail for anybody but nobody@."""
    def handle(self):
        say = lambda line: self.wfile.write(line + b'\r\n')
        try:
            say(b'220 far.example')
            for line in self.rfile:
                verb = line[:4].upper()
                if verb == b'EHLO':
                    say(b'250-far.example\r\n250 PIPELINING')
                elif verb == b'RCPT':
                    say(b'550 5.1.1 no such user' if b'nobody' in line else b'250 ok')
                elif verb == b'DATA':
                    say(b'354 go')
                    text = b''
                    for line in self.rfile:
                        if line == b'.\r\n':
                            break
                        text += line
                    mark = re.search(rb'mark-\w+-', text)
                    if mark and text.endswith(BODY.replace('\n', '\r\n').encode()):
                        sinks[mark[0].decode()] = sinks.get(mark[0].decode(), 0) + 1
                    say(b'250 taken')
                else:
                    say(b'221 bye' if verb == b'QUIT' else b'250 ok')
                    if verb == b'QUIT':
                        break
        except OSError:
            pass


# ---- processes ----

def processes():
    """pid -> (name, parent, uid)"""
    found = {}
    for path in glob.glob('/proc/[0-9]*/status'):
        try:
            text = open(path).read()
        except OSError:
            continue
        field = lambda name: re.search(rf'^{name}:\s+(\S+)', text, re.M)[1]
        if field('State') != 'Z':
            found[int(path.split('/')[2])] = field('Name'), int(field('PPid')), int(field('Uid'))
    return past_neighbours(found)


def arguments(pid):
    try:
        return open(f'/proc/{pid}/cmdline').read().split('\0')[1:-1]
    except OSError:
        return []


def pick(name, parent=None, uid=None):
    """The one process of that name whose parent has that name, and that uid;
    of port 25's, not submission's: their programs have the same names.  The
    youngest, for an older chain may be ending still."""
    table = processes()
    for pid, (its, above, its_uid) in sorted(table.items(), reverse=True):
        if its == name and (parent is None or table.get(above, ('',))[0] == parent) and \
                (uid is None or its_uid == pwd.getpwnam(uid).pw_uid) and \
                'submission' not in arguments(pid) + arguments(above):
            return pid
    return 0


def pick_sieve():
    """There for a second after a message: one that nobody counts."""
    with smtplib.SMTP('127.0.0.1', 25, timeout=10) as s:
        s.sendmail('joe@example.org', ['sue@example.org'], 'Subject: first\n\n' + BODY)
    return wait_for(lambda: is_queue_empty() and pick('sieve-deliver'))   # not one that is about to end


CROWD = 'queue-inject of smtpd with four messages'  # one sync for all
# What is hit, and whether that is the children that it forks for the message.
ROLES = {
    'smtpd session': (lambda: pick('smtpd', 'listen'), True),
    'smtpd acceptor': (lambda: pick('smtpd', 'listen'), False),
    'queue-inject of smtpd': (lambda: pick('queue-inject', 'smtpd'), False),
    CROWD: (lambda: pick('queue-inject', 'smtpd'), False),
    'lookup of smtpd': (lambda: pick('lookup', 'smtpd'), False),
    'queue-manager': (lambda: pick('queue-manager'), False),
    'local-deliver parser': (lambda: pick('local-deliver', 'local-deliver', 'mta-local'), False),
    'local-deliver spawner': (lambda: pick('local-deliver', 'queue-manager'), False),
    'deliverer': (lambda: pick('local-deliver', 'queue-manager'), True),
    'sieve-deliver': (pick_sieve, False),
    'lookup of local-deliver': (lambda: pick('lookup', 'local-deliver'), False),
    'queue-inject of local-deliver': (lambda: pick('queue-inject', 'local-deliver'), False),
    'remote-send parent': (lambda: pick('remote-send', 'queue-manager'), False),
    'remote-send': (lambda: pick('remote-send', 'queue-manager'), True),
    'resolve': (lambda: pick('resolve', 'remote-send'), False),
    'queue-bounce parent': (lambda: pick('queue-bounce', 'queue-manager'), False),
    'queue-bounce': (lambda: pick('queue-bounce', 'queue-manager'), True),
    'queue-inject of queue-bounce': (lambda: pick('queue-inject', 'queue-bounce'), False),
}
# Where make crashtest found what was wrong: each point of these in make check too.
WHOLE = {('local-deliver spawner', 'ENOMEM'), ('queue-bounce', 'EIO'), ('queue-inject of queue-bounce', 'ENOMEM'),
         (CROWD, 'EIO')}
IN = ('smtpd session', 'smtpd acceptor', 'queue-inject of smtpd', CROWD, 'lookup of smtpd')
OUT = ('remote-send parent', 'remote-send', 'resolve')
BOUNCE = ('queue-bounce parent', 'queue-bounce', 'queue-inject of queue-bounce')


def listener():
    """listen(8) of port 25."""
    return next((pid for pid, (name, _, _) in processes().items()
                 if name == 'listen' and arguments(pid)[:1] == ['smtpd']), 0)


def is_up():
    try:
        with smtplib.SMTP('127.0.0.1', 25, timeout=5) as s:
            s.noop()
        return pick('queue-manager') and pick('local-deliver', 'local-deliver', 'mta-local') and \
            pick('resolve', 'remote-send') and pick('queue-inject', 'queue-bounce') and \
            pick('queue-inject', 'local-deliver')
    except (OSError, smtplib.SMTPException):
        return False


# ---- messages ----

def recipients_for(role, mark):
    """Addresses, and the mailboxes that must have it: each role has its kind of message."""
    if role in OUT:
        return ['any@far.example'], ['(far)']
    if role in BOUNCE:
        return ['nobody@far.example'], ['joe']          # its report
    if role == 'queue-inject of local-deliver':
        return ['away@example.org'], ['(far)']          # forwarded
    if role == 'sieve-deliver':
        return ['sue@example.org'], ['sue', 'sue/.Box', '(far)']
    if role == 'lookup of local-deliver':
        return [f'joe+{mark}@example.org'], ['joe']     # asked for once only
    if role in ('deliverer', 'local-deliver parser', 'queue-manager'):
        return ['joe@example.org', 'ann@example.org'], ['joe', 'ann']
    return ['joe@example.org'], ['joe']


def send(role, mark):
    """One message; remembers it if it was accepted."""
    to, boxes = recipients_for(role, mark)
    try:
        with smtplib.SMTP('127.0.0.1', 25, timeout=10) as s:
            refused = s.sendmail('joe@example.org', to, f'Subject: {mark}\n\n{BODY}')
    except (OSError, smtplib.SMTPException):
        return False
    if not refused:
        accepted[mark] = boxes
    return not refused


def send_all(role, mark):
    """What passes at one point; True if some of it was accepted."""
    marks = [f'{mark}x{i}-' for i in range(4 if role == CROWD else 1)]
    with concurrent.futures.ThreadPoolExecutor(len(marks)) as pool:
        return any(list(pool.map(lambda one: send(role, one), marks)))


def texts(box):
    """Of ann's mbox, or of a Maildir: USER or USER/.FOLDER."""
    if box == 'ann':
        return open(MBOX, errors='replace').read().split('\nFrom ')
    found = []
    user, _, folder = box.partition('/')
    for name in glob.glob(f'{pwd.getpwnam(user).pw_dir}/Maildir/{folder}/new/*'):
        try:
            found.append(open(name, errors='replace').read())
        except FileNotFoundError:
            pass
    return found


def is_queue_empty():
    return run('/var/mta/bin/mailq', '--json').stdout == ''


def copies(mark, box, kept):
    return [BODY] * sinks.get(mark, 0) if box == '(far)' else [t for t in kept[box] if mark in t]


def is_all_there():
    kept = {box: texts(box) for box in BOXES}
    return all(copies(mark, box, kept) for mark, boxes in accepted.items() for box in boxes)


def settle():
    """All is delivered: what waits is asked for again, what an injector left is found."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if wait_for(is_up):
            run('/var/mta/bin/sendmail', '-q')
            if wait_for(lambda: is_queue_empty() and is_all_there(), 1):
                return True
    return False


# ---- one point ----

class Tracer:
    def __init__(self, role, number, error):
        find, children = ROLES[role]
        argv = [FAULT, '-n', str(number)] + (['-c'] if children else []) + (['-e', error] if error else [])
        self.process = subprocess.Popen(argv + [str(find())], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process.stdout.readline()                  # "armed"
        self.hit = None
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith('hit '):
                self.hit = line.split()[1]

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()


def try_point(role, number, error, mark):
    """True if the point was reached: the message passed or the fault came first."""
    tracer = Tracer(role, number, error)
    is_sent = send_all(role, mark)
    if is_sent:                                         # the rest happens behind the 250
        wait_for(lambda: tracer.hit or is_queue_empty(), 5)
    tracer.end()
    if tracer.hit and not error:
        if role in IN:                                  # listen(8) would hold a chain back that ends so soon
            old = listener()
            run('s6-svc', '-t', '/var/mta/service/smtpd')
            wait_for(lambda: listener() not in (0, old))
        wait_for(is_up, 15)
    return tracer.hit


def try_role(role, error):
    """Every STEPth point, the first one by lot; the calls that were hit."""
    is_whole = (role, error) in WHOLE
    step = 1 if is_whole else STEP
    points, number, misses = [], 1 + hash_of(role, error) % min(step, 5), 0
    while number < PASSES and misses < (8 if is_whole else 3):  # some are chance: it had nothing to do just then
        mark = f'mark-{len(accepted)}x{number}x{hash_of(role, error)}'
        hit = try_point(role, number, error, mark)
        misses = 0 if hit else misses + 1
        if hit:
            points.append(hit)
            number += step
        elif not points:
            number = 1                                  # it makes fewer calls than that
    return points


def try_for(role, error, wanted, points):
    """How four messages gather, and so which call is the Nth, is chance: on until that call was hit."""
    for turn in range(60):
        if wanted in points:
            break
        number = 12 + turn % 12
        hit = try_point(role, number, error, f'mark-{len(accepted)}x{turn}x{wanted}')
        points += [hit] if hit else []


def hash_of(role, error):
    return int(hashlib.sha256(f'{role} {error}'.encode()).hexdigest()[:6], 16)


def account(role, error, points):
    """0 lost, 0 truncated; how many twice."""
    is_settled = settle()
    kept = {box: texts(box) for box in BOXES}
    lost, torn, twice = [], [], 0
    for mark, boxes in accepted.items():
        for box in boxes:
            found = copies(mark, box, kept)
            whole = [t for t in found if BODY in t or role in BOUNCE]
            lost += [mark] if not found else []
            torn += [mark] if len(whole) < len(found) else []
            twice += len(found) > 1
    name = f'{role}: {"killed before" if not error else error + " from"} {len(points)} calls'
    check(f'{name}, {len(accepted)} accepted, 0 lost, 0 truncated, {twice} twice',
          is_settled and not lost and not torn and points,
          [is_settled, lost, torn, points, run('/var/mta/bin/mailq', '--json').stdout[:1500], run('sh', '-c', 'grep -v "retry of all" /var/mta/log/queue/current | tail -12').stdout])
    accepted.clear()
    return len(points), len(lost), len(torn), twice


# ---- the test ----

control('smtproutes', 'far.example:[127.0.0.61]\n')
control('smtpdaddresses', '127.0.0.1\n')
control('limits', '* 20 - 1\n')   # no idle connection: each message passes every call
control('retrymin', '1\n')
control('timeoutsmtpd', '20\n')
with open('/etc/aliases', 'w') as f:
    f.write(f'away: any@far.example\nann: {MBOX}\n')
run('/var/mta/bin/newaliases')
run('useradd', '--home-dir', os.path.dirname(pwd.getpwnam('joe').pw_dir) + '/sue', '--create-home', 'sue')
run('setpriv', '--reuid=sue', '--regid=sue', '--init-groups', 'sh', '-c',
    'umask 077; cd ~sue; mkdir -p Maildir/sieve Maildir/new Maildir/cur Maildir/tmp Maildir/.Box/new Maildir/.Box/cur '
    'Maildir/.Box/tmp; cat >Maildir/sieve/main.sieve; echo main >Maildir/sieve/active', input=SCRIPT)
open(MBOX, 'w').close()
shutil.chown(MBOX, 'mta-alias')
socketserver.ThreadingTCPServer.allow_reuse_address = True
server = socketserver.ThreadingTCPServer(('127.0.0.61', 25), Sink)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
started = run('/var/mta/bin/mtactl', 'start')
check('the system is up', started.returncode == 0 and wait_for(is_up), started.stderr)
if tap.failures:
    done()

total = [0, 0, 0, 0]
for role in sys.argv[1:] or ROLES:
    for error in (None, 'EIO', 'ENOSPC', 'EMFILE', 'ENOMEM'):
        points = try_role(role, error)
        if (role, error) == (CROWD, 'EIO'):
            try_for(role, error, 'fsync', points)
            check('a sync that four messages share failed, too',
                  {'sync_file_range', 'fsync'} <= set(points), points)
        if points or error is None:
            total = [a + b for a, b in zip(total, account(role, error, points))]
print('# points {}, lost {}, truncated {}, delivered twice {}'.format(*total))
done()
