#!/usr/bin/env python3
"""descriptor_test - garbage to every neighbour of every run script, and to the
queue's FIFOs: packets of random bytes, cut, over-long and falsified records,
too many descriptors and wrong ones, sessions opened and dropped by thousands.
Nobody dies of it, hangs by it, or keeps a descriptor; a good request beside it
is answered within five seconds; and the log, or an answer, says what was wrong.
GARBAGE_SEED repeats a run."""
import array, contextlib, fcntl, glob, os, random, re, shlex, socket, struct, subprocess, sys, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
skip_if_sanitized('thousands of forks of a sanitized program take minutes')
TOP = os.path.realpath(TESTS + '/..')
SEED = os.environ.get('GARBAGE_SEED', str(time.time_ns()))
PACKET_MAX, PROMPT_S = 16384, 20
STARTING = 8      # descriptors that a chain may still open after its first answer; a leak is one a session
SESSIONS = 3000      # opened and dropped, one after the other; fewer where each is a fork
OPEN_AT_ONCE = 150
ID = '0123456789abcdef0123456'


# ---- the neighbours, as the run scripts have them ----
def neighbours():
    """'queue-inject -s' -> its chain, for each pair of braces in each script."""
    found = {}

    def walk(words):
        for i, word in enumerate(words):
            if word != 'neighbour':
                continue
            begin = end = words.index('{', i) + 1
            depth = 1
            while depth:
                depth += {'{': 1, '}': -1}.get(words[end], 0)
                end += 1
            inner = words[begin:end - 1]
            walk(inner)
            last = max(n for n, w in enumerate(inner) if w == 'confine')
            rest = inner[last + 1:]
            while rest[0].startswith('-'):
                rest = rest[1:] if rest[0] == '-N' else rest[2:]
            if rest[0] != 'smtpd':       # which asks the manager, and is asked nothing
                found.setdefault(' '.join(rest), inner)

    for path in sorted(glob.glob(TOP + '/service/*/run')):
        with open(path) as f:
            walk(shlex.split(f.read().replace('\\\n', ' ').replace('neighbour -w', 'neighbour'), comments=True))
    return found


# ---- packets ----
def send(sock, data, fds=()):
    """False if the other end is gone, or does not read, or there is none."""
    if sock is None:
        return False
    try:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        sock.sendmsg([data], ancillary)
        return True
    except OSError:
        return False


def pair():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(PROMPT_S)
    return ours, theirs


