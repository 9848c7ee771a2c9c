#!/usr/bin/env python3
"""notify_others_test - NOTIFY (RFC 5465) of other users' folders: what an
owner's imapd -g tells by the user's rights, and what joe's imapd makes of it.
The test is login(5)."""
import os, select, sys, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from guests import *

EVENTS = '(MessageNew MessageExpunge FlagChange MailboxName MailboxMetadataChange)'
NEW = '(MessageNew MessageExpunge)'
OVERFLOW = '* OK [NOTIFICATIONOVERFLOW]'
BIG = b'Subject: Big\r\n\r\n' + (b'x' * 78 + b'\r\n') * 40000
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
shown = lambda name, owner='ann': f'"Other Users/{owner}/{name}"'


def nothing(session):
    """Nothing was told before this: the next line is its answer."""
    if select.select([session.sock], [], [], 0.3)[0]:
        return session.line()
    answer = session.say('NOOP')
    return answer == ['OK done'] or answer


def drain(session):
    """All that is told until it is silent."""
    told = []
    while (said := nothing(session)) is not True:
        told += said if isinstance(said, list) else [said]
    return told


# ---- imapd -g alone: the rights

ann = Wire('Ann')
for name in ('Team', 'Team/Sub', 'Secret', 'Look'):
    ann.say('CREATE ' + name)
ann.say('SETACL Team joe lrswi')
ann.say('SETACL Look joe l')
ann.append('Team')
g = Wire('Ann', guest='joe')
a = g.say(f'NOTIFY SET STATUS (selected NONE) (subtree "Other Users/ann" {EVENTS}) (subscribed (SubscriptionChange)) (personal (ServerMetadataChange))')
check('l alone: \\NoAccess, section 3.1', has(a, f'* LIST (\\NoAccess \\HasNoChildren) "/" {shown("Look")}'), a)
check('l and r: STATUS; and of others nothing', has(a, f'* STATUS {shown("Team")} (MESSAGES 1 ') and len(a) == 3 and ok(a), a)
ann.append('Team')
check('a message', g.line().startswith(f'* STATUS {shown("Team")} (MESSAGES 2 UIDNEXT 3 '))
for name in ('Secret', 'Look', 'INBOX', 'Team/Sub'):
    ann.append(name)
check('none where the right r is missing', nothing(g) is True)
ann.say('SETACL Secret joe lr')
check('l is given: section 5.4', g.line() == f'* LIST (\\HasNoChildren) "/" {shown("Secret")}')
check('and its messages are news', g.line().startswith(f'* STATUS {shown("Secret")} (MESSAGES 1 '))
ann.say('SETACL Look joe lr')
check('r is given: no \\NoAccess any more', g.line() == f'* LIST (\\HasNoChildren) "/" {shown("Look")}')
ann.append('Look')
drain(g)
ann.append('Look')
check('and what comes is told', g.line().startswith(f'* STATUS {shown("Look")} (MESSAGES 3 '))
ann.say('DELETEACL Secret joe')
check('l is taken', g.line() == f'* LIST (\\NonExistent) "/" {shown("Secret")}')
ann.append('Secret')
check('and all else, section 5.9', nothing(g) is True)
ann.say('SETACL Look joe l')
check('r is taken', g.line() == f'* LIST (\\NoAccess \\HasNoChildren) "/" {shown("Look")}')
ann.append('Look')
check('and messages', nothing(g) is True)
ann.say('SETACL Secret joe lr')
check('given again, it is watched again', [g.line(), g.line()][0] == f'* LIST (\\HasNoChildren) "/" {shown("Secret")}' and
      [ann.append('Secret')] and g.line().startswith(f'* STATUS {shown("Secret")} (MESSAGES 3 '))
