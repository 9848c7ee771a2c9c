#!/usr/bin/env python3
"""notify_test - NOTIFY (RFC 5465) on the wire of `imapd MAILBOX`: one session
is told what another does."""
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
w, other = Wire(), Wire()
check('RFC 5465: it is announced', has([w.greeting], ' NOTIFY'), w.greeting)
for name in ('Work', 'Work/Sub', 'Lists/a', 'Lists/b'):
    other.say(f'CREATE {name}')
other.say('SUBSCRIBE Work')
other.append('INBOX')
other.append('Work')


def nothing():
    """Nothing was told before this: the next line is its answer."""
    answer = w.say('NOOP')
    return answer == ['OK done'] or answer


# what cannot be asked for
for command in ('', 'SET', 'SET STATUS', 'NONE now', 'SET (selected)', 'SET (selected MessageNew)', 'SET (selected ())',
                'SET (selected (MessageNew))', 'SET (selected (MessageExpunge))', 'SET (selected (FlagChange))',
                'SET (selected (MessageNew (nonsense) MessageExpunge))', 'SET (selected NONE) (selected-delayed NONE)',
                'SET (selected (MailboxName))', 'SET (personal (MessageNew (UID) MessageExpunge))', 'SET (subtree (MailboxName))',
                'SET (everywhere NONE)', 'SET (personal NONE) now'):
    if w.count % 15 == 14:
        w.end()
        w = Wire()
    check('BAD NOTIFY ' + command, w.say('NOTIFY ' + command)[-1].startswith('BAD'))
w.end()
w = Wire()
a = w.say('NOTIFY SET (personal (MessageNew MessageExpunge AnnotationChange))')
check('RFC 5465 BADEVENT', a[-1].startswith('NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName '), a)

# the selected folder
w.say('SELECT Work')
a = w.say('NOTIFY SET (selected (MessageNew (uid body.peek[header.fields (Subject)]) MessageExpunge FlagChange))')
check('SELECTED', ok(a), a)
w.say('FETCH 1 ENVELOPE')
check('one command after another finds the index open', w.holds('estafeta-index'))
check('a session that waits has it closed', wait_for(lambda: not w.holds('estafeta-index')))
other.append('Work')
check('a new message, at once', w.line() == '* 2 EXISTS')
check('and it is \\Recent', w.line() == '* 2 RECENT')
a = [w.line() for i in range(4)]
check('what is asked of it', a[0].startswith('* 2 FETCH (UID 2 BODY[HEADER.FIELDS (Subject)] {') and a[1] == 'Subject: One', a)
a = w.append('Work')
check('RFC 5465 section 5.2: of one\'s own no FETCH', has(a, '* 3 EXISTS') and not has(a, 'FETCH') and ok(a), a)
a = w.say('UID COPY 1 Work')
check('nor of a copy', has(a, '* 4 EXISTS') and not has(a, 'FETCH') and ok(a), a)
w.say('UID STORE 3:4 +FLAGS.SILENT (\\Deleted)')
w.say('UID EXPUNGE 3:4')
other.say('SELECT Work')
other.say('STORE 2 +FLAGS (\\Flagged \\Deleted)')
a = w.line()
check('a flag', a.startswith('* 2 FETCH (UID 2 FLAGS (') and '\\Flagged' in a, a)
other.say('EXPUNGE')
check('an expunge', [w.line(), w.line()] == ['* 2 EXPUNGE', '* 1 RECENT'])
check('no more than that', nothing() is True, nothing())
other.append('INBOX')
check('of another folder nothing', nothing() is True)
a = w.say('NOTIFY SET (selected-delayed (MessageNew MessageExpunge))')
other.say('STORE 1 +FLAGS (\\Deleted)')
giver = Wire()  # other, which has the folder open, might be told first
giver.append('Work')
giver.end()
check('SELECTED-DELAYED: new ones', ok(a) and [w.line(), w.line()] == ['* 2 EXISTS', '* 2 RECENT'])
other.say('EXPUNGE')
a = w.say('FETCH 2 UID')
check('gone ones wait for a command', a[0].startswith('* 2 FETCH') and ok(a), a)
check('that may tell them', w.say('NOOP')[0] == '* 1 EXPUNGE')
w.send(b'i IDLE\r\n')
w.line()
other.say('STORE 1 +FLAGS (\\Deleted)')
other.say('EXPUNGE')
check('as IDLE may', w.line() == '* 1 EXPUNGE')
w.send(b'DONE\r\n')
w.until('i')
check('NOTIFY NONE', ok(w.say('NOTIFY NONE')))
other.append('Work')
check('nothing, not in NOOP', nothing() is True)
a = w.say('NOTIFY SET (selected (MessageNew MessageExpunge))')
check('NOTIFY SET tells what came', a[0] == '* 1 EXISTS' and ok(a), a)
w.say('UNSELECT')

