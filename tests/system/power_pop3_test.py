#!/usr/bin/env python3
"""power_pop3_test - the power of the disk is cut while pop3d rewrites mboxes at
QUIT: what was kept is there and whole, what was said to be deleted stays so,
and each mailbox is the old one or the new one."""
import os, pwd, random, re, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from power import *
from tap import *

for_each_disk((('ext4', 'mbox'), ('xfs', 'mbox')))
on_host()
skip_if_sanitized('a slow pop3d is cut before it does anything')
CUTS, BOXES = int(os.environ.get('POWER_CUTS', '6')), 6
JOE = pwd.getpwnam('joe')
AS_JOE = ['setpriv', '--reuid', str(JOE.pw_uid), '--regid', str(JOE.pw_gid), '--clear-groups']
rnd = random.Random(int(os.environ.get('POWER_SEED', '1')))
FROM = 'From a@b Tue Nov 24 11:00:00 2026\n'


class Box:
    """One mbox, in a folder where its user may make no file, and who deletes of it."""
    def __init__(self, number):
        self.path = f'/var/mail/box{number}'
        self.texts = [f'Subject: {i}\n\n' + f'{i} of {number} {"z" * 60}\n' * rnd.choice((1, 30, 900)) + f'end {i}\n'
                      for i in range(1, rnd.randint(6, 40))]
        self.gone = set(rnd.sample(range(len(self.texts)), rnd.randint(1, len(self.texts) - 1)))
        self.kept = [i for i in range(len(self.texts)) if i not in self.gone]
        with open(self.path, 'w') as f:
            f.write(''.join(FROM + text + '\n' for text in self.texts))
        os.chown(self.path, JOE.pw_uid, JOE.pw_gid)
        os.chmod(self.path, 0o600)

    def start(self):
        self.pop = subprocess.Popen(AS_JOE + ['/var/mta/bin/pop3d', 'mbox:' + self.path], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.pop.stdout.readline()
        for i in self.gone:
            self.pop.stdin.write(f'DELE {i + 1}\r\n')
            self.pop.stdin.flush()
            self.pop.stdout.readline()

    def quit(self):
        self.pop.stdin.write('QUIT\r\n')
        self.pop.stdin.flush()

    def end(self):
        """Was it said to be done?  A pop3d that waits for the disk is not asked."""
        os.set_blocking(self.pop.stdout.fileno(), False)
        try:
            said = os.read(self.pop.stdout.fileno(), 100)
        except BlockingIOError:
            said = b''
        return said.startswith(b'+OK')

    def raw(self):
        with open(self.path, errors='replace') as f:
            return f.read()

    def lost(self):
        return [i for i in self.kept if '\n' + self.texts[i] + '\n' not in self.raw()]

    def read(self):
        """The numbers of the messages, or the texts that none has."""
        commands = ''.join(f'RETR {i + 1}\r\n' for i in range(len(self.texts) * 2)) + 'QUIT\r\n'
        said = subprocess.run(AS_JOE + ['/var/mta/bin/pop3d', 'mbox:' + self.path], input=commands, capture_output=True,
                              text=True, timeout=60).stdout.replace('\r', '')
        known = {text: i for i, text in enumerate(self.texts)}
        return [known.get(t, t[:100]) for t in re.findall(r'\+OK \d+ octets\n(.*?\n)\.\n', said, re.S)]


with open('/var/mta/control/maxerrors', 'w') as f:
    f.write('1000\n')
old = new = begun = 0
for cut in range(CUTS):
    os.chmod('/var/mail', 0o755)
    boxes = [Box(number) for number in range(BOXES)]
    os.sync()
    for box in boxes:
        box.start()
    for box in boxes:
        box.quit()
    time.sleep(rnd.uniform(0, 0.05))                    # where the cut comes is what is tried
    said = []
    cut_power()
    for box in boxes:
        said.append(box.end())
        box.pop.kill()
        box.pop.wait()
    again = restart_disk()
    check(f'cut {cut}: mounted again', again.returncode == 0, again.stderr)
    for box, is_done in zip(boxes, said):
        begun += 'user.estafeta.rewrite' in os.listxattr(box.path)
        lost, found = box.lost(), box.read()
        whole = list(range(len(box.texts)))
        old, new = old + (found == whole), new + (found == box.kept)
        allowed = [box.kept] if is_done else [whole, box.kept]
        check(f'cut {cut}, {box.path}: 0 lost, 0 torn, 0 twice', not lost and found in allowed, (is_done, lost, found, box.kept))
check('some were rewritten', new > 0, (old, new))
print(f'# {CUTS * BOXES} mailboxes: {old} as they were, {new} rewritten; of them {begun} broke off between')
done()
