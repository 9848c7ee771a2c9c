#!/usr/bin/env python3
"""reach_send_test - which of a host's addresses remote-send connects to, how
long it waits for one (RFC 8305), and from which of ours (sourceaddress)."""
import os, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from servers import *

# What is sent over d0 is lost: its addresses stall, but for our own.
subprocess.run('ip link add d0 type veth peer name d1 && ip link set d0 arp off up && ip link set d1 up && ip addr add 192.0.2.1/24 dev d0 && '
               'ip addr add 2001:db8::1/64 dev d0 nodad && ip addr add fd00::1/128 dev lo nodad && '
               'ip addr add fd00::2/128 dev lo nodad', shell=True, check=True)
STALL6, STALL4 = '2001:db8::99', '192.0.2.99'


def hops(*hosts):
    return pack(('S', 'ok'), *(('M', f'{10 + i} mx{i}.example {a}') for i, addresses in enumerate(hosts) for a in addresses))


def send(*hosts, domain=None, **more):
    c = Channel(sender, domain=domain)
    answers[c.domain] = hops(*hosts)
    began = time.monotonic()
    got = c.send(**more)
    c.end.close()
    return got, time.monotonic() - began


PLAIN = dict(before=())
four, six = Server(**PLAIN), Server(address='fd00::1', **PLAIN)
CLOSED = '127.0.4.1'  # refuses at once
control('timeoutconnect', '30\n')
sender = Sender()
got, seconds = send([STALL6, four.address])
check('IPv6 stalls: IPv4 within a second', got and got[0] == 'K' and len(four.messages) == 1 and 0.2 < seconds < 2, (got, seconds))
check('... which the verdict names', four.address in got[2], got)
got, seconds = send([STALL4, six.address])
check('IPv4 stalls: IPv6', got and got[0] == 'K' and len(six.messages) == 1 and seconds < 2, (got, seconds))
got, seconds = send([STALL6, '2001:db8::98', '2001:db8::97', four.address])
check('the families take turns', got and got[0] == 'K' and seconds < 0.74, (got, seconds))
got, seconds = send(['2001:db8::98', STALL4, '192.0.2.98', six.address])
check('all of them get their turn', got and got[0] == 'K' and seconds < 2, (got, seconds))
got, seconds = send([six.address, STALL4])
check('one that answers at once is alone', got and got[0] == 'K' and seconds < 0.24, (got, seconds))
got, seconds = send([CLOSED, four.address])
check('one that refuses is followed at once', got and got[0] == 'K' and seconds < 0.24, (got, seconds))
got, seconds = send([CLOSED, 'fd00::99'])
check('all refuse: the destination is unreachable', got and got[:2] == ('U', '4.4.1'), got)
sender.end()

control('timeoutconnect', '1\n')
sender = Sender()
got, seconds = send([STALL6, STALL4])
check('all stall: timeoutconnect', got and got[:2] == ('U', '4.4.1') and 'timed out' in got[2] and 1 <= seconds < 3, (got, seconds))
got, seconds = send([STALL6, STALL4], [four.address])
check('the next host after that', got and got[0] == 'K' and 1 <= seconds < 3, (got, seconds))
rude = Server(starttls=b'', before=())
rude.talk = lambda client, words, prefix: client.sendall(b'554 no\r\n')
got, seconds = send([rude.address, STALL6], [four.address])
check('a host of no use: its other addresses, and the next host', got and got[0] == 'K' and four.address in got[2] and
      seconds < 4, (got, seconds))
many = [f'2001:db8::{n:x}' for n in range(100, 119)]
got, seconds = send(many + [four.address])
check('more addresses than are tried at once', got and got[0] == 'K', (got, seconds))
sender.end()

# ---- from where ----
control('sourceaddress', '''# of ours
@one.example 127.0.5.1 fd00::2
@.below.example 127.0.5.2
two.example 127.0.5.3
far.example 203.0.113.9
* 127.0.5.4
''')
sender = Sender()
for label, who, domain, wanted in (
        ("the sender's", 'a@One.example', 'two.example', '127.0.5.1'), ('all below', 'a@x.below.example', None, '127.0.5.2'),
        ("the destination's", 'a@x.example', 'two.example', '127.0.5.3'), ('the rest', '', None, '127.0.5.4')):
    s = Server(**PLAIN)
    got, _ = send([s.address], domain=domain, sender=who)
    check(f'from {label}', got and got[0] == 'K' and s.peers == [wanted], (got, s.peers))
s = Server(address='fd00::1', port=2525, **PLAIN)
control('smtproutes', 'six.example:[fd00::1]:2525\n')
sender.end()
sender = Sender()
got = Channel(sender, domain='six.example').send(sender='a@one.example')
check('IPv6 from its own', got and got[0] == 'K' and s.peers == ['fd00::2'], (got, s.peers))
got = Channel(sender, domain='six.example').send(sender='a@x.example')
check('a family without one: as the kernel has it', got and got[0] == 'K' and s.peers[1] == 'fd00::1', (got, s.peers))
got, _ = send([four.address], domain='far.example')
check('one that is not ours: the mail waits', got and got[:2] == ('U', '4.4.1') and 'assign' in got[2], got)
s = Server(**PLAIN)
c = Channel(sender, s)
got = [c.send(sender=x)[0] for x in ('a@one.example', 'b@one.example', 'a@x.example')]
check('another source, another connection', got == ['K'] * 3 and s.peers == ['127.0.5.1', '127.0.5.4'], (got, s.peers))
check('all end', sender.end() == (0, 0, 0))
done()
