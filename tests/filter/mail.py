"""mail - what the tests of filters share: an smtpd whose filters change, a
client, and a milter that says what a test tells it."""
import glob, os, shutil, signal, socket, struct, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from smtp import read_reply
from tap import *

CONTROL = '/var/mta/control/'


def control(name, text):
    with open(CONTROL + name, 'w') as f:
        f.write(text)


def processes(name, parent=None):
    found = []
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            pid, rest = open(path).read().split(' (', 1)
            its, rest = rest.rsplit(') ', 1)
            state, above = rest.split()[:2]
            if its == name[:15] and state != 'Z' and \
                    (parent is None or open(f'/proc/{above}/comm').read() == parent + '\n'):
                found.append(int(pid))
        except OSError:
            pass
    return sorted(found)


class Client:
    def __init__(self, source='127.0.0.1'):
        self.s = socket.create_connection(('127.0.0.1', 25), 240, (source, 0))
        self.f = self.s.makefile('rb')
        self.greeting = self.reply()

    def reply(self):
        return read_reply(self.f).decode('latin-1')

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def ask(self, line):
        self.send(line + '\r\n')
        return self.reply()

    def hello(self):
        return self.ask('EHLO client.example')

    def message(self, text, sender='a@b.example', rcpts=('joe@example.org',)):
        """The last reply of a transaction."""
        answer = self.ask(f'MAIL FROM:<{sender}>')
        if not answer.startswith('2'):  # nothing at all, if it was sent away
            return answer
        answers = [self.ask(f'RCPT TO:<{r}>') for r in rcpts]
        if not any(a.startswith('2') for a in answers):
            return answers[-1]
        answer = self.ask('DATA')
        if not answer.startswith('3'):
            return answer
        self.send(text.replace('\n', '\r\n') + '.\r\n')
        return self.reply()

    def close(self):
        self.f.close()
        self.s.close()


def once(text, source='127.0.0.1', **more):
    """One message in a session of its own: the reply."""
    c = Client(source)
    c.hello()
    answer = c.message(text, **more)
    c.close()
    return answer


def queued():
    return set(glob.glob('/var/mta/queue/new/*'))


def kept(text, **more):
    """The reply, and the queue file's text if one was kept."""
    before = queued()
    answer = once(text, **more)
    new = list(queued() - before)
    if len(new) != 1:
        return answer, None
    with open(new[0], 'rb') as f:
        return answer, f.read().decode('latin-1')


def log():
    try:
        with open('/var/mta/log/smtpd/current', errors='replace') as f:
            return f.read()
    except FileNotFoundError:
        return ''


def start():
    for name in ('queue', 'pop3d', 'submission'):
        shutil.rmtree('/var/mta/service/' + name, ignore_errors=True)
    run = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
    check('mtactl start', run.returncode == 0, run.stderr)


def is_served():
    try:
        c = Client()
        c.close()
        return c.greeting != ''
    except OSError:
        return False


def reload():
    """The chain anew, with the control files as they are now."""
    old = processes('smtpd', 'listen')
    subprocess.run(['s6-svc', '-h', '/var/mta/service/smtpd'], check=True)
    wait_for(lambda: set(processes('smtpd', 'listen')) - set(old))
    wait_for(lambda: not set(processes('smtpd')) & set(old))
    return wait_for(is_served)


# ---- a milter ----

def packet(letter, data=b''):
    return struct.pack('!I', len(data) + 1) + letter.encode() + data


def text(*words):
    return b''.join(w.encode() + b'\0' for w in words)


class Milter:
    """Answers 'c' but to the letters of script, whose value is a list of packets (bytes), or a function of the
    connection that returns one; events are what it was told: (letter, data)."""

    def __init__(self, address=('127.0.0.1', 8890), script=None, actions=0x1ff, protocol=0, version=6, macros=b''):
        self.script, self.options = script or {}, struct.pack('!III', version, actions, protocol) + macros
        self.events, self.protocol, self.connections, self.open = [], protocol, 0, 0
        if isinstance(address, str):
            self.listener = socket.socket(socket.AF_UNIX)
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address)
        self.listener.listen(20)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open += 1
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        f = s.makefile('rb')
        mute = {'C': 0x1000, 'H': 0x2000, 'M': 0x4000, 'R': 0x8000, 'T': 0x10000, 'L': 0x80, 'N': 0x40000, 'B': 0x80000}
        try:
            while True:
                head = f.read(4)
                if len(head) < 4:
                    return
                data = f.read(struct.unpack('!I', head)[0])
                letter, data = chr(data[0]), data[1:]
                self.events.append((letter, data))
                if letter == 'O':
                    s.sendall(self.script.get('O', [packet('O', self.options)])[0])
                elif letter == 'Q':
                    return
                elif letter not in 'DAK' and not self.protocol & mute.get(letter, 0):
                    answer = self.script.get(letter, [packet('c')])
                    for part in (answer(data) if callable(answer) else answer):
                        if part is None:            # dies
                            s.shutdown(socket.SHUT_RDWR)
                            return
                        s.sendall(part)
        except OSError:
            pass
        finally:
            f.close()
            s.close()
            self.open -= 1

    def letters(self):
        return ''.join(l for l, _ in self.events)

    def told(self, letter):
        return [d for l, d in self.events if l == letter]

    def macros(self, command):
        """The macros last sent with a command."""
        found = {}
        for data in self.told('D'):
            if data[:1] == command.encode():
                words = data[1:].decode('latin-1').split('\0')
                found = dict(zip(words[0:-1:2], words[1::2]))
        return found

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
