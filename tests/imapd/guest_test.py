#!/usr/bin/env python3
"""guest_test - joe's imapd and the guests that it works through: what it does
when one ends, refuses or lies.  The test is login(5) to it, and a guest is
either ann's imapd -g or the test itself."""
import os, sys, threading, zlib
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guests import *

TEAM = '"Other Users/ann/Team"'
GONE = '* BYE [UNAVAILABLE] the mailbox cannot be read'


def ok(answer):
    return answer[-1].startswith('OK')


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
check('it would have served another client', joe.login.has_spare)
joe, guest = play(IDLE=b'+ idling\r\n* BYE no more\r\n')
joe.say('SELECT ' + TEAM)
said = joe.say('IDLE')
check('a guest\'s BYE in IDLE is an end', said[:2] == ['+ idling', GONE] and joe.is_closed(), said)
joe, guest = play(IDLE=b'+ idling\r\n* LIST () "/" {10}\r\nt2 OK so\r\n x\r\n', DONE=b't2 OK done\r\n')
joe.say('SELECT ' + TEAM)
joe.send('t2 IDLE\r\n')
said = [joe.line() for _ in range(4)]
joe.send('DONE\r\n')
said.append(joe.line())
check('a literal in IDLE is not looked at', said == ['+ idling', '* LIST () "/" {10}', 't2 OK so', ' x', 't2 OK done'], said)
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

# With imapd -g of owners': killed in each state
owners, guests = [f'own{i}' for i in range(9)], {}
BIG = b'Subject: Big\r\n\r\n' + (b'x' * 78 + b'\r\n') * 40000


def open_guest(owner):
    ours, child = start(owner, guest='joe', owner=owner)
    guests.setdefault(owner, []).append(child)
    return ours


def kill_guest(owner='own0'):
    guests[owner][-1].kill()
    guests[owner][-1].wait()


def box(i=0, folder='Box'):
    return f'"Other Users/own{i}/{folder}"'


for name in owners:
    owner = Wire(name)
    owner.say('CREATE Box')
    owner.say('SETACL Box joe lrswite')
    owner.append('Box')
    if name == 'own0':
        owner.append('Box', BIG)
    owner.end()
joe = Session(open_guest)
check('killed in SELECTED', joe.say('SELECT ' + box())[-1].startswith('OK') and [kill_guest()] and
      joe.say('NOOP')[0] == GONE and joe.is_closed() and joe.child.wait(20) == 0)
joe = Session(open_guest)
joe.say('SELECT ' + box())
joe.send('i IDLE\r\n')
check('in IDLE', joe.line() == '+ idling' and [kill_guest()] and joe.line() == GONE and joe.is_closed())
joe = Session(open_guest)
joe.say('SELECT INBOX')
joe.send(f'a APPEND {box()} {{{len(BIG)}}}\r\n')
check('within a message that comes in', joe.line() == '+ OK' and [joe.send(BIG[:1000]), kill_guest()] and
      [joe.send(BIG[1000:] + b'\r\n')] and joe.until('a')[-1].startswith('a NO [UNAVAILABLE]') and joe.say('NOOP') == ['OK done'] and
      joe.say(f'STATUS {box()} (MESSAGES)')[0].endswith('(MESSAGES 2)') and len(guests['own0']) == 4, guests['own0'])
joe.end()
joe = Session(open_guest)
joe.say('SELECT ' + box())
joe.send('f FETCH 2 BODY[]\r\n')
head = joe.line()
kill_guest() # BIG does not fit in the sockets between
rest = joe.file.read()
check('within FETCH: nothing comes that is not of the message', head == f'* 2 FETCH (BODY[] {{{len(BIG)}}}' and BIG.startswith(rest) and
      len(rest) < len(BIG), [head, len(rest), rest[-100:]])
joe = Session(open_guest)
joe.say('SELECT INBOX')
joe.append('INBOX', BIG)
check('before COPY to it', ok(joe.say(f'COPY 1 {box()}')) and [kill_guest()] and joe.say(f'COPY 1 {box()}')[-1].startswith('NO [') and
      ok(joe.say(f'COPY 1 {box()}')) and ok(joe.say('FETCH 1 FLAGS')))
joe.end()

