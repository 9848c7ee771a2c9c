#!/usr/bin/env python3
"""spare_test - a mailbox process whose client has left serves the account's next one: whom it serves, for how long, and
what happens if it does not."""
import contextlib, ctypes, fcntl, imaplib, os, poplib, pwd, re, shutil, signal, socket, ssl, struct, subprocess, sys, termios, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
import imapwire
from tap import *

SPARE, PIDFD_GETFD, POLL = 9, 438, 7
on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
MAILDIR = pwd.getpwnam('joe').pw_dir + '/Maildir'
trusting = ssl.create_default_context()
trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def logged(service):
    """Who served each log-in, by the log."""
    with open(f'/var/mta/log/{service}/current', errors='replace') as f:
        return [int(pid) for pid in re.findall(r' login user=.* pid=(\d+)', f.read())]


accepted = {'imapd': 0, 'pop3d': 0}  # log-ins


def log_ins(service):
    """How many there were: a client is served before its line is in the log."""
    wait_for(lambda: len(logged(service)) == accepted[service])
    return accepted[service]


def served_by(service, before):
    """The process of the log-in that came after so many."""
    wait_for(lambda: len(logged(service)) > before)
    return logged(service)[before]


def imap(user='joe', tls=False):
    client = imaplib.IMAP4('127.0.0.1', 143, 30)
    if tls:
        client.starttls(trusting)
    client.login(user, SECRET)
    accepted['imapd'] += 1
    return client


def wired():
    client = imapwire.Wire('joe', SECRET)
    accepted['imapd'] += client.answer[-1].startswith('OK')
    return client


def descriptor(pid, number):
    """A copy of another process's socket."""
    pidfd = os.pidfd_open(pid)
    fd = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, number, 0)
    os.close(pidfd)
    if fd == -1:
        raise ProcessLookupError
    try:
        return socket.socket(fileno=fd)
    except OSError:
        os.close(fd)  # the lock's, where there is no such socket
        raise


def is_hung_up(pid, number):
    with descriptor(pid, number) as end, contextlib.suppress(BlockingIOError):
        return end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b''


def rests(pid):
    """It has hung up on its client, waits, and login has read that it does; or it is gone."""
    try:
        if not is_hung_up(pid, 0):
            return False
        with descriptor(pid, 4) as login:
            with open(f'/proc/{pid}/syscall') as f:
                is_polling = f.read().split()[0] == str(POLL)
            return is_polling and fcntl.ioctl(login, termios.TIOCOUTQ, b'    ') == bytes(4)
    except OSError:
        return is_gone(pid)


def imap_visit(user='joe', tls=False):
    """One log-in: which process it had."""
    before = log_ins('imapd')
    client = imap(user, tls)
    told = client.select('INBOX')
    pid = served_by('imapd', before)
    client.logout()
    wait_for(lambda: rests(pid))
    return pid, int(told[1][0])


def pop_visit(delete=False):
    before = log_ins('pop3d')
    client = poplib.POP3('127.0.0.1', 110, timeout=30)
    client.user('joe')
    client.pass_(SECRET)
    accepted['pop3d'] += 1
    count = client.stat()[0]
    pid = served_by('pop3d', before)
    if delete:
        client.dele(1)
    client.quit()
    wait_for(lambda: rests(pid))
    return pid, count


def is_gone(pid):
    return not os.path.exists(f'/proc/{pid}')


def deliver(name, maildir=MAILDIR):
    joe = pwd.getpwnam('joe')
    for folder in ('', '/tmp', '/new', '/cur'):
        os.makedirs(maildir + folder, exist_ok=True)
        os.chown(maildir + folder, joe.pw_uid, joe.pw_gid)
    with open(f'{maildir}/new/{name}', 'w') as f:
        f.write(f'Subject: {name}\n\nx\n')
    os.chown(f'{maildir}/new/{name}', joe.pw_uid, joe.pw_gid)


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
deliver('1.host')
with open('/var/mta/control/imapdaddresses', 'w') as f:
    f.write('127.0.0.1:143\n')
