#!/usr/bin/env python3
"""remote_send_test - remote-send between a manager and a resolver that this
test plays, and SMTP servers that say what each case needs."""
import email, os, re, signal, socket, subprocess, sys, tempfile, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from net import *

on_net()
control('timeoutconnect', '2\n')
control('smtproutes', 'routed.example:[127.0.1.9]:2525\n.wild.example:smart.example:2526\n'
        'typo.example:[nonsense]\nhosted.example:nowhere.example\npath.example:lmtp:/run/lmtp\n'
        'unix.example:lmtp:unix:/run/lmtp\nours.example:home.example\n')

EHLO = ('PIPELINING', 'SIZE 10000000', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES')
PLAIN = ()


class Server:
    """Replies are taken from script, by verb ("." for the end of the text); a
    list is used up one after another; None drops the connection."""
    used = 0

    def __init__(self, ehlo=EHLO, port=25, **script):
        Server.used += 1
        self.address = f'127.0.2.{Server.used}'
        self.ehlo, self.script = ehlo, script
        self.commands, self.messages, self.connections, self.batches = [], [], 0, []
        self.quits = threading.Event()
        self.listener = socket.create_server((self.address, port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            self.connections += 1
            threading.Thread(target=self.session, args=(client,), daemon=True).start()

    def answer(self, client, verb, usual):
        reply = self.script.get(verb, usual)
        if isinstance(reply, list):
            reply = reply.pop(0) if reply else usual
        if reply is None:
            client.shutdown(socket.SHUT_RDWR)
            return False
        client.sendall(reply.replace('\n', '\r\n').encode('latin-1') + b'\r\n')
        if reply.startswith('421'):
            client.shutdown(socket.SHUT_RDWR)
        return reply

    def session(self, client):
        try:
            self.talk(client)
        except OSError:
            pass
        client.close()

    def talk(self, client):
        usual = {'EHLO': '\n'.join('250-' + w for w in ('mx.example',) + self.ehlo[:-1]) + '\n250 ' +
                 (self.ehlo[-1] if self.ehlo else 'mx.example'), 'HELO': '250 mx.example', 'MAIL': '250 2.1.0 ok',
                 'RCPT': '250 2.1.5 ok', 'DATA': '354 go', 'BDAT': '250 2.0.0 kept', 'RSET': '250 2.0.0 ok', 'QUIT': '221 bye'}
        lines = client.makefile('rb')
        if not self.answer(client, 'greeting', '220 mx.example ESMTP'):
            return
        while line := lines.readline():
            verb = line[:4].strip().upper().decode('latin-1')
            self.commands.append(line.decode('utf-8').rstrip('\r\n'))
            if verb == 'BDAT':
                text = lines.read(int(line.split()[1]))
                if self.script.get('BDAT', '250') is not None:
                    self.messages.append(text)
            reply = self.answer(client, verb, usual.get(verb, '500 5.5.1 what?'))
            if verb == 'QUIT':
                self.quits.set()
                return
            if not reply:
                return
            if verb == 'DATA' and reply.startswith('354'):
                text = b''
                while (line := lines.readline()) not in (b'.\r\n', b''):
                    text += line
                if line == b'':
                    return
                self.messages.append(text)
                if not self.answer(client, '.', '250 2.0.0 kept'):
                    return
                if self.script.get('after'):
                    self.answer(client, 'after', None)
                    return


# ---- the resolver ----
answers = {}
asked = []


def hops(*addresses, host='mx.example'):
    return pack(('S', 'ok'), *(('M', f'{10 + i} {host} {a}') for i, a in enumerate(addresses)))


def resolver_session(end):
    with end:
        while packet := end.recv(20000):
            request = dict(unpack(packet))
            asked.append((request['Q'], request['D']))
            end.sendall(answers.get(request['D'], pack(('S', 'noname'))) + pack(('I', request['I'])))


def resolver(end):
    end.settimeout(None)
    while True:
        packet, fds, _, _ = socket.recv_fds(end, 20000, 4)
        if not packet:
            return
        session = socket.socket(fileno=fds[0])
        threading.Thread(target=resolver_session, args=(session,), daemon=True).start()


ours, theirs = pair()
resolve, resolve_theirs = pair()
threading.Thread(target=resolver, args=(resolve,), daemon=True).start()
remote = start('remote-send', fds={RESOLVE: resolve_theirs.fileno()}, stdin=theirs.fileno())
theirs.close()
resolve_theirs.close()


class Channel:
    """A channel as the manager has it."""
    domains = 0

    def __init__(self, *servers, domain=None, answer=None, opening=()):
        if domain is None:
            Channel.domains += 1
            domain = f'd{Channel.domains}.example'
            answers[domain] = answer or hops(*(s if isinstance(s, str) else s.address for s in servers))
        self.domain = domain
        self.end, other = pair()
        socket.send_fds(ours, [pack(('H', domain), *opening)], [other.fileno()])
        other.close()

    def send(self, message=b'Subject: x\n\nhello\n', rcpts=None, sender='from@me.example', flags=(), originals=None):
        """One verdict (kind, code, text) for each recipient, in order."""
        rcpts = rcpts or [f'joe@{self.domain}']
        with tempfile.TemporaryFile() as f:
            f.write(b'before the message\n' + message + b'after it\n')
            f.flush()
            socket.send_fds(self.end, [pack(
                ('N', 0), ('I', '0' * 23), ('O', 19), ('L', len(message)), *flags, ('F', sender),
                *(t for i, r in enumerate(rcpts) for t in (('T', r), *([('O', originals[i])] if originals else []))))], [f.fileno()])
        verdicts = {}
        while True:
            packet = self.end.recv(20000)
            if not packet:
                return None
            records = dict(unpack(packet))
            if 'E' in records:
                return [verdicts.get(i) for i in range(len(rcpts))]
            number = int(records['N'])
            verdicts[number] = (records['V'], records['C'], records['R']) if number not in verdicts else 'twice'

    def close(self):
        self.end.close()


def expect(label, channel, kind, code, words='', **what):
    got = channel.send(**what)
    check(label, got is not None and all(v is not None and v[0] == kind and v[1] == code and words in v[2] for v in got),
          got)
    channel.close()


# ---- it works ----
s = Server()
c = Channel(s)
first = b'Subject: one\n\n.dot\n..two\n.\n\nlast without end'
check('delivered', c.send(first)[0][:2] == ('K', '2.0.0'))
check('the text: CRLF, dots, its last line', s.messages[0] ==
      b'Subject: one\r\n\r\n..dot\r\n...two\r\n..\r\n\r\nlast without end\r\n', s.messages)
got = c.send(b'Subject: two\n\n', rcpts=['a@x.example', 'b@x.example'], sender='')
check('a second message', got and [v[0] for v in got] == ['K', 'K'] and s.messages[1] == b'Subject: two\r\n\r\n', got)
check('over one connection', s.connections == 1)
check('its commands', s.commands == [
    'EHLO me.example', f'MAIL FROM:<from@me.example> SIZE={len(first)}', f'RCPT TO:<joe@{c.domain}>', 'DATA',
    'MAIL FROM:<> SIZE=14', 'RCPT TO:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA'], s.commands)
c.close()
check('QUIT when the channel closes', s.quits.wait(5))
check('the text of a verdict', got and got[0][2] == f'mx.example[{s.address}] said: 250 2.0.0 kept', got)

# ---- a connection that is gone when the next message comes ----
s = Server(MAIL=['250 ok', None, '250 ok', None, None])
c = Channel(s)
got = [c.send() for i in range(2)]
check('it goes over a new one', [v[0][0] for v in got] == ['K', 'K'] and s.connections == 2, (got, s.connections))
got = c.send()[0]
check('once', got[:2] == ('Z', '4.4.2') and s.connections == 3, (got, s.connections))
got = c.send()[0]
check('and then as ever', got[0] == 'K' and s.connections == 4, (got, s.connections))
c.close()

# ---- BDAT, RFC 3030 ----
CHUNKING = EHLO + ('CHUNKING',)
s = Server(CHUNKING)
c = Channel(s)
got = c.send(first)
check('by BDAT: no dot is doubled, the last line has its end', got and got[0][:2] == ('K', '2.0.0') and s.messages == [
      b'Subject: one\r\n\r\n.dot\r\n..two\r\n.\r\n\r\nlast without end\r\n'], (got, s.messages))
check('in one chunk', [w.split(' ')[0] for w in s.commands] == ['EHLO', 'MAIL', 'RCPT', 'BDAT'] and
      s.commands[3] == f'BDAT {len(s.messages[0])} LAST', s.commands)
for odd in (b'', b'\n', b'\r', b'a\r', b'a\n\r', b'a\n\r.\n.\r\n', b'z' * 16383 + b'\n' + b'.' * 40000, b'\r\n' * 9000 + b'\xc3\xa9'):
    d, data = Channel(data_server := Server()), s.messages[:]
    d.send(odd), c.send(odd)
    plain = re.sub(rb'(?m)^\.', b'', data_server.messages[0])
    check(f'as by DATA: {odd[:20]}', s.messages[len(data):] == [plain], (s.messages[len(data):], plain))
    d.close()
check('all over one connection', s.connections == 1)
c.close()

s = Server(CHUNKING, BDAT=['451 4.3.0 not now', '554 5.6.0 never', '250 2.0.0 kept'])
c = Channel(s)
got = [c.send()[0] for i in range(3)]
check('its reply is the verdict', [v[:2] for v in got] == [('Z', '4.3.0'), ('D', '5.6.0'), ('K', '2.0.0')], got)
check('RSET after one that failed', [w[:4] for w in s.commands[1:]] == ['MAIL', 'RCPT', 'BDAT', 'RSET'] * 2 + ['MAIL', 'RCPT', 'BDAT'] and
      s.connections == 1, s.commands)
c.close()

s = Server(CHUNKING, RCPT=['550 5.1.1 no', '250 ok', '550 5.1.1 no', '550 5.1.1 no'], BDAT=['250 2.0.0 kept', '554 5.5.1 no recipient'])
c = Channel(s)
got = c.send(rcpts=['a@x.example', 'b@x.example'])
check('one recipient is refused', [v[:2] for v in got] == [('D', '5.1.1'), ('K', '2.0.0')], got)
got = c.send(rcpts=['a@x.example'])
check('the only one', [v[:2] for v in got] == [('D', '5.1.1')], got)
wide = b'Subject: wide\n\n' + b'0123456789abcde\n' * 4096
got = c.send(wide, rcpts=['a@x.example'])
check('a large text is not sent for nobody', [v[:2] for v in got] == [('D', '5.1.1')] and [w[:4] for w in s.commands[-3:]] == ['MAIL', 'RCPT', 'RSET'],
      (got, s.commands))
got = c.send(wide)
check('but else', got[0][0] == 'K' and s.messages[-1] == wide.replace(b'\n', b'\r\n'), got)
c.close()

s = Server(CHUNKING, MAIL=['451 4.7.1 greylisted'], BDAT=['503 5.5.1 say MAIL'])
c = Channel(s)
check('MAIL is refused', c.send()[0][:2] == ('Z', '4.7.1') and c.send()[0][0] == 'K' and s.connections == 1, s.commands)
c.close()
s = Server(CHUNKING, BDAT=None)
c = Channel(s)
check('the connection is lost after it', c.send()[0][:2] == ('Z', '4.4.2'))
c.close()
s = Server(CHUNKING[1:])
c = Channel(s)
check('one after another without PIPELINING', c.send(wide)[0][0] == 'K' and [w[:4] for w in s.commands] == ['EHLO', 'MAIL', 'RCPT', 'BDAT'], s.commands)
c.close()
s = Server(('CHUNKING',))
c = Channel(s)
check('DATA for what is made 7 bits', c.send(b'Subject: x\n\n\xc3\xa9\n')[0][0] == 'K' and 'DATA' in s.commands and
      b'=C3=A9' in s.messages[0], (s.commands, s.messages))
c.close()

# ---- the manager is asked about each MX host ----
s = Server()
c = Channel(answer=pack(('S', 'ok'), ('M', '10 gone.example 127.0.9.9'), ('M', f'20 mx.example {s.address}')), opening=[('W', 1)])
real, hosts = c.end, []


class Asked:
    """The manager's end of a channel: answers M as it is told to."""
    def __getattr__(self, name):
        return getattr(real, name)

    def recv(self, size):
        while (packet := real.recv(size))[:1] == b'M':
            hosts.append((unpack(packet), s.connections))
            real.sendall(pack(('E', 1)))
        return packet

    def fileno(self):
        return real.fileno()


c.end = Asked()
got = c.send()
check('each MX host is told before it is tried', got and got[0][0] == 'K' and
      hosts == [([('M', 'gone.example')], 0), ([('M', 'mx.example')], 0)], (got, hosts))
c.send()
check('not for a connection that is open', len(hosts) == 2 and s.connections == 1, hosts)
c.close()
c = Channel(s, opening=[('W', 1)])
with tempfile.TemporaryFile() as f:
    socket.send_fds(c.end, [pack(('N', 0), ('I', '0' * 23), ('O', 0), ('L', 0), ('F', ''), ('T', 'joe@x.example'))], [f.fileno()])
check('it asks', unpack(c.end.recv(20000)) == [('M', 'mx.example')])
c.end.shutdown(socket.SHUT_WR)
check('and ends without a word if it may not', c.end.recv(20000) == b'' and s.connections == 1)
c.close()

s = Server()
c = Channel(s)
big = b'x\n' + b''.join(b'.%d \xc3\xa4 %s\n' % (i, b'y' * (i % 900)) for i in range(3000))
check('a big message', c.send(big)[0][0] == 'K' and
      re.sub(rb'(?m)^\.', b'', s.messages[0]).replace(b'\r\n', b'\n') == big)
check('BODY=8BITMIME is said for what has such bytes', ' BODY=8BITMIME' in s.commands[1], s.commands[1])
c.send(b'a\n\r.\nMAIL FROM:<evil@x.example>\n\r\r.\r\nb\r\nc\rd\n')
check('no bare CR, and none that hides a dot', s.messages[1] ==
      b'a\r\n..\r\nMAIL FROM:<evil@x.example>\r\n..\r\nb\r\ncd\r\n', s.messages[1:])
c.send(b'z' * 16382 + b'\n\r' + b'.\nafter\n')
check('the same across two reads', s.messages[2].endswith(b'z\r\n..\r\nafter\r\n'), s.messages[2][-40:])
c.send(b'')
check('an empty message', s.messages[3] == b'', s.messages[3:])
c.close()

s = Server(ehlo=PLAIN, EHLO='502 5.5.1 what?')
expect('a server that knows HELO alone', Channel(s), 'K', '2.0.0', rcpts=['a@x.example', 'b@x.example'])
check('no parameters, one command at a time', s.commands[1:6] == [
    'HELO me.example', 'MAIL FROM:<from@me.example>', 'RCPT TO:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA'],
    s.commands)

hundred = [f'r{i}@x.example' for i in range(100)]
for ehlo in (EHLO, PLAIN):
    s = Server(ehlo=ehlo)
    expect('a hundred recipients', Channel(s), 'K', '2.0.0', rcpts=hundred)
    check('in one transaction', [w for w in s.commands if w.startswith('RCPT')] == [f'RCPT TO:<{r}>' for r in hundred] and
          len(s.messages) == 1, s.commands)
for ehlo in (EHLO, PLAIN):
    s = Server(ehlo=ehlo, RCPT=(['250 ok'] * 40 + ['452 4.5.3 too many'] * 60 + ['250 ok'] * 40 + ['452 too many'] * 20))
    expect('to a host that takes forty', Channel(s), 'K', '2.0.0', rcpts=hundred)
    check('three transactions', len(s.messages) == 3 and s.connections == 1, (len(s.messages), s.connections))
    s = Server(ehlo=ehlo, RCPT=['250 ok'] + ['452 4.5.3 too many'] * 2, **{'.': ['451 4.3.0 not now']})
    c = Channel(s)
    got = c.send(rcpts=hundred[:3])
    check('not if the text is not kept', got and [v[:2] for v in got] == [('Z', '4.3.0')] + [('Z', '4.5.3')] * 2 and
          len(s.messages) == 1, got)
    c.close()
    s = Server(ehlo=ehlo, RCPT='452 4.5.3 too many')
    expect('nor if even the first is too many', Channel(s), 'Z', '4.5.3', rcpts=hundred[:3])
    s = Server(ehlo=ehlo, RCPT=['250 ok', '452 4.2.2 full'])
    c = Channel(s)
    got = c.send(rcpts=hundred[:2])
    check('nor for a mailbox that is full', [v[:2] for v in got] == [('K', '2.0.0'), ('Z', '4.2.2')] and len(s.messages) == 1, got)
    c.close()
s = Server(MAIL='451 4.3.0 not now', RCPT=['250 ok', '452 4.5.3 too many'] * 50)
c = Channel(s)
got = c.send(rcpts=hundred[:2])
check('nor where MAIL was refused and RCPT answers as if not', got and [v[:2] for v in got] == [('Z', '4.3.0')] * 2 and
      [w[:4] for w in s.commands] == ['EHLO', 'MAIL', 'RCPT', 'RCPT', 'DATA'], (got, s.commands[:20], len(s.messages)))
c.close()
s = Server(EHLO + ('LIMITS MAILMAX=1',), RCPT=['250 ok', '452 4.5.3 too many'])
c = Channel(s)
got = c.send(rcpts=hundred[:2])
check('nor beyond MAILMAX', [v[:2] for v in got] == [('K', '2.0.0'), ('Z', '4.5.3')] and len(s.messages) == 1, got)
c.close()
c = Channel(Server())
check('not one more', c.send(rcpts=hundred + ['x@x.example']) is None)
c.close()

# ---- refusals at each stage, with and without pipelining ----
for ehlo, way in ((EHLO, 'pipelined'), (('8BITMIME',), 'one by one')):
    for stage in ('MAIL', 'RCPT', 'DATA', '.'):
        for reply, kind, code in (('451 4.7.1 wait', 'Z', '4.7.1'), ('450 wait', 'Z', '4.0.0'),
                                  ('550 5.7.1 never', 'D', '5.7.1'), ('554 never', 'D', '5.0.0'),
                                  ('421 4.3.2 closing', 'Z', '4.3.2')):
            s = Server(ehlo, **{stage: reply})
            expect(f'{reply[:3]} to {stage}, {way}', Channel(s), kind, code, 'said: ' + reply)
        for reply, why in ((None, 'drop at'), ('299-a\n250 b', 'nonsense at'), ('hello', 'no reply at')):
            expect(f'{why} {stage}, {way}', Channel(Server(ehlo, **{stage: reply})), 'Z', '4.4.2', 'mx.example[127.')
    expect(f'250 to DATA, {way}', Channel(Server(ehlo, DATA='250 ok')), 'Z', '4.5.0')
    expect(f'354 to the dot, {way}', Channel(Server(ehlo, **{'.': '354 more'})), 'Z', '4.5.0')
    for reply, code in (('552 5.2.2 mailbox full', '5.2.2'), ('552 5.3.4 too big', '5.3.4'), ('552 storage', '5.0.0')):
        expect(f'{reply} to the only one, {way}', Channel(Server(ehlo, RCPT=reply)), 'D', code, 'said: ' + reply)
    c = Channel(Server(ehlo, RCPT=['250 ok', '552 5.2.2 mailbox full', '552 5.5.3 too many']))
    got = c.send(rcpts=[f'r{i}@x.example' for i in range(3)])
    check(f'552 as its status says, {way}', got and [v[:2] for v in got] == [('K', '2.0.0'), ('D', '5.2.2'), ('K', '2.0.0')], got)
    c.close()
    s = Server(ehlo, RCPT=['250 ok', '550 5.1.1 no\n', '452 4.5.3 full', '552 too many', '250 ok'])
    s.script['RCPT'][1] = '550-5.1.1 no\n550-5.1.1 such\n550 5.1.1 user'
    c = Channel(s)
    got = c.send(rcpts=[f'r{i}@x.example' for i in range(5)])
    check(f'each recipient its own verdict, {way}', got and [v[:2] for v in got] == [
        ('K', '2.0.0'), ('D', '5.1.1'), ('K', '2.0.0'), ('K', '2.0.0'), ('K', '2.0.0')], got)
    check(f'those that were too many follow at once, {way}', [w for w in s.commands if w.startswith('RCPT')][5:] == [
        'RCPT TO:<r2@x.example>', 'RCPT TO:<r3@x.example>'] and len(s.messages) == 2 and s.connections == 1, s.commands)
    check(f'a reply of many lines is one line, {way}', got and '550-5.1.1 no 5.1.1 such 5.1.1 user' in got[1][2], got)
    s.script['RCPT'] = ['550 5.1.1 no', '451 4.2.0 no']
    got = c.send(rcpts=['a@x.example', 'b@x.example'])
    check(f'all refused, {way}', got and [v[0] for v in got] == ['D', 'Z'], got)
    s.script['RCPT'] = '250 ok'
    got = c.send(b'Subject: next\n\n')
    check(f'the next message after that, {way}', got and got[0][0] == 'K' and s.connections == 1 and
          s.messages[-1] == b'Subject: next\r\n\r\n', (got, s.messages))
    c.close()
expect('a long text is cut', Channel(Server(MAIL='550 5.7.1 ' + 'x' * 3000)), 'D', '5.7.1', 'xxx')

# ---- what the other side lacks ----
eight = b'Subject: x\n\n\xc3\xa4 .\n.\n'
for flags in ((), [('B', 8)]):
    s = Server(('SIZE',))
    expect(f'8-bit text without 8BITMIME, {"declared" if flags else "not declared"}', Channel(s), 'K', '2.0.0', message=eight, flags=flags)
    check('goes as quoted-printable', s.messages[0] == b'Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n'
          b'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n\r\n=C3=A4 .\r\n..\r\n', s.messages)
    check('its size is said, BODY is not', s.commands[1].endswith(f' SIZE={len(s.messages[0].replace(b"..", b".").replace(bytes([13]), b""))}'),
          s.commands)
s = Server(())
parts = (b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n--b\n'
         b'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n' + '\u00e4\n'.encode() * 30000 +
         b'--b\nContent-Type: image/x\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n')
expect('a multipart becomes 7 bits', Channel(s), 'K', '2.0.0', message=parts, flags=[('B', 8)])
got = email.message_from_bytes(s.messages[0])
check('and means the same', max(s.messages[0]) < 128 and got.get_payload()[0].get_payload(decode=True) == ('\u00e4\r\n' * 30000)[:-2].encode() and
      got.get_payload()[1].get_payload() == 'AAAA', s.messages[0][:600])
for label, text in (('signed', b'Content-Type: multipart/signed; boundary=b\n\n--b\n\n\xc3\xa4\n--b--\n'),
                    ('8-bit in its header', b'Subject: \xc3\xa4\n\nx\n')):
    expect(f'a message that is {label} cannot be converted', Channel(Server(('SIZE',))), 'D', '5.6.3', message=text)
expect('7-bit bytes declared as 8', Channel(Server(('SIZE',))), 'K', '2.0.0', flags=[('B', 8)])
expect('no SMTPUTF8', Channel(Server(('8BITMIME',))), 'D', '5.6.7', flags=[('U', 1)], rcpts=['\u00e4@x.example'])
expect('no SMTPUTF8, a header', Channel(Server(('8BITMIME',))), 'D', '5.6.7', flags=[('U', 1)], message='Subject: \u00e4\n\n'.encode())
expect('no SMTPUTF8, the header of a part', Channel(Server(('8BITMIME',))), 'D', '5.6.7', flags=[('U', 1)], message=
       'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: \u00e4\n\nx\n--b--\n'.encode())
expect('no SMTPUTF8, the sender', Channel(Server(('8BITMIME',))), 'D', '5.6.7', flags=[('U', 1)], sender='\u00e4@x.example')
s = Server(('8BITMIME',))
c = Channel(s)
got = c.send('Subject: x\n\n\u00e4\n'.encode(), flags=[('U', 1), ('B', 8)], sender='me@m\u00fcnchen.example',
             rcpts=['a@x.example', '\u00e4@x.example', 'b@B\u00dcCHER.example'])
check('what is ASCII after all goes without', got and [v[:2] for v in got] == [('K', '2.0.0'), ('D', '5.6.7'), ('K', '2.0.0')], got)
check('its domains as A-labels', s.commands[1:] == ['MAIL FROM:<me@xn--mnchen-3ya.example> BODY=8BITMIME', 'RCPT TO:<a@x.example>',
      'RCPT TO:<b@xn--bcher-kva.example>', 'DATA'], s.commands)
c.close()
for ehlo, original, told in ((('DSN', 'PIPELINING'), 'utf-8;\u00e4+nn@x.example', ' ORCPT=utf-8;\\x{E4}\\x{2B}nn@x.example'),
                             (('DSN',), 'utf-8;' + '\u00e4' * 90 + '@x.example', ''),
                             (('DSN', 'SMTPUTF8', '8BITMIME'), 'utf-8;\u00e4+nn@x.example', ' ORCPT=utf-8;\u00e4+nn@x.example')):
    s = Server(ehlo)
    c = Channel(s)
    got = c.send(flags=[('U', 1)], rcpts=['a@x.example'], originals=[original])
    check(f'ORCPT to a host of {ehlo}', got and got[0][:2] == ('K', '2.0.0') and s.commands[2] == 'RCPT TO:<a@x.example>' + told, (got, s.commands))
    c.close()
s = Server()
expect('SMTPUTF8', Channel(s), 'K', '2.0.0', flags=[('U', 1)], rcpts=['ä@x.example'])
check('is said', s.commands[1].endswith(' SMTPUTF8') and s.commands[2] == 'RCPT TO:<ä@x.example>', s.commands)
expect('over its SIZE', Channel(Server(('SIZE 10',))), 'D', '5.3.4')
s = Server()
expect('a line end in an address', Channel(s), 'D', '5.1.3', rcpts=['a@x>\r\nRCPT TO:<b@x.example'])
check('no such command', not any('b@x.example' in line for line in s.commands), s.commands)

# ---- finding a host ----
s = Server()
expect('the second address when the first is dead', Channel('127.0.3.1', s), 'K', '2.0.0')
for name, script in (('greets with 554', {'greeting': '554 5.3.2 no'}), ('greets with 421', {'greeting': '421 busy'}),
                     ('greets with nothing', {'greeting': None}), ('refuses EHLO and HELO', {'EHLO': '500 ?', 'HELO': '500 ?'})):
    s = Server()
    expect(f'the second when the first {name}', Channel(Server(**script), s), 'K', '2.0.0')
expect('the IPv6 one cannot be reached', Channel('2001:db8::1', Server()), 'K', '2.0.0')
expect('none can be reached', Channel('127.0.3.1', '127.0.3.2'), 'U', '4.4.1', 'mx.example[127.0.3.2]: Connection refused')
expect('none greets', Channel(Server(greeting='554 go away')), 'U', '4.4.1', 'said: 554 go away')
for way, ehlo in (('pipelined', EHLO), ('by BDAT', CHUNKING), ('one by one', PLAIN)):
    for reply in ('452 4.3.1 full', '421 4.3.2 closing', None):
        first, second, third = Server(ehlo, MAIL=reply), Server(ehlo), Server(ehlo)
        if reply or way != 'by BDAT':
            expect(f'{reply} to MAIL, {way}: the second host', Channel(first, second, third), 'K', '2.0.0', f'[{second.address}]')
            check('it is asked once', first.connections == 1 and third.connections == 0 and len(second.messages) == 1, first.commands)
    first, second = Server(ehlo, RCPT='450 4.7.1 greylisted'), Server(ehlo)
    expect(f'each RCPT is put off, {way}', Channel(first, second), 'K', '2.0.0', f'[{second.address}]', rcpts=['a@x.example', 'b@x.example'])
    first, second, third = Server(ehlo, RCPT='450 4.7.1 greylisted'), Server(ehlo, RCPT='450 4.7.2 me too'), Server(ehlo)
    expect(f'by two, {way}', Channel(first, '127.0.3.1', second, third), 'Z', '4.7.2', f'[{second.address}]', rcpts=['a@x.example', 'b@x.example'])
    check('is enough', third.connections == 0)
    first = Server(ehlo, RCPT=['450 4.7.1 wait', '451 4.7.2 too'])
    c = Channel(first, '127.0.3.1')
    got = c.send(rcpts=['a@x.example', 'b@x.example'])
    check(f'the first has the word where no other greets, {way}', got and [v[:2] for v in got] == [('Z', '4.7.1'), ('Z', '4.7.2')], got)
    c.close()
    for what, script in (('one is taken', {'RCPT': ['250 ok', '450 4.7.1 wait']}), ('the text is not', {'.': '451 4.3.0 no', 'BDAT': '451 4.3.0 no'}),
                         ('one is refused', {'RCPT': ['550 5.1.1 no', '450 4.7.1 wait']})):
        first, second = Server(ehlo, **script), Server(ehlo)
        c = Channel(first, second)
        got = c.send(rcpts=['a@x.example', 'b@x.example'])
        check(f'no other where {what}, {way}', got and 'Z' in [v[0] for v in got] and second.connections == 0, (got, second.commands))
        c.close()
first, second = Server(CHUNKING, MAIL=None), Server(CHUNKING)
expect('nor where it may have the text', Channel(first, second), 'Z', '4.4.2')
check('of which it has heard', second.connections == 0)
first, second = Server(MAIL=['250 ok', '452 4.3.1 full']), Server()
c = Channel(first, second)
got = [c.send()[0] for i in range(3)]
check('over a connection that was open', [v[0] for v in got] == ['K'] * 3 and [len(list(filter(None, s.messages))) for s in (first, second)] == [1, 2] and
      [s.connections for s in (first, second)] == [1, 1], (got, first.commands, second.commands))
c.close()
first = Server(MAIL='452 4.3.1 full')
answers['hosted2.example'] = pack(('S', 'ok'), ('M', f'10 mx.example {first.address}'), ('M', f'10 mx.example {Server().address}'))
expect('another address of the same host', Channel(domain='hosted2.example'), 'K', '2.0.0')
us, behind = Server(greeting='220 ME.example ESMTP Estafeta'), Server()
expect('a host that is ourselves', Channel(us, behind), 'D', '5.4.6')
expect('by its address', Channel(domain=f'[{us.address}]'), 'D', '5.4.6')
expect('a better one is away', Channel(answer=hops('127.0.3.1', host='away.example') + hops(us.address)), 'U', '4.4.1',
       'away.example[127.0.3.1]: Connection refused')
expect('or puts it off', Channel(Server(MAIL='451 4.3.0 not now'), us, behind), 'Z', '4.3.0')
check('nothing is said there, nor asked behind', us.commands == [] and behind.connections == 0, us.commands)
answers['home.example'] = hops(us.address, host='home.example')
expect('but by a route', Channel(domain='ours.example'), 'K', '2.0.0')
for status, kind, code in (('noname', 'D', '5.1.2'), ('nullmx', 'D', '5.1.10'), ('loop', 'D', '5.4.6'),
                           ('later', 'Z', '4.4.3'), ('what?', 'Z', '4.4.3')):
    expect(f'the resolver says {status}', Channel(answer=pack(('S', status))), kind, code)
s = Server()
expect('an address literal', Channel(domain=f'[{s.address}]'), 'K', '2.0.0')
expect('a literal that is no address', Channel(domain='[what]'), 'D', '5.1.2')
s = Server(port=2525)
expect('a route to a dead address', Channel(domain='routed.example'), 'U', '4.4.1', '127.0.1.9')
s.address = '127.0.2.99'
smart = Server(port=2526)
answers['smart.example'] = hops(smart.address, host='smart.example')
expect('a route for all below a domain', Channel(domain='deep.below.wild.example'), 'K', '2.0.0', 'smart.example[')
check('asks for addresses, not MX', ('addresses', 'smart.example') in asked)
expect('the domain itself has no route', Channel(domain='wild.example'), 'D', '5.1.2')
expect('a route whose host does not exist', Channel(domain='hosted.example'), 'Z', '4.4.3')
for domain in ('path.example', 'unix.example'):
    expect(f'{domain}: a route to a socket with a path', Channel(domain=domain), 'Z', '4.3.5', 'write lmtp:[127.0.0.1]:24')
expect('a route to [nonsense]', Channel(domain='typo.example'), 'Z', '4.4.3')

# ---- connections that end ----
s = Server(after='421 4.4.2 idle too long')
c = Channel(s)
check('before it is idle', c.send()[0][0] == 'K')
check('a new connection when it was closed', wait_for(lambda: c.send()[0][0] == 'K' and s.connections == 2))
c.close()
s = Server(**{'.': [None, '250 2.0.0 kept']})
c = Channel(s)
check('dropped after the dot: later', c.send()[0][:2] == ('Z', '4.4.2'))
check('and the next one is delivered', c.send()[0][0] == 'K' and s.connections == 2)
c.close()
c = Channel(Server())
c.end.send(b'garbage')
check('garbage on a channel closes it', c.end.recv(100) == b'')
ours.send(b'garbage')
expect('garbage on the control pair does not', Channel(Server()), 'K', '2.0.0')

channels = [Channel(Server()) for _ in range(30)]
check('thirty channels at once', all(c.send()[0][0] == 'K' for c in channels))
for c in channels:
    c.close()


def children():
    with open(f'/proc/{remote.pid}/task/{remote.pid}/children') as f:
        return f.read().split()


check('children end and are reaped', wait_for(lambda: not children()), children())
s = Server()
c = Channel(s)
c.send()
ours.close()
check('it exits 0 when the manager is gone', remote.wait(10) == 0, remote.returncode)
check('and its channels end with it: nobody would hear their verdicts', c.end.recv(1) == b'')
c.close()

# ---- the limit ----
control('concurrencyremote', '1\n')
ours, theirs = pair()
resolve, resolve_theirs = pair()
threading.Thread(target=resolver, args=(resolve,), daemon=True).start()
remote = start('remote-send', fds={RESOLVE: resolve_theirs.fileno()}, stdin=theirs.fileno())
theirs.close()
resolve_theirs.close()
one = Channel(Server())
check('one channel of one', one.send()[0][0] == 'K')
two = Channel(Server())
got = []
thread = threading.Thread(target=lambda: got.append(two.send()))
thread.start()
check('the second waits', not got and len(children()) == 1)
one.close()
thread.join(10)
check('until the first has ended', got and got[0][0][0] == 'K', got)
two.close()
ours.close()
check('it exits 0', remote.wait(10) == 0, remote.returncode)


# ---- by hand ----
def by_hand(*arguments, **options):
    p = start('remote-send', *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
              **{'stdin': subprocess.PIPE, **options})
    out, error = p.communicate('Subject: hand\n\n.x\n' if p.stdin else None, 20)
    return p.returncode, out, error


s = Server(RCPT=['250 ok', '550 5.1.1 no'], port=2527)
got = by_hand(f'{s.address}:2527', 'me@me.example', 'a@x.example', 'b@x.example')
check('by hand: verdicts', got[0] == 69 and re.fullmatch(
    r'b@x.example: failed: 5.1.1 .*said: 550 5.1.1 no\na@x.example: delivered: 2.0.0 .*said: 250 2.0.0 kept\n', got[1]), got)
check('by hand: the message of a pipe', s.messages == [b'Subject: hand\r\n\r\n..x\r\n'], s.messages)
with tempfile.TemporaryFile() as f:
    f.write(b'from a file\n')
    f.seek(0)
    s = Server()
    got = by_hand(s.address, '', 'a@x.example', stdin=f)
check('by hand: a file', got[0] == 0 and s.messages == [b'from a file\r\n'], (got, s.messages))
got = by_hand('[::1]:2529', 'me@me.example', 'a@x.example')
check('by hand: nobody there', got[0] == 75 and 'Connection refused' in got[1], got)
check('by hand: no such port', by_hand('127.0.0.1:x', 'a@b', 'c@d')[0] == 64)
got = by_hand('-h')
check('-h', got[0] == 0 and got[1].startswith('usage: remote-send') and got[2] == '', got)
check('wrong usage', by_hand('one', 'two')[0] == 64)
check('without neighbours', by_hand()[0] == 64)
control('smtproutes', '# a comment\nx.example:host:port\n')
got = by_hand('127.0.0.1', 'a@b', 'c@d')
check('a broken control file', got[0] == 75 and 'smtproutes' in got[2] and '2' in got[2], got)
done()