ann.say('SETACL INBOX joe lr')
check('INBOX', g.line() == f'* LIST (\\HasNoChildren) "/" {shown("INBOX")}' and g.line().startswith(f'* STATUS {shown("INBOX")} (MESSAGES 1 '))
ann.say('CREATE Team/New')
a = [g.line(), g.line()]
check('CREATE: it inherits the rights', a == [f'* LIST (\\HasNoChildren) "/" {shown("Team/New")}', f'* LIST (\\HasChildren) "/" {shown("Team")}'], a)
ann.say('CREATE Secret/Own')
check('and its parent', [g.line(), g.line()] == [f'* LIST (\\HasNoChildren) "/" {shown("Secret/Own")}', f'* LIST (\\HasChildren) "/" {shown("Secret")}'])
ann.say('CREATE Private')
ann.say('CREATE Private/Own')
check('nothing of what he has no rights to', nothing(g) is True)
ann.say('RENAME Private/Own Team/Other')
a = drain(g)
check('nor of one that comes from there: it keeps its own', a == [], a)
ann.say('DELETE Team/New')
ann.say('DELETE Team/Other')
drain(g)
ann.say('RENAME Secret Known')
a = [g.line()]
check('RENAME', a == [f'* LIST (\\HasChildren) "/" {shown("Known")} ("OLDNAME" ({shown("Secret")}))'], a)
drain(g)
ann.say('SETMETADATA Team (/private/comment "x" /shared/comment "y")')
check('METADATA: /shared alone', g.line() == f'* METADATA {shown("Team")} /shared/comment')
ann.say('SETMETADATA Look (/shared/comment "y")')
ann.say('SETMETADATA "" (/shared/comment "y")')
ann.say('SUBSCRIBE Team')
check('not with l alone, nor of the account, nor its subscriptions', nothing(g) is True)
a = g.say(f'NOTIFY SET (selected NONE) (mailboxes ({shown("Team")} {shown("Nowhere")} {shown("Private")}) {NEW})')
ann.append('Known')
check('mailboxes', a == ['OK done'] and [ann.append('Team')] and g.line().startswith(f'* STATUS {shown("Team")} (MESSAGES 3 '))
check('it ends', g.end() == 0)

# ---- joe's session

guests = {}


def open_guest(owner):
    ours, child = start(owner.capitalize(), guest='joe', owner=owner)
    guests.setdefault(owner, []).append(child)
    return ours


def kill_guest(owner):
    guests[owner][-1].kill()
    guests[owner][-1].wait()


bob = Wire('Bob')
bob.say('CREATE Club')
bob.say('SETACL Club joe lrswite')
ann.say('SETACL Team joe lrswite')
joe, other = Session(open_guest, owners=('ann', 'bob')), Wire('J')
check('PERSONAL: no process of an owner', ok(joe.say(f'NOTIFY SET (personal {EVENTS}) (inboxes {NEW}) (subtree INBOX {NEW})')) and joe.login.opened == [])
a = joe.say(f'NOTIFY SET STATUS (selected NONE) (mailboxes (INBOX {shown("Team")}) {NEW})')
check('MAILBOXES', has(a, '* STATUS "INBOX" (') and has(a, f'* STATUS {shown("Team")} (MESSAGES 3 ') and len(a) == 3 and joe.login.opened == ['ann'], a)
ann.append('Team')
check('a message of another user\'s folder', joe.line().startswith(f'* STATUS {shown("Team")} (MESSAGES 4 '))
other.append('INBOX')
check('and of one\'s own', joe.line().startswith('* STATUS "INBOX" (MESSAGES 1 '))
joe.send(b'i IDLE\r\n')
joe.line()
ann.append('Team')
check('in IDLE', joe.line().startswith(f'* STATUS {shown("Team")} (MESSAGES 5 '))
joe.send(b'DONE\r\n')
joe.until('i')
ann.append('Known')
bob.append('Club')
check('of no others', nothing(joe) is True)
check('a command to that owner', joe.say(f'STATUS {shown("Team")} (MESSAGES)')[0].endswith('(MESSAGES 5)') and joe.login.opened == ['ann'])
ann.append('Team')
a = [joe.say('ENABLE CONDSTORE'), joe.say(f'STATUS {shown("Team")} (MESSAGES)'), joe.say('NOOP')]
check('what is said while it is asked is not lost', sum(line.startswith(f'* STATUS {shown("Team")} (MESSAGES 6 ') for answer in a for line in answer) == 1, a)
ann.append('Team')
check('with HIGHESTMODSEQ', 'HIGHESTMODSEQ' in joe.line())
a = joe.say(f'NOTIFY SET (subtree "Other Users" {EVENTS})')
check('SUBTREE: all who share', ok(a) and joe.login.opened == ['ann', 'bob'] and has(a, f'\\NoAccess \\HasNoChildren) "/" {shown("Look")}'), [a, joe.login.opened])
bob.append('Club')
check('bob', joe.line().startswith(f'* STATUS {shown("Club", "bob")} (MESSAGES 2 '))
bob.say('CREATE Club/Room')
check('a new folder', joe.line() == f'* LIST (\\HasNoChildren) "/" {shown("Club/Room", "bob")}')
joe.line()
bob.say('SELECT Club')
bob.say('STORE 1 +FLAGS (\\Seen)')
check('a flag', 'UNSEEN 1' in joe.line())
bob.say('SETMETADATA Club (/shared/comment "x")')
check('an annotation', joe.line() == f'* METADATA {shown("Club", "bob")} /shared/comment')
a = joe.line()
check('which is a change of the folder, RFC 7162 section 3.2', a.startswith(f'* STATUS {shown("Club", "bob")} ') and 'HIGHESTMODSEQ' in a, a)
other.say('SUBSCRIBE ' + shown('Club', 'bob'))
bob.say('RENAME Club/Room Club/Hall')
a = [joe.line(), joe.line()]
check('\\Subscribed is of joe\'s list', a[0] == f'* LIST (\\HasNoChildren) "/" {shown("Club/Hall", "bob")} ("OLDNAME" ({shown("Club/Room", "bob")}))' and
      has(a, f'* LIST (\\Subscribed \\HasChildren) "/" {shown("Club", "bob")}'), a)
