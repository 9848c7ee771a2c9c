"""scene - what the tests of the scheduler share: other hosts that are slow, mute
or gone, long queues, and what the manager says."""
import collections, glob, os, pwd, smtplib, socket, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

FILL = os.environ['BUILD'] + '/tests/load/fillqueue'


class Host:
    """Another host: counts what is open at once, and what comes on each connection."""

    def __init__(self, port, mute=False, pause=0.0, cut_after=None, away=False):
        self.port, self.mute, self.pause, self.cut_after = port, mute, pause, cut_after
        self.lock, self.open, self.most, self.connections, self.times, self.opens = threading.Lock(), 0, 0, [], [], []
        self.listener, self.stalls, self.away = None, False, away

    def up(self):
        self.listener = socket.create_server(('127.0.0.1', self.port), backlog=128)
        threading.Thread(target=self.accept, args=[self.listener], daemon=True).start()
        return self

    def down(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
            self.connections.append(0)
            self.opens.append(self.open)
            number = len(self.connections) - 1
        try:
            self.talk(client, number)
        except OSError:
            pass
        finally:
            client.close()
            with self.lock:
                self.open -= 1

    def talk(self, client, number):
        if self.mute:
            client.recv(1)
            return
        client.sendall(b'220 host\r\n')
        lines = client.makefile('rb')
        while line := lines.readline():
            verb = line[:4].upper()
            if verb == b'MAIL' and self.stalls:
                client.recv(1 << 20)
                return client.recv(1)
            if verb == b'MAIL' and self.away:
                return client.sendall(b'421 4.7.0 try again later\r\n')
            if verb == b'DATA':
                client.sendall(b'354 go\r\n')
                while lines.readline() not in (b'.\r\n', b''):
                    pass
                if self.cut_after is not None and self.connections[number] >= self.cut_after:
                    return
                time.sleep(self.pause)
                with self.lock:
                    self.connections[number] += 1
                    self.times.append(time.monotonic())
            client.sendall(b'250-host\r\n250 PIPELINING\r\n' if verb == b'EHLO' else b'221 bye\r\n' if verb == b'QUIT' else b'250 ok\r\n')

    @property
    def count(self):
        return sum(self.connections)


class Stops(Host):
    """Takes so many messages, and then says nothing to a DATA until it may go on."""

    def __init__(self, port, most):
        super().__init__(port)
        self.left, self.may_go_on, self.taken, self.begun, self.order = most, threading.Event(), collections.Counter(), 0, []

    def talk(self, client, number):
        client.sendall(b'220 host\r\n')
        lines = client.makefile('rb')
        while line := lines.readline():
            verb = line[:4].upper()
            if verb == b'MAIL':
                recipients = []
            if verb == b'RCPT':
                recipients.append(line)
            if verb == b'DATA':
                with self.lock:
                    self.left -= 1
                    is_over = self.left < 0
                    self.begun += 1
                if is_over:
                    self.may_go_on.wait()
                client.sendall(b'354 go\r\n')
                while lines.readline() not in (b'.\r\n', b''):
                    pass
                with self.lock:
                    self.taken.update(recipients)
                    self.order += recipients
            client.sendall(b'250-host\r\n250 ok\r\n' if verb == b'EHLO' else b'221 bye\r\n' if verb == b'QUIT' else b'250 ok\r\n')

    def twice(self):
        return sum(count > 1 for count in self.taken.values())


def fill(count, recipient):
    subprocess.run([FILL, str(count), 'joe@example.org', recipient], check=True, stdout=subprocess.DEVNULL)


def mtactl(what):
    return subprocess.run(['/var/mta/bin/mtactl', what], capture_output=True, text=True)


def send(recipient, mark):
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
        s.sendmail('joe@example.org', [recipient], f'Subject: {mark}\n\nx\n')


def send_to(recipients, *options):
    """One message for all of them."""
    subprocess.run(['/var/mta/bin/sendmail', *options, '-f', 'joe@example.org', *recipients], input='Subject: many\n\nx\n', text=True, check=True)


def has(mark):
    return any(f'Subject: {mark}\n' in open(n).read() for n in glob.glob(pwd.getpwnam('ann').pw_dir + '/Maildir/new/*'))


def manager():
    for path in glob.glob('/proc/[0-9]*/comm'):
        try:
            if open(path).read() == 'queue-manager\n':
                return int(path.split('/')[2])
        except OSError:
            pass


def log():
    return ''.join(open(p, errors='replace').read() for p in sorted(glob.glob('/var/mta/log/queue/*')) if os.path.isfile(p))