def receive(sock):
    """A packet; its descriptors are closed.  None if none comes in time, or the end does."""
    try:
        data, ancillary, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(64))
    except OSError:
        return None
    for _, _, fds in ancillary:
        for fd in array.array('i', fds[:len(fds) // 4 * 4]):
            os.close(fd)
    return data or None


def open_session(control_pair, word=b'S1\0'):
    ours, theirs = pair()
    sent = send(control_pair, word, [theirs.fileno()])
    theirs.close()
    if sent:
        return ours
    ours.close()
    return None


def records(**values):
    return b''.join(tag.encode() + str(value).encode() + b'\0' for tag, value in values.items())


# ---- a good request of each, and is it answered? ----
class Neighbour:
    """One that is asked over sessions: request is sent on a new one, the answer has what."""
    request, what, on_control = b'', b'', False
    sessions, mutable = SESSIONS, None      # how many to drop; where in the request garbage is garbage
    counts = (1, 2, 3, 4, 5, 20)      # of wrong descriptors

    def __init__(self, name, chain):
        self.name, self.random = name, random.Random(SEED + name)
        self.control, theirs = pair()
        self.log = tempfile.TemporaryFile()
        env = {'PATH': '/var/mta/bin:/usr/bin:/bin'}
        self.process = subprocess.Popen(chain, stdin=theirs, stdout=self.log, stderr=self.log, env=env)
        theirs.close()

    def said(self):
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors='replace')

    def fds(self):
        return []

    def is_answer(self, data):
        return self.what in data

    def asks(self, sock):
        fds = self.fds()
        sent = send(sock, self.request, fds)
        for fd in fds:
            os.close(fd)
        return sent

    def probe(self):
        """Is a good request answered?"""
        session = open_session(self.control)
        if session is None or (self.request and not self.asks(session)):
            return False
        with session:
            data = receive(session)
        return data is not None and self.is_answer(data)

    def tree(self):
        parents = {}
        for path in glob.glob('/proc/[0-9]*/stat'):
            with contextlib.suppress(OSError), open(path) as f:
                fields = f.read().rsplit(')', 1)[1].split()
                parents.setdefault(int(fields[1]), []).append((int(path.split('/')[2]), fields[0]))
        todo, found = [(self.process.pid, '')], []
        while todo:
            pid, state = todo.pop()
            todo += parents.get(pid, [])
            if state != 'Z':
                found.append(pid)
        return found

    def descriptors(self):
        """How many are open in all of its processes."""
        count = 0
        for pid in self.tree():
            with contextlib.suppress(OSError):
                count += len(os.listdir(f'/proc/{pid}/fd'))
        return count

    def stop(self):
        self.control.close()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return 'does not end'


class Inject(Neighbour):
    request, what = records(I=ID), b''

    def probe(self):
        session = open_session(self.control)
        message, envelope = os.pipe(), os.pipe()
        ident = '%023x' % self.random.getrandbits(88)
        sent = send(session, records(I=ident), [message[0], envelope[0]])
        os.write(message[1], b'Subject: x\n\n.\n')
        os.write(envelope[1], b'Fann@example.org\0Tjoe@example.org\0\0')
        for fd in message + envelope:
            os.close(fd)
        with session:
            sent = sent and send(session, b'C1\0')
            data = receive(session) if sent else None
        return data is not None and b'VK\0' in data

    def fds(self):
        message, envelope = os.pipe(), os.pipe()
        os.close(message[1]), os.close(envelope[1])
        return [message[0], envelope[0]]


class Lookup(Neighbour):
    request, what = records(A='postmaster'), b'K'


class Resolve(Neighbour):
    request, what = records(Q='addresses', D='localhost'), b'S'


class Login(Neighbour):
    what = struct.pack('<I', 0x45534c30)     # the hello, unasked


class Checkpw(Neighbour):
    request = struct.pack('<IHHHHHH64s320s512s320s', 0x45534c13, 3, 1, 6, 1, 0, 9, b'127.0.0.1', b'nobody', b'x', b'')
    what = struct.pack('<I', 0x45534c14)
    sessions, mutable, counts = 400, 16, (1, 5)      # a wrong name is a good request, which takes its time

    def answer_of_root(self, kind, method):
        """Of the part that stays root, to whom such a session is passed on."""
        request = struct.pack('<IHHHHHH64s320s512s320s', 0x45534c13, kind, method, 6, 1, 0, 9, b'127.0.0.1', b'nobody', b'x', b'')
        session = open_session(self.control, b'S1 pam\0')
        with session:
            return send(session, request) and receive(session)


class Tlsd(Neighbour):
    request, what = struct.pack('<II', 0x45535410, 1), struct.pack('<II', 0x45535421, 1)


class TlsdClient(Neighbour):
    """A server that hangs up is a good request: the answer says that it failed."""
    request, what = struct.pack('<I320s1024s8192s', 0x45535425, b'', b'', b''), struct.pack('<II', 0x45535421, 3)

    def fds(self):
        ours, theirs = socket.socketpair()
        theirs.close()
        return [ours.detach()]


class Keyd(Neighbour):
    request = struct.pack('<III4xQ32sII', 0x45535412, 6, 1, 0, b'', 0, 0)
    what = struct.pack('<III', 0x45535413, 6, 1)


class RemoteAuth(Neighbour):
    """Who is bound to a host asks whose login is a sender's."""
    request, what = records(H='smart.example', P=25), b'N'
    sessions = 400

    def probe(self):
        session = open_session(self.control)
        if session is None or not self.asks(session) or not send(session, records(S='joe@example.org')):
            return False
        with session:
            data = receive(session)
        return data is not None and self.is_answer(data)


class Sts(Neighbour):
    request, what = records(D='no name', I=7), b'I7'
    sessions = 400


class Filter(Neighbour):
    request, what = records(Q='connect', M='mx.example.org', D='smtpd', C='192.0.2.1', N='', L='192.0.2.2', P=1, O=25), b'V'
    sessions = 400


class Greylist(Neighbour):
    request, what = records(T=1, N=2), b'W'


class OnControl(Neighbour):
    """One that is asked over the control pair: answers have the number of their request."""
    on_control, number = True, 0

    def probe(self):
        self.number += 1
        return self.asks(self.control) and self.await_number(self.number)

    def await_number(self, number):
        end = time.monotonic() + PROMPT_S
        while time.monotonic() < end:
            data = receive(self.control)
            if data is None:
                return False
            if data.startswith(b'N%d\0' % number):
                return True
        return False


def message_file():
    with tempfile.TemporaryFile() as f:
        f.write(b'Subject: x\n\n.\n')
        f.flush()
        return os.open(f'/proc/self/fd/{f.fileno()}', os.O_RDONLY)


class Local(OnControl):
    @property
    def request(self):
        return records(N=self.number, I=ID, O=0, L=14, F='ann@example.org', T='nobody-here@example.org')

    def fds(self):
        return [message_file()]


class Bounce(OnControl):
    @property
    def request(self):
        return records(N=self.number, W='F', J=ID, P=ID, C='5.1.1', R='x', T=0, A=0)


class Remote(OnControl):
    request = records(H='dead.example')

    def channel(self):
        ours, theirs = pair()
        sent = send(self.control, self.request, [theirs.fileno()])
        theirs.close()
        return ours if sent else None

    def probe(self):
        channel = self.channel()
        if channel is None:
            return False
        fd = message_file()
        with channel:
            send(channel, records(N=0, I=ID, O=0, L=14, F='ann@example.org', T='joe@dead.example'), [fd])
            os.close(fd)
            return b'\0V' in (receive(channel) or b'')

    def fds(self):
        ours, theirs = pair()
        with ours:
            return [theirs.detach()]


KINDS = {'queue-inject': Inject, 'lookup': Lookup, 'resolve': Resolve, 'login': Login, 'checkpw': Checkpw, 'tlsd': Tlsd,
         'keyd': Keyd, 'filter-milter': Filter, 'filter-rspamd': Filter, 'filter-guard': Filter,
         'greylist': Greylist, 'local-deliver': Local, 'remote-send': Remote, 'remote-auth': RemoteAuth, 'sts': Sts,
         'queue-bounce': Bounce}


# ---- what is sent to them ----
def wrong_descriptors():
    """(kind, descriptor) of all that a record should not bring."""
    reader, writer = os.pipe()
    gone, left = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left.close()
    full, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other.setblocking(False)
    with contextlib.suppress(OSError):
        while True:
            other.send(b'x' * 1000)
    full.setblocking(False)
    with contextlib.suppress(OSError):
        while True:
            full.send(b'x' * 1000)
    full.setblocking(True)
    stream, _ = socket.socketpair()
    closed_reader, closed_writer = os.pipe()
    os.close(closed_writer)
    return {'file': os.open('/etc/passwd', os.O_RDONLY), 'folder': os.open('/', os.O_RDONLY),
            'pipe that blocks': reader, 'writing end': writer, 'pipe that is closed': closed_reader,
            'socket whose peer is gone': gone.detach(), 'socket that is full': full.detach(), 'stream': stream.detach(),
            'UDP': socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach(),
            'zeros': os.open('/dev/zero', os.O_RDONLY), 'null': os.open('/dev/null', os.O_RDWR),
            'name only': os.open('/etc/passwd', os.O_PATH), 'terminal': os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY)}


