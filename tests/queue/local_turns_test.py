#!/usr/bin/env python3
"""local_turns_test - mailboxes take turns: a program that hangs and a flood hold
up their own mail alone."""
import glob, os, pwd, shutil, smtplib, subprocess
from scene import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
with open('/etc/aliases', 'w') as f:
    f.write('hangs: "|sleep 601"\nhangs2: "|sleep 602"\nhangs3: "|sleep 603"\n')
subprocess.run(['/var/mta/bin/newaliases'], check=True)
FLOOD = int(os.environ.get('FLOOD', 3000))


def sleeping(seconds):
    """Programs of an alias that are at work."""
    lines = (open(path, 'rb').read().split(b'\0') for path in glob.glob('/proc/[0-9]*/cmdline') if os.path.exists(path))
    return sum(words[:2] == [b'sleep', str(seconds).encode()] for words in lines)


def mails(user):
    return len(os.listdir(pwd.getpwnam(user).pw_dir + '/Maildir/new'))


def send_all(recipients, mark):
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
        s.sendmail('joe@example.org', recipients, f'Subject: {mark}\n\nx\n')


# ---- programs that hang ----
mtactl('start')
for n in range(25):
    send('hangs@example.org' if n % 2 else f'Hangs+{n}@example.org', 'hangs')
check('one that hangs has a quarter of the deliveries', wait_for(lambda: sleeping(601) == 5), sleeping(601))
send('ann@example.org', 'beside one')
check('another mailbox gets its mail', wait_for(lambda: has('beside one')))
for n in range(25):
    send('hangs2@example.org', 'hangs')
    send('hangs3@localhost', 'hangs')
check('three have what the others leave: a quarter each', wait_for(lambda: sleeping(602) == sleeping(603) == 3), (sleeping(602), sleeping(603)))
send('ann@example.org', 'beside three')
check('and the mailbox still gets its mail', wait_for(lambda: has('beside three')))
check('none has more than that', (sleeping(601), sleeping(602), sleeping(603)) == (5, 3, 3), (sleeping(601), sleeping(602), sleeping(603)))

# ---- a message for them and for others ----
everybody = ['hangs@example.org', 'ann@example.org', 'joe@example.org', 'root@example.org', 'postmaster@example.org', 'hangs2@example.org']
send_all(everybody, 'for all')
check('the others get what is for them, too', wait_for(lambda: has('for all')))
check('who has been slow for long has it later',
      wait_for(lambda: send('ann@example.org', 'time goes by') or log().count('are still at work') == 2), log()[-1500:])
check('programs do not hold up the end', mtactl('stop').returncode == 0 and sleeping(601) + sleeping(602) + sleeping(603) == 0)
check('and nothing is lost by it', len(glob.glob('/var/mta/queue/cur/*/*')) == 76, len(glob.glob('/var/mta/queue/cur/*/*')))

# ---- a flood ----
subprocess.run('rm -f /var/mta/queue/cur/*/*', shell=True)
before = mails('joe')
fill(FLOOD, 'joe@example.org')
mtactl('start')
check('a flood arrives', wait_for(lambda: mails('joe') > before))
send('ann@example.org', 'beside a flood')
check('another mailbox has its turn', wait_for(lambda: has('beside a flood')) and mails('joe') - before < FLOOD * 0.9, mails('joe') - before)
check('and the flood comes to its end', wait_for(lambda: mails('joe') - before == FLOOD, 60), mails('joe') - before)
done()
