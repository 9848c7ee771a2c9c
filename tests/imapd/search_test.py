#!/usr/bin/env python3
"""search_test - the extensions of SEARCH on the wire of `imapd MAILBOX`:
THREAD, PARTIAL, UIDONLY, MULTISEARCH, INPROGRESS."""
from mail import *

w = Wire()
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')


def message(number, subject, references=''):
    return (f'From: a@example.org\r\nSubject: {subject}\r\nDate: Mon, 1 Jan 2024 10:{number:02}:00 +0000\r\n'
            f'Message-ID: <{number}@x>\r\n' + (f'References: {references}\r\n' if references else '') +
            f'\r\nText {number}\r\n').encode()


def fill(wire, folder, count):
    for i in range(1, count + 1):
        wire.append(folder, message(i, f'Number {i}'))


# THREAD, RFC 5256
w.say('CREATE Talk')
for number, subject, references in ((1, 'Plans', ''), (2, 'Re: Plans', '<1@x>'), (3, '[list] RE: plans', '<1@x> <"2"@x>'),
                                    (4, 'Re: Plans', '<1@x>'), (5, 'Fwd: Plans', ''), (6, 'Other', '<none@x>'),
                                    (7, 'Others', '<none@x>')):
    w.append('Talk', message(number, subject, references))
w.say('SELECT Talk')
check('THREAD before all else needs a space', w.say('THREAD')[-1].startswith('BAD'))
a = w.say('THREAD ORDEREDSUBJECT UTF-8 ALL')
check('RFC 5256 ORDEREDSUBJECT', a[0] == '* THREAD (1 (2)(3)(4)(5))(6)(7)' and ok(a), a)
a = w.say('THREAD REFERENCES UTF-8 ALL')
check('RFC 5256 REFERENCES', a[0] == '* THREAD (1 (2 3)(4)(5))((6)(7))' and ok(a), a)
a = w.say('THREAD REFS US-ASCII ALL')
check('REFS', a[0] == '* THREAD (1 (2 3)(4))(5)((6)(7))' and ok(a), a)
a = w.say('THREAD REFERENCES UTF-8 SUBJECT nobody')
check('THREAD of none', a[0] == '* THREAD' and ok(a), a)
w.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
w.say('EXPUNGE')
a = w.say('UID THREAD REFERENCES UTF-8 2:4 NOT SUBJECT fwd')
check('UID THREAD, a search', a[0] == '* THREAD ((3)(4))', a)
a = w.say('UID THREAD REFERENCES UTF-8 ALL')
check('UID THREAD: a dummy for what is gone', a[0] == '* THREAD ((2 3)(4)(5))((6)(7))', a)
check('THREAD of no such kind', w.say('THREAD NOSUCH UTF-8 ALL')[-1].startswith('BAD'))
check('THREAD of no such charset', has(w.say('THREAD REFS KOI8-R ALL'), 'NO [BADCHARSET'))
check('THREAD of no such number', w.say('THREAD REFS UTF-8 99')[-1].startswith('BAD'))

# a chain of 10,000, in files that are there already
w.say('CREATE Deep')
for i in range(10000):
    with open(f'{home}/M/.Deep/cur/{i:05}.x.host:2,', 'wb') as f:
        f.write(b'Message-ID: <%d@deep>\nReferences: <%d@deep>\n\n' % (i, i - 1))
    os.chown(f.name, UID, UID) if os.geteuid() == 0 else None
w.say('SELECT Deep')
a = w.say('THREAD REFERENCES UTF-8 ALL')
check('10,000 deep', a[0].count('(') == a[0].count(')') == 1 and len(a[0].split()) == 10002 and ok(a), a[0][:100])

