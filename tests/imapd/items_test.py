#!/usr/bin/env python3
"""items_test - each item of FETCH, STATUS and STORE, each key of SEARCH and
each response that no other test has, from the texts of their RFCs."""
import time
from mail import *

w = Wire()
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
ONE = (b'From: Ana <ana@example.org>\r\nTo: bob@example.org\r\nCc: carl@example.org\r\nBcc: dora@example.org\r\n'
       b'Subject: Harvest\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <1@x>\r\nX-Colour: green\r\n\r\n'
       b'apples\r\npears\r\n')
TWO = b'From: eve@example.org\r\nSubject: Second\r\nDate: Fri, 1 Mar 2024 10:00:00 +0000\r\n\r\n' + b'plums\r\n' * 100
literal = lambda text: b'{%d+}\r\n%s' % (len(text), text)
w.say(b'APPEND INBOX (\\Seen \\Answered $Ripe) "05-Jan-2024 10:00:00 +0000" ' + literal(ONE))
w.say(b'APPEND INBOX (\\Flagged \\Draft \\Deleted) "05-Mar-2024 10:00:00 +0000" ' + literal(TWO))
a = w.say('SELECT INBOX')
check('7.3.5: FLAGS', has(a, '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft'), a)
check('7.4.1: EXISTS', has(a, '* 2 EXISTS'), a)


def octets(item):
    """What an item of message 1 that is a string says, and under which name."""
    w.send(f'f FETCH 1 {item}\r\n')
    head = w.line()
    while not head.startswith('* 1 FETCH ('):
        head = w.line()
    name, _, length = head.removeprefix('* 1 FETCH (').rpartition(' {')
    text = w.file.read(int(length.rstrip('}')))
    w.until('f')
    return name.split(' ')[-1], text


# 6.4.5 and 7.5.2: FETCH.
header, body = ONE[:ONE.index(b'apples')], b'apples\r\npears\r\n'
for item, name, text in (
        ('BODY.PEEK[]', 'BODY[]', ONE), ('BODY.PEEK[HEADER]', 'BODY[HEADER]', header), ('BODY.PEEK[TEXT]', 'BODY[TEXT]', body),
        ('BODY.PEEK[1]', 'BODY[1]', body), ('BODY.PEEK[]<6.5>', 'BODY[]<6>', ONE[6:11]), ('BODY[TEXT]', 'BODY[TEXT]', body),
        ('BINARY[1]', 'BINARY[1]', body), ('BINARY.PEEK[1]<1.3>', 'BINARY[1]<1>', b'ppl'),
        ('RFC822', 'RFC822', ONE), ('RFC822.HEADER', 'RFC822.HEADER', header), ('RFC822.TEXT', 'RFC822.TEXT', body)):
    if item.startswith('BINARY'):
        a = w.say(f'FETCH 1 {item}')
        check(f'6.4.5: {item}', ok(a) and has(a, name + ' '), a)
        continue
    got = octets(item)
    check(f'6.4.5: {item}', got == (name, text), got)
envelope = ('ENVELOPE ("Mon, 1 Jan 2024 10:00:00 +0000" "Harvest" (("Ana" NIL "ana" "example.org")) '
            '(("Ana" NIL "ana" "example.org")) (("Ana" NIL "ana" "example.org")) ((NIL NIL "bob" "example.org")) '
            '((NIL NIL "carl" "example.org")) ((NIL NIL "dora" "example.org")) NIL "<1@x>")')
structure = '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 15 2'
date, size = 'INTERNALDATE " 5-Jan-2024 10:00:00 +0000"', f'RFC822.SIZE {len(ONE)}'
flags = 'FLAGS (\\Answered \\Seen'
for item, wanted in (
        ('UID', ['UID 1)']), ('FLAGS', [flags, '$Ripe']), ('INTERNALDATE', [date]), ('RFC822.SIZE', [size]), ('ENVELOPE', [envelope]),
        ('BODYSTRUCTURE', ['BODYSTRUCTURE ' + structure + ' NIL NIL NIL NIL)']), ('BODY', ['BODY ' + structure + ')']),
        ('BINARY.SIZE[1]', ['BINARY.SIZE[1] 15']), ('PREVIEW', ['PREVIEW "apples pears']), ('PREVIEW (LAZY)', ['PREVIEW ']),
        ('MODSEQ', ['MODSEQ (']), ('EMAILID', ['EMAILID (']), ('THREADID', ['THREADID (']), ('SAVEDATE', ['SAVEDATE "']),
        ('FAST', [flags, date, size]), ('ALL', [flags, date, size, envelope]), ('FULL', [flags, date, size, envelope, 'BODY ("TEXT"'])):
    a = w.say(f'FETCH 1 {item}')
    line = next((l for l in a if l.startswith('* 1 FETCH')), '').replace('"text"', '"TEXT"')
    check(f'6.4.5: {item}', ok(a) and all(text.lower() in line.lower() for text in wanted), a)
