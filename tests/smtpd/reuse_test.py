#!/usr/bin/env python3
"""reuse_test - a client that comes again and again is served by one process,
control/maxuse times, if each of its sessions was without a fault; another
address, or one after a fault, has a process of its own."""
import contextlib, os, re, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/../filter')
from mail import *

on_host()
TEXT = 'Subject: one\n\nof many\n'


def settings(**values):
    for name in ('maxuse', 'proxynets', 'xclientnets', 'maxmessages', 'smtpdpernetwork', 'smtpdconnections'):
        if name in values:
            control(name, f'{values[name]}\n')
        elif os.path.exists(CONTROL + name):
            os.unlink(CONTROL + name)
    check(f'with {values}', reload(), log()[-1000:])


def server_end(client):
    """The other end of the client's connection, as /proc names it."""
    local = client.s.getsockname()[1]
    with open('/proc/net/tcp') as f:
        for line in f:
            words = line.split()
            if words[1].endswith(':0019') and words[2].endswith(f':{local:04X}'):
                return f'socket:[{words[9]}]'


def served_by(client):
    """The pid of the process that serves it; its acceptor has it for a while, too."""
    end = wait_for(lambda: server_end(client))
    for pid in sessions():
        if end in descriptors(pid):
            return pid
    return None


def descriptors(pid):
    """What it holds besides its log, /proc/loadavg too; nothing if it is gone."""
    try:
        return [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd') if int(fd) > 2]
    except OSError:
        return []


def acceptors():
    return processes('smtpd', 'listen')


def sessions():
    return [p for p in processes('smtpd') if p not in acceptors()]


def bring(source='127.0.0.1', spoil=None, quits=True):
    """One message by a connection of its own, with what spoil does to it: the pid that took it."""
    c = Client(source)
    c.hello()
    if spoil:
        spoil(c)
    answer = c.message(TEXT)
    assert answer.startswith('250 '), answer
    pid, end = served_by(c), server_end(c)
    if quits:
        assert c.ask('QUIT').startswith('221')
    c.close()
    wait_for(lambda: end not in descriptors(pid))       # it says that it is free before it lets go
    return pid


addresses = (f'127.1.{i // 250}.{i % 250 + 1}' for i in range(10000))


def again(source=None, **more):
    """Does the process that took a message like this take the next of its address?"""
    source = source or next(addresses)
    bring(source)
    first = bring(source, **more)
    return bring(source) == first


def persist(scene):
    """Scene of an address that nobody knows; again, if more than a second may have gone by between two of its connections."""
    for _ in range(5):
        if answer := scene(next(addresses)):
            break
    return answer


start()
settings()

# ---- who is served again ----
def two_known(one):
    pids = [bring(one) for _ in range(6)]
    return len(set(pids)) == 2 and len(set(pids[1:])) == 1 and pids


def is_apart(one):
    two = next(addresses)
    pids, others = [bring(one) for _ in range(2)], [bring(two) for _ in range(3)]
    return not set(pids) & set(others) and others[1] == others[2] and bring(one) == pids[1]


def four_at_once(one):
    clients = [Client(one) for _ in range(4)]
    both, ends = [served_by(c) for c in clients], [server_end(c) for c in clients]
    for c in clients:
        c.hello()
        c.message(TEXT)
        c.ask('QUIT')
        c.close()
    wait_for(lambda: not any(end in descriptors(pid) for pid, end in zip(both, ends)))
    return len(set(both)) == 4 and None not in both and bring(one) in both


pids = persist(two_known)
check('six connections have two processes: the first was nobody known', pids)
check('it waits, with a pair for each neighbour and one on which it is handed the next', persist(
    lambda one: sorted(link[:7] for link in descriptors([bring(one), bring(one)][1])) == ['/proc/l'] + ['socket:'] * 4))
check('another address has its own, and the first its own again', persist(is_apart))
check('connections at once have a process each, each of which may be had again', persist(four_at_once))
check('who waits for nobody goes', wait_for(lambda: not sessions()), sessions())

# ---- who is not ----
check('one that did nothing but that', persist(again))
FAULTS = {
    'a command that is none': lambda c: c.ask('FOO'),
    'a recipient that is not': lambda c: (c.ask('MAIL FROM:<a@b.example>'), c.ask('RCPT TO:<nobody@example.org>'), c.ask('RSET')),
}
for name, spoil in FAULTS.items():
    check(f'not after {name}', not again(spoil=spoil))
check('not without QUIT', not again(quits=False))
one = next(addresses)
Client(one).close()
c = Client(one)
idle = served_by(c)
c.hello()
c.ask('QUIT')
c.close()
check('not if it brought nothing', bring(one) != idle)


# ---- who ends otherwise ----
def breaks_tls(c):
    """It leaves by a handshake that is none."""
    assert c.message(TEXT).startswith('250 ')
    assert c.ask('STARTTLS').startswith('220 ')
    c.send('this is no TLS\r\n')
    with contextlib.suppress(ConnectionResetError):
        while c.s.recv(4096):
            pass


def cuts_data(c):
    assert c.message(TEXT).startswith('250 ')
    assert c.ask('MAIL FROM:<a@b.example>').startswith('250 ') and c.ask('RCPT TO:<joe@example.org>').startswith('250 ')
    assert c.ask('DATA').startswith('354 ')
    c.send('Subject: cut\r\n')


def leave(source, how):
    """The pid of who was left so."""
    c = Client(source)
    c.hello()
    pid, end = served_by(c), server_end(c)
    how(c)
    c.close()
    wait_for(lambda: end not in descriptors(pid))
    return pid


for name, how in {'a handshake that failed': breaks_tls, 'DATA that was cut': cuts_data}.items():
    one = next(addresses)
    bring(one)
    left = leave(one, how)
    c = Client(one)
    c.hello()
    check(f'not after {name}', left and served_by(c) != left, (left, served_by(c)))
    check('and TLS is to be had', (answer := c.ask('STARTTLS')).startswith('220 '), answer)
    c.close()


def claims(c):
    assert c.ask('XCLIENT ADDR=192.0.2.7').startswith('220')
    c.hello()


settings(xclientnets='127.0.0.3')
check('not a proxy of XCLIENT', not again('127.0.0.3', spoil=claims))
check('whatever it says', not again('127.0.0.3'))
check('but others', persist(again))

# ---- nothing of one session is left in the next ----
settings()
def known(one):
    """A connection to the process that served the one before."""
    bring(one)
    first = bring(one)
    c = Client(one)
    return served_by(c) == first and c


c = persist(known)
check('it is the same process', c)
check('its greeting', c.greeting.startswith('220 '), c.greeting)
check('HELO is forgotten', c.ask('MAIL FROM:<a@b.example>').startswith('503 '))
c.hello()
check('the sender, too', c.ask('RCPT TO:<joe@example.org>').startswith('503 '))
c.message(TEXT)
c.close()

settings(maxmessages=1)
check('the messages are counted for each', persist(again))

# ---- limits ----
settings(maxuse=3)
def in_threes(one):
    pids = [bring(one) for _ in range(8)]
    return [pids.count(p) for p in dict.fromkeys(pids)] == [1, 3, 3, 1]


check('maxuse ends it', persist(in_threes))
settings(maxuse=1)
check('maxuse 1: each has its own', not again())
settings(smtpdpernetwork=2, smtpdconnections=2)
wait_for(lambda: not sessions())
one = next(addresses)
pair = [Client(one), Client(one)]
for c in pair:
    c.hello()
    c.message(TEXT)
    c.ask('QUIT')
    c.close()
bring(one)
fresh = Client(one[:-1] + '9')
check('who waits takes no place from others', fresh.greeting.startswith('220 '), fresh.greeting)
fresh.close()

settings(smtpdconnections=1)
is_strained = lambda: re.findall('strain (begins|ends)', log())[-1:] == ['begins']
is_calm = lambda: not is_strained()
wait_for(lambda: not sessions() and is_calm())
def strained_again(one):
    bring(one)
    wait_for(is_calm)
    first = bring(one)
    wait_for(is_calm)
    c = Client(one)
    is_so = served_by(c) == first and wait_for(is_strained)
    c.close()
    wait_for(lambda: not sessions() and is_calm())
    return is_so


check('strain begins, too, with one that is handed over', persist(strained_again), log()[-1000:])

# ---- ends ----
settings()


def waiting(one):
    bring(one)
    first = bring(one)
    return first in sessions() and first


first = persist(waiting)
check('it waits', first)
check('and a new start ends it', reload() and first not in processes('smtpd'))
one = next(addresses)
bring(one)
first = bring(one)
with contextlib.suppress(ProcessLookupError):
    os.kill(first, signal.SIGKILL)
check('one that is killed while it waits', wait_for(lambda: first not in processes('smtpd')) and bring(one) != first)
done()