# PARTIAL, RFC 9394: ten messages, UIDs 2 to 10 after the first is gone
w.say('CREATE Ten')
fill(w, 'Ten', 10)
w.say('SELECT Ten')
w.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
w.say('EXPUNGE')
for command, answer in (
        ('UID SEARCH RETURN (PARTIAL 1:3) ALL', 'UID PARTIAL (1:3 2:4)'),
        ('SEARCH RETURN (PARTIAL 1:3) ALL', ') PARTIAL (1:3 1:3)'),
        ('UID SEARCH RETURN (PARTIAL 3:1 COUNT) ALL', 'UID COUNT 9 PARTIAL (3:1 2:4)'),
        ('UID SEARCH RETURN (PARTIAL -1:-2) ALL', 'UID PARTIAL (-1:-2 9:10)'),
        ('UID SEARCH RETURN (PARTIAL -8:-20) ALL', 'UID PARTIAL (-8:-20 2:3)'),
        ('UID SEARCH RETURN (PARTIAL 8:20) ALL', 'UID PARTIAL (8:20 9:10)'),
        ('UID SEARCH RETURN (PARTIAL 10:20) ALL', 'UID PARTIAL (10:20 NIL)'),
        ('UID SEARCH RETURN (PARTIAL -10:-4294967295) ALL', 'UID PARTIAL (-10:-4294967295 NIL)'),
        ('UID SEARCH RETURN (PARTIAL 1:1) SUBJECT nobody', 'UID PARTIAL (1:1 NIL)'),
        ('UID SORT RETURN (PARTIAL 1:2 MAX) (REVERSE DATE) UTF-8 ALL', 'UID MAX 2 PARTIAL (1:2 10,9)')):
    a = w.say(command)
    check('RFC 9394 ' + command, len(a) == 2 and a[0].endswith(answer) and ok(a), a)
for returns, saved in (('PARTIAL 2:3', '3 4'), ('PARTIAL 2:3 MIN', '2 3 4'), ('PARTIAL -2:-3 MIN MAX', '2 8 9 10'),
                       ('PARTIAL 2:3 COUNT', '2 3 4 5 6 7 8 9 10'), ('MIN MAX', '2 10')):
    w.say(f'SEARCH RETURN (SAVE {returns}) ALL')
    a = w.say('UID SEARCH UID $')
    check('RFC 9394 section 3.2: SAVE ' + returns, a[0] == '* SEARCH ' + saved, a)
s = Wire()
s.say('SELECT Ten')
for refused in ('SEARCH RETURN (SAVE) CHARSET KOI8-R ALL', 'SEARCH RETURN (SAVE) FILTER none', 'SORT RETURN (SAVE) (DATE) KOI8-R ALL',
                'UID SORT RETURN (SAVE COUNT) (DATE) UTF-8 FILTER none', 'ESEARCH RETURN (SAVE) CHARSET KOI8-R ALL',
                'ESEARCH IN (selected) RETURN (SAVE) FILTER none'):
    s.say('SEARCH RETURN (SAVE) 2')
    a = s.say(refused)
    check(f'RFC 5182 section 2.1: after NO "$" is empty: {refused}', a[-1].startswith('NO [') and s.say('SEARCH $')[0] == '* SEARCH', a)
for kept in ('SEARCH CHARSET KOI8-R ALL', 'SORT (DATE) UTF-8 FILTER none', 'SEARCH RETURN (SAVE) NONSENSE', 'SEARCH RETURN (SAVE) 99',
             'ESEARCH RETURN (SAVE) CHARSET KOI8-R FILTER none'):
    s.say('SEARCH RETURN (SAVE) 2')
    a = s.say(kept)
    check(f'after BAD, or without SAVE, it stays: {kept}', not ok(a) and s.say('SEARCH $')[0] == '* SEARCH 2', a)
