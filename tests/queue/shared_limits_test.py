#!/usr/bin/env python3
"""shared_limits_test - control/limits by MX host: what domains of one provider
have together."""
import os, re, shutil, subprocess
from scene import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
with open('/etc/hosts', 'a') as f:
    f.write('127.0.0.1 mx1.big.example mx2.big.example mx.other.example mx.slow.example\n')
PORTS = {'a': ('mx1.big.example', 2721), 'b': ('mx2.big.example', 2721), 'free': ('mx.other.example', 2722),
         'c': ('mx.slow.example', 2723), 'd': ('mx.slow.example', 2723)}
control('smtproutes', ''.join(f'{n}.example:{host}:{port}\n.{n}.example:{host}:{port}\n' for n, (host, port) in PORTS.items()))


def start(limits, fills):
    mtactl('stop')
    subprocess.run('rm -f /var/mta/queue/cur/*/* /var/mta/queue/new/*', shell=True)
    control('limits', limits)
    for count, recipient in fills:
        fill(count, recipient)
    return mtactl('start')


def queue(*words):
    return subprocess.run(['/var/mta/bin/queue', *words], capture_output=True, text=True).stdout


# ---- connections: two domains, two hosts, one line ----
big, free = Host(2721, pause=0.05).up(), Host(2722, pause=0.05).up()
started = start('# a provider\nmx:.big.example 2\n', [(60, 'x@a.example'), (60, 'x@b.example'), (120, 'x@free.example')])
check('mtactl start', started.returncode == 0, started.stderr)
check('queue limits tells of it', wait_for(lambda: re.search(r' [12] +2 +2 +0 +0 +mx:\.big\.example', queue('limits')), 60), queue('limits'))
check('all of it arrives', wait_for(lambda: big.count == 120 and free.count == 120, 120), (big.count, free.count, log()[-2000:]))
# A host may see a connection end after it sees the next one begin.
check('over two connections at once', big.most <= 3, big.most)
check('which are used again', 120 / len(big.connections) > 5, big.connections)
check('others have as many as before', free.most >= 5, free.most)
check('who had to wait is not deferred', ' deferred ' not in log(), log()[-2000:])

# ---- many domains behind one connection ----
wide = Host(2724, pause=0.01).up()
with open('/var/mta/control/smtproutes', 'a') as f:
    f.write('.w.example:mx1.big.example:2724\n')
check('forty domains start', start('mx:mx1.big.example 1\n', [(40, 'x@%.w.example')]).returncode == 0)
check('each gets its turn', wait_for(lambda: wide.count == 40, 120), (wide.count, queue('limits'), log()[-2000:]))
check('at one connection', wide.most <= 2, wide.most)

# ---- pace, and messages a connection ----
slow = Host(2723).up()
start('mx:mx.slow.example 5 600 3\n', [(20, 'x@c.example'), (20, 'x@d.example')])
check('paced mail arrives', wait_for(lambda: slow.count == 40, 120), slow.count)
span = slow.times[-1] - slow.times[0]
check('600 a minute, both together', span > 39 / 10 - 1.5, span)
check('three messages on each connection', max(slow.connections) <= 3, slow.connections)

# ---- the line goes while mail waits for it ----
big.connections.clear(), big.opens.clear()
big.most = big.open
start('mx:.big.example 1 30\n', [(30, 'x@a.example'), (30, 'x@b.example')])
check('one is slow', wait_for(lambda: big.count > 0, 60))
control('limits', '')
send('x@free.example', 'settings are read')
check('and is no longer', wait_for(lambda: big.count == 60, 120), (big.count, queue('limits'), log()[-2000:]))
mtactl('stop')
done()
