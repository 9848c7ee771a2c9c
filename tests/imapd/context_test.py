#!/usr/bin/env python3
"""context_test - CONTEXT=SEARCH and CONTEXT=SORT (RFC 5267) on the wire of
`imapd MAILBOX`: results that are kept up to date while another session changes
the folder."""
import re
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
esearch = lambda answer: [line for line in answer if line.startswith('* ESEARCH')]


def expand(text):
    """1,4:5 -> [1, 4, 5], in its order."""
    numbers = []
    for part in text.split(','):
        first, last = (part.split(':') * 2)[:2]
        check('RFC 5267 section 3.2: ranges rise', int(first) <= int(last), part)
        numbers += range(int(first), int(last) + 1)
    return numbers


class Client:
    """What a client keeps of each search: section 4.3.2 to 4.3.4."""
    def __init__(self):
        self.results = {}

    def hear(self, lines):
        for line in lines:
            match = re.match(r'\* ESEARCH \(TAG "(\w+)".*?\)( UID)?((?: (?:ADDTO|REMOVEFROM) \([^)]*\))+)$', line)
            if not match:
                continue
            result = self.results[match[1]]
            for what, pairs in re.findall(r' (ADDTO|REMOVEFROM) \(([^)]*)\)', match[3]):
                words = pairs.split(' ')
                for position, numbers in zip(map(int, words[::2]), map(expand, words[1::2])):
                    if what == 'REMOVEFROM':
                        if position:
                            check('RFC 5267 section 4.3.4: they stand there',
                                  result[position - 1:position - 1 + len(numbers)] == numbers, (line, result))
                        for number in numbers:
                            result.remove(number)
                    elif position:
                        result[position - 1:position - 1] = numbers
                    else:
                        result += numbers
                        result.sort()
        return lines


def message(subject, day=1):
    return f'From: a@example.org\r\nSubject: {subject}\r\nDate: {day} Jan 2024 10:00:00 +0000\r\n\r\n{subject}\r\n'.encode()


def fill(wire, folder, subjects):
    for n, subject in enumerate(subjects):
        wire.append(folder, message(subject, n + 1))


w, other = Wire(), Wire()
check('RFC 5267: both are announced', has([w.greeting], ' CONTEXT=SEARCH CONTEXT=SORT'), w.greeting)
w.say('CREATE Box')
fill(w, 'Box', ['pear', 'apple', 'fig', 'cherry', 'date'])
w.say('SELECT Box')
other.say('SELECT Box')

a = w.say('SEARCH RETURN (CONTEXT COUNT) UNSEEN')
check('section 4.2: CONTEXT is a hint', a == [f'* ESEARCH (TAG "t{w.count}") COUNT 5', 'OK done'], a)

# section 4.3: UID SEARCH, flags that others change
a = w.say('UID SEARCH RETURN (UPDATE COUNT) FLAGGED')
flagged = f't{w.count}'
check('UPDATE and COUNT', a == [f'* ESEARCH (TAG "{flagged}") UID COUNT 0', 'OK done'], a)
other.say('STORE 2:3 +FLAGS (\\Flagged)')
a = w.say('NOOP')
check('section 4.3.3: ADDTO', esearch(a) == [f'* ESEARCH (TAG "{flagged}") UID ADDTO (0 2:3)'], a)
check('RFC 5465 section 5.1: FETCH goes before', a[0].startswith('* 2 FETCH') and a[1].startswith('* 3 FETCH') and a[2:3] == esearch(a), a)
other.say('STORE 3 -FLAGS (\\Flagged)')
a = w.say('NOOP')
check('section 4.3.4: REMOVEFROM', esearch(a) == [f'* ESEARCH (TAG "{flagged}") UID REMOVEFROM (0 3)'], a)
check('nothing is told twice', w.say('NOOP') == ['OK done'])
a = w.say('STORE 5 +FLAGS.SILENT (\\Flagged)')
check('one\'s own change', a == [f'* ESEARCH (TAG "{flagged}") UID ADDTO (0 5)', 'OK done'], a)
a = w.say('STORE 4 +FLAGS (\\Seen)')
check('what changes no result is not told', esearch(a) == [] and ok(a), a)

# tags
w.send(f'{flagged} SEARCH RETURN (UPDATE) ALL\r\n')
a = w.until(flagged)
check('section 4.3: the tag of another one', a[-1].startswith(flagged + ' BAD'), a)
w.send(f'{flagged} SEARCH RETURN (COUNT) FLAGGED\r\n')
a = w.until(flagged)
check('without UPDATE it may be', a[-1] == flagged + ' OK done', a)

