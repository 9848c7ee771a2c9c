#!/usr/bin/env python3
"""smuggling_test - what some other host takes for the end of a message, or for a second command, never is one here: the
published scanners' sequences and every run of CR, LF and NUL around a dot, by DATA and BDAT, on ports 25, 587 and 24."""
import itertools, os, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from sasl import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
# github.com/hannob/smtpsmug and github.com/The-Login/SMTP-Smuggling-Tools
PUBLISHED = ['\n.\n', '\r.\r', '\r.\n', '\n.\r', '\n.\r\n', '\r\n.\n', '\r.\r\n', '\r\n.\r', '\r\n\0.\r\n', '\r\n.\0\r\n',
             '\r\n.\r\r\n', '\r\r\n.\r\r\n', '\r\n\n.\n', '\n\n.\n\n', '\r\r\n.\r\n\n']
RUNS = [''.join(run) for length in range(4) for run in itertools.product('\r\n\0', repeat=length)]
SECOND = 'MAIL FROM:<evil@b.example>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx'


def is_clean(text):
    return not set(text.replace('\r\n', '')) & set('\r\n\0')


SEQUENCES = [a + '.' + b for a in RUNS for b in RUNS if not is_clean(a + '.' + b)]
OPEN = [s for s in SEQUENCES if '\r\n.\r\n' not in s]      # that DATA must not end at


def queued():
    return [name for folder in ('new', 'tmp') for name in os.listdir('/var/mta/queue/' + folder)]


for name in ('queue', 'pop3d', 'imapd'):
    shutil.rmtree('/var/mta/service/' + name, ignore_errors=True)
os.rename('/var/mta/service/.lmtp', '/var/mta/service/lmtp')
for name, most in (('maxerrors', 1000), ('maxjunk', 100000), ('maxmessages', 1000000), ('smtpdrate', 0)):
    control(name, f'{most}\n')
control('relayclients', '127.0.0.1\n')
subprocess.run(['chpasswd', '-c', 'SHA512'], input=f'joe:{SECRET}\n', text=True)
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)


class Client(Wire):
    """A session, and after some hundred errors another."""

    def __init__(self, port):
        self.port, self.errors = port, 0
        self.connect()

    def connect(self):
        port = self.port
        super().__init__(port, source='127.0.0.1' if port == 587 else '127.0.0.2')
        self.reply()
        self.ask(('LHLO' if port == 24 else 'EHLO') + ' client.example')
        if port == 587:
            self.ask('AUTH PLAIN ' + b64(f'\0joe\0{SECRET}'))

    def put(self, text):
        self.s.sendall(text.encode('latin-1'))

    def begin(self, more=''):
        """MAIL and RCPT; their replies."""
        self.errors += 1
        if self.errors % 450 == 0:
            self.close()
            self.connect()
        self.put(f'RSET\r\nMAIL FROM:<joe@example.org>{more}\r\nRCPT TO:<joe@example.org>\r\n')
        return [self.reply()[:3] for _ in range(3)]

    def data(self, text):
        """The replies between 354 and NOOP's own."""
        if self.begin() != ['250'] * 3 or not self.ask('DATA').startswith('354'):
            return ['no DATA']
        self.put(text + '\r\n.\r\nHELP\r\n')
        return self.until_help()

    def chunks(self, parts, more=''):
        if self.begin(more) != ['250'] * 3:
            return ['no BDAT']
        for i, part in enumerate(parts):
            self.put(f'BDAT {len(part)}{" LAST" if i == len(parts) - 1 else ""}\r\n{part}')
        self.put('HELP\r\n')
        return self.until_help()

    def until_help(self):
        found = []
        while not found or not found[-1].startswith('214'):
            found.append(self.reply())
            if found[-1] == '':
                break
        return found[:-1]

    def is_read(self):
        """Has the other end read all that we sent?"""
        ours, its = self.s.getsockname()[1], self.s.getpeername()[1]
        with open('/proc/net/tcp') as f:
            for line in f:
                words = line.split()
                if words[1].endswith(f':{its:04X}') and words[2].endswith(f':{ours:04X}'):
                    return words[4].endswith(':00000000')
        return True


def report(label, tried, bad):
    check(f'{label}: {tried} tried, {len(queued())} accepted', tried and not bad and queued() == [], bad[:5])