# other folders
a = w.say('NOTIFY SET STATUS (selected NONE) (subtree Lists (MessageNew MessageExpunge)) (mailboxes (INBOX Nowhere) (MessageNew MessageExpunge FlagChange))')
check('STATUS first', has(a, '* STATUS "Lists/a" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY ') and has(a, '"Lists/b"') and has(a, '* STATUS "INBOX" (') and
      has(a, 'HIGHESTMODSEQ') and len(a) == 4, a)
other.append('Lists/b')
check('a message', w.line().startswith('* STATUS "Lists/b" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY '))
other.append('Work')
other.say('SELECT INBOX')
other.say('STORE 1 +FLAGS (\\Seen)')
a = w.line()
check('a flag, not what is not asked for', a.startswith('* STATUS "INBOX" (UIDVALIDITY ') and 'UNSEEN 1' in a, a)
other.say('SELECT Lists/b')
other.say('STORE 1 +FLAGS (\\Seen)')
check('no flag where it is not asked for', nothing() is True)
other.say('STORE 1 +FLAGS (\\Deleted)')
other.say('EXPUNGE')
check('an expunge', w.line().startswith('* STATUS "Lists/b" (MESSAGES 0 UIDNEXT 2 '))
w.say('SELECT Lists/a')
other.append('Lists/a')
check('the selected one is asked for apart', nothing() is True)
w.say('UNSELECT')
check('what was missed is told then', w.line().startswith('* STATUS "Lists/a" (MESSAGES 1'))
other.say('CREATE Lists/c')
other.append('Lists/c')
check('one that was made meanwhile', w.line().startswith('* STATUS "Lists/c" (MESSAGES 1'))
w.send(b'i IDLE\r\n')
w.line()
other.append('INBOX')
check('in IDLE', w.line().startswith('* STATUS "INBOX" (MESSAGES 3'))
w.send(b'DONE\r\n')
w.until('i')
w.say('ENABLE CONDSTORE')
other.append('INBOX')
check('with HIGHESTMODSEQ where that is on', 'HIGHESTMODSEQ' in w.line())

# names and subscriptions
a = w.say('NOTIFY SET (subscribed (SubscriptionChange)) (personal (MailboxName SubscriptionChange))')
check('MailboxName', ok(a) and nothing() is True, a)
other.say('CREATE New')
check('CREATE', w.line() == '* LIST (\\HasNoChildren) "/" "New"')
other.say('SUBSCRIBE New')
check('SUBSCRIBE', w.line() == '* LIST (\\Subscribed \\HasNoChildren) "/" "New"')
other.say('UNSUBSCRIBE New')
check('UNSUBSCRIBE', w.line() == '* LIST (\\HasNoChildren) "/" "New"')
other.say('CREATE New/Below')
check('a child', w.line() == '* LIST (\\HasNoChildren) "/" "New/Below"')
check('and its parent', w.line() == '* LIST (\\HasChildren) "/" "New"')
other.say('RENAME New Newer')
check('RENAME', w.line() == '* LIST (\\HasChildren) "/" "Newer" ("OLDNAME" ("New"))')
check('children are not told', nothing() is True, nothing())
other.say('DELETE Newer/Below')
check('DELETE', w.line() == '* LIST (\\NonExistent) "/" "Newer/Below"')
check('and its parent', w.line() == '* LIST (\\HasNoChildren) "/" "Newer"')
other.say('SUBSCRIBE Newer')
w.line()
other.say('DELETE Newer')
check('one that stays subscribed', w.line() == '* LIST (\\NonExistent \\Subscribed) "/" "Newer"')
other.say('UNSUBSCRIBE Newer')
check('until it is not', w.line() == '* LIST (\\NonExistent) "/" "Newer"')
other.append('Work')
check('no messages', nothing() is True)