for item in ('(ALL)', 'BODY[HEADER', 'BODY[MIME]', 'BODY[0]', 'RFC822.PEEK', '()'):
    check(f'6.4.5: not {item}', w.say(f'FETCH 1 {item}')[-1].startswith('BAD'))

# 6.4.4: SEARCH.
ids = {item: [l.split(item + ' (')[1].split(')')[0] for l in w.say(f'FETCH 1:2 {item}')[:-1]] for item in ('EMAILID', 'THREADID')}
today, soon = (time.strftime('%-d-%b-%Y', time.gmtime(time.time() + days * 86400)) for days in (-2, 2))
for key, found in (
        ('ALL', '1 2'), ('1', '1'), ('2:*', '2'), ('UID 2', '2'), ('ANSWERED', '1'), ('UNANSWERED', '2'), ('DELETED', '2'),
        ('UNDELETED', '1'), ('DRAFT', '2'), ('UNDRAFT', '1'), ('FLAGGED', '2'), ('UNFLAGGED', '1'), ('SEEN', '1'), ('UNSEEN', '2'),
        ('KEYWORD $Ripe', '1'), ('UNKEYWORD $Ripe', '2'), ('FROM ANA', '1'), ('TO bob@', '1'), ('CC carl', '1'), ('BCC dora', '1'), ('SUBJECT "arves"', '1'),
        ('HEADER X-Colour GREEN', '1'), ('HEADER X-Colour ""', '1'), ('BODY plums', '2'), ('BODY harvest', ''), ('TEXT harvest', '1'),
        ('LARGER 400', '2'), ('SMALLER 400', '1'), (f'LARGER {len(ONE)}', '2'), (f'SMALLER {len(ONE)}', ''),
        ('BEFORE 6-Jan-2024', '1'), ('BEFORE 5-Jan-2024', ''), ('ON 5-Jan-2024', '1'), ('SINCE 5-Mar-2024', '2'),
        ('SENTBEFORE 2-Jan-2024', '1'), ('SENTON 1-Mar-2024', '2'), ('SENTSINCE 1-Jan-2024', '1 2'),
        (f'SAVEDBEFORE {soon}', '1 2'), (f'SAVEDSINCE {soon}', ''), (f'SAVEDON {soon}', ''), (f'SAVEDSINCE {today}', '1 2'),
        ('OLDER 60', '1 2'), ('YOUNGER 60', ''), ('NOT SEEN', '2'), ('OR SEEN FLAGGED', '1 2'), ('SEEN FLAGGED', ''),
        ('(SEEN (ANSWERED))', '1'), (f'EMAILID {ids["EMAILID"][0]}', '1'), (f'THREADID {ids["THREADID"][1]}', '2'),
        ('MODSEQ 1', '1 2'), ('CHARSET UTF-8 SUBJECT harvest', '1')):
    a = w.say(f'SEARCH {key}')
    line = next((l for l in a if l.startswith('* SEARCH')), '').split(' (MODSEQ')[0]
    check(f'6.4.4: {key}', ok(a) and line == ('* SEARCH ' + found).rstrip(), a)

# RFC 3501 2.3.2: what came is recent to who is told of it first, however it came; and to no one else.
w.say('CREATE Fresh')
w.append('Fresh')
with open(f'{home}/M/.Fresh/new/1704000000.x.host', 'wb') as f:
    f.write(b'Subject: Delivered\n\nx\n')
os.chown(f.name, UID, UID) if os.geteuid() == 0 else None
check('RFC 3501 6.3.10: not told by STATUS', has(w.say('STATUS Fresh (RECENT)'), 'RECENT 2)'))
second = Wire()
for k in 1, 2:
    a = second.say('EXAMINE Fresh')
    check(f'RFC 3501 6.3.2: nor by EXAMINE, {k}', has(a, '* 2 EXISTS') and has(a, '* 2 RECENT'), a)
second.say('UNSELECT')
a = w.say('SELECT Fresh')
check('RFC 3501 7.3.2: RECENT', has(a, '* 2 EXISTS') and has(a, '* 2 RECENT'), a)
for key, found in ('RECENT', '1 2'), ('NEW', '1 2'), ('OLD', ''):
    a = w.say(f'SEARCH {key}')
    check(f'RFC 3501 6.4.4: {key}', a[0] == f'* SEARCH {found}'.rstrip(), a)