# ---- DATA ----
for port in (25, 587, 24):
    c = Client(port)
    bad = []
    for sequence in PUBLISHED + OPEN:
        if '\r\n.\r\n' in sequence:
            continue
        got = c.data('Subject: one\r\n\r\nbody' + sequence + SECOND)
        if [reply[:6] for reply in got] not in (['554 5.'],):
            bad.append((sequence, got))
    report(f'port {port}, DATA ended by any run of CR, LF and NUL around a dot', len(OPEN), bad)
    bad = []
    for sequence in OPEN:
        got = c.data(sequence + SECOND) if not sequence.startswith('.\r\n') else ['554 5.']
        if [reply[:6] for reply in got] != ['554 5.']:
            bad.append((sequence, got))
    report(f'port {port}, the same at the beginning', len(OPEN), bad)
    c.close()
c = Client(25)
bad, tried = [], 0
for run in RUNS:
    if is_clean(run):
        continue
    for dot in ('',) if run.endswith('\r\n') else ('', '.'):     # such a dot is the true end's
        tried += 1
        got = c.data('Subject: one\r\n\r\nbody' + run + dot)
        if [reply[:6] for reply in got] != ['554 5.']:
            bad.append((run + dot, got))
report('a true end behind a false one', tried, bad)

# ---- in packets of one byte ----
bad = []
for sequence in PUBLISHED:
    if '\r\n.\r\n' in sequence:
        continue
    c.begin()
    c.ask('DATA')
    c.put('Subject: one\r\n\r\nbody')
    c.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in sequence + SECOND[:12]:
        c.put(byte)
        if not wait_for(c.is_read):
            bad.append((sequence, 'not read'))
    c.put(SECOND[12:] + '\r\n.\r\nHELP\r\n')
    got = c.until_help()
    if [reply[:6] for reply in got] != ['554 5.']:
        bad.append((sequence, got))
report('DATA, each byte in a packet of its own', len(PUBLISHED), bad)

# ---- BDAT ----
for port in (25, 587, 24):
    for more in ('', ' BODY=BINARYMIME'):
        c = Client(port)
        bad = []
        for sequence in PUBLISHED + SEQUENCES:
            got = c.chunks(['Subject: one\r\n\r\nbody' + sequence + SECOND], more)
            if [reply[:6] for reply in got] != ['554 5.']:
                bad.append((sequence, got))
        report(f'port {port}, BDAT{more}', len(SEQUENCES), bad)
        bad = []
        for sequence in PUBLISHED:
            text = 'Subject: one\r\n\r\nbody' + sequence + SECOND
            for i in range(len(text) - len(SECOND) - len(sequence), len(text) - len(SECOND) + 1):
                got = c.chunks([text[:i], text[i:]], more)
                if len(got) != 2 or got[1][:3] not in ('554', '503') or not any(reply.startswith('554 5.') for reply in got):
                    bad.append((sequence, i, got))
            c.errors += 449 - c.errors % 450       # every byte behind the first bad one is an error
            got = c.chunks(list(text), more)
            if any('accepted' in reply for reply in got) or sum(reply.startswith('554 5.') for reply in got) != 1:
                bad.append((sequence, got[-3:]))
        report(f'port {port}, BDAT{more}, cut at each place', len(PUBLISHED), bad)
        c.close()

# ---- commands ----
bad, tried = [], 0
for run in RUNS:
    if run == '' or '\r\n' in run:
        continue
    for verb in ('NOOP x', 'MAIL FROM:<a@b.example>', 'VRFY ' + 'x' * 3000, 'AUTH ' + 'x' * 40000):
        tried += 1
        c = Client(25)
        c.put(f'{verb}{run}MAIL FROM:<evil@b.example>\r\nHELP\r\n')
        got = [reply for reply in c.until_help() if reply]
        c.close()
        if [reply[:3] for reply in got] not in (['500'], ['521']):
            bad.append((verb[:30], run, got))
report('a command behind a run that is not CRLF', tried, bad)
for head in ('POST / HTTP/1.1\r\nHost: x\r\n', 'GET /x HTTP/1.0\r\n\r\n', 'Content-Type: text/plain\r\n\r\n', 'put /x\r\n'):
    c = Client(25)
    c.put(head + SECOND + '\r\n.\r\n')
    got = c.f.read()
    check(f'what a browser may be made to send, {head[:12]!r}..., ends the session', got.startswith(b'521 5.5.1') and got.count(b'\n') == 1, got)

# ---- all this refuses nothing that is right ----
c = Client(25)
got = c.data('Subject: one\r\n\r\n..\r\n.a\r\n\r\nx')
check('a message with dots is accepted', len(got) == 1 and got[0].startswith('250'), got)
got = c.chunks(['Subject: one\r\n\r\nx\r\n.\r\n' + SECOND + '\r\n.\r\n'])
check('and the end of DATA in a chunk, as text', len(got) == 1 and got[0].startswith('250') and len(queued()) == 2, got)
log = open('/var/mta/log/smtpd/current', errors='replace').read()
check('no session died', 'died' not in log, log[-300:])
done()