# annotations
a = w.say('NOTIFY SET (mailboxes Work (MailboxMetadataChange)) (personal (ServerMetadataChange))')
check('MailboxMetadataChange', ok(a), a)
other.say('SETMETADATA Work (/private/comment "x")')
check('of a folder', w.line() == '* METADATA "Work" /private/comment')
other.say('SETMETADATA "" (/shared/comment "x")')
check('of the account', w.line() == '* METADATA "" /shared/comment')
other.say('SETMETADATA Work (/private/comment NIL)')
check('one that is gone', w.line() == '* METADATA "Work" /private/comment')
other.say('SETMETADATA Lists/a (/private/comment "x")')
check('no other folder\'s', nothing() is True)
for value in '"\\\\Junk"', '"\\\\Sent"', 'NIL':
    other.say(f'SETMETADATA Work (/private/specialuse {value})')
    check(f'RFC 6154 4: a use, {value}', w.line() == '* METADATA "Work" /private/specialuse')
other.say('SETMETADATA Lists/a (/private/specialuse "\\\\Junk")')
check('no other folder\'s use', nothing() is True)

# RFC 5465 section 5.1: another UIDVALIDITY, of a folder whose messages did not change
w.say('NOTIFY SET (mailboxes (Work INBOX) (MessageNew MessageExpunge))')
other.say('UNSELECT')
third = Wire()
for name, path in (('Work', f'{home}/M/.Work'), ('INBOX', f'{home}/M')):
    validity = lambda: third.say(f'STATUS {name} (UIDVALIDITY)')[0].split('UIDVALIDITY ')[1].rstrip(')')
    old = validity()
    time.sleep(1.2)     # what is done with the files is long ago
    nothing()
    os.remove(path + '/estafeta-uidlist')
    third.say(f'SELECT {name}')
    third.say('UNSELECT')
    new = validity()
    w.sock.settimeout(5)
    try:
        a = w.line()
    except TimeoutError:
        a = 'nothing'
        w.file = w.sock.makefile('rwb')
    w.sock.settimeout(20)
    check(f'{name} was numbered anew', a.startswith(f'* STATUS "{name}" (') and f'UIDVALIDITY {new}' in a and new != old, (a, old, new))
third.end()

# limits
check('NOTIFY may come again and again', all(ok(w.say('NOTIFY SET (personal (MessageNew MessageExpunge))')) for i in range(50)))
with open(f'/proc/{w.child.pid}/status') as f:
    check('without more memory', sanitized or next(int(line.split()[1]) for line in f if line.startswith('VmHWM')) < 40000)
for i in range(1000):
    for part in ('', '/cur', '/new', '/tmp'):
        path = f'{home}/M/.Many.{i}{part}'
        os.makedirs(path, exist_ok=True)      # a session that looks just then makes the rest
        os.chown(path, UID, UID) if os.geteuid() == 0 else None
a = w.until('* OK')
check('too many: it ends, and says so', has(a, '* OK [NOTIFICATIONOVERFLOW]'), a)
other.append('Work')
check('then nothing is told', nothing() is True)
a = w.say('NOTIFY SET (personal (MessageNew MessageExpunge))')
check('too many from the start', a[-1].startswith('NO [NOTIFICATIONOVERFLOW]'), a)
check('those that are named are not', ok(w.say('NOTIFY SET (mailboxes (Work INBOX) (MessageNew MessageExpunge))')))
other.append('Work')
check('and are told of', w.line().startswith('* STATUS "Work" ('))
check('it ends well', w.end() == 0 and other.end() == 0)
done()