def packets(neighbour):
    """Garbage, from random bytes to a request with one bit changed."""
    rng, good = neighbour.random, neighbour.request or struct.pack('<I', 0x45534c31) + bytes(1200)
    for size in (1, 2, 3, 4, 8, 15, 56, 100, 1000, 4096, PACKET_MAX - 1, PACKET_MAX, PACKET_MAX + 1, 60000):
        yield rng.randbytes(size)
    yield b'\0' * 100
    yield b'S1'
    yield b'S1\0'      # without its descriptor
    yield b'S1\0\0'
    yield b'S1 pam\0'
    for _ in range(10):
        yield good[:rng.randrange(1, len(good))]
    yield good + b'\0'
    yield good + rng.randbytes(PACKET_MAX)
    yield bytes([good[0] ^ 0xff]) + good[1:]
    for _ in range(40):
        place = rng.randrange(neighbour.mutable or len(good))
        yield good[:place] + bytes([good[place] ^ 1 << rng.randrange(8)]) + good[place + 1:]
    for command in (b'A1\0', b'C1\0', b'W1\0', b'@x\0', b'Rexample.org\0', b'E1\0'):
        yield command


class Attack:
    def __init__(self, neighbour):
        self.neighbour, self.kinds, self.faults = neighbour, wrong_descriptors(), []
        self.slowest = 0

    def look(self, after):
        """A good request is answered in time, beside all that."""
        began = time.monotonic()
        if self.neighbour.process.poll() is not None:
            self.faults.append(f'ended with {self.neighbour.process.returncode} after {after}')
        elif not self.neighbour.probe():
            self.faults.append(f'no answer to a good request after {after}')
        self.slowest = max(self.slowest, time.monotonic() - began)
        return not self.faults

    def target(self):
        """Where the next garbage goes."""
        if self.neighbour.on_control:
            return self.neighbour.control
        return open_session(self.neighbour.control)

    def one(self, data, fds=()):
        target = self.target()
        if target is None:
            self.faults.append('takes no session')
            return
        send(target, data, fds)
        if not self.neighbour.on_control:
            target.close()

    def garbage(self):
        held = []
        for number, data in enumerate(packets(self.neighbour)):
            self.one(data)
            if not self.neighbour.on_control:
                send(self.neighbour.control, data)      # its parent may be mad, too
                held.append(open_session(self.neighbour.control))
                send(held[-1], data)
            if number % 25 == 0 and not self.look(f'packet {number}, {data[:40]!r}'):
                break
        for session in held:
            session and session.close()
        self.look('all packets')

    def descriptors(self):
        for kind, fd in self.kinds.items():
            for count in self.neighbour.counts:
                self.one(self.neighbour.request or b'x', [fd] * count)
                send(self.neighbour.control, b'S1\0', [fd] * count)
                if count < 3:
                    self.one(b'C1\0', [fd] * count)
            if not self.neighbour.on_control:
                self.one(b'', [fd] * 4)
            if not self.look('descriptors of the kind ' + kind):
                return

    def sessions(self):
        if self.neighbour.on_control:
            return
        for number in range(self.neighbour.sessions):
            session = open_session(self.neighbour.control)
            if session is None:
                self.faults.append(f'takes no session after {number}')
                return
            session.close()
        if not self.look(f'{self.neighbour.sessions} sessions opened and dropped'):
            return
        held = [open_session(self.neighbour.control) for _ in range(OPEN_AT_ONCE)]
        self.look(f'{OPEN_AT_ONCE} sessions open')
        for session in held:
            session and session.close()
        self.look('their end')

    def unread(self):
        """One that asks and never reads its answers."""
        if self.neighbour.on_control or not self.neighbour.request:
            return
        session = open_session(self.neighbour.control)
        session.setblocking(False)
        for _ in range(500):
            self.neighbour.asks(session)
        self.look('500 requests whose answers nobody read')
        session.close()

    def special(self):
        if isinstance(self.neighbour, Inject):
            self.inject()
        if isinstance(self.neighbour, Checkpw):
            self.passed_on()
        if isinstance(self.neighbour, Remote):
            for data in packets(self.neighbour):
                channel = self.neighbour.channel()
                if channel is None:
                    self.faults.append('takes no channel')
                    return
                send(channel, data, list(self.kinds.values())[:self.neighbour.random.randrange(4)])
                channel.close()
            self.look('garbage in channels')

    def passed_on(self):
        """Sessions for PAM: garbage in them, and what is another's to judge."""
        for data in packets(self.neighbour):
            session = open_session(self.neighbour.control, b'S1 pam\0')
            send(session, data)
            session.close()
        self.look('garbage in sessions for PAM')
        for kind, method in ((2, 1), (3, 1), (2, 3), (1, 2)):
            if self.neighbour.answer_of_root(kind, method):
                self.faults.append(f'PAM is asked of kind {kind} by method {method}')
        if self.neighbour.answer_of_root(1, 1) != struct.pack('<II', 0x45534c14, 2):
            self.faults.append('PAM does not answer')

    def inject(self):
        """A message and an envelope without end, while another is served; and words out of their order."""
        for way in (0, 1):
            session, pipes = open_session(self.neighbour.control), (os.pipe(), os.pipe())
            send(session, records(I='%023x' % self.neighbour.random.getrandbits(88)), [pipes[0][0], pipes[1][0]])
            flood = subprocess.Popen(['cat', '/dev/zero'], stdout=pipes[way][1], stderr=subprocess.DEVNULL)
            for fd in pipes[0] + pipes[1]:
                os.close(fd)
            self.look(('a message', 'an envelope')[way] + ' without end')
            session.close()
            flood.kill()
            flood.wait()
        for words in ([b'C1\0'] * 3, [b'C1\0', b'A1\0', b'C1\0'], [b'W1\0', b'C1\0', b'W1\0'], [b'A1\0', b'C1\0'],
                      [b'C1\0', records(I='f' * 23), b'C1\0']) * 20:
            session, pipes = open_session(self.neighbour.control), (os.pipe(), os.pipe())
            os.write(pipes[0][1], b'Subject: x\n\n.\n')
            os.write(pipes[1][1], b'Fann@example.org\0Tjoe@example.org\0\0')
            send(session, records(I='%023x' % self.neighbour.random.getrandbits(88)), [pipes[0][0], pipes[1][0]])
            for fd in pipes[0] + pipes[1]:
                os.close(fd)
            for word in words:
                send(session, word)
            session.close()
        self.look('words out of their order')
        envelope, message = b'Fann@example.org\0Tjoe@example.org\0\0', b'Subject: x\n\n.\n'

        def whole(length):
            return records(M='%023x' % self.neighbour.random.getrandbits(88), E=length) + envelope + message
        good = whole(len(envelope))
        for data, verdict in ((good, b'VK'), (whole(len(envelope) - 1), b'VD'),
                              (whole(len(envelope) + 1), b'VD'), (whole(10 ** 30), b'VD'), (whole(-1), b'VD'),
                              (whole(len(envelope + message) + 1), b'VD'), (good[:20], b'VD'), (b'M', b'VD'), (whole(0), b'VD')):
            session = open_session(self.neighbour.control)
            answer = send(session, data) and receive(session)
            if not answer or verdict not in answer:
                self.faults.append(f'{data!r} has the answer {answer!r}')
            session.close()
        session = open_session(self.neighbour.control)
        wrong = list(self.kinds.values())[:3]
        answer = send(session, good, wrong) and receive(session)
        if not answer or b'VD' not in answer:
            self.faults.append(f'a whole message with descriptors has the answer {answer!r}')
        session.close()
        self.look('messages in one packet')

    def run(self):
        neighbour = self.neighbour
        if not wait_for(neighbour.probe, 10):
            return [f'{neighbour.name}: does not answer at all: {neighbour.said()[-400:]}']
        wait_for(lambda: False, 0.3)
        before = neighbour.descriptors()
        for attack in (self.garbage, self.descriptors, self.sessions, self.unread, self.special):
            if not self.faults and neighbour.process.poll() is None:
                attack()
        if not self.faults and not wait_for(lambda: neighbour.descriptors() <= before + STARTING):
            self.faults.append(f'holds {neighbour.descriptors()} descriptors, before {before}')
        said = neighbour.said()
        if 'signal' in said:
            self.faults.append('a signal: ' + re.search('.*signal.*', said)[0])
        if not said:
            self.faults.append('its log says nothing')
        ended = neighbour.stop()
        if not self.faults and ended != 0:
            self.faults.append(f'ends with {ended}')
        for fd in self.kinds.values():
            os.close(fd)
        return [f'{fault}; its log: {said[-400:]}' for fault in self.faults]