control('timeoutspare', '60')
control('imapperuser', '2')
run('/var/mta/bin/mtactl', 'start')


def is_open(port):
    return run('ss', '-Hltn', f'sport = :{port}').stdout != ''


check('IMAP and POP3 are served', wait_for(lambda: is_open(143) and is_open(110)))

first, count = imap_visit()
check('IMAP: a log-in', count == 1)
check('its process waits', not is_gone(first))
deliver('2.host')
again, count = imap_visit()
check('the next log-in has it', again == first, (first, again))
check('and what has come meanwhile', count == 2, count)
check('over TLS, too', imap_visit(tls=True)[0] == first)
other, _ = imap_visit('ann')
check('another account has another process', other != first and os.stat(f'/proc/{other}').st_uid == pwd.getpwnam('ann').pw_uid)
check('and each its own again', (imap_visit()[0], imap_visit('ann')[0]) == (first, other))

before = log_ins('imapd')
with socket.create_connection(('127.0.0.1', 143), 30) as s:
    s.sendall(f'x LANGUAGE es\r\na LOGIN joe "{SECRET}"\r\nb SELECT INBOX\r\nc LOGOUT\r\n'.encode())
    said = b''
    while more := s.recv(4096):
        said += more
said = said.decode()
check('what was sent behind the log-in is answered', 'a OK [CAPABILITY' in said and '* 2 EXISTS' in said and 'c OK adiós' in said, said)
accepted['imapd'] += 1
check('by the same process, which then hangs up', served_by('imapd', before) == first)
before = log_ins('imapd')
client = imap()
check('that client\'s language was its own', client.noop()[1] == [b'done'], client.noop())
pid = served_by('imapd', before)
client.shutdown()
check('of a client that breaks off the process ends', pid == first and wait_for(lambda: is_gone(first)))

# two at a time: control/imapperuser
pair = [imap(), imap()]
log_ins('imapd')
two = sorted(logged('imapd')[-2:])
check('two at the same time have two processes', len(set(two)) == 2)
for client in pair:
    client.logout()
wait_for(lambda: all(rests(pid) for pid in two))
before = log_ins('imapd')
pair = [imap(), imap()]
check('and so have the next two', sorted([served_by('imapd', before), served_by('imapd', before + 1)]) == two)
try:
    imap()
    said = ''
except imaplib.IMAP4.error as error:
    said = str(error)
check('a third is one too many, as ever', 'LIMIT' in said, said)
for client in pair:
    client.logout()
wait_for(lambda: all(rests(pid) for pid in two))

# one that does not answer, and one that is not there
for p in two:
    os.kill(p, signal.SIGSTOP)
newer, count = imap_visit()
check('one that was stopped: another serves', newer not in two and count == 2, (two, newer))
for p in two:
    os.kill(p, signal.SIGKILL)
wait_for(lambda: all(is_gone(p) for p in two))
pid, _ = imap_visit()
os.kill(pid, signal.SIGKILL)
wait_for(lambda: is_gone(pid))
newer, count = imap_visit()
check('one that was killed: another serves', newer != pid and count == 2)


# what a client watched is not watched for the next one
def says(wire, *commands):
    return [wire.say(command)[-1] for command in commands]


before = log_ins('imapd')
first = wired()
said = says(first, 'CREATE Again', 'NOTIFY SET (personal (MessageNew MessageExpunge))')
other = wired()
said += says(first, 'LOGOUT')
wait_for(lambda: rests(served_by('imapd', before)))
said += says(other, 'DELETE Again', 'CREATE Again')
second = wired()
said += says(second, 'SELECT Again')
check('NOTIFY, and the same process again', served_by('imapd', before) == served_by('imapd', before + 2), said)
second.send('i IDLE\r\n')
second.line()
second.sock.settimeout(10)
other.append('Again')
try:
    said = second.line()