s.end()
w.say('SORT RETURN (SAVE PARTIAL 1:2) (REVERSE DATE) UTF-8 ALL')
check('SORT saves the part that it gave', w.say('UID SEARCH $')[0] == '* SEARCH 9 10')
wrong = Wire()  # 20 wrong commands end a session
wrong.say('EXAMINE Ten')
for returns in ('PARTIAL 1', 'PARTIAL 0:1', 'PARTIAL 1:-1', 'PARTIAL -1:1', 'PARTIAL 1:*', 'PARTIAL 1:2 ALL',
                'PARTIAL 1:2 PARTIAL 3:4', 'PARTIAL 1:4294967296', 'PARTIAL'):
    check('not so: ' + returns, wrong.say(f'SEARCH RETURN ({returns}) ALL')[-1].startswith('BAD'))
    if returns != 'PARTIAL 1:2 ALL':
        check('nor in FETCH', wrong.say(f'UID FETCH 1:* (FLAGS) ({returns})')[-1].startswith('BAD'))
wrong.end()
a = w.say('UID FETCH 3:8 (UID) (PARTIAL -1:-3)')
check('UID FETCH PARTIAL from the last', a[:-1] == [f'* {n - 1} FETCH (UID {n})' for n in (6, 7, 8)], a)
a = w.say('UID FETCH 3:8 (UID) (PARTIAL 1:2)')
check('UID FETCH PARTIAL from the first', a[:-1] == [f'* {n - 1} FETCH (UID {n})' for n in (3, 4)], a)
check('FETCH has none', w.say('FETCH 1:3 (UID) (PARTIAL 1:2)')[-1].startswith('BAD'))
changes = next(line for line in w.say('UID SEARCH MODSEQ 1') if line.startswith('* SEARCH')).split()[-1].rstrip(')')
w.say('UID STORE 7 +FLAGS.SILENT (\\Flagged)')
a = w.say(f'UID FETCH 3:8 (UID) (CHANGEDSINCE {changes} PARTIAL -1:-3)')
check('with CHANGEDSINCE', len(a) == 2 and a[0].startswith('* 6 FETCH (UID 7 MODSEQ') and ok(a), a)

# UIDONLY, RFC 9586: no message number either way
u = Wire()
u.say('CREATE Uids')
fill(u, 'Uids', 5)
check('ENABLE UIDONLY', has(u.say('ENABLE UIDONLY'), '* ENABLED UIDONLY'))
a = u.say('SELECT Uids')
check('SELECT says no number of a message', has(a, '* 5 EXISTS') and not has(a, 'UNSEEN') and ok(a), a)
for command in ('FETCH 1 (FLAGS)', 'STORE 1 +FLAGS (\\Seen)', 'SEARCH ALL', 'SORT (DATE) UTF-8 ALL', 'COPY 1 Ten',
                'THREAD REFS UTF-8 ALL', 'MOVE 1 Ten', 'UID SEARCH 1:2', 'UID SEARCH OR (NOT *) SEEN',
                'UID SORT (DATE) UTF-8 1', 'UID THREAD REFS UTF-8 1'):
    check('RFC 9586 section 3: ' + command, u.say(command)[-1].startswith('BAD [UIDREQUIRED]'))
