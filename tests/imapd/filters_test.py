#!/usr/bin/env python3
"""filters_test - FILTERS (RFC 5466): searches that are kept on the server."""
from mail import *

w = Wire()
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
check('3: FILTERS is announced', ' FILTERS' in w.greeting.replace(']', ' '), w.greeting)
w.append('INBOX', b'From: boss@example.com\r\nSubject: Plan\r\n\r\n' + b'long\r\n' * 1000, '(\\Flagged)')
w.append('INBOX', b'From: joe@example.com\r\nSubject: Plan\r\n\r\nshort\r\n', '(\\Seen)')
w.append('INBOX', b'From: joe@example.com\r\nSubject: M\xc3\xa4rz\r\n\r\n' + b'long\r\n' * 1000)
w.say('SELECT INBOX')


def keep(name, value, scope='private'):
    return w.say(b'SETMETADATA "" (/%s/filters/values/%s {%d+}\r\n%s)' % (scope.encode(), name.encode(), len(value), value))


def found(search, command='SEARCH'):
    """What it finds, or the tagged answer."""
    answer = w.say(f'{command} {search}')
    return answer[0].removeprefix('* SEARCH').strip() if ok(answer) else answer[-1]


# The RFC's own example, section 3.2 and 3.1.
check('3.2: SETMETADATA', ok(w.say('SETMETADATA "" ("/private/filters/values/on-the-road" "OR SMALLER 5000 FROM \\"boss@example.com\\"")')))
a = w.say('GETMETADATA "" /private/filters/values/on-the-road')
check('3.2: GETMETADATA', has(a, '"OR SMALLER 5000 FROM \\"boss@example.com\\""') and ok(a), a)
check('3.1: it stands for its value', found('FILTER on-the-road') == '1 2', found('FILTER on-the-road'))
check('3.1: among others', found('UID 2:900 FILTER on-the-road SINCE 3-Dec-2002') == '2')
check('3.1: in any case', found('filter ON-THE-ROAD') == '1 2')
check('3.1: under NOT', found('NOT FILTER on-the-road') == '3')
check('3.1: under OR', found('OR FILTER on-the-road SUBJECT "rz"') == '1 2 3')
check('3.1: UID SEARCH', found('FILTER on-the-road', 'UID SEARCH') == '1 2')
a = w.say('SEARCH RETURN (COUNT) FILTER on-the-road')
check('3.1: with RETURN', has(a, 'COUNT 2'), a)
check('3.1: SORT', w.say('SORT (REVERSE ARRIVAL) UTF-8 FILTER on-the-road')[0].startswith('* SORT '))
check('3.1: THREAD', w.say('THREAD ORDEREDSUBJECT UTF-8 FILTER on-the-road')[0] == '* THREAD (1 2)')
a = w.say('ESEARCH IN (personal) FILTER on-the-road')
check('3.1: ESEARCH', has(a, 'ALL 1:2'), a)
check('3.1: used again', found('FILTER on-the-road FILTER on-the-road') == '1 2')
check('several keys count as one', ok(keep('both', b'SEEN FROM joe')) and found('NOT FILTER both') == '1 3')

# Which one: section 3.1.
check('3.1: a shared one', ok(keep('which', b'SEEN', 'shared')) and found('FILTER which') == '2')
check('3.1: the private one comes first', ok(keep('which', b'FLAGGED')) and found('FILTER which') == '1')
w.say('SETMETADATA "" (/private/filters/values/which NIL)')
check('3.2: when it is deleted the shared one is there', found('FILTER which') == '2')
w.say('SETMETADATA "" (/shared/filters/values/which NIL)')
check('3.1: UNDEFINED-FILTER', found('FILTER which').startswith('NO [UNDEFINED-FILTER which]'), found('FILTER which'))
w.say('SETMETADATA INBOX (/private/filters/values/mine "ALL")')
check('3.1: one of a folder is none', found('FILTER mine').startswith('NO [UNDEFINED-FILTER mine]'))
check('a description is none', ok(w.say('SETMETADATA "" (/private/filters/descriptions/that "ALL")')) and
      found('FILTER that').startswith('NO [UNDEFINED-FILTER that]'))

# UTF-8, CHARSET: section 3.1.
check('3.1: in UTF-8', ok(keep('month', 'SUBJECT "MÄRZ"'.encode())) and found('FILTER month') == '3')
check('3.1: literals', ok(keep('month', b'SUBJECT {5+}\r\nM\xc3\xa4rz')) and found('FILTER month') == '3')
check('3.1: CHARSET UTF-8', found('CHARSET UTF-8 FILTER month') == '3' and found('CHARSET US-ASCII FILTER month') == '3')
check('3.1: another is BAD with BADCHARSET', found('CHARSET KOI8-R FILTER month').startswith('BAD [BADCHARSET'))
check('and without a filter NO', found('CHARSET KOI8-R ALL').startswith('NO [BADCHARSET'))

# Filters within filters: at least three passes, and then an end.
for name, value in ('one', b'FILTER two'), ('two', b'FILTER three'), ('three', b'SEEN'), ('four', b'FILTER one'), ('loop', b'FILTER loop'):
    keep(name, value)
check('3.1: three passes', found('FILTER one') == '2', found('FILTER one'))
check('3.1: a fourth is one that there is not', found('FILTER four').startswith('NO [UNDEFINED-FILTER three]'), found('FILTER four'))
check('3.1: so is a loop', found('FILTER loop').startswith('NO [UNDEFINED-FILTER loop]'), found('FILTER loop'))
keep('wide', b'FILTER three ' * 9 + b'ALL')
check('20 in one search', found('FILTER wide FILTER wide') == '2')
check('not more', found('FILTER wide FILTER wide FILTER three').startswith('NO [UNDEFINED-FILTER three]'))

# What is no search: section 3.1.
for value in b'OR SMALLER', b'ALL ', b'(ALL', b'ALL)', b'', b'NOSUCH', b'SUBJECT {99}\r\nx':
    keep('wrong', value)
    check(f'3.1: {value}', found('FILTER wrong').startswith('NO the value is no search'), found('FILTER wrong'))
keep('wrong', b'9')
check('a number that no message has', found('FILTER wrong').startswith('BAD'))
for search in 'FILTER', 'FILTER ', 'FILTER a/b', 'FILTER "month"', 'FILTER month)':
    check(f'4: {search!r}', found(search).startswith('BAD'), found(search))
check('4: a name that is too long', found('FILTER ' + 'x' * 2000).startswith('NO'))
for i in range(30):
    w.say('SEARCH FILTER none')
check('a NO is no wrong command', found('FILTER month') == '3')

w.say('ENABLE UIDONLY')
keep('numbers', b'1:2')
check('RFC 9586 3: no number by way of a filter', found('FILTER numbers', 'UID SEARCH').startswith('BAD [UIDREQUIRED]'))
check('it ends well', w.end() == 0)
done()