a = joe.say(f'NOTIFY SET (subscribed (MessageNew MessageExpunge SubscriptionChange))')
ann.append('Team')
bob.append('Club')
check('SUBSCRIBED', ok(a) and joe.line().startswith(f'* STATUS {shown("Club", "bob")} (MESSAGES 3 '), a)
other.say('SUBSCRIBE ' + shown('Team'))
check('one that is subscribed', joe.line() == f'* LIST (\\Subscribed) "/" {shown("Team")}')
ann.append('Team')
check('is told of', joe.line().startswith(f'* STATUS {shown("Team")} (MESSAGES 9 '))
other.say('UNSUBSCRIBE ' + shown('Team'))
check('one that is not any more: it need not be gone', joe.line() == f'* LIST () "/" {shown("Team")}')
ann.append('Team')
check('is not', nothing(joe) is True)
joe.say('NOTIFY NONE')
bob.append('Club')
check('NONE', nothing(joe) is True)

# the selected one
check('SELECT after NOTIFY', ok(joe.say(f'NOTIFY SET (selected (MessageNew (UID) MessageExpunge FlagChange)) (mailboxes INBOX {NEW})')) and ok(joe.say('SELECT ' + shown('Team'))))
ann.append('Team')
a = [joe.line() for _ in range(3)]
check('the selected folder is told of at once', a[0] == '* 11 EXISTS' and a[2] == '* 11 FETCH (UID 11)', a)
other.append('INBOX')
check('and another one', joe.line().startswith('* STATUS "INBOX" (MESSAGES 2 '))
joe.send(b'i IDLE\r\n')
joe.line()
other.append('INBOX')
check('in IDLE, too', joe.line().startswith('* STATUS "INBOX" (MESSAGES 3 '))
ann.append('Team')
check('and the selected one', [joe.line() for _ in range(3)][0] == '* 12 EXISTS')
joe.send(b'DONE\r\n')
joe.until('i')
a = joe.say(f'NOTIFY SET (selected-delayed {NEW}) (subtree "Other Users" {NEW})')
ann.say('SELECT Team')
ann.say('STORE 1:2 +FLAGS.SILENT (\\Deleted)')
ann.say('EXPUNGE')
bob.append('Club')
check('SELECTED-DELAYED, and others by name', ok(a) and joe.line().startswith(f'* STATUS {shown("Club", "bob")} (MESSAGES 5 '), a)
a = joe.say('IDLE\r\nDONE')
check('EXPUNGE waits for IDLE', '* 1 EXPUNGE' in a and '* 2 EXPUNGE' in a and ok(a), a)
joe.send(b'i IDLE\r\n')
check('IDLE', joe.line() == '+ idling')
time.sleep(0.5)
ann.say('STORE 1:2 +FLAGS.SILENT (\\Deleted)')
ann.say('EXPUNGE')
a = [joe.line(), joe.line()]
check('in it nothing is put off', a in (['* 1 EXPUNGE', '* 1 EXPUNGE'], ['* 2 EXPUNGE', '* 1 EXPUNGE']), a)
joe.send(b'DONE\r\n')
a = joe.until('i')
ann.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
ann.say('EXPUNGE')
check('behind it all is as before', a[-1] == 'i OK done' and not select.select([joe.sock], [], [], 0.5)[0], a)
check('until a command', '* 1 EXPUNGE' in joe.say('NOOP'))
a = joe.say('UNSELECT')
ann.append('Team')
check('no longer selected, it is one of the others', ok(a) and joe.line().startswith(f'* STATUS {shown("Team")} ('), a)