v = Wire()
v.say('SELECT Uids')
v.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
v.say('EXPUNGE')
a = u.say('NOOP')
check('VANISHED for EXPUNGE', a == ['* VANISHED 1', '* 4 RECENT', 'OK done'], a)
v.say('STORE 1 +FLAGS.SILENT (\\Seen)')
a = u.say('NOOP')
check('news are UIDFETCH', a[-2].startswith('* 2 UIDFETCH (FLAGS (\\Seen') and not has(a, ' FETCH'), a)
a = u.say('UID FETCH 2:3 (FLAGS)')
check('UIDFETCH', [line.split(' (')[0] for line in a[:-1]] == ['* 2 UIDFETCH', '* 3 UIDFETCH'] and not has(a, 'UID 2'), a)
check('and UID where it is asked for', has(u.say('UID FETCH 2 (UID)'), '* 2 UIDFETCH (UID 2)'))
a = u.say('UID FETCH 3 (BODY[TEXT])')
check('UIDFETCH with the flag that it set', has(a, '* 3 UIDFETCH (BODY[TEXT] {') and has(a, 'FLAGS (\\Seen'), a)
a = u.say('UID STORE 5 +FLAGS (\\Deleted)')
check('UID STORE', a[-2].startswith('* 5 UIDFETCH (FLAGS (') and ok(a), a)
check('UID SEARCH', u.say('UID SEARCH UID 3:*')[0] == '* SEARCH 3 4 5')
check('SEARCH by "$"', ok(u.say('UID SEARCH RETURN (SAVE) UID 4')) and u.say('UID SEARCH $')[0] == '* SEARCH 4')
a = u.say('EXPUNGE')
check('EXPUNGE', a[0] == '* VANISHED 5' and ok(a), a)
a = u.say('UID MOVE 4 Ten')
check('UID MOVE', has(a, '* OK [COPYUID ') and has(a, '* VANISHED 4') and ok(a), a)
u.say('ENABLE CONDSTORE QRESYNC')
a = u.say('UID STORE 3 +FLAGS.SILENT (\\Draft)')
check('with CONDSTORE', a[-2].startswith('* 3 UIDFETCH (MODSEQ (') and ok(a), a)
a = next(line for line in u.say('SELECT Uids') if 'UIDVALIDITY' in line)
validity = a.split('UIDVALIDITY ')[1].split(']')[0]
a = u.say(f'SELECT Uids (QRESYNC ({validity} 1 1:9 (1:2 2:3)))')
check('SELECT with numbers', a[-1].startswith('BAD [UIDREQUIRED]'), a)
a = u.say(f'SELECT Uids (QRESYNC ({validity} 1 1:9))')
check('SELECT with UIDs', has(a, '* VANISHED (EARLIER) 1,4:5') and has(a, '* 3 UIDFETCH (MODSEQ (') and ok(a), a)
u.end()
v.end()

# MULTISEARCH, RFC 7377: ESEARCH in folders that are not selected
m = Wire('N')
for name in ('Fruit', 'Fruit/Apple', 'Fruit/Apple/Red', 'Fruits', 'Stone'):
    m.say(f'CREATE {name}')
for name, number in (('INBOX', 1), ('Fruit', 2), ('Fruit/Apple', 3), ('Fruit/Apple/Red', 4), ('Fruits', 5), ('Stone', 6)):
    m.append(name, message(number, 'Rain' if number != 6 else 'Sun'))
    m.append(name, message(number, 'Rain'))
m.say('SUBSCRIBE Fruits')


def found(answer):
    """{folder: what was answered}, or None if a correlator or the OK is missing."""
    folders = {}
    for line in answer[:-1]:
        head, _, rest = line.partition(') UID ')
        words = head.split(' ')
        if words[:3] != ['*', 'ESEARCH', '(TAG'] or words[4] != 'MAILBOX' or words[6] != 'UIDVALIDITY':
            return None
        folders[words[5].strip('"')] = rest
    return folders if ok(answer) and len(folders) == len(answer) - 1 else None


check('selected, but none is', m.say('ESEARCH ALL')[-1].startswith('BAD'))
check('nor with others', m.say('ESEARCH IN (selected mailboxes Stone) ALL')[-1].startswith('BAD'))
for sources, folders in (
        ('mailboxes Stone', 'Stone'), ('mailboxes (Stone Nowhere Fruit)', 'Stone Fruit'), ('mailboxes inbox', 'INBOX'),
        ('subtree Fruit', 'Fruit Fruit/Apple Fruit/Apple/Red'), ('subtree-one Fruit', 'Fruit Fruit/Apple'),
        ('personal', 'INBOX Fruit Fruit/Apple Fruit/Apple/Red Fruits Stone'), ('subscribed', 'Fruits'),
        ('inboxes', 'INBOX Fruit Fruit/Apple Fruit/Apple/Red Fruits Stone'),
        ('mailboxes Stone subtree (Fruit/Apple Fruits) mailboxes Stone', 'Stone Fruit/Apple Fruit/Apple/Red Fruits')):
    a = m.say(f'ESEARCH IN ({sources}) ALL')
    check('RFC 7377 IN ' + sources, found(a) == dict.fromkeys(folders.split(), 'ALL 1:2'), a)
