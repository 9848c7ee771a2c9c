#!/usr/bin/env python3
"""held_test - who holds a message, its sender or an administrator, is seen, and
an administrator releases both; what is held is never sent by what was asked to be done to it: not
when the manager is killed while it removes held mail, or gives it up."""
import json, re
from scene import *

on_host()
COUNT = 1000
HELD = '/var/mta/queue/hold'


def queue(*words, user=None):
    argv = ['/var/mta/bin/queue', *words]
    if user:
        argv = ['setpriv', '--reuid', str(pwd.getpwnam(user).pw_uid), '--clear-groups', *argv]
    return subprocess.run(argv, capture_output=True, text=True)


def future(recipient, mark):
    """What joe holds for an hour; its queue id."""
    with socket.create_connection(('127.0.0.1', 25), 10, ('127.0.0.9', 0)) as s:
        lines = s.makefile('rb')
        for line in ('XCLIENT ADDR=127.0.0.1 LOGIN=joe', 'EHLO c', 'MAIL FROM:<joe@example.org> HOLDFOR=3600',
                     f'RCPT TO:<{recipient}>', 'DATA', f'Subject: {mark}\r\n\r\nx\r\n.', 'QUIT'):
            while (reply := lines.readline())[3:4] == b'-':
                pass
            if line == 'QUIT':
                return re.search(r'[0-9a-f]{23}', reply.decode())[0]
            s.sendall(line.encode() + b'\r\n')


def lies():
    return glob.glob('/var/mta/queue/cur/*/*')


def fill_held():
    """As queue hold -a leaves them; the host that they are for is up."""
    mtactl('stop')
    fill(COUNT, 'x@good.example')
    for path in lies():
        os.rename(path, HELD + '/' + os.path.basename(path))
    mtactl('start')


def kill_amidst(verb):
    """The manager, when some are no longer held; how many are still."""
    pid = manager()
    asked = subprocess.Popen(['/var/mta/bin/queue', verb, '-a'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(lambda: len(os.listdir(HELD)) < COUNT, 20)
    os.kill(pid, 9)
    asked.kill()
    asked.communicate()
    check('the manager starts again', wait_for(lambda: manager() not in (None, pid)))
    return len(os.listdir(HELD))


def reports():
    return [n for n in glob.glob(pwd.getpwnam('joe').pw_dir + '/Maildir/new/*') if 'given up by an administrator' in open(n).read()]


control('xclientnets', '127.0.0.9\n')
control('retrymin', '3000\n')
control('smtproutes', 'good.example:[127.0.0.1]:2603\ndead.example:[127.0.0.1]:2700\n')
good = Host(2603).up()
mtactl('start')

# ---- FUTURERELEASE ----
send('x@dead.example', 'waits')
waits = wait_for(lambda: re.search(r'([0-9a-f]{23}) .*\n.*next try', queue('list').stdout))[1]
near, far = future('ann@example.org', 'near'), future('x@dead.example', 'far')
HOLDER = '(held by its sender until '
shown = wait_for(lambda: subprocess.run(['/var/mta/bin/mailq'], capture_output=True, text=True).stdout)
check('mailq says who holds them', shown.count(HOLDER) == 2 and re.search(waits + '.*held', shown) is None, shown)
check('queue list and show, too', all(HOLDER in queue(verb, near).stdout for verb in ('list', 'show')))
said = queue('retry', '-a')
check('they are not counted as tried', said.stdout == 'retry: 1 message\n2 held by their senders: not tried\n', said)
said = queue('retry', near)
check('and one alone is told why', said.returncode == 66 and 'queue release lets them go' in said.stderr, said)
check('hold', queue('hold', near).stdout == 'hold: 1 message\n' and '  (held)' in queue('list', near).stdout)
check('its release leaves the sender his', queue('release', '-w').stdout == 'release: 1 message\n' and
      HOLDER in queue('list', near).stdout and '  (held)' not in queue('list', near).stdout, queue('list').stdout)
check('what is not held cannot be released', queue('release', waits).returncode == 66)
check('a user releases none', queue('release', near, user='joe').returncode == 77)
check('release', queue('release', near).stdout == 'release: 1 message\n')
check('it goes', wait_for(lambda: has('near')), queue('list').stdout)
check('and the log has it', wait_for(lambda: f"{near} released before its sender's time by=0\n" in log()), log()[-2000:])
said = queue('release', far)
pid = manager()
os.kill(pid, 9)
check('that is kept when the manager dies', wait_for(lambda: manager() not in (None, pid)) and HOLDER not in queue('list', far).stdout, said)
check('and it is tried', wait_for(lambda: 'next try' in queue('list', far).stdout), queue('list', far).stdout)
for verb in ('list', 'shape'):
    same = lambda: (said := queue(verb, '--json')).returncode == 0 and said.stdout and said.stdout == queue(verb, '-j').stdout
    check(f'{verb} --json is -j', wait_for(same), queue(verb, '--json'))  # mail may be delivered in between
until = json.loads(queue('list', '--json', far).stdout)['hold_until']
check('it says when it was let go', abs(until - time.time()) < 60, until)
queue('remove', waits, far)

# ---- who acted ----
uid = pwd.getpwnam('joe').pw_uid
subprocess.run(['setpriv', '--reuid', str(uid), '--clear-groups', '/var/mta/bin/sendmail', 'x@dead.example'], input='\n', text=True, check=True)
own = wait_for(lambda: re.search(r'([0-9a-f]{23}) .*\n.*next try', queue('list', user='joe').stdout))[1]
for words in (['-q'], ['-q', '-I', own]):
    subprocess.run(['setpriv', '--reuid', str(uid), '--clear-groups', '/var/mta/bin/mailq', *words])
queue('remove', own, user='joe')
for line in (f'{near} held by=0', f'{near} released by=0', f'{far} removed, undelivered: asked for by=0', f'{own} retry asked for by={uid}',
             f'{own} removed, undelivered: asked for by={uid}', f'retry of all asked for by={uid}'):
    check(f'the log says {re.sub("[0-9a-f]{23}", "ID", line)}', wait_for(lambda: line + '\n' in log()), log()[-2000:])

# ---- remove ----
fill_held()
left = kill_amidst('remove')
check('killed while it removed held mail', 0 <= left < COUNT, left)
send('ann@example.org', 'after')
check('mail flows, and the queue is empty', wait_for(lambda: has('after')) and wait_for(lambda: not lies()), lies())
check('nothing of what was to be removed was sent', good.count == 0, good.count)
check('what it had not come to is held still', len(os.listdir(HELD)) == left, (left, len(os.listdir(HELD))))
if left:
    said = queue('remove', '-w')
    check('and is removed the next time', said.stdout == f'remove: {left} message{"s" * (left > 1)}\n' and not os.listdir(HELD), said)

# ---- fail ----
fill_held()
left = kill_amidst('fail')
check('killed while it gave held mail up', 0 <= left < COUNT, left)
lives = manager()
wait_for(lambda: not lies(), 90)
again = queue('fail', '-w')
check('what it had not come to is given up the next time', (again.returncode == 0) == (left > 0), (left, again))
check('each was reported, once', wait_for(lambda: not lies() and not os.listdir(HELD), 90) and len(reports()) == COUNT, (len(reports()), left))
check('so many reports at once do not end the manager', manager() == lives, (manager(), lives))
check('and none was sent', good.count == 0, good.count)
check('a manager that is told to end ends', mtactl('stop').returncode == 0)
mtactl('start')
done()
