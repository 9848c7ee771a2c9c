#!/usr/bin/env python3
"""schedule_test - destinations take turns: none starves, none is flooded, and
one that is dead or hostile costs the others nothing."""
import os, re, shutil, subprocess, time
from scene import *

on_host()
MANY = int(os.environ.get('SCHEDULE_MANY', 3000))
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)


HOSTS = ('mute', 'good', 'narrow', 'wide', 'dead', 'shaky', 'late', 'away')
PORTS = {name: 2600 + i for i, name in enumerate(HOSTS)}
control('smtproutes', ''.join(f'{n}.example:[127.0.0.1]:{p}\n.{n}.example:[127.0.0.1]:{p}\n' for n, p in PORTS.items()))
control('concurrencyremote', '30\n')
control('limits', '# who gets how much\nnarrow.example 2 600 3\nwide.example 12\n' +
        '.mute.example 20\n.late.example 20\n.dead.example 20\naway.example 20\n' +  # by themselves, not by route
        '*   20\n')
mute, good = Host(PORTS['mute'], mute=True).up(), Host(PORTS['good']).up()
narrow, wide = Host(PORTS['narrow']).up(), Host(PORTS['wide'], pause=0.05).up()
dead, shaky, late = Host(PORTS['dead']), Host(PORTS['shaky'], cut_after=0).up(), Host(PORTS['late']).up()

away = Host(PORTS['away'], away=True).up()

# ---- a host that never answers, with a long queue ----
fill(MANY, 'x@mute.example')
started = mtactl('start')
check('mtactl start', started.returncode == 0, started.stderr)
check('it is asked by a few connections', wait_for(lambda: mute.open == 5), mute.open)
send('y@good.example', 'good')
check('another host gets its mail all the same', wait_for(lambda: good.count == 1))
send('ann@example.org', 'near')
check('a mailbox, too', wait_for(lambda: has('near')))
check('and it still has no more than those', mute.most == 5, mute.most)
check('nothing of it is open but what is on its way', len(os.listdir(f'/proc/{manager()}/fd')) < 60, os.listdir(f'/proc/{manager()}/fd'))
began = time.monotonic()
check('it does not hold up the end', mtactl('stop').returncode == 0 and time.monotonic() - began < 10)
subprocess.run('rm -f /var/mta/queue/cur/*/*', shell=True)
mtactl('start')
goods = good.count
send('y@good.example', 'good')
wait_for(lambda: good.count == goods + 1 and good.open == 0)
for number in range(40):
    send(f'x@h{number}.mute.example', 'mute')
check('a host with many names has half of the connections', wait_for(lambda: mute.open == 15), mute.open)
send('y@good.example', 'good')
check('one that has answered before gets its mail', wait_for(lambda: good.count == goods + 2) and mute.open == 15, mute.open)
check('then half of what is left, for it has been silent for long', wait_for(lambda: mute.open == 23, 40), mute.open)
send('y@good.example', 'good')
check('... even then', wait_for(lambda: good.count == goods + 3))
mtactl('stop')
subprocess.run('rm -f /var/mta/queue/cur/*/*', shell=True)

# ---- hosts that answer, and then no more: as many connections as there may be ----
for number in range(40):
    fill(1, f'x@h{number}.late.example')
mtactl('start')
check('they answer', wait_for(lambda: late.count == 40), late.count)
late.stalls = True
for number in range(40):
    send(f'x@h{number}.late.example', 'late')
check('no more: all connections wait', wait_for(lambda: late.open == 30), late.open)
began = time.monotonic()
check('nor do these hold up the end', mtactl('stop').returncode == 0 and time.monotonic() - began < 10)
subprocess.run('rm -f /var/mta/queue/cur/*/*', shell=True)

# ---- control/limits ----
fill(40, 'x@narrow.example')
fill(400, 'x@wide.example')
fill(300, 'x@good.example')
goods = good.count
mtactl('start')
check('all of it arrives', wait_for(lambda: narrow.count == 40 and wide.count == 400 and good.count == goods + 300, 60),
      (narrow.count, wide.count, good.count))
# A host may see a connection end after it sees the next one begin.
check('two connections at once, as its line says', narrow.most <= 3, narrow.most)
check('three messages on each', max(narrow.connections) == 3, narrow.connections)
span = narrow.times[-1] - narrow.times[0]
check('600 a minute', span > 39 / 10 - 1.5, span)
check('one that takes more gets more, up to its limit', 5 < wide.most <= 12, wide.most)
check('connections are used again: 20 messages on each', 400 / len(wide.connections) >= 20, wide.connections)

# ---- one that hangs up ----
fill(30, 'x@shaky.example')
mtactl('stop')
mtactl('start')
limits = lambda: subprocess.run(['/var/mta/bin/queue', 'limits'], capture_output=True, text=True).stdout
row = wait_for(lambda: re.search(fr'^\s*30\s+0\s+1\s+20\s+1\s+[1-9]\d*\s+.*(shaky|:{PORTS["shaky"]}$)', limits(), re.M))
check('who hangs up each time is left alone', row and 3 <= len(shaky.connections) <= 8, (limits(), len(shaky.connections)))
mtactl('stop')
subprocess.run('rm -f /var/mta/queue/cur/*/*', shell=True)

# ---- one that sends all away ----
fill(100, 'x@away.example')
mtactl('start')
row = wait_for(lambda: re.search(r'^\s*100\s+0\s+1\s+20\s+1\s+[1-9]\d*\s+away\.example$', limits(), re.M))
check('who sends all away with 421 is left alone', row and 3 <= len(away.connections) <= 8, (limits(), len(away.connections)))
away.away = False
subprocess.run(['/var/mta/bin/sendmail', '-q'])
check('asked for, it all goes', wait_for(lambda: away.count == 100), away.count)
mtactl('stop')
subprocess.run('rm -f /var/mta/queue/cur/*/*', shell=True)

# ---- a dead one ----
fill(MANY, 'x@h%.dead.example')
mtactl('start')
check('1000 dead hosts are noticed', wait_for(lambda: len(set(re.findall(r'deferred to=<x@(h\d+)\.dead', log()))) >= min(MANY, 1000), 60))
send('ann@example.org', 'alive')
check('a new message passes', wait_for(lambda: has('alive')))
once = len(re.findall(r'deferred to=<x@h\d+\.dead', log()))
check('a message behind one that failed was not tried', once < MANY * 0.9 or MANY <= 1000, once)
dead.up()
subprocess.run(['/var/mta/bin/sendmail', '-q'])
check('asked for, all of it goes', wait_for(lambda: dead.count == MANY, 120), dead.count)
check('and the queue is empty', wait_for(lambda: not glob.glob('/var/mta/queue/cur/*/*')))
check('each once', dead.count == MANY, dead.count)
done()