a = m.say('ESEARCH IN (personal) RETURN (MIN COUNT) SUBJECT sun')
check('none where nothing is found', found(a) == {'Stone': 'MIN 1 COUNT 1'}, a)
a = m.say('ESEARCH IN (mailboxes (Stone Fruit)) RETURN (PARTIAL -1:-1) ALL')
check('a part of each', found(a) == dict.fromkeys(('Stone', 'Fruit'), 'PARTIAL (-1:-1 2)'), a)
m.say('SELECT Stone')
a = m.say('ESEARCH SUBJECT sun')
check('the selected one', found(a) == {'Stone': 'ALL 1'}, a)
a = m.say('ESEARCH IN (selected subtree-one Fruit mailboxes Stone) 2:9')
check('once, and numbers that no message has', found(a) == dict.fromkeys(('Stone', 'Fruit', 'Fruit/Apple'), 'ALL 2'), a)
check('only such numbers', found(m.say('UID ESEARCH 7:9')) == {})
check('SAVE saves', found(m.say('ESEARCH RETURN (SAVE) SUBJECT sun')) == {} and m.say('SEARCH $')[0] == '* SEARCH 1')
check('"$" in the selected one', found(m.say('ESEARCH $')) == {'Stone': 'ALL 1'})
for wrong in ('IN (personal) RETURN (SAVE) ALL', 'IN (personal) $', 'IN () ALL', 'IN (selected-delayed) ALL',
              'IN (mailboxes) ALL', 'IN (personal)', 'IN (personal (x)) ALL', 'IN (subtree ()) ALL'):
    check('not so: ESEARCH ' + wrong, m.say('ESEARCH ' + wrong)[-1].startswith('BAD'))
check('CHARSET', has(m.say('ESEARCH IN (personal) CHARSET KOI8-R ALL'), 'NO [BADCHARSET'))
check('Stone is still selected', m.say('SEARCH ALL')[0] == '* SEARCH 1 2')
m.say('ENABLE UIDONLY')
check('UIDONLY has ESEARCH', found(m.say('ESEARCH ALL')) == {'Stone': 'ALL 1:2'})
check('without numbers', has(m.say('ESEARCH 1'), 'BAD [UIDREQUIRED]'))
m.end()

a = w.say('CAPABILITY')[0].split()
check('CAPABILITY lists them', {'THREAD=ORDEREDSUBJECT', 'THREAD=REFERENCES', 'THREAD=REFS', 'PARTIAL', 'UIDONLY',
                                'MULTISEARCH', 'INPROGRESS'} <= set(a), a)

# INPROGRESS, RFC 9585: a notice with each millisecond that a command takes
if os.geteuid() == 0:
    control = work + '/control'
    os.mkdir(control)
    with open(control + '/imapdprogress', 'w') as f:
        f.write('1\n')
    p = Wire(control=control)
    p.say('SELECT Deep')
    for command, goal in (('SEARCH TEXT nobody', 10000), ('SEARCH OR (BODY nobody) (NOT HEADER X-None x)', 20000),
                          ('SORT (SUBJECT FROM) UTF-8 ALL', 20000), ('THREAD REFERENCES UTF-8 TEXT deep', 20000),
                          ('UID COPY 1:* Ten', 10000),
                          ('ESEARCH IN (personal) TEXT nobody', 'NIL')):
        a = p.say(command)
        notices = [line.split(' ') for line in a if line.startswith('* OK [INPROGRESS (')]
        steps = [int(words[4]) for words in notices]
        check('RFC 9585 ' + command, ok(a) and steps and all(one < two for one, two in zip(steps, steps[1:])) and
              all(words[3] == f'("t{p.count}"' and words[5] == f'{goal})]' for words in notices) and
              (goal == 'NIL' or steps[-1] <= goal), [line[:100] for line in a])
    p.end()
