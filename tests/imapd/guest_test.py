#!/usr/bin/env python3
"""guest_test - joe's imapd and the guests that it works through: what it does
when one ends, refuses or lies.  The test is login(5) to it, and a guest is
either ann's imapd -g or the test itself."""
import os, struct, sys, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mail import *

OPEN, OWNERS, PUBLISH, YES, NO, LATER = range(1, 7)
TEAM = '"Other Users/ann/Team"'
GONE = '* BYE [UNAVAILABLE] the mailbox cannot be read'


class Login:
    """What imapd asks at descriptor 4.  guest(owner) is a socket, or None."""
    def __init__(self, guest):
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.guest, self.opened = guest, []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while packet := self.ours.recv(20000):
            kind, text = struct.unpack('<4sI', packet[:8])[1], packet[8:].decode(errors='replace')
            if kind == OPEN:
                self.opened.append(text)
                end = self.guest(text)
                if end is None:
                    self.ours.send(struct.pack('<4sI', b'ESH1', NO))
                else:
                    socket.send_fds(self.ours, [struct.pack('<4sI', b'ESH1', YES)], [end.fileno()])
                    end.close()
            else:
                self.ours.send(struct.pack('<4sI', b'ESH1', YES) + (b'ann\n' if kind == OWNERS else b''))


class Session(Wire):
    """joe's, with that login."""
    def __init__(self, guest, name='J'):
        self.login = Login(guest)
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(30)
        self.child = subprocess.Popen(
            as_user('sh', '-c', f'exec "$@" 4<&{self.login.theirs.fileno()} 3<&-', 'sh', program, '-s', 'joe', f'maildir:{home}/{name}', 'test'),
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

    def run(self):
        while line := self.file.readline():
            line = line.decode().rstrip('\r\n')
            self.heard.append(line)
            tag, _, command = line.partition(' ')
            said = self.answers(command or tag)
            if said is None:
                break
            self.file.write(said.replace(b'TAG', tag.encode()))
            self.file.flush()
        self.sock.shutdown(socket.SHUT_RDWR)


def play(**answers):
    """To a verb what is given, else OK; joe's session, and the guest."""
    def answer(command):
        verb = command.split(' ')[0]
        return answers.get(verb, b'TAG OK done\r\n')
    script = Script(answer)
    return Session(script.open), script


# IDLE
joe, guest = play(IDLE=b'TAG NO [NOPERM] not any more\r\n')
check('SELECT', joe.say('SELECT ' + TEAM) == ['OK done'])
check('a guest\'s refusal ends IDLE', joe.say('IDLE') == ['NO [NOPERM] not any more'])
check('and the next command is one', joe.say('NOOP') == ['OK done'] and guest.heard[-1].endswith(' NOOP'), guest.heard)
check('end', joe.end() == 0)
joe, guest = play(IDLE=b'+ idling\r\n* BYE no more\r\n')
joe.say('SELECT ' + TEAM)
said = joe.say('IDLE')
check('a guest\'s BYE in IDLE is an end', said[:2] == ['+ idling', GONE] and joe.is_closed(), said)
joe, guest = play(IDLE=b'+ idling\r\n* LIST () "/" {9}\r\nt2 OK so\r\n x\r\n', DONE=b't2 OK done\r\n')
joe.say('SELECT ' + TEAM)
joe.send('t2 IDLE\r\n')
said = [joe.line() for _ in range(4)]
joe.send('DONE\r\n')
said.append(joe.line())
check('a literal in IDLE is not looked at', said == ['+ idling', '* LIST () "/" {9}', 't2 OK so', ' x', 't2 OK done'], said)
joe.count = 2
check('nor is it an end', joe.say('NOOP') == ['OK done'] and joe.end() == 0)
joe, guest = play(IDLE=b'+ idling\r\n')
joe.say('SELECT ' + TEAM)
joe.send('t2 IDLE\r\n')
check('IDLE', joe.line() == '+ idling')
guest.sock.shutdown(socket.SHUT_RDWR)
check('a guest that ends in IDLE', joe.line() == GONE and joe.is_closed())

# One that had ended is asked nothing more, and no other in its place: that one would have no folder selected
joe, guest = play()
check('SELECT', joe.say('SELECT ' + TEAM) == ['OK done'])
guest.sock.shutdown(socket.SHUT_RDWR)
guest.join(30)
check('ENABLE, of which the guest is to be told', joe.say('ENABLE CONDSTORE')[-1].startswith('OK'))
said = joe.say('FETCH 1 FLAGS')
check('a guest that had ended', said[0] == GONE and joe.is_closed() and joe.login.opened == ['ann'], [said, joe.login.opened])

# What it says of messages, when its folder is not the selected one
joe, guest = play(STATUS=b'* 1 EXPUNGE\r\n* STATUS x (MESSAGES {1}\r\n7)\r\n* 5 FETCH (BODY[] {9}\r\n* 9 EXIST)\r\n* VANISHED 1:9\r\nTAG OK done\r\n')
said = joe.say(f'STATUS {TEAM} (MESSAGES)')
check('of messages a guest tells only if its folder is selected', said == ['* STATUS x (MESSAGES {1}', '7)', 'OK done'], said)
joe.say('SELECT ' + TEAM)
check('then it does', len(joe.say(f'STATUS {TEAM} (MESSAGES)')) == 7 and joe.end() == 0)

# One that ends within what it says: whatever came next would be taken for that
for at in b'* METADATA x (/shared/comment {20}\r\nhalf of', b'* METADATA x (/shared/comment {4}\r\nhalf':
    def answer(command):
        if command.startswith('GETMETADATA'):
            guest.file.write(at)
            guest.file.flush()
            return None
        return b'TAG OK done\r\n'
    guest = Script(answer)
    joe = Session(guest.open)
    joe.send(f't1 GETMETADATA {TEAM} /shared/comment\r\n')
    said = joe.file.read()
    check('a guest that ends within a line: so does the session', said == at, said)
joe, guest = play(STATUS=None)
check('at a line\'s end it does not', joe.say(f'STATUS {TEAM} (MESSAGES)')[0].startswith('NO [UNAVAILABLE]') and joe.say('NOOP') == ['OK done'])
joe.end()

finish()