a = w.say('FETCH 1:2 FLAGS')
check('RFC 3501 2.3.2: \\Recent', sum('\\Recent' in line for line in a) == 2, a)
check('to that session alone', has(second.say('SELECT Fresh'), '* 0 RECENT'))
check('and STATUS knows', has(w.say('STATUS Fresh (RECENT)'), 'RECENT 0)'))

# Who is told first: the session that brings it, or the other, that hears of it before.
a = w.append('Fresh')
check('RFC 3501 6.3.11: APPEND', has(a, '* 3 EXISTS') and has(a, '* 3 RECENT'), a)
a = second.say('NOOP')
check('not the other', has(a, '* 3 EXISTS') and not has(a, 'RECENT'), a)
third = Wire()
third.append('Fresh')
third.say('EXAMINE Fresh')
a = second.say('NOOP')
check('another session appends', has(a, '* 4 EXISTS') and has(a, '* 1 RECENT'), a)
a = w.say('NOOP')
check('not the first one', has(a, '* 4 EXISTS') and not has(a, 'RECENT'), a)
a = third.say('FETCH 3:4 FLAGS')
check('EXAMINE saw it, too', has(a, '* 4 FETCH (FLAGS (\\Recent') and has(a, '* 3 FETCH (FLAGS ())'), a)
a = w.say('COPY 1:2 Fresh')
check('RFC 3501 6.4.7: COPY', has(a, '* 6 EXISTS') and has(a, '* 5 RECENT'), a)
second.say('NOOP')
a = second.say('FETCH 4:6 FLAGS')
check('each has its own', has(a, '* 4 FETCH (FLAGS (\\Recent') and has(a, '* 6 FETCH (FLAGS ())'), a)
w.say('CREATE Elsewhere')
check('RFC 6851: MOVE', ok(w.say('MOVE 1:2 Elsewhere')))
a = second.say('SELECT Elsewhere')
check('RFC 6851: into', has(a, '* 2 RECENT'), a)
a = w.say('SELECT Elsewhere')
check('not twice', has(a, '* 2 EXISTS') and has(a, '* 0 RECENT'), a)
a = w.say(b'REPLACE 1 Elsewhere {%d+}\r\n%s' % (len(MESSAGE), MESSAGE))
check('RFC 8508: REPLACE', ok(a) and has(a, '* 1 RECENT'), a)
second.append('Elsewhere', flags='(\\Seen)')
second.say('ENABLE IMAP4rev2')
a = second.say('SELECT Elsewhere')
check('RFC 9051: no such thing', not has(a, 'RECENT') and not has(second.say('FETCH 1:* FLAGS'), 'Recent'), a)
a = w.say('NOOP')
check('which was told', has(a, '* 3 EXISTS') and not has(a, 'RECENT'), a)
for session in second, third:
    session.end()
for folder in 'Fresh', 'Elsewhere':
    w.say('UNSELECT')
    w.say(f'DELETE {folder}')
w.say('SELECT INBOX')

# 6.4.6: STORE.
for item, flags, told in (('FLAGS', '(\\Seen $Ripe)', True), ('+FLAGS', '(\\Draft)', True), ('-FLAGS', '(\\Draft)', True),
                          ('FLAGS.SILENT', '(\\Answered)', False), ('+FLAGS.SILENT', '\\Draft', False), ('-FLAGS.SILENT', '(\\Draft $Ripe)', False)):
    a = w.say(f'STORE 1 {item} {flags}')
    check(f'6.4.6: {item}', ok(a) and has(a, 'FLAGS (') == told, a)
a = w.say('FETCH 1 FLAGS')
check('6.4.6: what they leave', has(a, '\\Answered') and not any(has(a, flag) for flag in ('Seen', 'Draft', 'Ripe')), a)

# 6.3.11: STATUS.
a = w.say('STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ MAILBOXID APPENDLIMIT DELETED-STORAGE)')
line = next(l for l in a if l.startswith('* STATUS "INBOX" ('))
for item in ('MESSAGES 2', 'RECENT ', 'UIDNEXT 3', 'UIDVALIDITY ', 'UNSEEN 2', 'DELETED 1', f'SIZE {len(ONE) + len(TWO)}', 'HIGHESTMODSEQ ',
             'MAILBOXID (', 'DELETED-STORAGE 1'):
    check(f'6.3.11: {item}', item in line, line)
check('RFC 7889 4: APPENDLIMIT that there is none of', 'APPENDLIMIT NIL' in line, line)
check('RFC 7889 2: nor is it announced', ' APPENDLIMIT' not in w.greeting)
check('6.3.11: an item that is none', w.say('STATUS INBOX (NOSUCH)')[-1].startswith('BAD'))

