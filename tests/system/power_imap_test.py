#!/usr/bin/env python3
"""power_imap_test - the power of the disk is cut when imapd has told, or is
about to tell, the UIDs of a Maildir that nobody had opened before: what was
told stays, and where nothing was told all messages are there."""
import os, pwd, random, re, select, shutil, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from power import *
from tap import *

for_each_disk((('ext4', 'maildir'), ('xfs', 'maildir')))
on_host()
skip_if_sanitized('a slow imapd is cut before it does anything')
CUTS, BOXES, MESSAGES = int(os.environ.get('POWER_CUTS', '5')), 8, 60
JOE = pwd.getpwnam('joe')
AS_JOE = ['setpriv', '--reuid', str(JOE.pw_uid), '--regid', str(JOE.pw_gid), '--clear-groups']
rnd = random.Random(int(os.environ.get('POWER_SEED', '1')))


class Box:
    """A Maildir as a delivery agent leaves it, and who opens it for the first time."""
    def __init__(self, number):
        self.path = f'{JOE.pw_dir}/box{number}'
        shutil.rmtree(self.path, ignore_errors=True)
        for part in ('', '/new', '/cur', '/tmp'):
            os.mkdir(self.path + part)
        for i in range(MESSAGES):
            with open(f'{self.path}/new/{1700000000 + rnd.randrange(10 ** 6)}.M{i}P1.host', 'w') as f:
                f.write(f'Subject: {i}\n\n{i}\n')
        subprocess.run(['chown', '-R', 'joe:', self.path], check=True)

    def open(self):
        self.imap = subprocess.Popen(AS_JOE + ['/var/mta/bin/imapd', 'maildir:' + self.path], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.imap.stdout.readline()

    def select(self):
        self.imap.stdin.write('1 SELECT INBOX\r\n')
        self.imap.stdin.flush()

    def told(self):
        """The UIDVALIDITY that the client knows, or None."""
        os.set_blocking(self.imap.stdout.fileno(), False)
        try:
            said = os.read(self.imap.stdout.fileno(), 65536).decode()
        except BlockingIOError:
            said = ''
        self.imap.kill()
        self.imap.wait()
        found = re.search(r'UIDVALIDITY (\d+)', said)
        return found and found[1]

    def kept(self):
        """The last UIDVALIDITY given out, as it is known after the cut."""
        try:
            with open(self.path + '/estafeta-uidvalidity') as f:
                return int(f.read() or 0)
        except FileNotFoundError:
            return 0

    def read(self):
        """UIDVALIDITY, and the UIDs."""
        said = subprocess.run(AS_JOE + ['/var/mta/bin/imapd', 'maildir:' + self.path], capture_output=True, text=True, timeout=60,
                              input='1 SELECT INBOX\r\n2 UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n3 LOGOUT\r\n').stdout
        validity = re.search(r'UIDVALIDITY (\d+)', said)
        return validity and validity[1], re.findall(r'UID (\d+)\)', said)


was_told = 0
for cut in range(CUTS):
    boxes = [Box(number) for number in range(BOXES)]
    os.sync()
    for box in boxes:
        box.open()
    for box in boxes:
        box.select()
    if cut % 2:
        select.select([box.imap.stdout for box in boxes], [], [], 10)    # at the moment when the first is told
    else:
        time.sleep(rnd.uniform(0, 0.03))                       # where the cut comes is what is tried
    cut_power()
    told = [box.told() for box in boxes]
    again = restart_disk()
    check(f'cut {cut}: mounted again', again.returncode == 0, again.stderr)
    for box, validity in zip(boxes, told):
        was_told += validity is not None
        kept = box.kept()
        found, uids = box.read()
        check(f'cut {cut}, {box.path}: what was told stays, and all is there',
              validity in (None, found) and
              [int(uid) for uid in uids] == list(range(1, MESSAGES + 1)), (validity, found, uids))
        check(f'cut {cut}, {box.path}: no other folder will have that UIDVALIDITY', validity is None or kept >= int(validity),
              (validity, kept))
check('some were told', was_told > 0)
print(f'# {CUTS * BOXES} mailboxes, {was_told} told before the cut')
done()
