#!/usr/bin/env python3
"""faults_send_test - the whole way out to hosts that greylist, stall and hang up
at every stage: nothing is lost, nothing comes twice unless its last reply was
lost, and nothing comes in pieces.  FAULTS_SEED chooses other faults."""
import collections, glob, os, random, re, shutil, smtplib, socket, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
SEED, COUNT = int(os.environ.get('FAULTS_SEED', 1)), int(os.environ.get('FAULTS_COUNT', 90))
BODY = ''.join(f'.line {i}\n' for i in range(200))
STAGES = ('greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'text', 'reply', 'RSET', 'QUIT')


class Broken(Exception):
    """It hangs up."""


class Host:
    """One that fails in chosen ways; got and unanswered count (mark, recipient)."""

    def __init__(self, name, port, words, messages_max=1000, greylists=False, fails=0.0):
        self.name, self.words, self.messages_max, self.greylists, self.fails = name, words, messages_max, greylists, fails
        self.random, self.lock = random.Random(f'{SEED} {name}'), threading.Lock()
        self.got, self.unanswered, self.stages = collections.Counter(), collections.Counter(), collections.Counter()
        self.known, self.torn = set(), []
        self.listener = socket.create_server(('127.0.0.1', port), backlog=128)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        with client:
            try:
                self.talk(client, client.makefile('rb'))
            except (OSError, Broken):
                pass

    def stage(self, name):
        """Does it fail here?  Silent for a while, or at once."""
        with self.lock:
            fails, stalls = self.random.random() < self.fails, self.random.random() < 0.3
            self.stages[name] += fails
        if fails:
            time.sleep(0.2 if stalls else 0)
            raise Broken

    def read_text(self, lines, line):
        if line[:4] == b'DATA':
            text = b''
            while (line := lines.readline()) != b'.\r\n':
                if not line:
                    raise Broken
                text += line[1:] if line.startswith(b'.') else line
            return text
        size = int(line.split()[1])
        text = lines.read(size)
        if len(text) < size:
            raise Broken
        return text

    def take(self, client, text, rcpts):
        """The text is here: it counts when the reply can get away."""
        mark = re.search(rb'Subject: (\S+)', text)[1].decode()
        if not text.endswith(b'\r\n\r\n' + BODY.replace('\n', '\r\n').encode()):
            self.torn.append(mark)
        with self.lock:
            self.got.update((mark, r) for r in rcpts)
        try:
            self.stage('reply')
        except Broken:
            with self.lock:
                self.unanswered.update((mark, r) for r in rcpts)
            raise
        client.sendall(b'250 2.0.0 kept\r\n')

    def talk(self, client, lines):
        self.stage('greeting')
        client.sendall(b'220 host\r\n')
        taken, rcpts = 0, []
        while line := lines.readline():
            verb, reply = line[:4].upper().decode(), '250 2.0.0 ok'
            if verb == 'BDAT' and not rcpts:
                self.read_text(lines, line)
                reply = '554 5.5.1 no recipient'
            elif verb in ('DATA', 'BDAT') and rcpts:
                self.stage('DATA')
                if verb == 'DATA':
                    client.sendall(b'354 go\r\n')
                with self.lock:
                    is_cut = self.random.random() < self.fails
                    self.stages['text'] += is_cut
                if is_cut:
                    lines.read(self.random.randrange(1, 1000))
                    raise Broken
                self.take(client, self.read_text(lines, line), rcpts)
                taken, rcpts = taken + 1, []
                if taken == self.messages_max:
                    return
                continue
            elif verb == 'DATA':
                reply = '554 5.5.1 no recipient'
            else:
                self.stage(verb)
            if verb == 'EHLO':
                reply = '250-host\r\n' + ''.join(f'250-{w}\r\n' for w in self.words) + '250 HELP'
            elif verb in ('MAIL', 'RSET'):
                rcpts = []
            elif verb == 'RCPT':
                rcpt = line.decode().split('<')[1].split('>')[0]
                with self.lock:
                    is_new = self.greylists and rcpt not in self.known
                    self.known.add(rcpt)
                if is_new:
                    reply = '451 4.7.1 come back later'
                else:
                    rcpts.append(rcpt)
            client.sendall(reply.encode() + b'\r\n')
            if verb == 'QUIT':
                return


def mailq():
    return subprocess.run(['/var/mta/bin/mailq', '--json'], capture_output=True, text=True).stdout


MODERN, OLD = ('PIPELINING', '8BITMIME', 'CHUNKING'), ()
hosts = {name: Host(name, 2741 + i, words, **how) for i, (name, words, how) in enumerate((
    ('grey', MODERN, dict(greylists=True)), ('greyold', OLD, dict(greylists=True)),
    ('short', MODERN, dict(messages_max=3)), ('shortold', OLD, dict(messages_max=3)),
    ('bdat', MODERN, dict(fails=0.08)), ('data', ('PIPELINING',), dict(fails=0.08)), ('steps', OLD, dict(fails=0.05)),
    ('all', MODERN, dict(fails=0.05, greylists=True, messages_max=4))))}
control('smtproutes', ''.join(f'{name}.example:[127.0.0.1]:{host.listener.getsockname()[1]}\n' for name, host in hosts.items()))
control('retrymin', '1\n')
control('retrymax', '1\n')
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)

wanted = {name: set() for name in hosts}
with smtplib.SMTP('127.0.0.1', 25, timeout=60) as s:
    for i in range(COUNT):
        for name in hosts:
            rcpts = [f'r{i}.{n}@{name}.example' for n in range(3 if i % 5 == 0 else 1)]
            s.sendmail('joe@example.org', rcpts, f'Subject: m{i}.{name}\n\n' + BODY)
            wanted[name].update((f'm{i}.{name}', r) for r in rcpts)
check('the queue is empty in the end', wait_for(lambda: mailq().strip() == '', 240), mailq()[:1000])
for name, host in hosts.items():
    lost = wanted[name] - set(host.got)
    check(f'{name}: nothing is lost', not lost, sorted(lost)[:9])
    twice = {k: n for k, n in host.got.items() if n > 1 + host.unanswered[k]}
    check(f'{name}: nothing comes twice but what was not answered', not twice, twice)
    check(f'{name}: nothing is torn, nothing else came', not host.torn and set(host.got) <= wanted[name], host.torn)
failed = sum((h.stages for h in hosts.values()), collections.Counter())
check('they failed at every stage', all(failed[s] for s in STAGES if s not in ('RSET', 'QUIT')), failed)
log = ''.join(open(p, errors='replace').read() for p in glob.glob('/var/mta/log/queue/*') if os.path.isfile(p))
check('nothing of it is a failure for good', ' deferred ' in log and ' failed ' not in log, [line for line in log.splitlines() if ' failed ' in line][:5])
print('# failures by stage:', dict(failed))
subprocess.run(['/var/mta/bin/mtactl', 'stop'])
done()
