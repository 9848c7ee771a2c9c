#!/usr/bin/env python3
"""kill_test - processes of the suite are killed, one after another, while mail
comes in: what was acknowledged arrives, whole."""
import glob, os, pwd, random, shutil, signal, smtplib, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
SECONDS = float(os.environ.get('KILL_SECONDS', '6'))
SEED = int(os.environ.get('KILL_SEED', '1'))
ROLES = ('smtpd', 'queue-inject', 'lookup', 'queue-manager', 'local-deliver', 'queue-bounce', 'remote-send', 'resolve', 'listen')
rnd = random.Random(SEED)
with open('/var/mta/control/retrymin', 'w') as f:
    f.write('1\n')
with open('/var/mta/control/retrymax', 'w') as f:
    f.write('1\n')
check('mtactl start', subprocess.run(['/var/mta/bin/mtactl', 'start']).returncode == 0)
kept, lock, stop = {}, threading.Lock(), threading.Event()
PAD = ('z' * 70 + '\r\n')


def client(number):
    own = random.Random(SEED * 100 + number)
    i = 0
    while not stop.is_set():
        i += 1
        mark = f'mark-{number}-{i}-'
        lines = own.choice((5, 50, 1500))
        user = own.choice((['joe@example.org'], ['ann@example.org'], ['joe@example.org', 'ann@example.org']))
        try:
            with smtplib.SMTP('127.0.0.1', 25, timeout=10) as s:
                refused = s.sendmail('a@b.example', user, f'Subject: x\r\n\r\n{mark}\r\n{PAD * lines}end\r\n')
            with lock:
                kept[mark] = (lines, [u.split('@')[0] for u in user if u not in refused])
        except (OSError, smtplib.SMTPException):
            time.sleep(0.02)


def processes():
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            name = open(f'/proc/{pid}/comm').read().strip()
            if name in ROLES:
                found.append((name, int(pid)))
        except OSError:
            pass
    return found


threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
for t in threads:
    t.start()
killed = {}
begun = time.monotonic()


def goes_on():
    """For SECONDS, and on a slow machine until there is enough to count."""
    passed = time.monotonic() - begun
    return passed < SECONDS or (passed < 200 and (sum(killed.values()) < 5 or len(kept) < 20))


while goes_on():
    time.sleep(rnd.uniform(0.02, 0.25))
    found = processes()
    if found:
        role = rnd.choice(sorted({name for name, _ in found}))
        pid = rnd.choice([p for name, p in found if name == role])
        try:
            os.kill(pid, signal.SIGKILL)
            killed[role] = killed.get(role, 0) + 1
        except ProcessLookupError:
            pass
stop.set()
for t in threads:
    t.join()
print(f'# killed {sum(killed.values())}: {killed}; acknowledged {len(kept)}')
check('some were killed, some mail was acknowledged', sum(killed.values()) >= 5 and len(kept) >= 20, (killed, len(kept)))
subprocess.run(['/var/mta/bin/mtactl', 'stop'])
subprocess.run(['/var/mta/bin/mtactl', 'start'])


def texts():
    found = {}
    for user in ('joe', 'ann'):
        for name in glob.glob(pwd.getpwnam(user).pw_dir + '/Maildir/new/*'):
            text = open(name).read()
            body = text.split('\n\n', 1)[1]
            found.setdefault((body.split('\n')[0], user), []).append(body)
    return found


def missing():
    have = texts()
    return [(m, u) for m, (_, users) in kept.items() for u in users if (m, u) not in have]



def is_empty():
    return subprocess.run(['/var/mta/bin/mailq', '--json'], capture_output=True).stdout == b''


# What an injector that was killed left half written in new/ is no message.
empty = wait_for(is_empty, 60)
check('the queue is empty again', empty, glob.glob('/var/mta/queue/cur/*/*'))
lost = missing()
check('0 lost', not lost, lost[:5])
have = texts()
torn = [k for k, bodies in have.items() for b in bodies
        if not b.endswith('end\n') or (k[0] in kept and b.count('z' * 70) != kept[k[0]][0])]
check('0 truncated', not torn, torn[:5])
twice = sum(len(b) - 1 for b in have.values())
print(f'# {sum(len(b) for b in have.values())} in the mailboxes, {twice} of them twice')
done()