# new messages, expunged ones: by number
a = w.say('SEARCH RETURN (UPDATE) UNDELETED')
numbers = f't{w.count}'
check('UPDATE alone answers no result', a == [f'* ESEARCH (TAG "{numbers}")', 'OK done'], a)
other.append('Box', message('grape', 6))
a = w.say('NOOP')
at = a.index(f'* ESEARCH (TAG "{numbers}") ADDTO (0 6)')
check('section 4.3.3: EXISTS goes before', a.index('* 6 EXISTS') < at, a)
other.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
other.say('EXPUNGE')
a = w.say('FETCH 2 (UID)')
check('section 4.3.4: REMOVEFROM comes while EXPUNGE may not', esearch(a) == [f'* ESEARCH (TAG "{numbers}") REMOVEFROM (0 1)'] and
      not has(a, 'EXPUNGE'), a)
a = w.say('NOOP')
check('and EXPUNGE later', a == ['* 1 EXPUNGE', '* 4 RECENT', 'OK done'], a)
other.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
other.say('EXPUNGE')
a = w.say('NOOP')
check('REMOVEFROM goes before EXPUNGE', a == [f'* ESEARCH (TAG "{numbers}") REMOVEFROM (0 1)',
      f'* ESEARCH (TAG "{flagged}") UID REMOVEFROM (0 2)', '* 1 EXPUNGE', '* 3 RECENT', 'OK done'], a)

# section 4.3: numbers of the search are those of the moment
a = w.say('SEARCH RETURN (UPDATE ALL) 2:3 UNFLAGGED')
fixed = f't{w.count}'
check('the search by numbers', a[0].endswith(' ALL 2'), a)  # cherry; date is flagged
other.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
other.say('EXPUNGE')  # fig
w.say('NOOP')
other.say('STORE 2 -FLAGS (\\Flagged)')  # date, number 3 then
a = w.say('NOOP')
check('what was number 3 is meant', has(a, f'* ESEARCH (TAG "{fixed}") ADDTO (0 2)'), a)
other.say('STORE 3 +FLAGS (\\Flagged)')
a = w.say('NOOP')
check('what is number 3 now is not', not has(a, f'(TAG "{fixed}")') and has(a, f'(TAG "{flagged}") UID ADDTO (0 6)'), a)

# CANCELUPDATE
for command in ('CANCELUPDATE', 'CANCELUPDATE ', f'CANCELUPDATE {flagged}', f'CANCELUPDATE "{flagged}" '):
    check(f'section 4.3.5: not so: {command!r}', w.say(command)[-1].startswith('BAD'))
check('none of that tag', w.say('CANCELUPDATE "other"')[-1].startswith('NO '))
check('section 4.3.5: CANCELUPDATE', w.say(f'CANCELUPDATE "{flagged}" "{numbers}" "{fixed}"') == ['OK done'])
other.say('STORE 1:3 -FLAGS.SILENT (\\Flagged)')
a = w.say('NOOP')
check('nothing is told then', esearch(a) == [] and ok(a), a)
check('nor twice cancelled', w.say(f'CANCELUPDATE "{flagged}"')[-1].startswith('NO '))
a = w.say('UID SEARCH RETURN (UPDATE) FLAGGED')
w.say('SELECT Box')
other.say('STORE 1 +FLAGS.SILENT (\\Flagged)')
a = w.say('NOOP')
check('section 4.3: they cease when the folder is left', esearch(a) == [] and ok(a), a)
w.say('UNSELECT')
check('CANCELUPDATE wants a folder', w.say('CANCELUPDATE "x"')[-1].startswith('BAD'))

# CONTEXT=SORT: positions
s = Wire()
client = Client()
s.say('CREATE Sorted')
fill(s, 'Sorted', ['m', 'c', 'x', 'h', 'r', 'e', 'k'])
s.say('SELECT Sorted')
other.say('SELECT Sorted')


def sort(criteria, key, verb='UID SORT'):
    a = s.say(f'{verb} RETURN (UPDATE ALL) ({criteria}) UTF-8 {key}')
    tag = f't{s.count}'
    client.results[tag] = expand(a[0].split(' ALL ')[1]) if ' ALL ' in a[0] else []
    return tag


subject = sort('SUBJECT', 'UNFLAGGED')
reverse = sort('REVERSE SUBJECT', 'UNFLAGGED', 'SORT')
search = sort('ARRIVAL', 'FLAGGED')


