#!/usr/bin/env python3
"""full_disk_test - a queue whose disk is full, to the last block and to the
last inode, and processes without descriptors or memory: refused or deferred,
with the reason; delivered when there is room again."""
import glob, json, os, pwd, smtplib, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
os.environ.setdefault('TEST_FS', 'ext4')
os.environ.setdefault('TEST_FS_SIZE', '96M')
from tap import *

on_host()
DISK = os.environ['TEST_MOUNT']
BODY = 'x' * 70 + '\n'


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, **more)


def submit(mark, lines=20, to='joe@example.org'):
    """The reply to the message: 250, or what it was refused with."""
    try:
        with smtplib.SMTP('127.0.0.1', 25, timeout=20) as s:
            s.sendmail('ann@example.org', [to], f'Subject: {mark}\n\n{BODY * lines}')
            return 250, ''
    except smtplib.SMTPRecipientsRefused as e:
        return next(iter(e.recipients.values()))
    except smtplib.SMTPResponseException as e:
        return e.smtp_code, e.smtp_error.decode()
    except OSError as e:
        return 0, str(e)


def sendmail(mark, to='joe'):
    return run('setpriv', '--reuid=ann', '--regid=ann', '--init-groups', '/var/mta/bin/sendmail', to,
               input=f'Subject: {mark}\n\n{BODY}')


def box(mark):
    """How many whole and how many torn copies there are."""
    texts = [open(n).read() for n in glob.glob(pwd.getpwnam('joe').pw_dir + '/Maildir/new/*')]
    mine = [t for t in texts if f'Subject: {mark}\n' in t]
    return len([t for t in mine if t.endswith(BODY)]), len([t for t in mine if not t.endswith(BODY)])


def log(name):
    return open(f'/var/mta/log/{name}/current', errors='replace').read()


def attempts(address):
    entries = [json.loads(line) for line in run('/var/mta/bin/mailq', '--json').stdout.splitlines()]
    return max((r['attempts'] for e in entries for r in e['recipients'] if r['address'] == address), default=0)


def fill_blocks():
    """To the last block; the files that hold them."""
    names = []
    for size in (1 << 20, 1 << 16, 4096):
        try:
            while True:
                names.append(f'{DISK}/fill-{len(names)}')
                with open(names[-1], 'wb', buffering=0) as f:
                    if f.write(b'\1' * size) < size:
                        raise OSError
                    os.fsync(f.fileno())
        except OSError:
            pass
    return names


def fill_inodes():
    os.mkdir(DISK + '/inodes')
    names = []
    try:
        while True:
            names.append(f'{DISK}/inodes/{len(names)}')
            os.mknod(names[-1])
    except OSError:
        return names


def empty(names):
    for name in names:
        if os.path.lexists(name):
            os.unlink(name)


def is_up():
    return submit('probe', to='ann@example.org')[0] == 250


def pids(name):
    return run('pgrep', '-x', name).stdout.split()


control('retrymin', '1\n')
started = run('/var/mta/bin/mtactl', 'start')
check('the system is up, on a disk of its own', started.returncode == 0 and is_up(), started.stderr)
# What was accepted before the disk is full, and waits for another host:
control('smtproutes', 'far.example:[127.0.0.61]:2\n')
check('a message waits', submit('waits', to='any@far.example')[0] == 250)
check('deferred', wait_for(lambda: 'deferred to=<any@far' in log('queue')))

for what, fill in (('block', fill_blocks), ('inode', fill_inodes)):
    names = fill()
    code, text = submit(f'full-{what}', 200)
    check(f'no {what} left: refused for now, with the reason', 400 <= code < 500 and 'full' in str(text) or code == 452,
          (code, text))
    sent = sendmail(f'cmd-{what}')
    check(f'no {what} left: sendmail exits 75 and says why', sent.returncode == 75 and sent.stderr != '', sent)
    check(f'no {what} left: the session goes on', submit(f'again-{what}', 200)[0] in range(400, 500))
    tries = attempts('any@far.example')                 # marked in place; the log is on the full disk, too
    check(f'no {what} left: what waits is still tried and marked',
          wait_for(lambda: run('/var/mta/bin/sendmail', '-q') and attempts('any@far.example') > tries))
    empty(names)
    check(f'{what}s again: accepted', wait_for(lambda: submit(f'after-{what}')[0] == 250))
    check(f'{what}s again: delivered, whole', wait_for(lambda: box(f'after-{what}') == (1, 0)), box(f'after-{what}'))
    check(f'{what}s: what was refused is nowhere', box(f'full-{what}') == (0, 0) and box(f'cmd-{what}') == (0, 0))

# The mailbox's disk fills between acceptance and delivery: deferred, not lost.
names = fill_blocks()
empty(names[:1])
code, _ = submit('tight', 2000)
empty(names)
if code == 250:
    check('accepted just before the disk was full: delivered in the end',
          wait_for(lambda: run('/var/mta/bin/sendmail', '-q') and box('tight') == (1, 0)), box('tight'))
else:
    check('too tight: refused for now', 400 <= code < 500, code)

# No descriptors: each program in turn may open no more than it holds.
for name in ('queue-inject', 'queue-manager', 'local-deliver', 'smtpd', 'lookup'):
    for pid in pids(name):
        run('prlimit', '--pid', pid, '--nofile=3:4096')
    code, text = submit(f'few-{name}')
    check(f'{name} without descriptors: accepted or refused for now, not dropped', code == 250 or 400 <= code < 500
          or code == 0 and name == 'smtpd', (code, text))
    for pid in pids(name):
        run('prlimit', '--pid', pid, '--nofile=4096:4096')
    check(f'{name} with descriptors again: the next one is taken', wait_for(lambda: submit(f'more-{name}')[0] == 250))
    wanted = [f'more-{name}'] + ([f'few-{name}'] if code == 250 else [])
    check(f'{name}: what was accepted is delivered, whole and once',
          wait_for(lambda: run('/var/mta/bin/sendmail', '-q') and all(box(m) == (1, 0) for m in wanted), 20),
          [(m, box(m)) for m in wanted])

# No memory: an address space that cannot grow.
for name in ('queue-inject', 'queue-manager', 'lookup'):
    for pid in pids(name):
        size = int(open(f'/proc/{pid}/statm').read().split()[0]) * 4096
        run('prlimit', '--pid', pid, f'--as={size}:unlimited')
    code, text = submit(f'small-{name}', 3000)
    check(f'{name} without memory: accepted or refused for now', code == 250 or 400 <= code < 500, (code, text))
    for pid in pids(name):
        run('prlimit', '--pid', pid, '--as=unlimited:unlimited')
    wanted = [f'big-{name}'] + ([f'small-{name}'] if code == 250 else [])
    check(f'{name} with memory again: taken', wait_for(lambda: submit(f'big-{name}', 3000)[0] == 250))
    check(f'{name}: delivered, whole and once',
          wait_for(lambda: run('/var/mta/bin/sendmail', '-q') and all(box(m) == (1, 0) for m in wanted), 20),
          [(m, box(m)) for m in wanted])
done()
