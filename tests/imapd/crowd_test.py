#!/usr/bin/env python3
"""crowd_test - several sessions in one folder: what one of them expunges or
renames while another one reads it."""
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
two = MESSAGE.replace(b'One', b'Two')
a, b = Wire(), Wire()


def folder_of(*messages):
    """A folder of these, selected by both sessions; its name."""
    folder_of.count += 1
    name = f'F{folder_of.count}'
    a.say(f'CREATE {name}')
    for message in messages:
        a.append(name, message)
    for session in a, b:
        session.say(f'SELECT {name}')
    return name


def expunge(numbers):
    a.say(f'STORE {numbers} +FLAGS.SILENT (\\Deleted)')
    return a.say('EXPUNGE')


folder_of.count = 0

# A message that goes before it is read.
folder_of(MESSAGE, two, MESSAGE)
b.say('FETCH 1:* (UID FLAGS RFC822.SIZE)')
check('one expunges', '* 2 EXPUNGE' in expunge(2))
r = b.say('FETCH 1:3 (BODY.PEEK[])')
check('RFC 9051 7.5.1: the other is told', r[-1].startswith('NO [EXPUNGEISSUED]'), r)
check('what is left comes', has(r, '* 1 FETCH (BODY[] {') and has(r, '* 3 FETCH (BODY[] {'), r)
check('nothing is announced that does not come', not has(r, '* 2 FETCH (BODY'), r)
folder_of(MESSAGE, two)
expunge(2)
r = b.say('FETCH 2 BODY.PEEK[HEADER]')
check('it is gone, not without a header', r[-1].startswith('NO [EXPUNGEISSUED]') and not has(r, 'NIL'), r)
r = b.say('FETCH 1 (BODY.PEEK[7] BINARY.SIZE[7])')
check('a part that is not there is NIL', ok(r) and has(r, 'BODY[7] NIL BINARY.SIZE[7] 0'), r)

# A folder that is renamed while it is selected.
name = folder_of(MESSAGE)
b.say('UNSELECT')
check('RENAME of what is selected', ok(a.say(f'RENAME {name} {name}x')))
r = a.say(f'DELETE {name}x')
check('DELETE under the new name: it is left first', r[0].startswith('* OK [CLOSED]') and ok(r), r)
a.say(f'CREATE {name}x')
a.say(f'CREATE {name}x/below')
a.say(f'SELECT {name}x/below')
check('RENAME of what is above it', ok(a.say(f'RENAME {name}x {name}y')))
r = a.say(f'DELETE {name}y/below')
check('so is that', r[0].startswith('* OK [CLOSED]') and ok(r), r)
check('the old name is free again', ok(a.say(f'CREATE {name}')) and ok(a.say(f'DELETE {name}')))

# What a first session learned of a large folder, recent or not, the next one need not read again.
for part in ('', '/cur', '/new', '/tmp'):
    os.mkdir(f'{home}/Large{part}')
for i in range(2100):
    with open(f'{home}/Large/{"cur" if i % 2 else "new"}/{1000 + i}.a{i}.host' + (':2,S' if i % 2 else ''), 'w') as f:
        f.write('Subject: many\n\nx\n')
subprocess.run(['chown', '-R', f'{UID}:{UID}', home + '/Large'], check=True)
first = Wire('Large')
check('many are recent', has(first.say('SELECT INBOX'), '* 1050 RECENT'))
first.end()
view = os.stat(home + '/Large/estafeta-view')
check('the list as it is in memory is left behind', view.st_size > 2100 * 16)
second = Wire('Large')
r = second.say('SELECT INBOX')
check('for the next session', has(r, '* 2100 EXISTS') and has(r, '* 0 RECENT'), r)
check('flags and all', len(second.say('SEARCH SEEN')[0].split()) == 2 + 1050)
second.end()
check('who did not write it anew', os.stat(home + '/Large/estafeta-view').st_ino == view.st_ino)

# The next one may come as soon as LOGOUT is answered.
os.remove(home + '/Large/estafeta-view')
session = Wire('Large')
session.say('SELECT INBOX')
check('LOGOUT', ok(session.say('LOGOUT')))
check('it is there again', os.path.exists(home + '/Large/estafeta-view'))
session.child.wait(20)

# SELECT answers from its head; what a first command about messages then finds damaged is in the list, which others go on writing.
with open(home + '/Large/estafeta-view', 'r+b') as f:
    f.seek(-1000, 2)
    f.write(b'X' * 500)
