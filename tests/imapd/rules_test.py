#!/usr/bin/env python3
"""rules_test - rules of RFC 9051 that no other test has: what may be said when,
CHECK, CLOSE, response codes."""
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
a, b = Wire(), Wire()
check('7.1.4: the greeting of who is logged in', a.greeting.startswith('* PREAUTH [CAPABILITY IMAP4rev1 '), a.greeting)
for i in range(6):
    a.append('INBOX', MESSAGE.replace(b'One', b'%d' % i))

# 6.3.2, 6.3.3, 7.1: the codes of SELECT and EXAMINE.
r = a.say('SELECT INBOX')
check('6.3.2: READ-WRITE', r[-1].startswith('OK [READ-WRITE]'), r)
check('7.1: PERMANENTFLAGS, with new keywords', has(r, '* OK [PERMANENTFLAGS (') and has(r, '\\*)]'), r)
r = b.say('EXAMINE INBOX')
check('6.3.3: READ-ONLY', r[-1].startswith('OK [READ-ONLY]'), r)
check('7.1: PERMANENTFLAGS, none', has(r, '* OK [PERMANENTFLAGS ()]'), r)
r = b.say('STORE 1 +FLAGS (\\Seen)')
check('6.3.3: nothing may be changed', r[-1].startswith('NO') and not has(a.say('FETCH 1 FLAGS'), '\\Seen'), r)
r = b.say('SELECT INBOX')
check('7.1: CLOSED, when another is selected', r[0].startswith('* OK [CLOSED]'), r)

# 7.5.1: no EXPUNGE while FETCH, STORE or SEARCH with numbers is answered.
a.say('STORE 2 +FLAGS.SILENT (\\Deleted)')
b.say('NOOP')
check('one expunges', '* 2 EXPUNGE' in a.say('EXPUNGE'))
for command in 'FETCH 1 FLAGS', 'STORE 3 +FLAGS (\\Flagged)', 'SEARCH ALL', 'SORT (ARRIVAL) UTF-8 ALL', 'THREAD REFERENCES UTF-8 ALL':
    r = b.say(command)
    check(f'7.5.1: no EXPUNGE during {command}', ok(r) and not has(r, 'EXPUNGE'), r)
    check(f'7.4.1: and no smaller EXISTS during {command}', not has(r, 'EXISTS'), r)
check('the number was of what it was before', has(a.say('FETCH 2 FLAGS'), '\\Flagged'))
r = b.say('NOOP')
check('6.1.2: it comes with NOOP', '* 2 EXPUNGE' in r, r)
check('and once', not has(b.say('NOOP'), 'EXPUNGE'))
a.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
a.say('EXPUNGE')
r = b.say('UID FETCH 1:* FLAGS')
r += b.say('NOOP')
check('7.5.1: UID FETCH may tell, once', sum('* 1 EXPUNGE' == line for line in r) == 1, r)

# 5.2, 7.5.2: news of flags and arrivals come with any command.
a.say('STORE 1 FLAGS (\\Answered)')
r = b.say('NOOP')
check('5.2: flags that another set', has(r, '* 1 FETCH (') and has(r, '\\Answered'), r)
check('and once', not has(b.say('NOOP'), 'FETCH'))
r = a.say('STORE 1 +FLAGS.SILENT (\\Draft)')
check('6.4.6: .SILENT is', not has(r, 'FETCH'), r)
a.append('INBOX')
r = b.say('SEARCH ALL')
r += b.say('NOOP')
check('7.4.1: EXISTS of what came', has(r, '* 5 EXISTS'), r)

# RFC 3501 6.4.1, RFC 9051 6.4.1 and 6.4.2.
check('RFC 3501 6.4.1: CHECK', ok(a.say('CHECK')))
a.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
b.say('EXAMINE INBOX')
r = b.say('CLOSE')
check('6.4.1: CLOSE after EXAMINE removes nothing', ok(r) and has(a.say('STATUS INBOX (MESSAGES)'), 'MESSAGES 5'), r)
r = b.say('FETCH 1 FLAGS')
check('6.4: without a folder that is BAD', r[-1].startswith('BAD'), r)
b.say('SELECT INBOX')
r = b.say('UNSELECT')
check('6.4.2: UNSELECT removes nothing', ok(r) and has(a.say('STATUS INBOX (MESSAGES)'), 'MESSAGES 5'), r)
r = a.say('CLOSE')
check('6.4.1: CLOSE removes and says nothing of it', r == ['OK done'] or ok(r) and not has(r, 'EXPUNGE'), r)
check('they are gone', has(a.say('STATUS INBOX (MESSAGES)'), 'MESSAGES 4'))

# 7.1: codes.
r = a.say('STATUS INBOX (SIZE)')
check('RFC 8438 3: STATUS=SIZE', has(r, f'(SIZE {sum(int(line.split()[-1][:-1]) for line in a.say("EXAMINE INBOX") and a.say("FETCH 1:* RFC822.SIZE")[:-1])})'), r)
a.say('CREATE Box')
r = a.say('CREATE Box')
check('7.1: ALREADYEXISTS', r[-1].startswith('NO [ALREADYEXISTS]'), r)
r = a.say('SELECT Nowhere')
check('7.1: NONEXISTENT', r[-1].startswith('NO [NONEXISTENT]'), r)
check('6.3.2: who fails to select has none selected', a.say('FETCH 1 FLAGS')[-1].startswith('BAD'))
r = a.say('COPY 1 Box')
check('6.4: nor can it copy', r[-1].startswith('BAD'), r)
a.append('Box', b'MIME-Version: 1.0\r\nContent-Transfer-Encoding: x-none\r\n\r\nabc\r\n')
a.say('SELECT Box')
r = a.say('FETCH 1 BINARY.PEEK[1]')
check('7.1: UNKNOWN-CTE', r[-1].startswith('NO [UNKNOWN-CTE]'), r)

# RFC 5957 section 3: by what is displayed, not by the mailbox.
a.say('CREATE Names')
for name in 'Carla <aa@x.example>', 'Berta <cc@x.example>', 'bb@x.example':
    a.append('Names', f'From: {name}\r\nTo: {name}\r\n\r\nx\r\n'.encode())
a.say('SELECT Names')
for key, want in ('FROM', '1 3 2'), ('DISPLAYFROM', '3 2 1'), ('DISPLAYTO', '3 2 1'):
    r = a.say(f'SORT ({key}) UTF-8 ALL')
    check(f'RFC 5957 3: SORT ({key})', r[0] == f'* SORT {want}', r)
r = a.say('FROBNICATE')
check('7.1.3: a command that is none', r[-1].startswith('BAD'), r)
r = b.say('LOGOUT')
check('6.1.3, 7.1.5: BYE before OK', r[0].startswith('* BYE') and ok(r), r)
check('all end well', b.child.wait(20) == 0 and a.end() == 0)
done()