except OSError as error:
    said = str(error)
check('IDLE of the next client sees what comes to a folder that was made anew', said == '* 1 EXISTS', said)
pids = [served_by('imapd', before + 1), served_by('imapd', before + 2)]
for wire in (second, other):
    wire.sock.shutdown(socket.SHUT_RDWR)
wait_for(lambda: all(is_gone(pid) for pid in pids))


# one whose user took its place: it says that it waits, keeps its client, and wants no other
class Liar:
    def __init__(self):
        before = log_ins('imapd')
        self.client = imap()
        self.login = descriptor(served_by('imapd', before), 4)
        self.login.send(struct.pack('<4sI', b'ESH1', SPARE))
        threading.Thread(target=self.refuse, daemon=True).start()

    def refuse(self):
        with contextlib.suppress(OSError):
            while given := socket.recv_fds(self.login, 64, 4)[1]:
                os.close(given[0])


pid, _ = imap_visit()
os.kill(pid, signal.SIGKILL)
wait_for(lambda: is_gone(pid))
liars = []
with contextlib.suppress(imaplib.IMAP4.error):
    while len(liars) < 12:
        liars.append(Liar())
check('control/imapperuser holds for those that only say so', len(liars) < 5, len(liars))
for liar in liars:
    liar.client.logout()
    liar.login.close()
check('and after them the account is as ever', wait_for(lambda: 'LIMIT' not in wired().answer[-1]))

# login stops: who leaves meanwhile is not waited for
before = log_ins('imapd')
client = imap()
pid = served_by('imapd', before)
run('s6-svc', '-h', '/var/mta/service/imapd')
check('SIGHUP: login has nothing more to say to a session', wait_for(lambda: is_hung_up(pid, 4)))
client.logout()
check('while login stops none waits', wait_for(lambda: is_gone(pid), 2))
wait_for(lambda: is_open(143))

# another Maildir in its place
newer, _ = imap_visit()
os.rename(MAILDIR, MAILDIR + '.old')
deliver('9.host')
replaced, count = imap_visit()
check('another Maildir in its place has another process', replaced != newer and count == 1, (newer, replaced, count))
check('and the old one ends', wait_for(lambda: is_gone(newer)))
shutil.rmtree(MAILDIR)
os.rename(MAILDIR + '.old', MAILDIR)

# POP3
first, count = pop_visit(delete=True)
again, left = pop_visit()
check('POP3: the same process', again == first and not is_gone(first), (first, again))
check('which sees what the one before it has left', (count, left) == (2, 1), (count, left))
deliver('3.host')
check('and what has come', pop_visit() == (first, 2))
locked = run('flock', '-n', MAILDIR + '/.pop3.lock', 'true')
check('while it waits it holds no lock', locked.returncode == 0, locked)

before = log_ins('pop3d')
client = poplib.POP3('127.0.0.1', 110, timeout=30)
client.user('joe')
client.pass_(SECRET)
accepted['pop3d'] += 1
client.close()
check('of a client that breaks off the process ends, too', served_by('pop3d', before) == first and wait_for(lambda: is_gone(first), 3))
first, _ = pop_visit()

# its end
uses = [pop_visit()[0] for _ in range(100)]
check('after a hundred clients it is another\'s turn', len(set(uses)) == 2 and uses[-1] != first, sorted(set(uses)))
control('timeoutspare', '1')
run('s6-svc', '-h', '/var/mta/service/pop3d')
check('after SIGHUP nobody waits any more', wait_for(lambda: is_gone(uses[-1])))
pid, _ = pop_visit()
check('after control/timeoutspare it ends', wait_for(lambda: is_gone(pid), 20))
control('timeoutspare', '0')
run('s6-svc', '-h', '/var/mta/service/pop3d')
check('with 0 each has its own', wait_for(lambda: len({pop_visit()[0] for _ in range(3)}) == 3))
done()
