#!/usr/bin/env python3
"""rewrite_test - an mbox from which POP3 removes messages: pop3d is killed at
each of its system calls, or the call fails, or the power is cut there.  Each
message that is kept is in the file, whole.

For the power cut, what the disk may hold is computed: the file as it was at the
last sync, with any of the pages that were written since, in any order."""
import itertools, os, poplib, random, shutil, socket, subprocess, sys, tempfile
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

BUILD = os.environ['BUILD']
os.environ['ASAN_OPTIONS'] = 'detect_leaks=0'
FAULT = BUILD + '/tests/fault/fault'
UID = 54321 if os.geteuid() == 0 else os.geteuid()
PAGE, SUBSETS = 4096, 64
rnd = random.Random(int(os.environ.get('REWRITE_SEED', '1')))
work = tempfile.mkdtemp(prefix='rewrite_test.')
os.chmod(work, 0o755)
shutil.copy(BUILD + '/pop3d/pop3d', work + '/pop3d')
os.mkdir(work + '/spool')
os.chown(work + '/spool', UID, UID)
BOX = work + '/spool/box'
GONE = (1, 2, 5)
TEXTS = [b'From a@b Tue Nov 24 11:00:00 2026\nSubject: %d\n\n' % i + b'%d line of the message\n' % i * (400 - 40 * i) + b'end %d\n' % i
         for i in range(1, 9)]
KEPT = [text for i, text in enumerate(TEXTS, 1) if i not in GONE]


class Pop(poplib.POP3):
    def __init__(self):
        self.pair, theirs = socket.socketpair()
        self.pair.settimeout(20)
        with theirs:
            self.child = subprocess.Popen(['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups',
                                           work + '/pop3d', BOX], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
        super().__init__('pair')

    def _create_socket(self, timeout):
        return self.pair


def fresh():
    shutil.rmtree(BOX + '.lock', ignore_errors=True)
    for path in (BOX, BOX + '.lock'):
        if os.path.exists(path):
            os.unlink(path)
    with open(BOX, 'wb') as f:
        f.write(b'\n'.join(TEXTS) + b'\n')
    os.chown(BOX, UID, UID)


def quit_under(number, error=None):
    """Which call was hit (None: none), what QUIT was answered, what the file holds then."""
    fresh()
    pop = Pop()
    for i in GONE:
        pop.dele(i)
    fault = subprocess.Popen([FAULT, '-n', str(number)] + (['-e', error] if error else []) + [str(pop.child.pid)],
                             stdout=subprocess.PIPE, text=True)
    assert fault.stdout.readline() == 'armed\n'
    try:
        said = pop.quit()
    except (OSError, EOFError, poplib.error_proto) as trouble:
        said = str(trouble).encode()
    pop.close()
    pop.child.wait(30)
    fault.terminate()
    hit = [line.split()[1] for line in fault.communicate()[0].splitlines() if line.startswith('hit')]
    with open(BOX, 'rb') as f:
        return (hit[0] if hit else None), said, f.read()


def lacking(content):
    return [i for i, text in enumerate(KEPT) if text not in content]


def pages(content):
    return [content[at:at + PAGE] for at in range(0, len(content), PAGE)]


def written(old, new):
    """The call's work: pages, each with its number; and a size, if the file was cut."""
    before, after = pages(old), pages(new)
    work = [(i, page) for i, page in enumerate(after) if i >= len(before) or before[i] != page]
    return [('cut', len(new))] if len(new) < len(old) else work


def after_cut(base, work):
    content = bytearray(base)
    for what, value in work:
        if what == 'cut':
            del content[value:]
        else:
            end = what * PAGE + len(value)
            if end > len(content):
                content.extend(bytes(end - len(content)))
            content[what * PAGE:end] = value
    return bytes(content)


def subsets(work):
    if len(work) <= 6:
        for count in range(len(work) + 1):
            yield from itertools.combinations(work, count)
    else:
        yield work
        for _ in range(SUBSETS):
            share = rnd.random()
            yield [one for one in work if rnd.random() < share]


calls, contents = [], []
for number in itertools.count(1):
    hit, said, content = quit_under(number)
    contents.append(content)
    if hit is None:
        break
    calls.append(hit)
bad = [(n, calls[n - 1], lacking(c)) for n, c in enumerate(contents, 1) if lacking(c)]
check(f'killed at each of {len(calls)} calls: nothing is lost', len(calls) > 10 and not bad, bad[:3])
check('at the end what was removed is gone', said == b'+OK bye' and contents[-1] == b'\n'.join(KEPT) + b'\n', (said, len(contents[-1])))
with open(BOX, 'wb') as f:
    f.write(contents[len(calls) // 2])
pop = Pop()
check('the next session reads what a killed one left', pop.stat()[0] >= len(KEPT))
pop.close()
pop.child.wait(30)

base, pending, bad, count = contents[0], [], [], 0
for n, call in enumerate(calls):
    pending += written(contents[n], contents[n + 1])
    if call in ('fsync', 'fdatasync'):
        base, pending = contents[n + 1], []
    for some in subsets(pending):
        count += 1
        if lacking(after_cut(base, some)):
            bad.append((n, call, lacking(after_cut(base, some)), [w[0] for w in some]))
check('it syncs more than once', sum(call in ('fsync', 'fdatasync') for call in calls) > 1, calls)
check('power cut at each: nothing is lost', count > 100 and not bad, (count, bad[:3]))
print(f'# {count} states of the disk')

for error in ('EIO', 'ENOSPC', 'ENOMEM', 'EMFILE'):
    hits, bad = 0, []
    for number in itertools.count(1):
        hit, said, content = quit_under(number, error)
        if hit is None:
            break
        hits += 1
        if lacking(content) or (said == b'+OK bye' and content != contents[-1]):
            bad.append((number, hit, said, lacking(content)))
    check(f'{error} from each of {hits} calls: nothing is lost, and no OK for what was not done', not bad and hits > 0,
          bad[:3])
shutil.rmtree(work)
done()
