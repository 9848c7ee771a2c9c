#!/usr/bin/env python3
"""mailing_test - a message for many recipients of one host is looked at between
its transactions: what is more urgent goes before it, orders and deadlines find
it, and each recipient has it once."""
import shutil
from scene import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)


def queue(*words):
    return subprocess.run(['/var/mta/bin/queue', *words], capture_output=True, text=True).stdout


def waiting():
    return [os.path.basename(name)[:23] for name in glob.glob('/var/mta/queue/cur/*/*')]


def held():
    return os.listdir('/var/mta/queue/hold')


def many(count, domain):
    return [f'r{n}@{domain}.example' for n in range(count)]


def all_once(host, count):
    return len(host.taken) == count and host.twice() == 0


def urgent(recipient):
    with socket.create_connection(('127.0.0.1', 25), 30, ('127.0.0.9', 0)) as s:
        lines = s.makefile('rb')
        for line in ('XCLIENT ADDR=127.0.0.1 LOGIN=joe', 'EHLO c', 'MAIL FROM:<joe@example.org> MT-PRIORITY=9', f'RCPT TO:<{recipient}>',
                     'DATA', 'Subject: urgent\r\n\r\nx\r\n.', 'QUIT'):
            while lines.readline()[3:4] == b'-':
                pass
            s.sendall(line.encode() + b'\r\n')
        lines.read()


def position(host, recipient):
    return host.order.index(f'RCPT TO:<{recipient}>\r\n'.encode())


def reports(action):
    """Recipients that joe was told of."""
    return sum(open(name).read().count(f'\nAction: {action}') for name in glob.glob(pwd.getpwnam('joe').pw_dir + '/Maildir/new/*'))


ports = {'list': 2731, 'small': 2731, 'hold': 2732, 'remove': 2733, 'fail': 2734, 'route': 2735, 'delay': 2737, 'dead': 2738, 'one': 2739, 'two': 2740,
         'three': 2741, 'four': 2742, 'asks': 2743}
control('smtproutes', ''.join(f'{name}.example:[127.0.0.1]:{port}\n' for name, port in ports.items()))
control('limits', 'asks.example 1\n* 1\n')
control('xclientnets', '127.0.0.9\n')
mtactl('start')

# ---- turns ----
host = Stops(2731, 3).up()
send_to(many(40, 'list'), '-XV')
check('a mailing has begun', wait_for(lambda: host.begun == 4), host.begun)
send('x@small.example', 'small')
urgent('y@small.example')
wait_for(lambda: log().count(' new from=') == 3)
host.may_go_on.set()
check('all go', wait_for(lambda: not waiting()) and all_once(host, 42), host.taken)
check('what is urgent goes between two of its transactions', position(host, 'y@small.example') < 8, host.order)
check('and what is small', position(host, 'x@small.example') < 8, host.order)

# ---- orders ----
host = Stops(2732, 1).up()
send_to(many(350, 'hold'))
wait_for(lambda: host.begun == 2)
queue('hold', '-a')
host.may_go_on.set()
check('one that is held goes no further', wait_for(held) and host.begun == 2 and len(host.taken) == 200, (host.begun, len(host.taken)))
queue('release', '-a')
check('when it is released the rest goes', wait_for(lambda: not waiting() and len(host.taken) == 350) and all_once(host, 350), len(host.taken))

one, two = Stops(2739, 3).up(), Stops(2740, 3).up()
send_to(many(20, 'one') + many(20, 'two'), '-XV')
wait_for(lambda: one.begun == two.begun == 4)
queue('hold', '-a')
one.may_go_on.set()
wait_for(lambda: len(one.taken) == 4)
for mark in 'meanwhile', 'later':       # long enough for the next one to begin
    send('joe@example.org', mark)
    wait_for(lambda: has(mark))
check('none of two hosts goes on while the other is at work', one.begun == 4, one.begun)
two.may_go_on.set()
check('and then it is held', wait_for(held) and one.begun == two.begun == 4, (one.begun, two.begun))
queue('release', '-a')
check('all go when it is released', wait_for(lambda: not waiting()) and all_once(one, 20) and all_once(two, 20), (one.taken, two.taken))

