"""mail - imapd by hand on a Maildir of its own, as an ordinary user (another
one, if the test is run by root), and clients of it."""
import atexit, ctypes, glob, imaplib, os, shutil, socket, subprocess, sys, tempfile
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

BUILD = os.environ['BUILD']
os.environ['ASAN_OPTIONS'] = 'detect_leaks=0'
UID = 54321 if os.geteuid() == 0 else os.geteuid()
work = tempfile.mkdtemp(prefix='imapd_test.')
atexit.register(shutil.rmtree, work, ignore_errors=True)
os.chmod(work, 0o755)
program = work + '/imapd'
shutil.copy(BUILD + '/imapd/imapd', program)
with open(program, 'rb') as f:
    sanitized = b'__asan_init' in f.read()
home = work + '/home'
os.mkdir(home)
os.chown(home, UID, UID) if os.geteuid() == 0 else None
imaplib.Commands['MOVE'] = imaplib.Commands['UNSELECT'] = ('SELECTED',)
MESSAGE = b'From: Ana <ana@example.org>\r\nTo: bob@example.org\r\nSubject: One\r\n' \
    b'Date: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHello Bob\r\n'


def as_user(*command):
    return (['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups'] if os.geteuid() == 0 else []) + list(command)


def start(name='M', control=None, guest=None, owner='ann', groups='', reader=None):
    """control: a folder that is its /var/mta/control, if the test is run by root; guest: who is one of owner's; reader: who has URLs
    of local's."""
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    command = as_user()
    if control:
        command = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /var && mkdir /var/mta && '
                   'cp -r "$0" /var/mta/control && exec "$@"', control, *command]
    mailbox = f'maildir:{home}/{name}'
    arguments = ['-g', guest, mailbox, owner, groups] if guest else ['-u', reader, mailbox, 'local'] if reader else [mailbox]
    child = subprocess.Popen(command + [program] + arguments, stdin=theirs, stdout=theirs)
    theirs.close()
    return ours, child


class Imap(imaplib.IMAP4):
    """imaplib on a socket that is connected already."""
    def __init__(self, name='M'):
        self.pair, self.child = start(name)
        super().__init__('pair')

    def open(self, *_):
        self.sock = self.pair
        self.file = self.sock.makefile('rb')

    def end(self):
        self.logout()
        return self.child.wait(20)


class Wire:
    """Lines as they are: say() returns what came up to the tagged answer."""
    def __init__(self, name='M', control=None, guest=None, groups='', reader=None):
        self.sock, self.child = start(name, control, guest, groups=groups, reader=reader)
        self.file = self.sock.makefile('rwb')
        self.greeting = self.line()
        self.count = 0

    def line(self):
        return self.file.readline().decode('utf-8', 'surrogateescape').rstrip('\r\n')

    def send(self, text):
        self.file.write(text if isinstance(text, bytes) else text.encode())
        self.file.flush()

    def until(self, tag):
        lines = []
        while True:
            line = self.line()
            lines.append(line)
            if line.startswith(tag + ' ') or line == '' and self.file.peek(1) == b'':
                return lines

    def say(self, command):
        self.count += 1
        tag = f't{self.count}'
        self.send(f'{tag} '.encode() + (command if isinstance(command, bytes) else command.encode()) + b'\r\n')
        return [line.removeprefix(tag + ' ') if line.startswith(tag) else line for line in self.until(tag)]

    def append(self, folder, message=MESSAGE, flags=''):
        return self.say(f'APPEND {folder} {flags + " " if flags else ""}{{{len(message)}+}}\r\n'.encode() + message)

    def holds(self, name):
        """Has the session a file of that name open?"""
        return any(os.readlink(path).endswith('/' + name) for path in glob.glob(f'/proc/{self.child.pid}/fd/*'))

    def end(self):
        self.say('LOGOUT')
        return self.child.wait(20)


class Opened:
    """How often a folder was opened since the last count (inotify(7))."""
    IN_OPEN, EVENT = 0x20, 16

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd == -1 or libc.inotify_add_watch(self.fd, folder.encode(), 0x18 | self.IN_OPEN) == -1:
            raise OSError(ctypes.get_errno(), folder)

    def count(self):
        try:
            events = os.read(self.fd, 1 << 20)
        except BlockingIOError:
            return 0
        masks = [int.from_bytes(events[i + 4:i + 8], sys.byteorder) for i in range(0, len(events), self.EVENT)]
        return sum(mask & self.IN_OPEN != 0 for mask in masks)