third, other = Wire('Large'), Wire('Large')
r = third.say('SELECT INBOX')
check('the first unseen one is told before any is read', has(r, '* 2100 EXISTS') and has(r, '[UNSEEN 1]'), r)
other.say('SELECT INBOX')
other.say('STORE 3 +FLAGS.SILENT (\\Deleted)')
other.say('EXPUNGE')
other.say('STORE 1 +FLAGS.SILENT (\\Seen)')
r = third.say('FETCH 2100 UID')
check('a damaged part is read from the list', has(r, '* 2100 FETCH (UID 2100'), r)
r += third.say('NOOP')
check('news since the SELECT are told', has(r, '* 3 EXPUNGE') and has(r, '* 1 FETCH (FLAGS (\\Seen'), r)
check('and no others', sum(' FETCH ' in line for line in r) == 2 and sum('EXPUNGE' in line for line in r) == 1, r)
third.end()
other.end()

# What came by APPEND and no session was told of: \Recent in EXAMINE, which takes it from nobody, and once in SELECT.
maker = Wire('Large')
check('two are appended', all(ok(maker.say('APPEND INBOX (\\Seen) {12+}\r\nSubject: x\r\n')) for _ in range(2)))
for verb, recent in ('EXAMINE', 2), ('EXAMINE', 2), ('SELECT', 2), ('EXAMINE', 0), ('SELECT', 0):
    r = maker.say('STATUS INBOX (MESSAGES RECENT)')
    check(f'STATUS has {recent} recent', has(r, f'(MESSAGES 2101 RECENT {recent})'), r)
    r = maker.say(f'{verb} INBOX')
    check(f'{verb} has {recent}', has(r, '* 2101 EXISTS') and has(r, f'* {recent} RECENT'), r)
    check('and SEARCH', maker.say('SEARCH RECENT')[0].split()[2:] == ['2100', '2101'][:recent])
    maker.say('UNSELECT')
maker.end()


def waits():
    """A session that has selected Large, whose view covers the list, and has read no message; None: cur/ changed just now."""
    os.remove(home + '/Large/estafeta-view')
    writer = Wire('Large')
    writer.say('SELECT INBOX')
    writer.end()
    session = Wire('Large')
    session.say('SELECT INBOX')
    if session.holds('estafeta-view'):
        return session
    session.end()


def waiting():
    session = wait_for(waits)
    check('the view waits', session)
    return session


# What does not read the messages that wait.
for line, is_done in ('SELECT', False), ('EXAMINE "a//b"', False), ('SELECT INBOX (X)', False), ('UNSELECT x', False), ('UNSELECT', True):
    session = waiting()
    r = session.say(line)
    check(f'{line} while the view waits', ok(r) == is_done and not has(r, 'FETCH'), r)
    session.end()

# What does, with a view that is gone, or cut off.
session = waiting()
os.remove(home + '/Large/estafeta-view')
r = session.say('STATUS INBOX (MESSAGES RECENT UNSEEN)')
check('STATUS of what waits', has(r, 'MESSAGES 2101 RECENT 0'), r)
session.say('NOOP')
check('it waits no more', not session.holds('estafeta-view'))
session.end()
open(home + '/Large/estafeta-view', 'w').close()
there = 2101
for line, wanted, more in (('COPY 1:3 INBOX', '* 3 RECENT', 3), ('MOVE 1 INBOX', '* 1 EXPUNGE', 0), ('APPEND INBOX {12+}\r\nSubject: x\r\n', '* 1 RECENT', 1),
                           ('ESEARCH IN (PERSONAL) RETURN (COUNT) ALL', 'COUNT', 0), ('CHECK', None, 0), ('CLOSE', None, 0)):
    session = waiting()
    os.truncate(home + '/Large/estafeta-view', 3000)
    r = session.say(line)
    check(f'{line.split()[0]} of what was cut off', ok(r) and (wanted is None or has(r, wanted)), r)
    there += more
    check('all are there', has(session.say('STATUS INBOX (MESSAGES)'), f'MESSAGES {there})'), there)
    session.end()

# The list is lost, and another session numbers the messages anew.
def numbered_anew(name, count=1):
    """Sessions whose UIDs 3 and 4 are 1 and 2 of one that comes later, which is the last."""
    maker = Wire(name)
    for subject in b'One', b'Two', b'Three', b'Four':
        maker.append('INBOX', MESSAGE.replace(b'One', subject))
    maker.say('SELECT INBOX')
    maker.say('STORE 1:2 +FLAGS.SILENT (\\Deleted)')
    maker.say('EXPUNGE')
    maker.end()
    sessions = [Wire(name) for _ in range(count + 1)]
    for session in sessions[:-1]:
        session.say('SELECT INBOX')
        session.say('FETCH 1:* (UID ENVELOPE)')
    os.remove(f'{home}/{name}/estafeta-uidlist')
    sessions[-1].say('SELECT INBOX')
    return sessions


