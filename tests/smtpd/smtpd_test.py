#!/usr/bin/env python3
"""smtpd_test - SMTP as a client sees it, against the whole service (listen,
confine, lookup, queue-inject) on port 25; the queue is not running, so what
was accepted can be looked at in queue/new."""
import glob, os, re, shutil, smtplib, socket, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from smtp import read_reply
from tap import *

on_host()
for name in ('queue', 'pop3d', 'submission'):
    shutil.rmtree('/var/mta/service/' + name, ignore_errors=True)


control('relayclients', '127.0.0.1\n')
control('rcpthosts', 'relay.example\n')
control('databytes', '100000\n')
control('maxrecipients', '100\n')
control('smtpdpernetwork', '30\n')
control('proxynets', '127.0.0.9\n')
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)


class Client:
    def __init__(self, source='127.0.0.2'):
        self.s = socket.create_connection(('127.0.0.1', 25), 10, (source, 0))
        self.f = self.s.makefile('rb')

    def reply(self):
        return read_reply(self.f).decode('latin-1')

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def ask(self, line):
        self.send(line + '\r\n')
        return self.reply()

    def code(self, line):
        return self.ask(line)[:3]

    def begin(self, rcpt='joe@example.org'):
        self.reply()
        self.ask('EHLO client.example')
        self.ask('MAIL FROM:<a@b.example>')
        self.ask(f'RCPT TO:<{rcpt}>')
        return self.code('DATA')


def queued():
    return sorted(glob.glob('/var/mta/queue/new/*'))


def log():
    try:
        with open('/var/mta/log/smtpd/current', errors='replace') as f:
            return f.read()
    except FileNotFoundError:       # the logger has only just begun
        return ''


# ---- commands ----
c = Client()
check('greeting names the host', c.reply().startswith('220 mx.example.org ESMTP'))
check('MAIL before EHLO', c.ask('MAIL FROM:<a@b.example>').startswith('503 5.5.1'))
ehlo = c.ask('EHLO client.example')
for word in ('PIPELINING', 'SIZE 100000', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'HELP'):
    check('EHLO offers ' + word, re.search(r'250[- ]' + word + '\r\n', ehlo), ehlo)
for line, want in [
        ('NOOP', '250'), ('noop ignored words', '250'), ('HELP', '214'), ('VRFY joe', '252'), ('EXPN x', '502'), ('WELLKNOWN x', '502'),
        ('STARTTLS now', '501'), ('AUTH PLAIN', '502'), ('FOO', '500'), ('', '500'), ('RSET x', '501'), ('EHLO', '501'),
        ('RCPT TO:<joe@example.org>', '503'), ('DATA', '503'), ('MAIL FROM:joe', '501'), ('MAIL TO:<a@b>', '501'),
        ('MAIL FROM:<a@b.example> SIZE=100001', '552'), ('MAIL FROM:<a@b.example> SIZE=x', '501'),
        ('MAIL FROM:<a@b.example> BODY=9BIT', '501'), ('MAIL FROM:<a@b.example> WHAT=1', '555')]:
    check(f'{line or "an empty line"} gets {want}', c.code(line) == want)
c.s.close()

c = Client()
c.reply()
c.ask('HELO client.example')
for line, want in [
        ('MAIL FROM:<>', '250'), ('RSET', '250'), ('mail from: <a@b.example> size=10 body=8bitmime', '250'),
        ('MAIL FROM:<a@b.example>', '503'), ('DATA', '554'), ('RCPT TO:<joe@example.org>', '250'),
        ('RCPT TO:<JOE@EXAMPLE.ORG>', '250'), ('RCPT TO:<joe+list@example.org>', '250'),
        ('RCPT TO:<@a.example,@b.example:joe@example.org>', '250'), ('RCPT TO:<postmaster>', '250'),
        ('RCPT TO:<nobody-there@example.org>', '550'), ('RCPT TO:<x@elsewhere.example>', '550'),
        ('RCPT TO:<x%elsewhere.example@example.org>', '550'), ('RCPT TO:<x@relay.example>', '250'), ('RCPT TO:<>', '501'),
        ('RCPT TO:<j\u00f6@example.org>', '553'), ('RCPT TO:<joe@example.org> WHAT=1', '555')]:
    check(f'{line} gets {want}', c.code(line) == want)
check('QUIT', c.code('QUIT') == '221')
check('closed after QUIT', c.f.read() == b'')
check('a refusal is logged', wait_for(lambda: 'to=<x@elsewhere.example> reply=550 5.7.1' in log()))

c = Client('127.0.0.1')
c.reply(); c.ask('EHLO x'); c.ask('MAIL FROM:<a@b.example>')
check('a relay client may relay', c.code('RCPT TO:<x@elsewhere.example>') == '250')
check('VRFY for a relay client: yes', c.ask('VRFY joe@example.org').startswith('250 2.1.5 <joe@example.org>'))
check('VRFY for a relay client: no', c.code('VRFY nobody-there@example.org') == '550')
c.s.close()