# much from both sides at once: neither waits for the other to read
joe.say(f'NOTIFY SET (selected (MessageNew (UID BODY.PEEK[]) MessageExpunge))')
joe.say('SELECT ' + shown('Team'))
ann.say(f'APPEND Team'.encode() + b''.join(b' {%d+}\r\n' % len(BIG) + BIG for _ in range(5)))
sending = threading.Thread(target=lambda: joe.send(f'big APPEND {shown("Team")} {{{len(BIG)}+}}\r\n'.encode() + BIG + b'\r\n'), daemon=True)
sending.start()
joe.sock.settimeout(60)
a = joe.until('big')
check('APPEND while FETCH comes', a[-1].startswith('big OK') and sum(line.endswith(f'BODY[] {{{len(BIG)}}}') for line in a) == 5, a[-1])
sending.join()
joe.say('UNSELECT')

# ends
check('NOTIFY', ok(joe.say(f'NOTIFY SET (subtree "Other Users" {NEW}) (personal {NEW})')))
kill_guest('bob')
check('a process that ended ends it, section 5.8', joe.line().startswith(OVERFLOW))
ann.append('Team')
other.append('INBOX')
check('all of it', nothing(joe) is True)
check('but it may be asked for again', ok(joe.say(f'NOTIFY SET (subtree "Other Users" {NEW})')) and [bob.append('Club')] and
      joe.line().startswith(f'* STATUS {shown("Club", "bob")} (MESSAGES 6 '))
kill_guest('ann')
check('one that had told ends it as well', joe.line().startswith(OVERFLOW) and nothing(joe) is True)
check('its end', joe.end() == 0 and wait_for(lambda: all(child.poll() is not None for all_ in guests.values() for child in all_)))

# ---- limits

owners = [f'own{i}' for i in range(9)]
for name in owners:
    owner = Wire(name.capitalize())
    owner.say('CREATE Box')
    owner.say('SETACL Box joe lr')
    owner.end()
boxes = ' '.join(shown('Box', name) for name in owners)
joe, owner = Session(open_guest, owners=owners), Wire('Own3')
check('NOTIFY', ok(joe.say(f'NOTIFY SET (mailboxes {shown("Box", "own3")} {NEW})')))
a = joe.say(f'NOTIFY SET (mailboxes ({boxes}) {NEW})')
check('too many owners', a == ['NO [NOTIFICATIONOVERFLOW] too many other users'], a)
owner.append('Box')
check('then what was asked before holds', joe.line().startswith(f'* STATUS {shown("Box", "own3")} (MESSAGES 1 '))
boxes = ' '.join(shown('Box', name) for name in owners[:7])
check('seven', ok(joe.say(f'NOTIFY SET (mailboxes ({boxes}) {NEW})')) and ok(joe.say('SELECT ' + shown('Box', 'own7'))))
count = len(joe.login.opened)
a = joe.say(f'STATUS {shown("Box", "own8")} (MESSAGES)')
check('one makes room, and is asked anew', has(a, '(MESSAGES 0)') and joe.line().startswith('* STATUS "Other Users/own') and
      len(joe.login.opened) == count + 2, joe.login.opened)
