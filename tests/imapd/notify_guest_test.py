#!/usr/bin/env python3
"""notify_guest_test - NOTIFY (RFC 5465) and owners' processes that lie, end or
do not read.  The test is login(5), and plays most of them."""
import os, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guests import *

NEW = '(MessageNew MessageExpunge)'
OVERFLOW = '* OK [NOTIFICATIONOVERFLOW]'
BIG = b'Subject: Big\r\n\r\n' + (b'x' * 78 + b'\r\n') * 40000
MUCH = b'x' * 3000000
PROMPT_S = 30
ok = lambda answer: answer[-1].startswith('OK')
shown = lambda name, owner='ann': f'"Other Users/{owner}/{name}"'
agrees = lambda command: b'TAG OK done\r\n'


def played(answers=agrees, kind=Script):
    """A session whose guests are scripts, and these."""
    scripts = []

    def open_script(owner):
        scripts.append(kind(answers))
        return scripts[-1].open(owner)
    return Session(open_script), scripts


def heard(session, seconds=0.5):
    """What is told unasked in that time, as far as the client looks."""
    time.sleep(seconds)
    return session.say('NOOP')


def in_thread(work, *arguments):
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread


def trickle(sock):
    with contextlib.suppress(OSError):
        for _ in range(6):
            sock.sendall(b'x')
            time.sleep(9)


# ---- one that says a line slower than it is waited for; looked at below

slow, scripts = played()
slow.say(f'NOTIFY SET (selected {NEW}) (personal {NEW})')
slow.say('SELECT ' + shown('Box'))
scripts[0].sock.sendall(b'* OK {100}\r\n')
slow_began = time.monotonic()
in_thread(trickle, scripts[0].sock)

# ---- one that is stopped, and a command that does not fit between; below, too


class Stopped(Script):
    def run(self):
        pass


stopped, _ = played(kind=Stopped)
stopped_began = time.monotonic()
in_thread(stopped.send, f's1 GETMETADATA {shown("Box")} (/shared/{"x" * 900000})\r\n'.encode())

# ---- one that says what it may not while it is written to


class Unread(Script):
    """It reads a message when it has said what it may not."""
    def run(self):
        while line := self.listen():
            tag, _, command = line.decode().partition(' ')
            if command.startswith('APPEND'):
                time.sleep(1)
                self.sock.sendall(b'* X {3}\r\n* 7 EXPUNGE\r\nzz9 OK forged\r\n')
                time.sleep(1)
                self.file.read(len(MUCH) + 2)
                said = b'OK read\r\n'
            else:
                said = b'OK done\r\n'
            with contextlib.suppress(OSError):
                self.sock.sendall(tag.encode() + b' ' + said)


joe, _ = played(kind=Unread)
a = joe.say(f'NOTIFY SET (mailboxes {shown("Box")} {NEW})')
check('NOTIFY', ok(a), a)
sending = in_thread(joe.send, f'a1 APPEND {shown("Box")} {{{len(MUCH)}+}}\r\n'.encode() + MUCH + b'\r\n')
a = joe.until('a1')
check('a literal while it is written to: nothing behind it is told', len(a) == 1 and a[0].startswith('a1 NO [UNAVAILABLE]'), a)
sending.join()
check('and it has ended', heard(joe) == [OVERFLOW + ' no more is told', 'OK done'] and joe.end() == 0)

# ---- its tagged lines

joe, scripts = played()
a = [joe.say(f'NOTIFY SET (selected {NEW}) (personal {NEW})'), joe.say('SELECT ' + shown('Box'))]
check('SELECT', ok(a[0]) and ok(a[1]), a)
scripts[0].sock.sendall(b'A9 OK [READ-WRITE] forged\r\n+ go on\r\nDONE {3}\r\nabc forged\r\n* 3 EXISTS\r\n')
a = heard(joe)
check('of the selected folder it says untagged lines alone', a == ['* 3 EXISTS', 'OK done'], a)
scripts[0].answers = lambda command: b'A9 OK forged\r\n+ go on\r\n* 4 EXISTS\r\nTAG OK done\r\n'
a = joe.say('NOOP')
check('in an answer, too', a == ['* 4 EXISTS', 'OK done'], a)
joe.say('NOTIFY NONE')
scripts[0].answers = lambda command: b'A9 OK forged\r\n+ idling\r\n' if command == 'IDLE' else b'+ no\r\nTAG OK done\r\n'
joe.send(b'i IDLE\r\n')
a = [joe.line()]
scripts[0].sock.sendall(b'A9 OK forged\r\n* 5 EXISTS\r\ni OK done\r\n')
a += joe.until('i')
check('its IDLE has a "+", and an end', a == ['+ idling', '* 5 EXISTS', 'i OK done'], a)

# ---- one that takes its time


def idles_late(command):
    time.sleep(2)
    return {'IDLE': b'+ idling\r\n', 'DONE': b'* 6 EXISTS\r\nguest OK done\r\n'}.get(command, agrees(command))


joe, scripts = played()
joe.say(f'NOTIFY SET (selected-delayed {NEW}) (personal {NEW}) (subscribed {NEW})')
joe.say('SELECT ' + shown('Box'))
scripts[0].answers = idles_late
began = time.monotonic()
joe.send(b'i IDLE\r\n')
a = [joe.line(), time.monotonic() - began]
check('the "+" of IDLE does not wait for it', a[0] == '+ idling' and a[1] < 1, a)
joe.send(b'DONE\r\n')
a = joe.until('i')
check('the answer does', a == ['* 6 EXISTS', 'i OK done'] and time.monotonic() - began > 3, a)

# ---- it is asked while it has IDLE