BYE = '* BYE [UNAVAILABLE] the folder was numbered anew'
READ = 'UID FETCH 3:4 (ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])'
for i, commands in enumerate((('NOOP',), (READ,), ('UID STORE 3 +FLAGS (\\Deleted)',), ('UID MOVE 3 INBOX',), ('NOTIFY SET (SELECTED (MessageNew MessageExpunge))',), \
        ('NOTIFY NONE', 'UID STORE 3 +FLAGS (\\Deleted)'), ('EXPUNGE',), ('CHECK',))):
    session, other = numbered_anew(f'Lost{i}')
    r = [line for command in commands for line in session.say(command)]
    if commands[0] == READ:
        check('what is read before that is one message still', '"Three"' in r[0] and r[1] == 'Subject: Three' and
              '"Four"' in r[4] and r[5] == 'Subject: Four', r)
    check(f'{commands[-1]} ends the session', BYE in r and not has(r, 'EXPUNGE'), r)
    check('it does', session.child.wait(20) == 0)
    r = other.say('UID FETCH 1:* (FLAGS ENVELOPE)')
    check('nothing was changed by it', len(r) == 3 and r[0].startswith('* 1 FETCH (FLAGS () ENVELOPE') and '"Three"' in r[0] and r[1].startswith('* 2 FETCH (FLAGS ()'), r)
    other.end()
session, idle, other = numbered_anew('Lost', 2)
idle.send('i IDLE\r\n')
check('IDLE, too', [idle.line(), idle.line()] == ['+ idling', BYE] and idle.child.wait(20) == 0)
r = session.say('CLOSE')
check('CLOSE removes nothing, and is done', r == ['OK done'], r)
check('SELECT has the new numbers', has(session.say('SELECT INBOX'), '[UIDNEXT 3]') and ok(session.say('UID FETCH 1 FLAGS')))
session.end()
other.end()

# A folder that another session deletes is nobody's any more, whatever comes to have its name.
DELETED = '* BYE [UNAVAILABLE] the folder was deleted'
a.say('CREATE Spare')
for i, (count, then, command) in enumerate((
        (3, (), 'NOOP'), (0, (), 'NOOP'), (3, ('CREATE',), 'FETCH 1:* (FLAGS)'), (3, ('RENAME Spare',), 'UID STORE 1 +FLAGS (\\Seen)'),
        (3, ('CREATE',), 'UID COPY 1 INBOX'), (3, (), 'IDLE'), (0, (), 'IDLE'), (3, ('CREATE',), 'IDLE'),
        (3, ('CREATE',), 'NOTIFY SET (SELECTED (MessageNew MessageExpunge))'), (3, ('CREATE',), 'NOTIFY NONE'),
        (3, (), 'notified IDLE'))):
    a.say(f'CREATE Gone{i}')
    for _ in range(count):
        a.append(f'Gone{i}')
    session = Wire()
    session.say(f'SELECT Gone{i}')
    if command == 'notified IDLE':
        session.say('NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge MailboxName))')
    if command.endswith('IDLE'):
        session.send('i IDLE\r\n')
        session.until('+')
    a.say(f'DELETE Gone{i}')
    for word in then:
        a.say(f'{word} Gone{i}')
    if command.endswith('IDLE'):
        r = session.until(DELETED)
    else:
        r = session.say(command)
    check(f'{command}: the folder was deleted' + ''.join(', then ' + word for word in then), DELETED in r, r)
    check('that is all', session.child.wait(20) == 0)
session = Wire()
a.say('CREATE Moved')
a.append('Moved')
session.say('SELECT Moved')
a.say('RENAME Moved Elsewhere')
r = session.say('UID STORE 1 +FLAGS (\\Seen)') + session.say('NOOP')
check('one that was renamed is not', has(r, '\\Seen') and r[-1] == 'OK done', r)
session.end()

# A list that was cut off is brought back by who has it in memory.
session = Wire('Lost')
session.say('SELECT INBOX')
os.truncate(home + '/Lost/estafeta-uidlist', 0)
r = session.say('NOOP') + session.say('UID FETCH 1:* UID')
check('none is gone for a list that is empty', not has(r, 'EXPUNGE') and has(r, '* 2 FETCH (UID 2'), r)
other = Wire('Lost')
r = other.say('SELECT INBOX')
check('with the same numbers', has(r, '* 2 EXISTS') and has(r, '[UIDNEXT 3]'), r)
other.end()
session.end()

# Several sessions find no Maildir and make it at once.
for i in range(20):
    crowd = [start(f'New{i}') for _ in range(8)]
    answers = []
    for sock, child in crowd:
        sock.sendall(b'a SELECT INBOX\r\nb LOGOUT\r\n')
        with sock.makefile('rb') as file:
            answers.append(file.read())
        child.wait(20)
    if not all(b'\r\na OK' in answer for answer in answers):
        break
check('a first session is served, however many there are', all(b'\r\na OK' in answer for answer in answers), answers)

check('all end well', [x.end() for x in (a, b)] == [0, 0])
done()
