#!/usr/bin/env python3
"""reuse_test - a client that comes again and again is served by one process,
control/maxuse times, if each of its sessions was without a fault; another
address, or one after a fault, has a process of its own."""
import contextlib, os, sys
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
    """The pid of the process that has it."""
    end = server_end(client)
    for pid in processes('smtpd'):
        if end in descriptors(pid):
            return pid
    return None


def descriptors(pid):
    """What it holds besides its log; nothing if it is gone."""
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


start()
settings()

# ---- who is served again ----
one, two = next(addresses), next(addresses)
pids = [bring(one) for _ in range(6)]
check('six connections have two processes: the first was nobody known', len(set(pids)) == 2 and len(set(pids[1:])) == 1, pids)
check('it waits, with a pair for each neighbour and one on which it is handed the next',
      wait_for(lambda: [link[:7] for link in descriptors(pids[-1])] == ['socket:'] * 4), descriptors(pids[-1]))
others = [bring(two) for _ in range(3)]
check('another address has its own', not set(pids) & set(others) and others[1] == others[2], (pids, others))
check('and the first its own again', bring(one) == pids[-1])
check('who waits for nobody goes', wait_for(lambda: not sessions()), sessions())

one = next(addresses)
clients = [Client(one) for _ in range(4)]
both, ends = [served_by(c) for c in clients], [server_end(c) for c in clients]
check('connections at once have a process each', len(set(both)) == 4 and None not in both, both)
for c in clients:
    c.hello()
    c.message(TEXT)
    c.ask('QUIT')
    c.close()
wait_for(lambda: not any(end in descriptors(pid) for pid, end in zip(both, ends)))
check('each of which may be had again', bring(one) in both)

# ---- who is not ----
check('one that did nothing but that', again())
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
check('but others', again())

# ---- nothing of one session is left in the next ----
settings()
one = next(addresses)
bring(one)
first = bring(one)
c = Client(one)
check('it is the same process', served_by(c) == first)
check('its greeting', c.greeting.startswith('220 '), c.greeting)
check('HELO is forgotten', c.ask('MAIL FROM:<a@b.example>').startswith('503 '))
c.hello()
check('the sender, too', c.ask('RCPT TO:<joe@example.org>').startswith('503 '))
c.message(TEXT)
c.close()

settings(maxmessages=1)
check('the messages are counted for each', again())

# ---- limits ----
settings(maxuse=3)
one = next(addresses)
pids = [bring(one) for _ in range(8)]
check('maxuse ends it', [pids.count(p) for p in dict.fromkeys(pids)] == [1, 3, 3, 1], pids)
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
one = next(addresses)
bring(one)
wait_for(is_calm)
first = bring(one)
wait_for(is_calm)
c = Client(one)
check('strain begins, too, with one that is handed over', served_by(c) == first and wait_for(is_strained), log()[-1000:])
c.close()

# ---- ends ----
settings()
one = next(addresses)
bring(one)
first = bring(one)
check('it waits', first in sessions())
check('and a new start ends it', reload() and first not in processes('smtpd'))
one = next(addresses)
bring(one)
first = bring(one)
os.kill(first, signal.SIGKILL)
check('one that is killed while it waits', wait_for(lambda: first not in processes('smtpd')) and bring(one) != first)
done()