idles = lambda command: {'IDLE': b'+ idling\r\n', 'DONE': b'guest OK done\r\n'}.get(command, agrees(command))
scripts[0].answers = idles
joe.send(b'i IDLE\r\n')
other = Wire('J')
check('it has IDLE', joe.line() == '+ idling' and wait_for(lambda: scripts[0].heard[-1].endswith('IDLE')))
count = len(scripts[0].heard)
other.say('SUBSCRIBE ' + shown('Team'))
check('what it is to tell changes', wait_for(lambda: scripts[0].heard[-1].endswith('IDLE') and len(scripts[0].heard) > count))
scripts[0].sock.sendall(b'* 7 EXISTS\r\nguest NO not any more\r\n* 8 EXISTS\r\n')
a = [joe.line(), joe.line()]
joe.send(b'DONE\r\n')
a += joe.until('i')
heard_of = [line.partition(' ')[2] for line in scripts[0].heard[count:]]
check('IDLE ends for as long, and by itself', a == ['* 7 EXISTS', '* 8 EXISTS', 'i OK done'] and scripts[0].heard[count] == 'DONE' and
      heard_of[1].startswith('NOTIFY SET (selected-delayed ') and heard_of[-1] == 'IDLE', [a, scripts[0].heard[count:]])
check('then there is the next command', joe.say('NOOP') == ['OK done'] and joe.end() == 0)

# ---- much from both sides

ann = Wire('Ann')
ann.say('CREATE Team')
ann.say('SETACL Team joe lrswite')


def open_ann(owner):
    ours, child = start(owner.capitalize(), guest='joe', owner=owner)
    return ours


joe = Session(open_ann)
selected = '(selected (MessageNew (UID BODY.PEEK[]) MessageExpunge))'
joe.say('NOTIFY SET ' + selected)
check('SELECT', ok(joe.say('SELECT ' + shown('Team'))))
names = ' '.join(shown('x' * 240 + str(i)) for i in range(990))
command = f'big NOTIFY SET {selected} (mailboxes ({names}) {NEW})\r\n'.encode()
joe.send(command[:20])
time.sleep(0.5)
ann.say(b'APPEND Team' + b''.join(b' {%d+}\r\n' % len(BIG) + BIG for _ in range(2)))
time.sleep(1.5)
sending = in_thread(joe.send, command[20:])
try:
    a = joe.until('big')
except TimeoutError:
    a = ['nothing']
check('a long NOTIFY while FETCH comes', a[-1].startswith('big ') and sum(line.endswith(f'BODY[] {{{len(BIG)}}}') for line in a) == 2, a[-1])
joe.child.kill()

# ---- one that ends while the user's own list changes

other.say('UNSUBSCRIBE ' + shown('Team'))
other.say('SUBSCRIBE ' + shown('Box'))


def ends_at_status(command):
    if command.startswith('STATUS'):
        other.say('SUBSCRIBE Own')
        return None
    return b'TAG OK done\r\n'


joe, scripts = played(ends_at_status)
check('NOTIFY', ok(joe.say('NOTIFY SET (subscribed (MessageNew MessageExpunge SubscriptionChange))')))
joe.send(f'x STATUS {shown("Box")} (MESSAGES)\r\n')
a = joe.until('x') + heard(joe)
check('the end is told, section 5.8', a[0].startswith('x NO [UNAVAILABLE]') and any(line.startswith(OVERFLOW) for line in a), a)
check('all has ended', joe.say('NOOP') == ['OK done'] and joe.end() == 0 and other.end() == 0)

# ---- one that tells no more while all are told to tell nothing


def tells_no_more(command):
    return (b'%s no more is told\r\n' % OVERFLOW.encode() if command == 'NOTIFY NONE' else b'') + agrees(command)


joe, scripts = played(tells_no_more)
joe.say(f'NOTIFY SET (selected {NEW}) (mailboxes ({shown("Box")} {shown("Box", "bob")}) {NEW})')
joe.say('SELECT ' + shown('Box'))
scripts[1].sock.shutdown(socket.SHUT_RDWR)
a = heard(joe) + joe.say('NOOP')
check('the end is told once', a == [OVERFLOW + ' no more is told', 'OK done', 'OK done'] and 'NOTIFY NONE' in scripts[0].heard[-3], [a, scripts[0].heard])
joe.end()

# ---- one that ends at its beginning


class Bye(Script):
    def open(self, owner):
        ours, theirs = socket.socketpair()
        ours.sendall(b'* BYE [UNAVAILABLE] the mailbox cannot be read\r\n')
        ours.close()
        return theirs


scripts = [Bye(None), Script(agrees)]
joe = Session(lambda owner: scripts.pop(0).open(owner))
a = joe.say(f'NOTIFY SET (mailboxes {shown("Box")} {NEW})')
check('one that ends at its greeting cannot be had now', a[-1].startswith('NO [UNAVAILABLE]'), a)
a = joe.say(f'NOTIFY SET (mailboxes {shown("Box")} {NEW})')
check('and is asked again', ok(a) and joe.login.opened == ['ann', 'ann'] and joe.end() == 0, a)

# ---- the slow one

slow.sock.settimeout(45)
a = slow.file.readlines()
took = time.monotonic() - slow_began
check('a line that does not end ends the session in time', len(a) > 0 and a[0] == b'* OK {100}\r\n' and took < PROMPT_S + 5, [a, took])
stopped.sock.settimeout(10)
a = stopped.until('s1')
took = time.monotonic() - stopped_began
check('one that does not read is given up in time', a == ['s1 NO [UNAVAILABLE] the other user\'s mailbox cannot be reached now'] and took < PROMPT_S + 15, [a, took])
check('they end well', stopped.end() == 0 and ann.end() == 0)
done()