# ---- a message ----
before = queued()
with smtplib.SMTP('127.0.0.1', 25, source_address=('127.0.0.2', 0)) as s:
    s.ehlo('client.example')
    s.sendmail('a@b.example', ['joe@example.org'], 'Subject: x\r\n\r\n.leading dot\r\nend\r\n')
new = [f for f in queued() if f not in before]
text = open(new[0]).read() if new else ''
check('one file in new/, in the plain form', len(new) == 1 and new[0].count('.') == 2, new)
check('Return-Path and Delivered-To first', text.startswith('Return-Path: <a@b.example>\nDelivered-To: joe@example.org\nReceived: from client.example ([127.0.0.2])\n'), text)
check('Received names host, protocol, id and recipient', re.search(
    r'\tby mx.example.org with ESMTP id ([0-9a-f]{23})\n\tfor <joe@example.org>;\n\t\w{3}, \d+ \w{3} \d{4} ', text), text)
check('dots are unstuffed, lines end with LF', text.endswith('\n\n.leading dot\nend\n') and '\r' not in text, text)
check('the 250 carried that id', new and wait_for(lambda: os.path.basename(new[0])[:23] in log()))

before = queued()
c = Client()
c.send('EHLO p.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<joe@example.org>\r\nRCPT TO:<nobody-there@example.org>\r\n'
       'RCPT TO:<ann@example.org>\r\nDATA\r\nSubject: pipelined\r\n\r\nx\r\n.\r\nQUIT\r\n')
codes = [c.reply()[:3] for _ in range(9)]
check('the whole of it in one write', codes == ['220', '250', '250', '250', '550', '250', '354', '250', '221'], codes)
new = [f for f in queued() if f not in before]
check('two recipients: the full form', len(new) == 1 and len(os.path.basename(new[0])) == 23, new)
if new:
    check('with its trailer', open(new[0], 'rb').read()[-128:].startswith(b'estafeta queue file 1 '))

before = queued()
c = Client()
c.begin()
c.send('Subject: big\r\n\r\n' + ('x' * 76 + '\r\n') * 1200 + '.\r\n')
check('a message over 64 KiB streams', c.reply()[:3] == '250')
check('and is kept', len(queued()) == len(before) + 1)
check('nothing is left in tmp/', os.listdir('/var/mta/queue/tmp') == [])
before = queued()
c = Client()
c.begin()
c.send('Subject: too big\r\n\r\n' + ('x' * 76 + '\r\n') * 1400 + '.\r\n')
check('over databytes: 552 after the end', c.reply().startswith('552 5.3.4'))
check('the session goes on', c.code('NOOP') == '250')
check('nothing was kept', queued() == before and wait_for(lambda: os.listdir('/var/mta/queue/tmp') == []))
c.ask('MAIL FROM:<a@b.example>')
c.ask('RCPT TO:<joe@example.org>')
c.ask('DATA')
c.send('Subject: after the big one\r\n\r\nx\r\n.\r\n')
check('the next message of that session is kept', c.reply()[:3] == '250')
new = [f for f in queued() if f not in before]
check('it, and not what was refused', len(new) == 1 and 'after the big one' in open(new[0]).read(), new)

# ---- what ends a message, and what must not ----
second = 'MAIL FROM:<evil@b.example>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\nsmuggled\r\n.\r\n'
for end in ('\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r.\r\n', '\r\n.\r', '\n.\r', '\r\r\n.\r\r\n', '\r\n\0.\r\n', '\r\n.\0\r\n'):
    before = queued()
    c = Client()
    c.begin()
    c.send('Subject: one\r\n\r\nbody' + end + second)
    check(f'{end!r} ends nothing and is refused', c.reply()[:6] in ('554 5.', '550 5.'))
    check(f'{end!r}: nothing smuggled', queued() == before and c.code('NOOP') == '250')
    c.s.close()
for bad in ('body\rmore\r\n', 'body\nmore\r\n', '\0\r\n', 'x' * 70000 + '\r\n'):
    before = queued()
    c = Client()
    c.begin()
    c.send('Subject: one\r\n\r\n' + bad + '.\r\n')
    check(f'{bad[:8]!r} inside is refused', c.reply()[:3] in ('554', '552') and queued() == before)
    c.s.close()
c = Client()
c.reply()
c.send('EHLO x\n')
check('a bare LF ends no command, but the session', c.f.read().startswith(b'521 5.5.2'))
c = Client()
c.reply()
c.send('NO\rOP\r\n')
check('a bare CR in a command', c.reply().startswith('500 5.5.2'))
c.send('N\0OP\r\n')
check('a NUL in a command', c.reply().startswith('500 5.5.2'))
c.send('NOOP ' + 'x' * 3000 + '\r\n')
check('a command that is too long', c.reply().startswith('500 5.5.6'))
check('the session goes on', c.code('NOOP') == '250')

