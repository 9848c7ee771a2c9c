#!/usr/bin/env python3
"""pop3d_test - POP3 over a socket pair against `pop3d MAILBOX` and `pop3d -s`,
as an ordinary user (another one, if the test is run by root)."""
import contextlib, fcntl, os, poplib, shutil, socket, stat, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from pop import refused
from tap import *

BUILD = os.environ['BUILD']
os.environ['ASAN_OPTIONS'] = 'detect_leaks=0'
UID = 54321 if os.geteuid() == 0 else os.geteuid()
work = tempfile.mkdtemp(prefix='pop3d_test.')
os.chmod(work, 0o755)
program = work + '/pop3d'
shutil.copy(BUILD + '/pop3d/pop3d', program)
home = work + '/home'
os.mkdir(home)


def own(path):
    os.chown(path, UID, UID) if os.geteuid() == 0 else None


def put(path, text):
    with open(path, 'w', newline='') as f:
        f.write(text)
    own(path)


def maildir(name, messages):
    path = f'{home}/{name}'
    for folder in ('', '/new', '/cur', '/tmp'):
        os.mkdir(path + folder)
        own(path + folder)
    for file, text in messages.items():
        put(f'{path}/{file}', text)
    return path


own(home)
children = []


def start(*arguments, extra=None):
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    command = ['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups'] if os.geteuid() == 0 else []
    shell = ['sh', '-c', 'exec 3<"$0"; exec "$@"', extra] if extra else []
    child = subprocess.Popen(command + shell + [program] + list(arguments), stdin=theirs, stdout=theirs,
                             stderr=subprocess.PIPE, text=True)
    theirs.close()
    children.append(child)
    return ours, child


class Pop(poplib.POP3):
    """poplib on a socket that is connected already."""
    def __init__(self, *arguments, **options):
        self.pair, self.child = start(*arguments, **options)
        super().__init__('pair')

    def _create_socket(self, timeout):
        return self.pair

    def ended(self):
        self.close()
        return self.child.wait(10)


def raw(data, *arguments, **options):
    pair, child = start(*arguments, **options)
    pair.sendall(data)
    pair.shutdown(socket.SHUT_WR)
    got = b''
    while chunk := pair.recv(65536):
        got += chunk
    return got.decode('latin-1'), child.wait(10)


MESSAGES = {
    'cur/1.a.host:2,S': 'Subject: one\n\n.dot\n..two\nlast line has no end',
    'new/2.b.host': 'Subject: two\r\nX: y\r\n\r\n' + 'a line of the body\r\n' * 5000,
    'new/3.c.host': 'Subject: three\n\n1\n2\n3\n',
}

# ---- a Maildir ----
path = maildir('M', MESSAGES)
pop = Pop(path)
check('greeting counts', pop.welcome == b'+OK 3 messages', pop.welcome)
sizes = [len(text.replace('\r\n', '\n').replace('\n', '\r\n')) + (0 if text.endswith('\n') else 2) for text in MESSAGES.values()]
check('STAT', pop.stat() == (3, sum(sizes)), pop.stat())
check('LIST', pop.list()[1] == [f'{i + 1} {size}'.encode() for i, size in enumerate(sizes)], pop.list())
check('UIDL', pop.uidl()[1] == [b'1 1.a.host', b'2 2.b.host', b'3 3.c.host'], pop.uidl())
check('UIDL of one', pop.uidl(2) == b'+OK 2 2.b.host')
check('RETR takes the dots off', pop.retr(1)[1] == [b'Subject: one', b'', b'.dot', b'..two', b'last line has no end'])
for i in range(3):
    lines = pop.retr(i + 1)[1]
    check(f'size of {i + 1} is what was sent', sum(len(line) + 2 for line in lines) == sizes[i])
check('TOP 0', pop.top(3, 0)[1] == [b'Subject: three', b''])
check('TOP 2', pop.top(3, 2)[1] == [b'Subject: three', b'', b'1', b'2'])
check('TOP of more than there is', pop.top(3, 100)[1] == [b'Subject: three', b'', b'1', b'2', b'3'])
capabilities = pop.capa()
for word in ('TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', 'EXPIRE', 'IMPLEMENTATION'):
    check('CAPA has ' + word, word in capabilities, capabilities)