def serve_names():
    """A name server that knows no name."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 53))

    def answer():
        while True:
            query, client = server.recvfrom(4096)
            server.sendto(query[:2] + b'\x81\x83' + query[4:], client)

    threading.Thread(target=answer, daemon=True).start()


serve_names()
control('filters', 'milter open\nrspamd open\n')
control('milters', 'unix:/var/mta/nowhere tempfail\n')
control('rspamd', 'unix:/var/mta/nowhere\n')
control('smtproutes', ':[127.0.0.1]:9\n')
control('nameservers', '127.0.0.1\n')
control('logindelaymax', '0\n')
subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True)      # the certificate
subprocess.run(['/var/mta/bin/mtactl', 'stop'], capture_output=True)
CHAINS = neighbours()
if len(sys.argv) > 1:
    CHAINS = {n: c for n, c in CHAINS.items() if n.split()[0] in sys.argv[1:]}
unknown = [name for name in CHAINS if name.split()[0] not in KINDS]
check(f'a good request is known for each of {len(CHAINS)} neighbours', not unknown, unknown)


def attack(name):
    kind = TlsdClient if name == 'tlsd client' else KINDS[name.split()[0]]
    one = Attack(kind(name, CHAINS[name]))
    began = time.monotonic()
    return one.run(), one.slowest, time.monotonic() - began


# ---- the manager: its four neighbours are we, and its FIFOs ----
class Manager(Neighbour):
    """queue-manager; a message that arrives is handed to local-deliver's end in time."""
    NUMBERS = {'local': 15, 'remote': 16, 'bounce': 17, 'odmr': 67}

    def __init__(self, name):
        self.name, self.random = name, random.Random(SEED + name)
        with open(TOP + '/service/queue/run') as f:
            words = shlex.split(f.read().replace('\\\n', ' '), comments=True)
        chain = words[max(n for n, w in enumerate(words) if w == 'confine'):]
        self.ends, placed, passed = {}, '', []
        for neighbour, number in self.NUMBERS.items():
            self.ends[neighbour], theirs = pair()
            self.ends[neighbour].settimeout(1)
            high = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD, 100)
            theirs.close()
            placed += f'{number}<&{high} {high}<&- '
            passed.append(high)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(['bash', '-c', f'exec "$@" {placed}', 'bash', *chain], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, pass_fds=passed,
                                        env={'PATH': '/var/mta/bin:/usr/bin:/bin'})
        for fd in passed:
            os.close(fd)

    def probe(self):
        envelope = tempfile.TemporaryFile()
        envelope.write(b'Fann@example.org\0Tjoe@example.org\0\0')
        envelope.seek(0)
        if subprocess.run(['/var/mta/bin/queue-inject'], input=b'Subject: x\n\n.\n', stdout=envelope).returncode != 0:
            return False
        data = receive(self.ends['local'])
        if data is None:
            return False
        number = data.split(b'\0')[0][1:].decode()
        return b'Tjoe@example.org' in data and send(self.ends['local'], records(N=number, V='K', C='2.0.0', R='kept'))

    def customer(self):
        """A session as that of smtpd odmr."""
        ours, theirs = pair()
        send(self.ends['odmr'], b'S1\0', [theirs.fileno()])
        theirs.close()
        return ours

    def stop(self):
        self.process.terminate()
        return self.process.wait(10)