# ---- limits ----
c = Client()
c.reply(); c.ask('EHLO x'); c.ask('MAIL FROM:<a@b.example>')
codes = [c.code('RCPT TO:<joe@example.org>') for _ in range(101)]
check('100 recipients and no more', codes == ['250'] * 100 + ['452'])
c = Client()
c.reply()
codes = [c.code('FOO') for _ in range(20)]
check('20 errors', codes == ['500'] * 20)
check('then 421 and the end', c.f.read().startswith(b'421 4.7.0'))
c = Client()
c.begin()
c.send(''.join(f'Received: from h{i} by h{i + 1}\r\n' for i in range(101)) + '\r\nx\r\n.\r\n')
check('too many hops', c.reply().startswith('554 5.4.6'))
c.s.close()
before = queued()
c = Client()
c.begin()
c.send('Subject: half\r\n\r\nhal')
c.s.close()
check('a message that was cut is dropped', wait_for(lambda: 'reason=closed' in log()) and queued() == before)
check('and leaves nothing in tmp/', wait_for(lambda: os.listdir('/var/mta/queue/tmp') == []))
held = [Client('127.0.5.%d' % (i + 1)) for i in range(30)]
check('30 connections of one network', all(h.reply().startswith('220') for h in held))
c = Client('127.0.5.99')
check('the 31st is told to come later', c.reply().startswith('421 4.3.2'))
c = Client('127.0.6.1')
check('another network is served', c.reply().startswith('220'))
for h in held: h.s.close()

# ---- the PROXY header ----
c = Client('127.0.0.9')
c.send('PROXY TCP4 192.0.2.77 192.0.2.1 4711 25\r\nEHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@elsewhere.example>\r\nQUIT\r\n')
codes = [c.reply()[:3] for _ in range(5)]
check('PROXY from a trusted network', codes == ['220', '250', '250', '550', '221'], codes)
check('its client is the one that counts', wait_for(lambda: 'end client=192.0.2.77' in log()))
c = Client('127.0.0.9')
c.send('EHLO x\r\n')
try:
    rest = c.f.read()
except ConnectionResetError:
    rest = b''
check('without its header it is closed', rest == b'', rest)
c = Client('127.0.0.2')
c.reply()
check('from others PROXY is no command', c.code('PROXY TCP4 192.0.2.77 192.0.2.1 4711 25') == '500')

# ---- jails: as ps and /proc show them ----
procs = {}
for line in subprocess.run(['ps', '-eo', 'pid,user:20,args'], capture_output=True, text=True).stdout.splitlines()[1:]:
    pid, user, args = line.split(None, 2)
    procs.setdefault(args.split()[0], []).append((int(pid), user))
for name, user in (('smtpd', 'mta-smtpd'), ('lookup', 'mta-lookup'), ('queue-inject', 'mta-inject')):
    check(f'{name} runs as {user}', procs.get(name) and all(u == user for _, u in procs[name]), procs.get(name))
    status = open(f'/proc/{procs[name][0][0]}/status').read()
    if 'asan' not in os.environ.get('BUILD', ''):    # sanitizers have a wider jail
        check(f'{name}: no_new_privs and seccomp', 'NoNewPrivs:\t1' in status and 'Seccomp:\t2' in status)
    check(f'{name}: no capability', 'CapEff:\t0000000000000000' in status)
keep = Client('127.0.0.77')    # nobody that came lately: smtpd/reuse_test has those
keep.reply()
session = max(int(p) for p in os.listdir('/proc') if p.isdigit() and os.path.exists(f'/proc/{p}/comm')
              and open(f'/proc/{p}/comm').read() == 'smtpd\n')
fds = sorted(int(f) for f in os.listdir(f'/proc/{session}/fd'))
links = [os.readlink(f'/proc/{session}/fd/{f}') for f in fds]
check('a session holds its log, its client, a pair with each neighbour, and how busy the machine is',
      sum(l.startswith('socket:') for l in links) == 4 and [f for f, l in zip(fds, links) if f > 2 and not l.startswith('socket:')] == [52],
      list(zip(fds, links)))

# ---- reload ----
old = procs['smtpd'][0][0]
control('databytes', '200000\n')
subprocess.run(['s6-svc', '-h', '/var/mta/service/smtpd'])      # to its listen: imapd has one too
def reloaded():
    try:
        n = Client(); n.reply()
        return 'SIZE 200000' in n.ask('EHLO x')
    except OSError:
        return False
check('SIGHUP: new settings for new sessions', wait_for(reloaded))
check('and the old session goes on', keep.code('NOOP') == '250')
check('no session died of its jail', 'died of signal' not in log(), log()[-300:])
done()
