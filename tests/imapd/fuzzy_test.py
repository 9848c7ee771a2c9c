#!/usr/bin/env python3
"""fuzzy_test - SEARCH=FUZZY (RFC 6203): matches that are not exact, how
relevant they are, and SORT by that."""
from mail import *

w = Wire()
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
check('7: SEARCH=FUZZY is announced', ' SEARCH=FUZZY' in w.greeting.replace(']', ' '), w.greeting)
for subject, sender, body in (
        ('broken IMAP', 'ana', 'one'), ('IMAP break', 'bob', 'blue apples and pears'), ('Other things', 'bob', 'pears, then apples'),
        ('Breakfast', 'ana', 'apples'), ('I like the IMAP break dance', 'eve', 'four')):
    w.append('INBOX', f'From: {sender}@example.com\r\nSubject: {subject}\r\n\r\n{body}\r\n'.encode())
w.say('SELECT INBOX')


def found(search, command='SEARCH'):
    answer = w.say(f'{command} {search}')
    return answer[0].removeprefix('* ' + command).strip() if ok(answer) else answer[-1]


def told(command):
    """What ESEARCH says behind its tag."""
    answer = w.say(command)
    return answer[0].split(') ', 1)[1] if ok(answer) and answer[0].startswith('* ESEARCH') else answer[-1]


# Section 3.
check('3: without FUZZY the text stands there', found('SUBJECT "IMAP break"') == '2 5')
check('3: with it words will do', found('FUZZY SUBJECT "IMAP break"') == '1 2 4 5', found('FUZZY SUBJECT "IMAP break"'))
check('3: in parentheses', found('FUZZY (SUBJECT "IMAP break")') == '1 2 4 5')
check('3: what is behind it is exact', found('FUZZY SUBJECT "IMAP break" FROM "ana example"') == '')
check('3: what is in parentheses is not', found('FUZZY (SUBJECT "IMAP break" FROM "ana example")') == '1 2 4 5')
check('3: one without any word is not found', found('FUZZY SUBJECT "nothing here like this"') == '')
check('3: at least half of them', found('FUZZY SUBJECT "IMAP break dance floor music"') == '5')
check('3: BODY', found('FUZZY BODY "apples pears"') == '2 3 4')
check('3: TEXT', found('FUZZY TEXT "apples bob"') == '2 3 4')
check('3: HEADER', found('FUZZY HEADER Subject "break imap"') == '1 2 4 5')
check('3: OR', found('FUZZY OR SUBJECT "dance floor" BODY "one two"') == '1 5')
check('3: a text without words', found('FUZZY SUBJECT "--"') == '')
check('3: no text', found('FUZZY SUBJECT ""') == '1 2 3 4 5' and found('FUZZY BODY ""') == '1 2 3 4 5')
check('3: case does not matter', found('FUZZY SUBJECT "DANCE BREAK"') == '2 4 5')
check('3: UID SEARCH', w.say('UID SEARCH FUZZY SUBJECT "imap break"')[0] == '* SEARCH 1 2 4 5')
check('3: THREAD', w.say('THREAD ORDEREDSUBJECT UTF-8 FUZZY SUBJECT "things other"')[0] == '* THREAD (3)')
check('3: many words', found('FUZZY SUBJECT "' + 'imap ' * 300 + '"') == '1 2 5')
check('NOT is exact', found('FUZZY NOT SUBJECT "IMAP break"') == '1 3 4')
check('NOT FUZZY', found('NOT FUZZY SUBJECT "IMAP break"') == '3')

# Section 4.
a = told('SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT "IMAP break"')
check('4: RELEVANCY', a == 'ALL 1:2,4:5 RELEVANCY (45 100 45 100)', a)
a = told('SEARCH RETURN (RELEVANCY ALL) FUZZY BODY "apples pears"')
check('4: all words, elsewhere, are more than some', a == 'ALL 2:4 RELEVANCY (90 90 45)', a)
a = told('SEARCH RETURN (RELEVANCY) FUZZY SUBJECT nobody')
check('4: of none', a == 'RELEVANCY ()', a)
a = told('SEARCH RETURN (RELEVANCY ALL) FUZZY (SUBJECT "IMAP break" BODY "apples pears")')
check('4: of several keys', a == 'ALL 2,4 RELEVANCY (95 45)', a)
a = told('SEARCH RETURN (RELEVANCY PARTIAL -1:-2) FUZZY SUBJECT "IMAP break"')
check('4: of a part', a == 'PARTIAL (-1:-2 4:5) RELEVANCY (45 100)', a)
for search in 'SEARCH RETURN (RELEVANCY ALL) SUBJECT x', 'SORT (RELEVANCY) UTF-8 SUBJECT x', 'ESEARCH RETURN (RELEVANCY) ALL', \
        'SORT RETURN (RELEVANCY) (DATE) UTF-8 ALL':
    check(f'4, 6: not without FUZZY: {search}', w.say(search)[-1].startswith('BAD'))

# Section 5: what has no text is as it should be.
w.say('STORE 1 +FLAGS.SILENT (\\Answered)')
a = told('SEARCH RETURN (RELEVANCY ALL) SUBJECT imap FUZZY ANSWERED')
check('5: flags', a == 'ALL 1 RELEVANCY (100)', a)
check('5: numbers, dates and sizes', found('FUZZY (2:4 SINCE 1-Jan-2020 LARGER 1)') == '2 3 4')

# Section 6.
check('6: SORT, the highest first', found('(RELEVANCY) UTF-8 FUZZY SUBJECT "IMAP break"', 'SORT') == '2 5 1 4')
check('6: another search is another order', found('(RELEVANCY) UTF-8 FUZZY SUBJECT "broken IMAP"', 'SORT') == '1 2 5')
check('6: REVERSE', found('(REVERSE RELEVANCY SUBJECT) UTF-8 FUZZY SUBJECT "IMAP break"', 'SORT') == '4 1 5 2')
a = told('SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY SUBJECT "IMAP break"')
check('6: RELEVANCY in the order of SORT', a == 'ALL 2,5,1,4 RELEVANCY (100 100 45 45)', a)
a = told('SORT RETURN (PARTIAL 1:2) (RELEVANCY) UTF-8 FUZZY SUBJECT "IMAP break"')
check('6: the most relevant ones', a == 'PARTIAL (1:2 2,5)', a)
w.say('UNSELECT')
w.append('INBOX', b'Subject: break the IMAP\r\n\r\nx\r\n')
w.say('CREATE Other')
w.append('Other', b'Subject: x\r\n\r\nx\r\n')
w.append('Other', b'Subject: The break\r\n\r\nx\r\n')
a = w.say('ESEARCH IN (personal) RETURN (RELEVANCY ALL) FUZZY SUBJECT "IMAP break"')
check('RFC 7377: in each folder', has(a, 'ALL 1:2,4:6 RELEVANCY (45 100 45 100 90)') and has(a, 'ALL 2 RELEVANCY (45)'), a)

# Section 7.
w.say('SELECT INBOX')
for search in 'FUZZY', 'FUZZY ', 'FUZZY ()', 'FUZZY SUBJECT', 'FUZZY FUZZY', 'FUZZY ' * 30 + 'ALL':
    check(f'7: {search[:20]!r}', w.say(f'SEARCH {search}')[-1].startswith('BAD'))
check('7: FUZZY of FUZZY', found('FUZZY FUZZY SUBJECT "things other"') == '3')
check('it ends well', w.end() == 0)
done()