def compare(what):
    client.hear(s.say('NOOP'))
    for tag, verb, criteria, key in ((subject, 'UID SORT', 'SUBJECT', 'UNFLAGGED'), (reverse, 'SORT', 'REVERSE SUBJECT', 'UNFLAGGED'),
                                     (search, 'UID SORT', 'ARRIVAL', 'FLAGGED')):
        a = s.say(f'{verb} ({criteria}) UTF-8 {key}')
        now = [int(n) for n in a[0].removeprefix('* SORT').split()]
        check(f'RFC 5267 section 4.3.2: {what}: {verb} {criteria}', client.results[tag] == now, (client.results[tag], now))


other.say('STORE 2:4 +FLAGS.SILENT (\\Flagged)')
compare('some go')
other.append('Sorted', message('d', 8))
other.append('Sorted', message('l', 9))
other.append('Sorted', message('n', 10))
other.append('Sorted', message('z', 11))
compare('new ones come between')
other.say('STORE 1:* -FLAGS.SILENT (\\Flagged)')
compare('all come back')
other.say('STORE 1:*  +FLAGS.SILENT (\\Flagged)')
other.say('STORE 1:* +FLAGS.SILENT (\\Flagged)')
compare('all go')
for first, last in ((3, 5), (9, 10), (1, 1)):
    other.say(f'STORE {first}:{last} -FLAGS.SILENT (\\Flagged)')
    compare(f'{first}:{last} come')
s.say(f'CANCELUPDATE "{reverse}"')  # numbers move with an EXPUNGE
del client.results[reverse]
other.say('STORE 3,9 +FLAGS.SILENT (\\Deleted)')
other.say('EXPUNGE')
client.hear(s.say('NOOP'))
a = s.say('UID SORT (SUBJECT) UTF-8 UNFLAGGED')
check('after an EXPUNGE', client.results[subject] == [int(n) for n in a[0].split()[2:]], (client.results, a))
a = s.say('UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 SUBJECT q')
tag = f't{s.count}'
other.append('Sorted', message('qb', 12))
other.append('Sorted', message('qd', 13))
a = esearch(s.say('NOOP'))
check('the first ones', has(a, f'(TAG "{tag}") UID ADDTO (1 12:13)'), a)
other.append('Sorted', message('qa', 14))
other.append('Sorted', message('qc', 15))
a = esearch(s.say('NOOP'))
check('section 4.3.3: pairs of a place and a set', has(a, f'(TAG "{tag}") UID ADDTO (1 14 3 15)'), a)
other.say('UID STORE 13:14 +FLAGS.SILENT (\\Deleted)')
other.say('UID EXPUNGE 13:14')
a = esearch(s.say('NOOP'))
check('section 4.3.4: the last place first', has(a, f'(TAG "{tag}") UID REMOVEFROM (4 13 1 14)'), a)
s.end()

# kinds of keys
k = Wire()
k.say('CREATE Keys')
fill(k, 'Keys', ['one', 'two', 'three'])
k.say('SELECT Keys')
tags = {}
for key in ('UID 2:*', 'KEYWORD $Junk', 'BODY four', 'NOT KEYWORD $Junk', 'FUZZY SUBJECT four', '$', 'OR SUBJECT four DELETED', 'YOUNGER 3600'):
    k.say(f'UID SEARCH RETURN (UPDATE) {key}')
    tags[key] = f't{k.count}'
other.append('Keys', message('four', 4))
a = esearch(k.say('NOOP'))
for key, add in (('UID 2:*', True), ('KEYWORD $Junk', False), ('BODY four', True), ('NOT KEYWORD $Junk', True),
                 ('FUZZY SUBJECT four', True), ('$', False), ('OR SUBJECT four DELETED', True), ('YOUNGER 3600', True)):
    check(f'a new one: {key}', has(a, f'(TAG "{tags[key]}") UID ADDTO (0 4)') == add, a)
other.say('SELECT Keys')
other.say('STORE 1 +FLAGS.SILENT ($Junk)')
a = esearch(k.say('NOOP'))
check('a keyword', sorted(a) == sorted([f'* ESEARCH (TAG "{tags["KEYWORD $Junk"]}") UID ADDTO (0 1)',
      f'* ESEARCH (TAG "{tags["NOT KEYWORD $Junk"]}") UID REMOVEFROM (0 1)']), a)
a = k.say('UID SORT RETURN (UPDATE ALL) (REVERSE RELEVANCY) UTF-8 FUZZY SUBJECT "one four"')
check('SORT by RELEVANCY', a[0].endswith(' ALL 1,4'), a)
tag = f't{k.count}'
other.append('Keys', message('one four', 5))
a = esearch(k.say('NOOP'))
check('is kept too', has(a, f'(TAG "{tag}") UID ADDTO (3 5)'), a)
k.end()

