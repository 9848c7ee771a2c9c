#!/usr/bin/env python3
"""held_test - what is held is never sent by what was asked to be done to it: not
when the manager is killed while it removes held mail, or gives it up."""
from scene import *

on_host()
COUNT = 1000
HELD = '/var/mta/queue/hold'


def queue(*words, user=None):
    argv = ['/var/mta/bin/queue', *words]
    if user:
        argv = ['setpriv', '--reuid', str(pwd.getpwnam(user).pw_uid), '--clear-groups', *argv]
    return subprocess.run(argv, capture_output=True, text=True)


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
    left = len(os.listdir(HELD))
    asked.kill()
    asked.communicate()
    check('the manager starts again', wait_for(lambda: manager() not in (None, pid)))
    return left


def reports():
    return [n for n in glob.glob(pwd.getpwnam('joe').pw_dir + '/Maildir/new/*') if 'given up by an administrator' in open(n).read()]


control('smtproutes', 'good.example:[127.0.0.1]:2603\n')
good = Host(2603).up()
mtactl('start')

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
