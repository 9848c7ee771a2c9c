#!/usr/bin/env python3
"""workers_send_test - a process of remote-send carries the channels of several
hosts, one after another, as many as control/maxuseremote says."""
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from servers import *

PLAIN = dict(before=())


def children(sender):
    with open(f'/proc/{sender.remote.pid}/task/{sender.remote.pid}/children') as f:
        return f.read().split()


def carry(sender, server, **more):
    """A message over a channel of its own, to its end; its verdict, and by which processes."""
    c = Channel(sender, server, **more)
    got = c.send(mark=f'{Channel.domains % 10}')
    carriers = children(sender)
    c.end.shutdown(socket.SHUT_WR)
    while c.end.recv(20000):    # it says that it is free before it closes the channel
        pass
    c.end.close()
    return got, carriers


def start(uses=None, at_once=None, **more):
    for name, value in (('maxuseremote', uses), ('concurrencyremote', at_once)):
        if value is not None:
            control(name, f'{value}\n')
        elif os.path.exists(f'{MTA}/control/{name}'):
            os.unlink(f'{MTA}/control/{name}')
    return Sender(**more)


def delivered(servers):
    return all(len(s.messages) == 1 and s.commands[-1].endswith('QUIT') for s in servers)


# ---- one after another ----
sender = start()
servers = [Server(**PLAIN) for _ in range(5)] + [Server() for _ in range(5)]
said = [carry(sender, s) for s in servers]
check('each host has its message', all(got and got[0] == 'K' for got, _ in said) and delivered(servers), said)
check('each verdict names its host', all(s.address in got[2] for s, (got, _) in zip(servers, said)), said)
check('all by one process', len({p for _, pids in said for p in pids}) == 1, said)
check('by TLS where there is some', all(any(c.startswith('tls MAIL') for c in s.commands) for s in servers[5:]), servers[5].commands)
got, _ = carry(sender, Server(replies={'MAIL': b'450 4.7.1 not now\r\n'}, **PLAIN))
check('one that puts it off', got and got[:2] == ('Z', '4.7.1'), got)
gone = Server(**PLAIN)
gone.talk = lambda client, words, prefix: None
got, _ = carry(sender, gone)
check('one that closes the connection', got and got[0] in 'ZU', got)
s = Server(**PLAIN)
got, pids = carry(sender, s)
check('and one after these', got and got[0] == 'K' and delivered([s]) and len(pids) == 1, (got, pids))
check('who is free goes after a while', wait_for(lambda: not children(sender), 5), children(sender))

# ---- two at once ----
one, two = Channel(sender, Server(**PLAIN)), Channel(sender, Server(**PLAIN))
one.send(), two.send()
check('two channels have two processes', len(children(sender)) == 2, children(sender))
one.end.close(), two.end.close()
sender.end()

# ---- its end ----
sender = start(uses=3)
said = [carry(sender, Server(**PLAIN)) for _ in range(9)]
check('three channels, and another process', all(got[0] == 'K' for got, _ in said) and len({p for _, pids in said for p in pids}) == 3, said)
sender.end()
sender = start(uses=1)
said = [carry(sender, Server(**PLAIN)) for _ in range(4)]
check('one channel each', all(got[0] == 'K' for got, _ in said) and len({p for _, pids in said for p in pids}) == 4, said)
check('and none waits', wait_for(lambda: not children(sender), 0.9), children(sender))
sender.end()

# ---- at the limit ----
sender = start(at_once=1)
one, two = Channel(sender, Server(**PLAIN)), Channel(sender, last := Server(**PLAIN))
one.send()
pids = children(sender)
one.end.close()
got = two.send()
check('at the limit the next channel has the process that becomes free', got and got[0] == 'K' and children(sender) == pids, (pids, children(sender)))
two.end.close()

# ---- what may log in ----
smart = Server(after=('AUTH PLAIN',), **PLAIN)
control('smtproutes', f'routed.example:[{smart.address}]\n')
sender.end()
sender = start(at_once=1)
_, before = carry(sender, Server(**PLAIN))
got, pids = carry(sender, smart, domain='routed.example')
check('a process that is free makes room for one that may log in', got and got[0] == 'K' and not set(pids) <= set(before), (before, pids))
got, after = carry(sender, Server(**PLAIN))
check('which has no other host', got and got[0] == 'K' and not set(after) & set(pids) - set(before), (pids, after))
sender.end()

# ---- what it leaves behind ----
def memory(sender):
    with open(f'/proc/{children(sender)[0]}/status') as f:
        return int(re.search(r'VmRSS:\s+(\d+)', f.read())[1])


if not is_sanitized():
    sender = start(uses=1000)
    s, t = Server(**PLAIN), Server()
    for _ in range(10):
        carry(sender, s), carry(sender, t)
    begun = memory(sender), len(os.listdir(f'/proc/{children(sender)[0]}/fd'))
    said = [carry(sender, x)[0] for _ in range(50) for x in (s, t)]
    check('a hundred more channels take no memory and no descriptor', all(got[0] == 'K' for got in said) and
          memory(sender) <= begun[0] + 64 and len(os.listdir(f'/proc/{children(sender)[0]}/fd')) == begun[1], (begun, memory(sender)))
    fds = len(os.listdir(f'/proc/{sender.remote.pid}/fd'))
    check('nor of the parent', wait_for(lambda: not children(sender), 5) and len(os.listdir(f'/proc/{sender.remote.pid}/fd')) == fds - 1, fds)
    sender.end()
done()
