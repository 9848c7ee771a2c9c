#!/usr/bin/env python3
"""injector_test - a session with queue-inject for what IMAP's scripts send:
who gets one, how many, and what such a session can do."""
import ctypes, glob, os, pwd, re, socket, struct, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from imapwire import *
from tap import *

on_host()
skip_if_sanitized('it takes descriptors of other processes')
SECRET = 'Correct-Horse7'
UID = pwd.getpwnam('joe').pw_uid
LIBC = ctypes.CDLL(None, use_errno=True)
PIDFD_OPEN, PIDFD_GETFD = 434, 438
SUBMIT, YES, LATER = 8, 4, 6
SHARING_FD = 4


def source(path):
    with open(TESTS + '/../' + path) as f:
        return f.read()


MAGIC = int(re.search(r'SHARING_MAGIC\s*=?\s*(0x[0-9a-fA-F]+)', source('lib/queue/sharing.c') + source('lib/queue/sharing.h'))[1], 0)


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def restart():
    run('s6-svc', '-wR', '-T', '20000', '-r', '/var/mta/service/imapd')
    wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)


def channels():
    """login's pairs, as joe's imapd processes have them."""
    found = []
    for path in glob.glob('/proc/[0-9]*/comm'):
        pid = int(path.split('/')[2])
        try:
            if open(path).read() != 'imapd\n' or f'Uid:\t{UID}\t' not in open(f'/proc/{pid}/status').read():
                continue
        except OSError:
            continue                    # it has ended
        handle = LIBC.syscall(PIDFD_OPEN, pid, 0)
        fd = LIBC.syscall(PIDFD_GETFD, handle, SHARING_FD, 0)
        os.close(handle)
        if fd != -1:
            found.append(socket.socket(fileno=fd))
    return found


def ask(channel):
    """The answer's kind, and its descriptor."""
    channel.settimeout(10)
    channel.send(struct.pack('=II', MAGIC, SUBMIT))
    data, fds, _, _ = socket.recv_fds(channel, 100, 4)
    return struct.unpack('=II', data[:8])[1], fds


def record(tag, value):
    return tag + value + b'\0'


def kept(session, envelope, message=b'Subject: x\n\nhi\n'):
    """A whole message in one packet, inject(5): the answer's verdict."""
    session.send(record(b'M', IDS.pop()) + record(b'E', str(len(envelope)).encode()) + envelope + message)
    return re.search(rb'\0V(.)', b'\0' + session.recv(2000))[1]


IDS = [b'66177022594f0f33031d%03x' % i for i in range(100)]
FIRST = IDS[-1].decode()
run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
control('logindelaymax', '0\n')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)
clients = [Wire('joe', SECRET) for _ in range(4)]
pairs = wait_for(lambda: (found := channels()) and len(found) == 4 and found)
check('each session has its pair with login', pairs)
answers = [ask(pair) for pair in pairs[:1]]
others = []
for pair in pairs[1:]:
    pair.setblocking(False)
    try:
        others.append(socket.recv_fds(pair, 100, 4)[:2])
    except BlockingIOError:
        pass
check('without control/imapsieve nobody gets one, and no other session hears of it', answers == [(LATER, [])] and others == [],
      (answers, others))
del clients, pairs

control('imapsieve', 'sieve.example.org\n')
restart()
client = Wire('joe', SECRET)
pair = wait_for(channels)[0]
kind, fds = ask(pair)
check('with it a session gets one', kind == YES and len(fds) == 1, (kind, fds))
check('but no second one', ask(pair) == (LATER, []))
session = socket.socket(fileno=fds[0])
session.settimeout(10)
envelope = b'Fjoe@example.org\0C192.0.2.1\0Aann@example.org\0I0\0Tann@example.org\0\0'
check('it takes a message', kept(session, envelope) == b'K')
text = lambda: ''.join(open(p, errors='replace').read() for p in glob.glob('/var/mta/log/queue/*') if os.path.isfile(p))
logged = wait_for(lambda: [line for line in text().splitlines() if f'{FIRST} new ' in line])
check('whose client sent it, and who is proven, is not for it to say', logged and not re.search(
    r'192\.0\.2\.1|auth|uid=', logged[0]), logged)
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
socket.send_fds(session, [b'S1\0'], [theirs.fileno()])
theirs.close()
ours.settimeout(3)
try:
    opened = kept(ours, envelope)
except (OSError, TypeError) as error:
    opened = None
check('it opens no further session', opened is None, opened)
done()
