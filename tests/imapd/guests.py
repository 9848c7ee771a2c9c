"""guests - joe's imapd with the test as its login(5), and guests that are
either an owner's imapd -g or the test itself."""
import contextlib, struct, threading
from mail import *

OPEN, OWNERS, PUBLISH, YES, NO, LATER = range(1, 7)
SPARE = 9  # the client has left


class Login:
    """What imapd asks at descriptor 4.  guest(owner) is a socket, or None, or LATER."""
    def __init__(self, guest, owners=('ann', )):
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.guest, self.opened, self.owners, self.has_spare = guest, [], owners, False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def receive(self):
        """b'' at the end; imapd may leave an answer unread."""
        with contextlib.suppress(ConnectionError):
            return self.ours.recv(20000)

    def serve(self):
        while packet := self.receive():
            kind, text = struct.unpack('<4sI', packet[:8])[1], packet[8:].decode(errors='replace')
            if kind == SPARE:  # there is no next client
                self.has_spare = True
                return self.ours.close()
            if kind == OPEN:
                self.opened.append(text)
                end = self.guest(text)
                if end in (None, LATER):
                    self.ours.send(struct.pack('<4sI', b'ESH1', end or NO))
                else:
                    with contextlib.suppress(BrokenPipeError):  # it may have given up
                        socket.send_fds(self.ours, [struct.pack('<4sI', b'ESH1', YES)], [end.fileno()])
                    end.close()
            else:
                names = ''.join(name + '\n' for name in self.owners) if kind == OWNERS else ''
                self.ours.send(struct.pack('<4sI', b'ESH1', YES) + names.encode())


class Session(Wire):
    """joe's, with that login."""
    def __init__(self, guest, name='J', owners=('ann', )):
        self.login = Login(guest, owners)
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(30)
        # No sh: dash takes no descriptor over 9.
        self.child = subprocess.Popen(
            as_user('bash', '-c', f'exec "$@" 4<&{self.login.theirs.fileno()} 3<&-', 'bash', program, '-s', 'joe', f'maildir:{home}/{name}', 'test'),
            stdin=theirs, stdout=theirs, pass_fds=[self.login.theirs.fileno()])
        theirs.close()
        self.login.theirs.close()
        self.file = self.sock.makefile('rwb')
        self.count = 0
        self.greeting = self.line()

    def is_closed(self):
        return self.file.read(1) == b''


class Script(threading.Thread):
    """A guest that the test plays: answers(command) is what it says to a line, in bytes; None ends it."""
    def __init__(self, answers):
        super().__init__(daemon=True)
        self.answers, self.heard = answers, []

    def open(self, owner):
        ours, theirs = socket.socketpair()
        self.file = ours.makefile('rwb')
        self.sock = ours
        self.file.write(b'* PREAUTH x\r\n')
        self.file.flush()
        self.start()
        return theirs

    def listen(self):
        with contextlib.suppress(ConnectionError):
            return self.file.readline()

    def run(self):
        while line := self.listen():
            line = line.decode().rstrip('\r\n')
            self.heard.append(line)
            tag, _, command = line.partition(' ')
            said = self.answers(command or tag)
            if said is None:
                break
            self.file.write(said.replace(b'TAG', tag.encode()))
            self.file.flush()
        self.sock.shutdown(socket.SHUT_RDWR)