host = Stops(2733, 5).up()
send_to(many(30, 'remove'), '-XV')
wait_for(lambda: host.begun == 6)
queue('remove', '-a')
host.may_go_on.set()
check('one that is removed goes no further', wait_for(lambda: not waiting()) and host.begun == 6 and all_once(host, 6), host.taken)

host = Stops(2734, 0).up()
send_to(many(350, 'fail'))
wait_for(lambda: host.begun == 1)
queue('fail', '-a')
host.may_go_on.set()
check('one that is given up goes no further', wait_for(lambda: not waiting()) and host.begun == 1 and all_once(host, 100), host.begun)
check('and its sender is told of the others', wait_for(lambda: reports('failed') == 250), reports('failed'))

host, other = Stops(2735, 1).up(), Stops(2736, 99).up()
send_to(many(30, 'route'), '-XV')
wait_for(lambda: host.begun == 2)
queue('route', '[127.0.0.1]:2736', '-a')
host.may_go_on.set()
check('one with another route goes there', wait_for(lambda: not waiting()) and all_once(host, 2) and all_once(other, 28), (host.taken, other.taken))

# ---- its deadline comes ----
control('delaywarning', '4\n')  # its transactions have begun by then
host = Stops(2737, 0).up()
send_to(many(350, 'delay'))
begun = time.time()
wait_for(lambda: host.begun == 1 and time.time() > begun + 5)
host.may_go_on.set()
check('the rest of it goes on', wait_for(lambda: not waiting()) and all_once(host, 350), len(host.taken))
check('and its sender was told of the delay', wait_for(lambda: reports('delayed') == 250), reports('delayed'))

one, two = Stops(2741, 3).up(), Stops(2742, 3).up()
send_to(many(20, 'three') + many(20, 'four'), '-XV')
begun = time.time()
wait_for(lambda: one.begun == two.begun == 4 and time.time() > begun + 5)
told = reports('delayed')
one.may_go_on.set()
wait_for(lambda: len(one.taken) == 4)
for mark in 'soon', 'sooner':
    send('joe@example.org', mark)
    wait_for(lambda: has(mark))
check('one of two hosts does not go on before its sender is told', one.begun == 4, one.begun)
two.may_go_on.set()
check('who is, when the other is back', wait_for(lambda: reports('delayed') == told + 32), reports('delayed') - told)
check('and all go', wait_for(lambda: not waiting()) and all_once(one, 20) and all_once(two, 20), (one.taken, two.taken))
os.unlink('/var/mta/control/delaywarning')

# ---- its host asks for its mail from now on ----
host = Stops(2743, 1).up()
send_to(many(350, 'asks'))
wait_for(lambda: host.begun == 2)
control('odmrdomains', 'asks.example: joe\n')
send('x@asks.example', 'asks')
wait_for(lambda: 'odmrdomains changed' in log() and log().count(' bytes=170 ') == 1)
host.may_go_on.set()
check('the rest of what had begun waits until it does, and no file is held open', wait_for(
    lambda: len(host.taken) == 200 and not any('/queue/cur/' in os.readlink(f) for f in glob.glob(f'/proc/{manager()}/fd/*') if os.path.islink(f))),
      (len(host.taken), host.begun))
os.unlink('/var/mta/control/odmrdomains')
queue('retry', '-a')
check('and goes when it does so no more', wait_for(lambda: not waiting()) and all_once(host, 351), len(host.taken))

# ---- its host is gone ----
send_to(many(30, 'dead'), '-XV')
check('all wait for a host that is gone', wait_for(lambda: log().count('deferred to=<r') == 30), log()[-900:])
check('no file is held open meanwhile',
      wait_for(lambda: not any('/queue/cur/' in os.readlink(f) for f in glob.glob(f'/proc/{manager()}/fd/*') if os.path.islink(f))))
host = Stops(2738, 99).up()
queue('retry', waiting()[0])
check('and go when it is back', wait_for(lambda: not waiting()) and all_once(host, 30), host.taken)
mtactl('stop')
done()