for command, arguments in [('retr', (4,)), ('retr', (0,)), ('retr', ('1x',)), ('retr', ('-1',)), ('dele', ('99999999999999999999',)),
                           ('top', (1, -1)), ('_shortcmd', ('TOP 1',)), ('_shortcmd', ('FOO',)), ('_shortcmd', ('STAT 1',)),
                           ('_shortcmd', ('RETR',)), ('_shortcmd', ('USER joe',))]:
    check(f'{command} {arguments} is refused', refused(getattr(pop, command), *arguments).find('-ERR') != -1)
second, second_child = start(path)
check('a second session: [IN-USE]', second.recv(200).startswith(b'-ERR [IN-USE] ') and second_child.wait(10) == 75)
pop.dele(1)
check('a deleted message cannot be read', 'deleted' in refused(pop.retr, 1))
check('nor deleted twice', 'deleted' in refused(pop.dele, 1))
check('nor counted', pop.stat() == (2, sizes[1] + sizes[2]))
check('nor listed', pop.list()[1][0].startswith(b'2 '))
pop.rset()
check('RSET', pop.stat()[0] == 3)
os.rename(path + '/new/3.c.host', path + '/cur/3.c.host:2,RS')
check('a renamed message is found', pop.top(3, 0)[1][0] == b'Subject: three')
os.unlink(path + '/new/2.b.host')
check('one removed by another is refused, the rest stays', 'another program' in refused(pop.retr, 2))
pop.dele(3)
put(path + '/new/4.d.host', 'late\n')
check('nothing is removed before QUIT', os.path.exists(path + '/cur/3.c.host:2,RS'))
check('QUIT', pop.quit() == b'+OK bye')
check('exit 0', pop.child.wait(10) == 0)
check('removed; what came in stays', sorted(os.listdir(path + '/cur') + os.listdir(path + '/new')) == ['1.a.host:2,S', '4.d.host'])



def reads_ahead():
    """While the client reads one message the next is fetched, if it is small; no access time is written."""
    path = maildir('Ahead', {'cur/1.a:2,': 'Subject: 1\n\n1\n', 'cur/2.b:2,': 'Subject: 2\n\n2\n',
                             'cur/3.c:2,': 'Subject: 3\n\n' + 'a line\n' * 10000})
    os.utime(path + '/cur/1.a:2,', (1, 2))
    pop = Pop(path)
    pop.stat()
    pop.retr(1)
    pop.noop()  # it has read ahead, then
    os.unlink(path + '/cur/2.b:2,')
    check('a small message is read ahead', pop.retr(2)[1] == [b'Subject: 2', b'', b'2'])
    check('and kept for one answer', 'another program' in refused(pop.retr, 2))
    pop.retr(1)
    pop.top(1, 0)
    pop.dele(1)
    pop.noop()
    os.unlink(path + '/cur/3.c:2,')
    check('a large one is not', 'another program' in refused(pop.retr, 3))
    check('no access time is written', os.stat(path + '/cur/1.a:2,').st_atime == 1)
    pop.close()


def dots():
    """Lines with dots anywhere among the pieces in which a message is sent."""
    lines = ['.' * (i % 3) + 'x' * (i * 7 % 61) for i in range(30000)]
    path = maildir('Dots', {'cur/1.a:2,': 'Subject: dots\n.: y\n\n' + ''.join(line + '\n' for line in lines)})
    pop = Pop(path)
    got = [line.decode() for line in pop.retr(1)[1]]
    check('dots at any place', got == ['Subject: dots', '.: y', '', *lines], len(got))
    got = [line.decode() for line in pop.top(1, 20000)[1]]
    check('and in TOP', got == ['Subject: dots', '.: y', '', *lines[:20000]], len(got))
    pop.close()


reads_ahead()
dots()


def waits_for_the_lock():
    """A session that found the mailbox locked gets it when the lock goes."""
    with open(path + '/.pop3.lock') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sock, child = start(path)
        def has_lock_open():
            with contextlib.suppress(OSError):
                fds = f'/proc/{child.pid}/fd'
                return any('.pop3.lock' in os.readlink(f'{fds}/{fd}') for fd in os.listdir(fds)) or child.poll() is not None
        wait_for(has_lock_open)
    greeting = sock.recv(200)
    sock.close()
    child.wait(10)
    return greeting.startswith(b'+OK')


