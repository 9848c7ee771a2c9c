#!/usr/bin/env python3
"""slow_send_test - remote-send and hosts that take their time: how long one of
them may keep a connection, and that a slow line is no such host."""
import os, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from servers import *

SECONDS = 2
control('timeouttransaction', f'{SECONDS}\n')
sender = Sender()
PLAIN = dict(before=())


class Slow(Server):
    """A pause (s) before the reply to each verb, or the greeting, or between
    the lines of it; and how long the text is left unread."""

    def __init__(self, pauses={}, lines=1, **how):
        self.pauses, self.lines = pauses, lines
        super().__init__(**how)

    def session(self, client):
        time.sleep(self.pauses.get('greeting', 0))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        try:
            client.sendall(self.replies.get('greeting', b'220 mx.example\r\n'))
            self.converse(client, client.makefile('rb'))
        except OSError:
            pass
        client.close()

    def converse(self, client, lines):
        while line := lines.readline():
            verb = line[:4].decode('latin-1')
            self.commands.append(line.decode('latin-1').rstrip('\r\n'))
            code = b'354' if verb == 'DATA' else b'250'
            if verb in self.replies:
                client.sendall(self.replies[verb])
                continue
            for i in range(self.lines if verb in self.pauses else 1):
                time.sleep(self.pauses.get(verb, 0))
                client.sendall(code + (b' ' if verb not in self.pauses or i == self.lines - 1 else b'-') + b'x\r\n')
            if verb == 'DATA':
                size, pause = 0, self.pauses.get('text', 0)
                while (line := lines.readline()) != b'.\r\n':
                    size += len(line)
                    if pause and size // 65536 != (size - len(line)) // 65536:
                        time.sleep(pause)
                self.messages.append(size)
                time.sleep(self.pauses.get('.', 0))
                client.sendall(b'250 2.0.0 kept\r\n')


def timed(send):
    began = time.monotonic()
    return send(), time.monotonic() - began


for label, pauses, lines, users in (
        ('a reply of many lines', dict(MAIL=0.1), 90, ('joe',)), ('one reply after another', dict(RCPT=0.4), 1, [f'r{i}' for i in range(20)]),
        ('silence', dict(MAIL=9), 1, ('joe',))):
    s = Slow(pauses, lines, **PLAIN)
    got, seconds = timed(lambda: Channel(sender, s).send(users=users))
    last = got[-1] if len(users) > 1 else got
    check(f'{label}: ends', last and last[:2] == ('Z', '4.4.2') and 'too slow' in last[2] and
          SECONDS - 0.5 < seconds < SECONDS + 3, (last, seconds))
hosts = [Slow(dict(greeting=1.5), replies={'greeting': b'421 busy\r\n'}, **PLAIN) for i in range(6)]
got, seconds = timed(lambda: Channel(sender, *hosts).send())
check('hosts that greet slowly: not all are tried', got and got[:2] == ('U', '4.4.1') and seconds < SECONDS + 3 and
      sum(h.connections for h in hosts) < 4, (got, seconds))

big = b'Subject: x\n\n' + (b'x' * 500 + b'\n') * 24000
s = Slow(dict(text=0.02), replies=dict(EHLO=b'250-mx.example\r\n250 LIMITS RCPTMAX=1\r\n'), **PLAIN)
got, seconds = timed(lambda: Channel(sender, s).send(big, users=('a', 'b')))
check('a large text over a slow line goes all the same, and to the next recipient', got and [g[0] for g in got] == ['K', 'K'] and
      seconds > 2 * SECONDS and min(s.messages) > 12000000, (got, seconds, s.messages))
s = Slow({'.': SECONDS + 1.5}, **PLAIN)
got, seconds = timed(lambda: Channel(sender, s).send())
check('the reply to the text is waited for', got and got[0] == 'K' and seconds > SECONDS + 1, (got, seconds))
s = Slow(**PLAIN)
c = Channel(sender, s)
got = [c.send()]
time.sleep(SECONDS + 0.5)
got.append(c.send())
check('each message has its own time', [g[0] for g in got] == ['K', 'K'] and s.connections == 1, (got, s.connections))
c.end.close()
check('all end', sender.end() == (0, 0, 0))
done()