# the limit, control/imapdcontexts; section 4.3.1
if os.geteuid() == 0:
    control = work + '/control'
    os.mkdir(control)
    with open(control + '/imapdcontexts', 'w') as f:
        f.write('2\n')
    n = Wire(control=control)
    limit = 2
else:
    n, limit = Wire(), 16
n.say('SELECT Keys')
for i in range(limit):
    check('room', not has(n.say('SEARCH RETURN (UPDATE) ALL'), 'NOUPDATE'))
a = n.say('UID SEARCH RETURN (UPDATE COUNT) ALL')
check('section 4.3.1: NOUPDATE', a[0] == f'* ESEARCH (TAG "t{n.count}") UID COUNT 5' and
      a[1].startswith(f'* NO [NOUPDATE "t{n.count}"]') and ok(a), a)
n.say('CANCELUPDATE "t2"')
check('room again', not has(n.say('SEARCH RETURN (UPDATE) ALL'), 'NOUPDATE'))

# UIDONLY: no number any more
other.append('Keys', message('six', 6))
n.say('ENABLE UIDONLY')
a = esearch(n.say('NOOP')) or esearch(a)
other.append('Keys', message('seven', 7))
a = esearch(n.say('NOOP'))
check('UIDONLY', len(a) == limit and all(' UID ADDTO (0 7)' in line for line in a), a)
n.end()

# ESEARCH, RFC 7377 section 2.2
m = Wire()
check('UPDATE without a folder', m.say('ESEARCH IN (personal) RETURN (UPDATE) ALL')[-1].startswith('BAD'))
m.say('SELECT Keys')
a = m.say('ESEARCH IN (personal) RETURN (UPDATE COUNT) UNDELETED')
tag = f't{m.count}'
check('of all folders', len(esearch(a)) > 1 and ok(a), a)
other.append('Box', message('elsewhere'))
other.append('Keys', message('here'))
a = esearch(m.say('NOOP'))
check('RFC 7377: UPDATE is of the selected folder', len(a) == 1 and re.fullmatch(
    rf'\* ESEARCH \(TAG "{tag}" MAILBOX "?Keys"? UIDVALIDITY \d+\) UID ADDTO \(0 8\)', a[0]), a)
a = m.say('ESEARCH IN (mailboxes Box) RETURN (UPDATE) ALL')
check('of another one NOUPDATE', has(a, f'* NO [NOUPDATE "t{m.count}"]') and ok(a), a)

# NOTIFY, RFC 5465 section 7
other.say('CREATE News')
m.say('SELECT News')
for items in ('()', '(UID', '(UID nonsense)'):
    check('not so: UPDATE ' + items, m.say(f'SEARCH RETURN (UPDATE {items}) ALL')[-1].startswith('BAD'))
m.say('SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (SUBJECT)])) SUBJECT boss')
tag = f't{m.count}'
m.say('NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))')
other.append('News', message('the boss'))
a = [m.line() for i in range(7)]
check('RFC 5465 section 7: EXISTS, FETCH, ESEARCH', a[:2] == ['* 1 EXISTS', '* 1 RECENT'] and a[2].startswith('* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)]') and
      a[3] == 'Subject: the boss' and a[6] == f'* ESEARCH (TAG "{tag}") ADDTO (0 1)', a)
other.append('News', message('nobody'))
check('of others none', [m.line(), m.line()] == ['* 2 EXISTS', '* 2 RECENT'])
other.say('SELECT News')
other.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
a = m.line()
check('a flag', a.startswith('* 1 FETCH'), a)
other.say('EXPUNGE')
a = [m.line() for i in range(3)]
check('at once', a == [f'* ESEARCH (TAG "{tag}") REMOVEFROM (0 1)', '* 1 EXPUNGE', '* 1 RECENT'], a)

# IDLE
i = Wire()
i.say('SELECT News')
i.say('UID SEARCH RETURN (UPDATE) SEEN')
tag = f't{i.count}'
i.send('idle IDLE\r\n')
check('IDLE', i.line().startswith('+'))
other.say('STORE 1 +FLAGS.SILENT (\\Seen)')
a = [i.line(), i.line()]
check('in IDLE', a[0].startswith('* 1 FETCH') and a[1] == f'* ESEARCH (TAG "{tag}") UID ADDTO (0 2)', a)
i.send('DONE\r\n')
i.until('idle')
for wire in (w, m, i, other):
    wire.end()
done()