check('the next session waits for one that is ending', any(waits_for_the_lock() for _ in range(10)))

pop = Pop('maildir:' + path)
pop.dele(1)
check('a line that drops removes nothing', pop.ended() == 0 and os.path.exists(path + '/cur/1.a.host:2,S'))
got, code = raw(b'STAT\r\nDELE 1\nRETR 2\r\nQUIT\r\n', path)
check('all in one write; LF alone will do', got == '+OK 2 messages\r\n+OK 2 ' + str(sizes[0] + 6) + '\r\n+OK deleted at QUIT\r\n'
      '+OK 6 octets\r\nlate\r\n.\r\n+OK bye\r\n' and code == 0, got)
got, code = raw(b'X' * 5000 + b'\r\nNOOP\r\n' + b'Y\r\n' * 30, path)
check('a long line is refused, the next one heard', '-ERR line too long\r\n+OK\r\n' in got)
check('too many errors end it', got.endswith('-ERR too many errors: closing the connection\r\n') and got.count('-ERR') == 21, got)

put(home + '/typed', 'en\nNOOP\r\nUIDL\r\n')
got, code = raw(b'QUIT\r\n', '-s', 'joe', 'maildir:' + path, '192.0.2.7', extra=home + '/typed')
check('-s hears first what was sent before', got == '+OK 1 messages\r\n+OK\r\n+OK\r\n1 4.d.host\r\n.\r\n+OK bye\r\n', got)
got, code = raw(b'STAT\r\nQUIT\r\n', '-s', 'joe', 'maildir:' + home + '/nowhere', '192.0.2.7')
check('no Maildir yet is an empty one', got == '+OK 0 messages\r\n+OK 0 0\r\n+OK bye\r\n', got)

# ---- an mbox ----
FROM = 'From a@b Tue Nov 24 11:00:00 2026\n'
box = home + '/box'
put(box, FROM + 'Subject: one\n\n>From quoted\n\n' + FROM + 'Subject: two\n\n.\n\n')
pop = Pop(box)
check('mbox: STAT', pop.stat() == (2, 29 + 19), pop.stat())
check('mbox: RETR', pop.retr(1)[1] == [b'Subject: one', b'', b'From quoted'] and pop.retr(2)[1][-1] == b'.')
with open(box, 'a') as f:
    f.write(FROM + 'Subject: late\n\nx\n\n')
pop.dele(1)
check('mbox: QUIT', pop.quit() == b'+OK bye' and pop.child.wait(10) == 0)
check('mbox: one is gone, the late one stays', open(box).read() == FROM + 'Subject: two\n\n.\n\n' + FROM + 'Subject: late\n\nx\n\n')
check('mbox: no lock is left', not os.path.exists(box + '.lock'))
with open(box) as held:
    fcntl.flock(held, fcntl.LOCK_EX)
    second, second_child = start(box)
    time.sleep(.3)  # as long as who said goodbye may take
check('mbox: a session that is about to end is waited for', second.recv(200) == b'+OK 2 messages\r\n')
second.close()
second_child.wait(10)
before = os.stat(box)
check('mbox: owner and mode stay', before.st_uid == UID and stat.S_ISREG(before.st_mode))
put(home + '/text', 'no mailbox\n')
got, code = raw(b'', home + '/text')
check('what is no mbox: [SYS/TEMP]', got.startswith('-ERR [SYS/TEMP]') and code == 75, got)

# ---- refusals ----
if os.geteuid() == 0:
    check('never as root', subprocess.run([program, path], stdin=subprocess.DEVNULL, capture_output=True).returncode == 77)
for arguments, code in [([], 64), (['-x'], 64), (['-l'], 64), (['a', 'b'], 64), (['-h'], 0), ([home + '/nothing'], 66)]:
    command = ['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups'] if os.geteuid() == 0 else []
    ran = subprocess.run(command + [program] + arguments, stdin=subprocess.DEVNULL, capture_output=True)
    check(f'{arguments} exits {code}', ran.returncode == code, ran)

for child in children:
    if child.poll() is None:
        child.terminate()
shutil.rmtree(work)
done()
