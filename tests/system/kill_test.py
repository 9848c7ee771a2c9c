#!/usr/bin/env python3
"""kill_test - processes of the suite are killed at random, one after another,
while mail comes in for mailboxes here, for another host, and for nobody: each
message that was acknowledged arrives whole, or its sender is told.

KILL_SECONDS (12; an hour in make soak) and KILL_SEED choose the run.  Mailboxes
are emptied as it goes, so that its length costs no disk."""
import glob, os, pwd, random, re, shutil, signal, smtplib, socketserver, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
SECONDS = float(os.environ.get('KILL_SECONDS', '12'))
SEED = int(os.environ.get('KILL_SEED', '1'))
CLIENTS = 4
SETTLED = 60   # seconds that a copy stays here: what is delivered again finds its name, as long as it is there
BACKLOG = 3000  # copies: what comes faster than all these kills let it go would outlast the test
FAR = 2599  # the other host's port
PAD = 'z' * 70
# What a recipient's message becomes: a place of the account.
PLACES = {'joe@example.org': 'joe', 'ann@example.org': 'ann', 'eve@far.example': 'far', 'nobody@far.example': 'report'}
SETS = (['joe@example.org'], ['ann@example.org'], ['joe@example.org', 'ann@example.org'], ['eve@far.example'],
        ['joe@example.org', 'eve@far.example'], ['nobody@far.example'])

rnd = random.Random(SEED)
lock, stop = threading.Lock(), threading.Event()
kept = {}      # mark -> places, acknowledged
due = 0        # copies of these
found = {}     # (mark, place) -> how often
came = {}      # (mark, place) -> when the first copy did, in a mailbox here
gaps = []      # seconds between a copy here and the next of the same
torn = []      # (mark, place)
killed = {}    # role -> how often


def account(place, text, at=None):
    """One copy that has arrived, at that time; a report need not have the whole message."""
    mark = re.search(r'^Subject: (mark-\d+-\d+-\d+-)\s*$', text, re.M)
    if not mark:
        torn.append((place, text[:200]))
        return
    lines = int(mark[1].split('-')[3])
    with lock:
        found[mark[1], place] = found.get((mark[1], place), 0) + 1
        if at is not None and place in ('joe', 'ann') and at != came.setdefault((mark[1], place), at):
            gaps.append(round(abs(at - came[mark[1], place]), 1))
        if place != 'report' and (text.count(PAD) != lines or not text.endswith('end\n')):
            torn.append((mark[1], place))


class Far(socketserver.StreamRequestHandler):
    """The other host: takes mail for anybody but nobody@."""
    def handle(self):
        try:
            self.talk()
        except OSError:
            pass

    def talk(self):
        say = lambda line: self.wfile.write(line + b'\r\n')
        recipients = 0
        say(b'220 far.example')
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b'RCPT' and b'nobody' in line:
                say(b'550 5.1.1 no such user')
            elif verb == b'DATA' and recipients == 0:
                say(b'554 5.5.1 for whom?')
            elif verb == b'DATA':
                recipients = 0
                say(b'354 go')
                if not self.take():
                    return
                say(b'250 taken')
            else:
                recipients += verb == b'RCPT'
                say(b'250-far.example\r\n250 PIPELINING' if verb == b'EHLO' else b'221 bye' if verb == b'QUIT' else b'250 ok')

    def take(self):
        """False if the sender was killed: it has no answer, so it owns the message."""
        text = []
        for line in self.rfile:
            if line == b'.\r\n':
                account('far', b''.join(text).decode().replace('\r\n', '\n'))
                return True
            text.append(line)
        return False


def client(number):
    global due
    own = random.Random(SEED * 100 + number)
    i = 0
    while not stop.is_set():
        if due - len(found) > BACKLOG:
            stop.wait(0.1)
            continue
        i += 1
        lines = own.choice((5, 50, 1500))
        mark = f'mark-{number}-{i}-{lines}-'
        recipients = own.choice(SETS)
        try:
            with smtplib.SMTP('127.0.0.1', 25, timeout=10) as s:
                refused = s.sendmail('ann@example.org', recipients, f'Subject: {mark}\r\n\r\n{(PAD + chr(13) + chr(10)) * lines}end\r\n')
            with lock:
                kept[mark] = [PLACES[r] for r in recipients if r not in refused]
                due += len(kept[mark])
        except (OSError, smtplib.SMTPException):
            time.sleep(0.02)