# RFC 7889, with a limit.
if os.geteuid() == 0:
    control = work + '/control'
    os.mkdir(control)
    with open(control + '/imapdmaxmessage', 'w') as f:
        f.write('1000\n')
    x = Wire('L', control)
    check('RFC 7889 2: APPENDLIMIT', ' APPENDLIMIT=1000 ' in x.greeting.replace(']', ' '), x.greeting)
    check('RFC 7889 4: in STATUS', has(x.say('STATUS INBOX (APPENDLIMIT)'), '* STATUS "INBOX" (APPENDLIMIT 1000)'))
    check('RFC 7889 2: what is longer is TOOBIG', x.say('APPEND INBOX {1001}')[-1].startswith('NO [TOOBIG]'))
    check('what is as long is taken', ok(x.append('INBOX', b'A: b\r\n\r\n' + b'x' * 992)))
    x.end()

# Codes and responses.
a = w.say('CREATE Odd (USE (\\Nonsense))')
check('RFC 6154 3: a use that there is not: USEATTR', a[-1].startswith('NO [USEATTR]'), a)
check('and no folder', not has(w.say('LIST "" Odd'), 'Odd'))
a = w.say('CREATE Odd (USE (\\Drafts \\Sent))')
check('RFC 6154 6: several uses', a[-1].startswith('NO [USEATTR]') and not has(w.say('LIST "" Odd'), 'Odd'), a)
check('or none', ok(w.say('CREATE Useless (USE ())')) and has(w.say('LIST "" Useless'), '(\\HasNoChildren) "/" "Useless"'))
x = Wire()
x.append('Useless')
x.say('SELECT Useless')
check('RFC 8508: REPLACE *', ok(x.say(b'REPLACE * Useless {6+}\r\nA: b\r\n')) and has(x.say('STATUS Useless (MESSAGES)'), 'MESSAGES 1'))
check('UID REPLACE *', ok(x.say(b'UID REPLACE * Useless {6+}\r\nA: c\r\n')) and has(x.say('FETCH * BODY[]'), '{6}'))
a = x.say('DELETE Useless')
check('DELETE of the selected one', a[0].startswith('* OK [CLOSED]') and ok(a) and not has(x.say('LIST "" Useless'), 'Useless'), a)
check('none is selected then', x.say('FETCH 1 UID')[-1].startswith('BAD'))
x.say('CREATE Useless')
x.say('SELECT Useless')
check('REPLACE * of none', x.say(b'REPLACE * Useless {6+}\r\nA: b\r\n')[-1].startswith('BAD') and
      x.say(b'UID REPLACE * Useless {6+}\r\nA: b\r\n')[-1].startswith('NO'))
x.say('DELETE Useless')
x.say('SELECT INBOX')
check('INBOX stays selected', len(a := x.say('DELETE INBOX')) == 1 and not ok(a) and ok(x.say('CHECK')), a)
x.end()
a = w.say('CREATE Odd (USE \\Sent)')
check('what is not of the grammar is BAD', a[-1].startswith('BAD') and not has(a, 'USEATTR'), a)
w.say('CREATE Above/Below')
w.say('CREATE Above')
w.say('DELETE Above')
a = w.say('DELETE Above')
check('7.1: HASCHILDREN', a[-1].startswith('NO [HASCHILDREN]'), a)
check('what is below stays', has(w.say('LIST "" Above/*'), '"Above/Below"'))
a = w.say('CAPABILITY')
check('7.2.2: CAPABILITY', a[0].startswith('* CAPABILITY IMAP4rev1 ') and ok(a), a)
announced = set(a[0].split())
for name in ('LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE OBJECTID ESORT SORT=DISPLAY QUOTA QUOTA=RES-STORAGE '
             'QUOTA=RES-MESSAGE LITERAL+ STATUS=SIZE IDLE UNSELECT MOVE ENABLE NAMESPACE IMAP4rev2').split():
    check(f'7.2.2: {name}', name in announced, a)
a = w.say('ENABLE CONDSTORE')
check('7.2.1: ENABLED', has(a, '* ENABLED CONDSTORE'), a)
check('7.3.2: NAMESPACE', w.say('NAMESPACE')[0] == '* NAMESPACE (("" "/")) NIL NIL')
w.say('SUBSCRIBE INBOX')
check('RFC 3501 7.2.3: LSUB', has(w.say('LSUB "" *'), '* LSUB ('))
check('7.3.1: LIST', has(w.say('LIST "" INBOX'), '* LIST (') and has(w.say('LIST "" INBOX'), '"/" "INBOX"'))
check('7.3.4: STATUS', has(w.say('STATUS INBOX (MESSAGES)'), '* STATUS "INBOX" (MESSAGES 2)'))
w.say('ENABLE QRESYNC')
a = w.say('UID EXPUNGE 2')
check('RFC 7162 3.2.10: VANISHED', has(a, '* VANISHED 2'), a)
check('it ends well', w.end() == 0)
done()