check('a short one has none', not has(w.say('SEARCH TEXT nobody'), 'INPROGRESS'))

# An order that is asked for again
w.say('CREATE Sorted')
for number, subject in enumerate(('C', 'A', 'B'), 1):
    w.append('Sorted', message(number, subject))
w.say('SELECT Sorted')
for command, answer in (('UID SORT (SUBJECT) UTF-8 ALL', '2 3 1'), ('UID SORT (SUBJECT) UTF-8 ALL', '2 3 1'),
                        ('UID SORT (SUBJECT) UTF-8 UID 1:2', '2 1'), ('UID SORT (REVERSE SUBJECT) UTF-8 ALL', '1 3 2')):
    check(command, w.say(command)[0] == '* SORT ' + answer)
w.append('Sorted', message(4, 'Aa'))
check('a new one is sorted in', w.say('UID SORT (REVERSE SUBJECT) UTF-8 ALL')[0] == '* SORT 1 3 4 2')
w.say('STORE 2 +FLAGS.SILENT (\\Deleted)')
w.say('EXPUNGE')
check('one that went is left out', w.say('UID SORT (REVERSE SUBJECT) UTF-8 ALL')[0] == '* SORT 1 3 4')
check('by number, too', w.say('SORT (REVERSE SUBJECT) UTF-8 ALL')[0] == '* SORT 1 2 3')

# Files that are opened ahead, or not at all
w.say('CREATE Files')
fill(w, 'Files', 30)
w.append('Files', b'X-Odd: Zebra crossing\r\n' + message(31, 'Odd'))
w.say('SELECT Files')
opened = Opened(f'{home}/M/.Files/cur')
a = w.say('FETCH 1:4 BODY.PEEK[TEXT]')
check('who reads one after another has the next ones opened', opened.count() > 4)
check('what is read is the right one', [line for line in a if line.startswith('Text')] == [f'Text {i}' for i in range(1, 5)])
w.say('STORE 7 +FLAGS.SILENT (\\Deleted)')
w.say('EXPUNGE')
a = w.say('FETCH 5:30 BODY.PEEK[TEXT]')
check('although one went', [line for line in a if line.startswith('Text')] == [f'Text {i}' for i in (5, 6, *range(8, 32))])
fds = f'/proc/{w.child.pid}/fd'
check('none stays open', wait_for(lambda: not any('/cur/' in os.readlink(f'{fds}/{fd}') for fd in os.listdir(fds))))
check('a field that is not cached', w.say('SEARCH HEADER X-Odd "BRA CRO"')[0] == '* SEARCH 30')
opened.count()
check('again', w.say('SEARCH HEADER X-Odd "bra cro"')[0] == '* SEARCH 30')
n = opened.count()
check('only files that may have it are opened', n < 20, n)  # and the folder itself
check('a word that is elsewhere', w.say('SEARCH HEADER X-Odd Number')[0] == '* SEARCH')
check('a short one', w.say('SEARCH HEADER X-Odd Z')[0] == '* SEARCH 30')
check('any', w.say('SEARCH HEADER X-Odd ""')[0] == '* SEARCH 30')