def collect(age=0):
    """What is in the mailboxes for so many seconds goes into the account, and away."""
    for user in ('joe', 'ann'):
        for name in glob.glob(pwd.getpwnam(user).pw_dir + '/Maildir/new/*'):
            at = os.stat(name).st_ctime
            if at > time.time() - age:
                continue
            with open(name) as f:
                text = f.read()
            account('report' if 'multipart/report' in text.split('\n\n', 1)[0] else user, text, at)
            os.unlink(name)


def collector():
    while not stop.is_set():
        collect(SETTLED)
        stop.wait(1)


def processes():
    """All of ours but the commands: by role, whatever s6 runs besides."""
    roles = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            path = os.readlink(f'/proc/{pid}/exe')
        except OSError:
            continue
        if path.startswith('/var/mta/bin/') and not path.endswith('/mtactl'):
            roles.setdefault(os.path.basename(path), []).append(int(pid))
    return roles


def kill_one():
    roles = processes()
    if not roles:
        return
    role = rnd.choice(sorted(roles))
    try:
        os.kill(rnd.choice(roles[role]), signal.SIGKILL)
        killed[role] = killed.get(role, 0) + 1
    except ProcessLookupError:
        pass


def goes_on():
    """For SECONDS, and on a slow machine until there is enough to count."""
    passed = time.monotonic() - begun
    return passed < SECONDS or (passed < SECONDS + 200 and (sum(killed.values()) < 20 or len(kept) < 20))


def mtactl(what):
    return subprocess.run(['/var/mta/bin/mtactl', what]).returncode == 0


def is_empty():
    return subprocess.run(['/var/mta/bin/mailq', '--json'], capture_output=True).stdout == b''


def missing():
    collect()
    return [(mark, place) for mark, places in kept.items() for place in places if (mark, place) not in found]


control('retrymin', '1\n')
control('retrymax', '1\n')
control('smtproutes', f'far.example:[127.0.0.1]:{FAR}\n')
socketserver.ThreadingTCPServer.allow_reuse_address = True
far = socketserver.ThreadingTCPServer(('127.0.0.1', FAR), Far)
far.daemon_threads = True
threading.Thread(target=far.serve_forever, daemon=True).start()
check('mtactl start', mtactl('start'))
threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)] + [threading.Thread(target=collector)]
for t in threads:
    t.start()
begun = told = time.monotonic()
while goes_on():
    time.sleep(rnd.uniform(0.02, 0.25))
    kill_one()
    if time.monotonic() - told > 60:
        told = time.monotonic()
        print(f'# {told - begun:.0f} s: {sum(killed.values())} killed, {len(kept)} acknowledged, {len(found)} arrived', flush=True)
stop.set()
for t in threads:
    t.join()
print(f'# killed {sum(killed.values())}: {killed}; acknowledged {len(kept)}')
check('some were killed, some mail was acknowledged', sum(killed.values()) >= 20 and len(kept) >= 20, (killed, len(kept)))
mtactl('stop')
check('mtactl start, when all is over', mtactl('start'))
# What an injector that was killed left half written in new/ is no message.
arrived = -1
while not (empty := wait_for(is_empty, 120)) and len(found) > arrived:
    arrived = len(found)
    print(f'# {arrived} copies arrived of {due}', flush=True)
check('the queue is empty again', empty, glob.glob('/var/mta/queue/cur/*/*'))
lost = wait_for(lambda: not missing()) or missing()
far.shutdown()
check('0 lost', lost is True, lost)
check('0 truncated', not torn, torn[:5])
twice = {place: sum(times - 1 for (_, p), times in found.items() if p == place) for place in ('joe', 'ann', 'far', 'report')}
places = {place: sum(times for (_, p), times in found.items() if p == place) for place in ('joe', 'ann', 'far', 'report')}
print(f'# arrived {places}, more than once {twice}; copies here, after so many seconds: {sorted(gaps)}')
check('no mailbox here has one twice at once', all(gap > SETTLED for gap in gaps), sorted(gaps))
check('mailboxes, another host and senders had some', all(places.values()), places)
done()