owner.append('Box')
check('all are told of', joe.line().startswith(f'* STATUS {shown("Box", "own3")} (MESSAGES 2 '))
check('without an end', nothing(joe) is True and joe.end() == 0)
joe = Session(lambda name: LATER if name == 'own1' else open_guest(name), owners=owners)
a = joe.say(f'NOTIFY SET (mailboxes ({shown("Box", "own0")} {shown("Box", "own1")}) {NEW})')
check('one that cannot be had', a == ['NO [NOTIFICATIONOVERFLOW] too many other users'], a)
check('one that shares nothing is none', ok(joe.say(f'NOTIFY SET (mailboxes ({shown("Box", "own0")}) {NEW})')) and joe.end() == 0)
shares = []
joe = Session(lambda name: open_guest(name) if name in shares else None, owners=shares)
check('one who shares nothing', ok(joe.say(f'NOTIFY SET (subtree "Other Users" {NEW})')) and joe.login.opened == [])
shares.append('own3')
a = joe.say('LIST "" "*"')
check('is told of when LIST finds him: section 5.9', has(a, shown('Box', 'own3')) and joe.line().startswith(f'* STATUS {shown("Box", "own3")} (MESSAGES 2 ') and
      [owner.append('Box')] and joe.line().startswith(f'* STATUS {shown("Box", "own3")} (MESSAGES 3 ') and joe.end() == 0)
joe = Session(lambda name: None, owners=())
check('as are all', ok(joe.say(f'NOTIFY SET (subtree "Other Users" {NEW}) (mailboxes {shown("Team")} {NEW})')) and joe.end() == 0)

# ---- a guest that the test plays

told = Script(lambda command: b'TAG OK done\r\n')
joe = Session(lambda name: told.open(name) if name == 'ann' else None)
other.say('SUBSCRIBE Own')
other.say('SUBSCRIBE ' + shown('Team'))
a = joe.say(f'NOTIFY SET (mailboxes (Own {shown("Club", "bob")} {shown("Box")}) {NEW}) (subscribed {EVENTS})')
wait_for(lambda: told.heard[-1].endswith('MailboxMetadataChange))'))
heard = '\n'.join(told.heard)
check('an owner learns of his own folders alone', ok(a) and 'ann/Team' in heard and 'ann/Box' in heard and 'Own' not in heard and 'bob' not in heard, heard)


def says(*lines):
    for line in lines:
        told.file.write(line.encode() + b'\r\n')
    told.file.flush()


says('* STATUS "INBOX" (MESSAGES 9)', f'* STATUS {shown("Club", "bob")} (MESSAGES 9)', '* LIST (\\NonExistent) "/" INBOX',
     f'* LIST (\\HasNoChildren) "/" {shown("Box")} ("OLDNAME" ("INBOX"))', '* METADATA "" /shared/comment', '* 5 EXPUNGE', '* OK [ALERT] hear', 't9 OK done',
     '* CAPABILITY none', f'* STATUS {shown("Box")} (MESSAGES 7)')
check('it may tell of his own folders alone', joe.line() == f'* STATUS {shown("Box")} (MESSAGES 7)' and nothing(joe) is True)
says(f'* STATUS {{{3}}}', 'abc (MESSAGES 9)')
check('a literal ends it', joe.line().startswith(OVERFLOW) and nothing(joe) is True and joe.end() == 0)
told = Script(lambda command: b'TAG OK done\r\n')
joe = Session(lambda name: told.open(name) if name == 'ann' else None)
joe.say(f'NOTIFY SET (mailboxes {shown("Box")} {NEW})')
says(OVERFLOW + ' no more is told')
check('as does a guest that tells no more', joe.line().startswith(OVERFLOW) and joe.end() == 0)
check('they end well', ann.end() == 0 and bob.end() == 0 and other.end() == 0 and owner.end() == 0)
done()