def attack_manager():
    manager = Manager('queue-manager')
    rng, faults, kinds = manager.random, [], wrong_descriptors()
    if not wait_for(manager.probe, 10):
        return ['does not answer at all: ' + manager.said()[-400:]]
    before = manager.descriptors()
    verdicts = [records(N=n, V=v, C=c, R='x' * size) for n in (0, 1, 19, 20, 2**32, 2**64 - 1, 2**64) for v in 'KLZDU?'
                for c in ('5.1.1', 'x' * 300) for size in (0, 600)]
    for number, data in enumerate([*packets(manager), *verdicts]):
        for end in manager.ends.values():
            send(end, data, [rng.choice(list(kinds.values()))] * rng.randrange(6))
        if number % 60 == 0 and not manager.probe():
            faults.append(f'hands nothing out after {data[:60]!r}')
            break
    asked = [records(A=a, D=d, S=s, T='') for a in ('x', 'x' * 3000) for d in ('', 'a.example', 'a,' * 4000) for s in ('a[b]', 'y' * 400)]
    for number, data in enumerate([*asked, *packets(manager)]):
        ours = manager.customer()
        for _ in range(2):
            send(ours, data, [rng.choice(list(kinds.values()))] * rng.randrange(6))
        ours.close()
        if number % 60 == 0 and not manager.probe():
            faults.append(f'hands nothing out after {data[:60]!r} of a customer')
            break
    if manager.process.poll() is not None:
        return [f'ended with {manager.process.returncode}; its log: {manager.said()[-600:]}']
    for fifo, words in (('trigger', (b'@', b'@example.org', b'@' + b'x' * 3000, ID.encode(), b'f' * 23, b'../../etc/passwd',
                                     ID.encode() + b'.10.ff')),
                        ('command', (b'retry', b'retry ' + ID.encode(), b'retry ../x', b'retry ' + b'y' * 3000, b'stop'))):
        pipe = os.open('/var/mta/queue/' + fifo, os.O_WRONLY | os.O_NONBLOCK)
        for number in range(300):
            with contextlib.suppress(BlockingIOError):
                os.write(pipe, rng.choice([rng.randbytes(rng.randrange(1, 4000)), rng.choice(words) + b'\n',
                                           b'\n' * 500, rng.choice(words) * 3]))
            if number % 100 == 0 and not manager.probe():
                faults.append(f'hands nothing out while its {fifo} is full of garbage')
        os.close(pipe)
    if not manager.probe():
        faults.append('hands nothing out at the end')
    with manager.customer() as ours:
        send(ours, records(A='x', D='a.example', S='a[b]', T=''), [0])
        answer = receive(ours)
        if answer != b'VD\0':
            faults.append(f'answers a customer with {answer!r}')
    if not faults and not wait_for(lambda: manager.descriptors() <= before, 5):
        faults.append(f'holds {manager.descriptors()} descriptors, before {before}')
    said, code = manager.said(), manager.process.poll()
    if code is not None or 'signal' in said:
        faults.append(f'ended with {code}')
    for words in ('local-deliver answers nonsense', 'queue-bounce answers nonsense', 'smtpd asks nonsense', 'trigger', 'command'):
        if words not in said:
            faults.append(f'its log does not say "{words}"')
    ended = manager.stop()
    if ended != 0 and not faults:
        faults.append(f'ends with {ended}')
    for fd in kinds.values():
        os.close(fd)
    return [f'{fault}; its log: {said[-600:]}' for fault in faults]


if len(sys.argv) == 1 or 'queue-manager' in sys.argv:
    faults = attack_manager()
    check('queue-manager survives its neighbours and its FIFOs', not faults, (f'GARBAGE_SEED={SEED}', faults))
with ThreadPoolExecutor(3) as pool:
    for name, (faults, slowest, took) in zip(CHAINS, pool.map(attack, CHAINS)):
        check(f'{name} survives ({took:.0f} s; its slowest good answer took {slowest:.1f} s)', not faults and slowest < PROMPT_S,
              (f'GARBAGE_SEED={SEED}', faults))
done()
