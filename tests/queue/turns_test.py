#!/usr/bin/env python3
"""turns_test - who gets a connection next, and what an order from queue(1) finds:
few connections, hosts that come back, messages that nobody has read yet."""
import fcntl, glob, os, shutil, signal, smtplib, subprocess, sys, termios, time
from scene import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)


def queue(*words):
    return subprocess.run(['/var/mta/bin/queue', *words], capture_output=True, text=True)


def start(routes, remote=10, limits='', fills=()):
    """A new day: an empty queue but for fills, and the routes given, all to this host."""
    mtactl('stop')
    subprocess.run('rm -f /var/mta/queue/cur/*/* /var/mta/queue/new/*', shell=True)
    control('smtproutes', ''.join(f'{n}.example:[127.0.0.1]:{p}\n.{n}.example:[127.0.0.1]:{p}\n' for n, p in routes.items()))
    control('concurrencyremote', f'{remote}\n')
    control('limits', limits)
    for count, recipient in fills:
        fill(count, recipient)
    mtactl('start')


def waiting():
    return [os.path.basename(n)[:23] for n in glob.glob('/var/mta/queue/cur/*/*')]


def unread_orders():
    """Bytes in the FIFO that the manager has not read."""
    with open('/var/mta/queue/command', 'r+b', buffering=0) as fifo:
        return int.from_bytes(fcntl.ioctl(fifo, termios.FIONREAD, b'....'), sys.byteorder)


# ---- one connection in all ----
a, b = Host(2701, pause=0.02).up(), Host(2702).up()
start({'a': 2701, 'b': 2702}, 1, fills=[(600, 'x@a.example')])
wait_for(lambda: a.count > 5)
send('x@b.example', 'b')
check('another gets the only connection after a turn', wait_for(lambda: b.count == 1, 60) and a.count < 300, a.count)
check('which comes back', wait_for(lambda: a.count > 100))

# ---- one that answers again gets a connection beside one that is busy ----
g, d = Host(2703, pause=0.05).up(), Host(2704)
control('retrymax', '5\n')
start({'g': 2703, 'd': 2704}, 2, 'g.example 1\n', [(3, 'x@d.example'), (1500, 'x@g.example')])
check('one is not reached', wait_for(lambda: 'deferred to=<x@d.example' in log()))
d.up()
check('it is tried again while the other is busy', wait_for(lambda: d.count > 0, 60) and g.count < 1400, (d.count, g.count))
os.remove('/var/mta/control/retrymax')

# ---- a connection waits for another message, unless its place is wanted ----
i, j = Host(2709).up(), Host(2710).up()
start({'i': 2709, 'j': 2710}, 1)
for n in range(1, 21):
    send('x@i.example', 'again')
    wait_for(lambda: i.count == n)
check('messages that come one by one share a connection', i.count == 20 and len(i.connections) < 20, i.connections)
send('x@j.example', 'place')
check('another gets its place', wait_for(lambda: j.count == 1))
check('and nothing waits for long', wait_for(lambda: i.open + j.open == 0))

# ---- a pace is kept when a host comes back ----
p = Host(2705)
start({'p': 2705}, 10, 'p.example 5 60\n', [(5, 'x@p.example')])
wait_for(lambda: 'deferred to=<x@p.example' in log())
p.up()
queue('retry', waiting()[0])
check('all go', wait_for(lambda: p.count == 5, 60), p.count)
check('at its pace', p.times[4] - p.times[0] > 2, p.times)

# ---- and when one message comes after another's connection has gone ----
start({'p': 2705}, 10, 'p.example 5 6\n')
p.times.clear()
for n in range(2):
    send('x@p.example', 'one by one')
    wait_for(lambda: len(p.times) > n and p.open == 0)
check('the second keeps its distance', len(p.times) == 2 and p.times[1] - p.times[0] > 5, p.times)
check('and then the host is forgotten', wait_for(lambda: 'p.example' not in queue('limits').stdout), queue('limits').stdout)

# ---- hosts that turn all away, each in its own way ----
class Drops(Host):
    """Closes the connection instead of an answer to MAIL."""

    def talk(self, client, number):
        client.sendall(b'220 host\r\n')
        lines = client.makefile('rb')
        while (line := lines.readline()) and not line.upper().startswith(b'MAIL'):
            client.sendall(b'250 host\r\n')


