#!/usr/bin/env python3
"""power_test - the power of the disk is cut (without a last flush of its log)
while mail comes in: what was acknowledged is there after the restart, whole.
Acknowledgements are kept in this process's memory, outside the disk."""
import glob, os, pwd, random, shutil, smtplib, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from power import *
from tap import *

CASES = (('ext4', 'Maildir'), ('xfs', 'Maildir'), ('ext4', 'mbox'))
CUTS, SECONDS = int(os.environ.get('POWER_CUTS', '2')), float(os.environ.get('POWER_SECONDS', '1.5'))
os.environ.setdefault('TEST_FS_SIZE', f'{400 + 40 * CUTS}M')    # the mail of all cuts stays on it
for_each_disk(CASES)
on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
HOST = os.environ['host_dir']
rnd = random.Random(int(os.environ.get('POWER_SEED', '1')))
IS_MBOX = os.environ['TEST_BOX'] == 'mbox'
for name, text in (('retrymin', '1'), ('retrymax', '1')) + ((('defaultdelivery', 'mbox'),) if IS_MBOX else ()):
    with open('/var/mta/control/' + name, 'w') as f:
        f.write(text + '\n')
kept, lock = {}, threading.Lock()
PAD = 'z' * 70 + '\r\n'


def client(number, stop):
    i = 0
    while not stop.is_set():
        i += 1
        mark, lines = f'mark-{number}-{i}-', random.choice((5, 50, 1500))
        to = random.choice((['joe@example.org'], ['joe@example.org', 'ann@example.org']))
        try:
            with smtplib.SMTP('127.0.0.1', 25, timeout=5) as s:
                refused = s.sendmail('a@b.example', to, f'Subject: x\r\n\r\n{mark}\r\n{PAD * lines}end\r\n')
            with lock:
                kept[mark] = (lines, [t.split('@')[0] for t in to if t not in refused])
        except (OSError, smtplib.SMTPException):
            if stop.is_set() or cut_off.is_set():
                return
            time.sleep(0.02)


def messages(user):
    if not IS_MBOX:
        for name in glob.glob(pwd.getpwnam(user).pw_dir + '/Maildir/new/*'):
            yield open(name, errors='replace').read()
    elif os.path.exists('/var/mail/' + user):
        with open('/var/mail/' + user, errors='replace') as f:
            for text in f.read().removeprefix('From ').split('\n\nFrom '):
                yield text.rstrip('\n') + '\n'


def texts():
    found = {}
    for user in ('joe', 'ann'):
        for text in messages(user):
            body = text.partition('\n\n')[2]
            found.setdefault((body.split('\n')[0], user), []).append(body)
    return found


def missing():
    have = texts()
    return [(m, u) for m, (_, users) in kept.items() for u in users if (m, u) not in have]


for cut in range(CUTS):
    check(f'cut {cut}: start', subprocess.run(['/var/mta/bin/mtactl', 'start']).returncode == 0)
    if cut == 0:
        os.sync()
    before, stop, cut_off = len(kept), threading.Event(), threading.Event()
    clients = 1 if cut % 2 else 4  # whose messages share no sync, and do
    threads = [threading.Thread(target=client, args=(f'{cut}.{n}', stop)) for n in range(clients)]
    for t in threads:
        t.start()
    time.sleep(SECONDS + rnd.uniform(0, 0.5))
    wait_for(lambda: len(kept) - before >= 20, 60)      # a busy machine takes longer
    cut_off.set()
    cut_power()
    stop.set()
    kill_everything()
    for t in threads:
        t.join()
    again = restart_disk()
    check(f'cut {cut}: mounted again', again.returncode == 0, again.stderr)
    check(f'cut {cut}: mail was acknowledged before it', len(kept) - before >= 20, len(kept) - before)
shutil.rmtree('/var/mta/service/.s6-svscan', ignore_errors=True)
check('start', subprocess.run(['/var/mta/bin/mtactl', 'start']).returncode == 0)
wait_for(lambda: not missing(), 60)
lost = missing()
check('0 lost', not lost, (len(lost), lost[:4]))
have = texts()


def is_whole(mark, body):
    return body.endswith('end\n') and body.count('z' * 70) == kept[mark][0]


# What was being added to an mbox when the cut came stands there torn, before the whole one that came after it.
some = any if IS_MBOX else all
torn = [k for k, bodies in have.items() if k[0] in kept and not some(is_whole(k[0], b) for b in bodies)]
check('0 truncated', not torn, torn[:4])
print(f'# acknowledged {len(kept)}, {sum(len(b) - 1 for b in have.values())} copies delivered twice')
done()
