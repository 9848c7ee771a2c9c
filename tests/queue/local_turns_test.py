#!/usr/bin/env python3
"""local_turns_test - mailboxes take turns: a program that hangs and a flood hold
up their own mail alone."""
import glob, json, os, pwd, shutil, signal, smtplib, subprocess
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


def send_many(recipient, count):
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
        for _ in range(count):
            s.sendmail('joe@example.org', [recipient], 'Subject: many\n\nx\n')


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

# ---- orders for what was made ready and not begun ----
queue = lambda *words: subprocess.run(['/var/mta/bin/queue', *words], capture_output=True, text=True).stdout
ready = sorted(json.loads(line)['id'] for line in queue('list', '-j', '-r', 'hangs2@*').splitlines())[3:6]  # behind three at work
queue('hold', ready[0])
queue('remove', ready[1])
queue('fail', ready[2])
check('are carried out at once', wait_for(lambda: glob.glob(f'/var/mta/queue/hold/{ready[0]}*') and not glob.glob(f'/var/mta/queue/cur/*/{ready[1]}*') and
      f'{ready[2]} failed' in log(), 10), log()[-900:])
check('and nothing else is', (sleeping(601), sleeping(602), sleeping(603)) == (5, 3, 3))

# ---- a message for them and for others ----
everybody = ['hangs@example.org', 'ann@example.org', 'joe@example.org', 'root@example.org', 'postmaster@example.org', 'hangs2@example.org']
send_all(everybody, 'for all')
check('the others get what is for them, too', wait_for(lambda: has('for all')))
check('who has been slow for long has it later',
      wait_for(lambda: send('ann@example.org', 'time goes by') or log().count('are still at work') == 2), log()[-1500:])
check('programs do not hold up the end', mtactl('stop').returncode == 0 and sleeping(601) + sleeping(602) + sleeping(603) == 0)
check('and nothing is lost by it', len(glob.glob('/var/mta/queue/cur/*/*')) == 73, len(glob.glob('/var/mta/queue/cur/*/*')))

# ---- more made ready for those that hang than is made ready at all ----
subprocess.run('rm -f /var/mta/queue/cur/*/*', shell=True)
with open('/etc/aliases', 'w') as f:
    f.write(''.join(f'hang{n}: "|sleep {611 + n}"\n' for n in range(9)))
subprocess.run(['/var/mta/bin/newaliases'], check=True)
control('concurrencylocal', '28\n')
mtactl('start')
SHARES = [7, 6, 4, 3, 2, 2, 1, 1, 1]  # one is left
for n, share in enumerate(SHARES):
    send_many(f'hang{n}@example.org', share)
    wait_for(lambda: sleeping(611 + n) == share)
check('nine have a quarter each of what was left', [sleeping(611 + n) for n in range(9)] == SHARES, [sleeping(611 + n) for n in range(9)])
os.kill(manager(), signal.SIGSTOP)  # it finds all of it at once
for n, more in enumerate([64, 64, 64, 20, 12, 8, 6, 6, 6]):
    send_many(f'hang{n}@example.org', more)
os.kill(manager(), signal.SIGCONT)
send('ann@example.org', 'beside nine')
check('a mailbox gets its mail beside them', wait_for(lambda: has('beside nine'), 10))
mtactl('stop')
os.unlink('/var/mta/control/concurrencylocal')

# ---- the end comes in the middle of a message ----
subprocess.run('rm -f /var/mta/queue/cur/*/*', shell=True)
with open('/etc/aliases', 'w') as f:
    f.write(''.join(f'user{n}: "|sleep 0.3"\n' for n in range(100)))
subprocess.run(['/var/mta/bin/newaliases'], check=True)
mtactl('start')
send_all(['ann@example.org'] + [f'user{n}@example.org' for n in range(100)], 'for a hundred')
wait_for(lambda: log().count('delivered to=<user') > 20)
mtactl('stop')
check('it ends before a message for a hundred does', log().count('delivered to=<user') < 100)
mtactl('start')
check('which goes on where it was', wait_for(lambda: not glob.glob('/var/mta/queue/cur/*/*') and log().count('delivered to=<user') >= 100))
check('and does nothing twice', log().count('delivered to=<user') == 100, log().count('delivered to=<user'))
mtactl('stop')

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