def failures(name):
    rows = [line.split() for line in queue('limits').stdout.splitlines() if name in line]
    return rows and int(rows[0][4])


plain, drops, shaky = Host(2713).up(), Drops(2714).up(), Host(2715, cut_after=1).up()
control('tlspolicy', 'plain.example encrypt\n')
start({'plain': 2713, 'drops': 2714, 'shaky': 2715}, 30, fills=[(60, f'x@{name}.example') for name in ('plain', 'drops', 'shaky')])
check('one without the TLS that is demanded is left alone', wait_for(lambda: failures('plain.example')) == 1 and len(plain.connections) < 20,
      (queue('limits').stdout, len(plain.connections)))
check('so is one that closes each connection', wait_for(lambda: failures(':2714')) == 1 and len(drops.connections) < 20,
      (queue('limits').stdout, len(drops.connections)))
check('one that closes it behind each message is not', wait_for(lambda: shaky.count > 20) and not failures(':2715'), (queue('limits').stdout, shaky.count))
os.unlink('/var/mta/control/tlspolicy')

# ---- what lies in new/ and what is in cur/, unread ----
x = Host(2706).up()
start({'x': 2706})
pid = manager()
os.kill(pid, signal.SIGSTOP)
send('x@x.example', 'held')
orders = subprocess.Popen(['/var/mta/bin/queue', 'hold', '-a'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
check('an order waits for the manager', wait_for(lambda: unread_orders() > 0))
os.kill(pid, signal.SIGCONT)
said = orders.communicate()[0]
check('a message in new/ is held by it', said.startswith('hold: 1 message') and wait_for(lambda: len(os.listdir('/var/mta/queue/hold')) == 1) and x.count == 0, (said, x.count))
queue('release', '-a')
check('and goes when it is released', wait_for(lambda: x.count == 1))

# ---- a manager that is behind hears of all ----
pid = manager()
os.kill(pid, signal.SIGSTOP)
absent = b''.join(b'%022x5.1.%016x\n' % (n, n) for n in range(48))  # more than half a page: 16 such lines fill the pipe
with open('/var/mta/queue/trigger', 'r+b', buffering=0) as fifo:
    os.set_blocking(fifo.fileno(), False)
    pages = 0
    while fifo.write(absent) is not None:
        pages += 1
check('the pipe is full', pages == 16, pages)
send('x@x.example', 'of a session')
subprocess.run(['/var/mta/bin/sendmail', 'x@x.example'], input=b'Subject: of a program\n\n', check=True)
os.kill(pid, signal.SIGCONT)
check('what could not be told is told, or found', wait_for(lambda: x.count == 3, 20), x.count)

# ---- many recipients at one host that is gone ----
start({'dead': 2711})
with smtplib.SMTP('127.0.0.1', 25, timeout=30) as c:
    c.sendmail('joe@example.org', [f'r{i}@dead.example' for i in range(90)], 'Subject: many\n\nx\n')
check('all of them wait', wait_for(lambda: log().count('deferred to=<r') == 90), log().count('deferred to=<r'))
queue('retry', waiting()[0])
check('after a retry, too', wait_for(lambda: log().count('deferred to=<r') == 180), log().count('deferred to=<r'))
check('no file is held open meanwhile', wait_for(lambda: not any('/queue/cur/' in os.readlink(f) for f in glob.glob(f'/proc/{manager()}/fd/*') if os.path.islink(f))))
limits = queue('limits').stdout
check('who asks for a retry makes nobody wait longer', ' 1 ' in [line for line in limits.splitlines() if 'all by [127.0.0.1]:2711' in line][0], limits)
check('and it can be removed at once', queue('remove', '-a').stdout == 'remove: 1 message\n' and waiting() == [])

# ---- a domain becomes local ----
start({'dead': 2712, 'later': 2712})
with smtplib.SMTP('127.0.0.1', 25, timeout=30) as c:
    c.sendmail('joe@example.org', ['x@dead.example', 'ann@later.example'], 'Subject: orphan\n\nx\n')
check('two wait', wait_for(lambda: log().count('4.4.1') >= 2 and 'to=<ann@later.example' in log()))
control('locals', 'example.org\nlater.example\n')
one = waiting()[0]
check('the one whose domain is local now is delivered here', wait_for(lambda: queue('retry', one).returncode == 0 and has('orphan')), log()[-1500:])
check('the other waits on', wait_for(lambda: waiting() == [one]))

# ---- and one is no longer local ----
queue('remove', one)
wait_for(lambda: not waiting())  # it may be on its way to where nobody is yet
later = Host(2712).up()
maildir = pwd.getpwnam('ann').pw_dir + '/Maildir'
os.rename(maildir, maildir + '.away')
open(maildir, 'w').close()
with smtplib.SMTP('127.0.0.1', 25, timeout=30) as c:
    c.sendmail('joe@example.org', ['ann@example.org', 'ann@later.example'], 'Subject: parted\n\nx\n')
check('two wait for a mailbox', wait_for(lambda: len(waiting()) == 1 and log().count(f'{waiting()[0]} deferred') >= 2), log()[-900:])
os.unlink(maildir)
os.rename(maildir + '.away', maildir)
control('locals', 'example.org\n')
parted = waiting()[0]
check('one is delivered here, the other by its host', wait_for(lambda: queue('retry', parted) and has('parted') and later.count == 1),
      (later.count, log()[-1500:]))
control('locals', 'example.org\nlater.example\n')

# ---- one is read in vain, and asked for when its time is over ----
control('odmrdomains', 'waits.example: joe\n')
pid = manager()
os.kill(pid, signal.SIGSTOP)
message, envelope = os.pipe(), os.pipe()
os.write(message[1], b'Subject: over\n\nx\n')
os.write(envelope[1], b'Fjoe@example.org\0D%d R\0Tu@waits.example\0\0' % (time.time() + 3))
inject = subprocess.Popen(['/var/mta/bin/queue-inject'], stdin=message[0], stdout=envelope[0])
for fd in message + envelope:
    os.close(fd)
check('it lies in new/', inject.wait() == 0 and len(os.listdir('/var/mta/queue/new')) == 1)
name = os.listdir('/var/mta/queue/new')[0][:23]
os.chmod(glob.glob(f'/var/mta/queue/new/{name}*')[0], 0)
os.kill(pid, signal.SIGCONT)
check('it cannot be read', wait_for(lambda: f'{name} cannot be read' in log()))
os.chmod(glob.glob(f'/var/mta/queue/cur/*/{name}*')[0], 0o660)
control('delaywarning', '5000\n')
time.sleep(3)
queue('retry', name)
check('when it can, it goes back', wait_for(lambda: f'{name} done' in log(), 10) and manager() == pid, log()[-900:])
os.unlink('/var/mta/control/odmrdomains')
os.unlink('/var/mta/control/delaywarning')

# ---- dead hosts in hundreds do not hold up a mailbox ----
m = Host(2708, mute=True).up()
start({'m': 2708}, 450, '.m.example 20\n', fills=[(150, f'x@{c}%.m.example') for c in 'hij'])
check('half of 450 connections wait for an answer', wait_for(lambda: m.open == 225), (m.open, queue('limits').stdout[:500], log()[-1000:]))
send('ann@later.example', 'near')
check('a mailbox gets its mail', wait_for(lambda: has('near')), m.open)

# ---- nor do they take all connections, one after another ----
k = Host(2716).up()
start({'m': 2708, 'k': 2716}, 4, '.m.example 20\n')
wait_for(lambda: m.open == 0)
send('x@k.example', 'known')
check('a host is known', wait_for(lambda: k.count == 1 and k.open == 0))
for c in 'abcdefgh':
    send(f'x@{c}.m.example', 'mute')
taken = wait_for(lambda: m.open > 3, 75)  # two at once, one more after each 30 seconds of silence
check('those that are silent leave a quarter of them', not taken and m.open == 3, m.open)
send('x@k.example', 'known')
check('to a host that is known', wait_for(lambda: k.count == 2), log()[-900:])
mtactl('stop')
done()