# More owners than there may be guests
joe = Session(open_guest)
joe.say('SELECT ' + box(0))
before = {name: len(guests.get(name, [])) for name in owners}
check('nine, one of them selected', all(joe.say(f'STATUS {box(i)} (MESSAGES)')[0].endswith('(MESSAGES 1)') for i in range(1, 9)) and
      ok(joe.say('FETCH 1 FLAGS')) and all(len(guests[name]) == before[name] + (name != 'own0') for name in owners))
check('the one that was not used for longest made room', wait_for(lambda: guests['own1'][-1].poll() is not None) and
      guests['own2'][-1].poll() is None and guests['own0'][-1].poll() is None)
check('COPY from the selected one to the one that is not there', ok(joe.say(f'COPY 1 {box(1)}')) and ok(joe.say('FETCH 1 FLAGS')))
check('they end with their session', joe.end() == 0 and
      wait_for(lambda: all(child.poll() is not None for all_ in guests.values() for child in all_)))

# One that cannot be had now, and none
for what, found, want in ('login is at its limit', lambda owner: LATER, 'NO [UNAVAILABLE]'), ('there is no such owner', lambda owner: None, 'NO ['):
    joe = Session(found)
    joe.say('SELECT INBOX')
    joe.append('INBOX')
    said = [joe.say('COPY 1 ' + TEAM)[-1], joe.say('MOVE 1 ' + TEAM)[-1], joe.append(TEAM)[-1]]
    check(f'{what}: a client that may try to make the folder is told so', all(line.startswith(want) for line in said) and
          ['TRYCREATE' in line for line in said[:2]] == [found('ann') is None] * 2, said)
    check('the message stays', joe.say('FETCH 1 (UID)')[0].startswith('* 1 FETCH') and joe.end() == 0)

# COMPRESS is between the client and us alone
joe = Session(open_guest)
joe.say('SELECT ' + box(3))
joe.say('COMPRESS DEFLATE')
deflate, inflate = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)


def press(text):
    joe.send(deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH))


def unpress(end):
    text = b''
    while end not in text:
        text += inflate.decompress(joe.sock.recv(65536))
    return text


press(b'i IDLE\r\nDONE\r\nf FETCH 1 BODY[TEXT]\r\n')
text = unpress(b'f OK')
check('IDLE, DONE and FETCH in one packet of COMPRESS', b'+ idling\r\ni OK' in text and b'Hello Bob' in text, text)
press(b'i IDLE\r\n')
check('IDLE over COMPRESS', unpress(b'idling\r\n') == b'+ idling\r\n')
owner = Wire('own3')
owner.append('Box')
check('what comes then', b'* 2 EXISTS\r\n' in unpress(b'EXISTS\r\n'))
press(b'DONE\r\nl LOGOUT\r\n')
check('and its end', b'i OK' in unpress(b'l OK') and joe.child.wait(20) == 0)
owner.end()

# An owner can stop his process
joe = Session(lambda owner: Script(lambda command: b'' if command.startswith('LIST') else b'TAG OK done\r\n').open(owner))
joe.sock.settimeout(120)
said = joe.say('LIST "" "*"')
check('LIST does without one that says nothing', ok(said) and '* LIST (\\HasNoChildren) "/" "INBOX"' in said and joe.login.opened == ['ann'], said)
check('and does not ask it again', ok(joe.say('LIST "" "*"')) and joe.login.opened == ['ann'])
check('but who names it does', ok(joe.say('SELECT ' + TEAM)) and joe.login.opened == ['ann', 'ann'] and joe.end() == 0)

# An answer of login's that comes late is not that to the next question
late, ann_guest = threading.Event(), Script(lambda command: b'TAG OK ann\r\n')


def open_late(owner):
    if owner == 'ann':
        late.wait(60)
    return ann_guest.open(owner) if owner == 'ann' else Script(lambda command: b'TAG OK bob\r\n').open(owner)


joe = Session(open_late)
joe.sock.settimeout(50)
check('login does not answer', joe.say(f'STATUS {TEAM} (MESSAGES)')[-1].startswith('NO [UNAVAILABLE]'))
late.set()
check('its answer is there', wait_for(lambda: ann_guest.ident))
check('whose mailbox it is, is not mistaken', joe.say('STATUS "Other Users/bob/Team" (MESSAGES)')[-1] in
      ('OK bob', 'NO [UNAVAILABLE] the other user\'s mailbox cannot be reached now') and joe.end() == 0)
check('nor by another client of that process: it has none', not joe.login.has_spare)

done()