# A file that is there and cannot be read: RFC 9051 7.1.2, an untagged NO warns.
w.end()
WARNING = '* NO [CONTACTADMIN] some messages cannot be read'
fill(Wire('Locked'), 'INBOX', 3)
locked = next(name for name in glob.glob(home + '/Locked/cur/*') if b'Text 2' in open(name, 'rb').read())
sizes = {name: len(open(name, 'rb').read()) for name in glob.glob(home + '/Locked/cur/*')}
wire_sizes = {name: len(open(name, 'rb').read().replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')) for name in sizes}


def unread():
    """A session that knows nothing of the messages."""
    for name in glob.glob(home + '/Locked/estafeta-index*'):
        os.remove(name)
    session = Wire('Locked')
    session.say('SELECT INBOX')
    return session


os.chmod(locked, 0)
for command, answer in (('SEARCH BODY Text', '* SEARCH 1 3'), ('SEARCH SUBJECT Number', '* SEARCH 1 3'), ('SEARCH HEADER X-Odd x', '* SEARCH'),
                        ('SEARCH TEXT Number NOT BODY "Text 3"', '* SEARCH 1'), ('SEARCH LARGER 1', '* SEARCH 1 3'),
                        ('SEARCH SENTON 1-Jan-2024', '* SEARCH 1 3'), ('SEARCH FUZZY BODY "3 Text"', '* SEARCH 1 3'),
                        ('UID SEARCH RETURN (COUNT SAVE) BODY Text', None), ('SORT (ARRIVAL) UTF-8 BODY Text', '* SORT 1 3'),
                        ('THREAD REFS UTF-8 BODY Text', '* THREAD (1)(3)'), ('ESEARCH IN (PERSONAL) RETURN (COUNT) BODY Text', None)):
    w = unread()
    a = w.say(command)
    check(f'{command}: of what can be read', (answer or 'COUNT 2') in a[0] and (not answer or a[0] == answer), a)
    check('with a warning', a[1:] == [WARNING, 'OK done'], a)
    w.end()
for command in ('SORT (SUBJECT) UTF-8 ALL', 'SORT (SIZE) UTF-8 ALL', 'SORT (DATE) UTF-8 ALL', 'SORT (DISPLAYFROM) UTF-8 SEEN', 'UID SORT RETURN (ALL) (TO) UTF-8 ALL',
                'THREAD REFS UTF-8 ALL', 'THREAD ORDEREDSUBJECT UTF-8 ALL'):
    w = unread()
    for _ in range(2):
        a = w.say(command)
        check(f'{command}: it is not only the search that reads', a[1:] == ([WARNING] if 'SEEN' not in command else []) + ['OK done'], a)
    w.end()
w = unread()
first = w.say('SORT (SUBJECT) UTF-8 ALL')
os.chmod(locked, 0o600)
check('an order without it is not kept', w.say('SORT (SUBJECT) UTF-8 ALL') == ['* SORT 1 2 3', 'OK done'] and first[0] == '* SORT 2 1 3', first)
w.end()
os.chmod(locked, 0)
w = unread()
a = w.say('SEARCH UNDELETED')
check('none where nothing is read', a == ['* SEARCH 1 2 3', 'OK done'], a)
a = w.say('SEARCH 1,3 BODY Text')
check('none of what is not asked about', a == ['* SEARCH 1 3', 'OK done'], a)
a = w.say('FETCH 1:3 (RFC822.SIZE BODY.PEEK[TEXT])')
check('FETCH of the others, and why not of that', [line for line in a if line.startswith('Text')] == ['Text 1', 'Text 3'] and
      a[-1] == 'NO [CONTACTADMIN] some messages cannot be read', a)
a = w.say('STATUS INBOX (MESSAGES SIZE)')
size = int(a[0].split()[-1].rstrip(')'))
rest = sum(size for name, size in wire_sizes.items() if name != locked)
check('RFC 9051 6.3.11: SIZE is not too small', ok(a) and rest + wire_sizes[locked] <= size <= rest + 2 * sizes[locked], (a, wire_sizes))
a = w.say('CONVERT 2 ("text/plain" ("charset" "UTF-8")) BINARY[1]')
check('CONVERT fails', a[-1].startswith('NO') and 'NOPERM' not in a[-1], a)
os.chmod(locked, 0o600)
check('it is found when it can be read', w.say('SEARCH BODY Text') == ['* SEARCH 1 2 3', 'OK done'])

check('the end', w.end() == 0)
done()
