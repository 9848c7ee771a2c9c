#!/usr/bin/env python3
"""rewrite_test - pop3d is killed before each system call of a QUIT that rewrites
an mbox, and each that can fails: no message that was kept is lost or cut, for
programs that just read the file; for ours, and after a delivery, none is torn
or there twice, and the mailbox is the old one or the new one."""
import os, pwd, re, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
skip_if_sanitized('the sanitizers make system calls of their own, and die of ptrace')
FAULT = os.environ['BUILD'] + '/tests/fault/fault'
JOE = pwd.getpwnam('joe')
BOX = '/var/mail/joe'
FROM = 'From a@b Tue Nov 24 11:00:00 2026\n'
SIZES = [3, 200, 1, 900, 2, 40, 1500]       # lines; two blocks of 64 KiB and more are moved
GONE = {2, 4, 5}                            # numbers of messages
AS_JOE = ['setpriv', '--reuid', str(JOE.pw_uid), '--regid', str(JOE.pw_gid), '--clear-groups']
JOURNAL = 'user.estafeta.rewrite'


def text(i):
    return f'Subject: {i}\n\n' + f'{i} line of the body, {"z" * 60}\n' * SIZES[i - 1] + f'end {i}\n'


OLD = list(range(1, len(SIZES) + 1))
NEW = [i for i in OLD if i not in GONE]
LATE = 'Subject: late\n\nlate\n'


def fresh():
    with open(BOX, 'w') as f:
        f.write(''.join(FROM + text(i) + '\n' for i in OLD))
    os.chown(BOX, JOE.pw_uid, JOE.pw_gid)
    os.chmod(BOX, 0o600)


def append(message):
    """A program that knows nothing of us."""
    with open(BOX, 'a') as f:
        f.write(FROM + message + '\n')


def parts():
    """As any program finds them: after an empty line and "From "."""
    with open(BOX, errors='replace') as f:
        found = re.split(r'(?:^|(?<=\n\n))From .*\n', f.read())[1:]
    return [part.rstrip('\n') + '\n' for part in found]


def missing():
    """Kept messages that are nowhere whole; the last one may have bytes behind it that the copy has not filled yet."""
    seen = parts()
    return [i for i in NEW if not any(part.startswith(text(i)) and not part[len(text(i)):].strip('\n\0') for part in seen)]


def session(*commands):
    ran = subprocess.run(AS_JOE + ['/var/mta/bin/pop3d', 'mbox:' + BOX], input=''.join(c + '\r\n' for c in commands),
                         capture_output=True, text=True, timeout=60)
    return ran.stdout.replace('\r', '')


def read_all():
    """What POP3 sees, by number, "late", or the text that none should be."""
    known = {text(i): i for i in OLD} | {LATE: 'late'}
    count = int(re.match(r'\+OK (\d+)', session('QUIT'))[1])
    said = session(*[f'RETR {i + 1}' for i in range(count)], 'QUIT')
    found = re.findall(r'\+OK \d+ octets\n(.*?\n)\.\n', said, re.S)
    strip = lambda t: re.sub(r'^(Return-Path|Delivered-To): .*\n', '', t, flags=re.M)
    return [known.get(strip(t), strip(t)[:200]) for t in found]


def break_off(number, error=None):
    """The call that was hit, and whether the client heard +OK after QUIT."""
    pop = subprocess.Popen(AS_JOE + ['/var/mta/bin/pop3d', 'mbox:' + BOX], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    pop.stdout.readline()
    for i in sorted(GONE):
        pop.stdin.write(f'DELE {i}\r\n')
        pop.stdin.flush()
        pop.stdout.readline()
    tracer = subprocess.Popen([FAULT, '-n', str(number)] + (['-e', error] if error else []) + [str(pop.pid)],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    tracer.stdout.readline()
    said = pop.communicate('QUIT\r\n', timeout=60)[0]
    tracer.terminate()
    # A dot lock that has no text yet is anybody's, for five minutes.
    if os.path.exists(BOX + '.lock') and not os.path.getsize(BOX + '.lock'):
        os.utime(BOX + '.lock', (0, 0))
    hit = [line.split()[1] for line in tracer.communicate()[0].split('\n') if line.startswith('hit')]
    return hit[0] if hit else '', said.startswith('+OK')


def deliver():
    ran = subprocess.run(AS_JOE + ['/var/mta/bin/local-deliver', '-f', 'a@b', 'joe'], input=LATE, capture_output=True, text=True)
    if ran.returncode:
        print('#', ran)
    return ran.returncode == 0


def try_one(number, error, way, wrong):
    """The call that was hit, '' if there are not so many; what went wrong is added."""
    fresh()
    hit, is_ok = break_off(number, error)
    if not hit:
        if not is_ok:
            wrong.append((number, 'no +OK'))
        return ''
    lost = missing()
    if lost:
        wrong.append((number, hit, 'lost', lost))
    if way == 'delivery' and not deliver():
        wrong.append((number, hit, 'not delivered'))
    if way == 'stranger':
        append(LATE)
        if LATE not in parts() or missing():
            wrong.append((number, hit, 'lost behind a stranger'))
    after = read_all()
    late = [] if way == 'reader' else ['late']
    allowed = [NEW + late] if is_ok else [OLD + late, NEW + late]
    if after not in allowed:
        wrong.append((number, hit, way, is_ok, after))
    if JOURNAL in os.listxattr(BOX):
        wrong.append((number, hit, way, 'the journal stays'))
    return hit


def try_each(error, ways):
    """Every point: read by us, after a delivery of ours, after a stranger's."""
    points, wrong = [], []
    number, hit = 1, 'any'
    while hit:
        for way in ways:
            hit = hit and try_one(number, error, way, wrong)
        points.append(hit)
        number += 1
    # The count begins where the tracer finds pop3d, a call earlier or later: one can be passed over.
    for again in range(4 * number):
        if error is None and not REWRITING <= set(points):
            points.append(try_one(again % number + 1, error, ways[0], wrong))
    return points, wrong


REWRITING = {'pwrite64', 'fsync', 'ftruncate'}
for name, value in (('defaultdelivery', 'mbox'),):
    with open('/var/mta/control/' + name, 'w') as f:
        f.write(value + '\n')
fresh()
try:
    os.setxattr(BOX, JOURNAL, b'nonsense')
except OSError as error:
    print(f'1..0 # skip no extended attributes here: {error}')
    sys.exit(0)
check('a journal that is none is dropped', read_all() == OLD and not os.listxattr(BOX))
check('mail is delivered by hand', deliver() and read_all() == OLD + ['late'], read_all())
for dot_lock in (True, False):
    os.chmod('/var/mail', 0o1777 if dot_lock else 0o755)
    for error in (None, 'EIO', 'ENOSPC') if dot_lock else (None,):
        points, wrong = try_each(error, ('reader', 'delivery', 'stranger') if dot_lock else ('delivery',))
        where = '' if dot_lock else ', in a folder that is not the user\'s'
        how = f'{"killed before" if not error else error + " from"} {len(points)} calls{where}'
        check(how + ': 0 lost, 0 torn', len(points) >= 5 and not wrong, (wrong[:6], points))
        if error is None:
            check('the rewriting is among them', REWRITING <= set(points), points)
        print(f'# {how}')
done()
