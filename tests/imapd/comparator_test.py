#!/usr/bin/env python3
"""comparator_test - I18NLEVEL=2 (RFC 5255 section 4): i;unicode-casemap in
SEARCH, SORT and THREAD, and COMPARATOR, on the wire of `imapd MAILBOX`."""
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
w = Wire()
check('RFC 5255 section 4.4: it is announced, and no other level', has([w.greeting], ' I18NLEVEL=2') and
      not has([w.greeting], 'I18NLEVEL=1'), w.greeting)


def message(subject, body=b'x', more=b'From: a@example.org\r\n'):
    return more + b'Subject: ' + subject + b'\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n' \
        b'Content-Transfer-Encoding: 8bit\r\n\r\n' + body + b'\r\n'


def word(charset, octets):
    return b'=?' + charset + b'?Q?' + b''.join(b'=%02X' % octet for octet in octets) + b'?='


def search(key):
    return w.say('SEARCH CHARSET UTF-8 '.encode() + key)[0].removeprefix('* SEARCH').split()


# section 4.6: the example of the ordering, the strings that are what they say
w.say('CREATE Order')
strings = ('\ufffd b'.encode(), word(b'UTF-8', bytes.fromhex('D181D095D0A0D093D095D099')),
           '\ufffd c'.encode(), word(b'KOI8-R', bytes.fromhex('E1CCC5CBD3C5CA')), '\U0001f600'.encode())
for string in strings:
    w.append('Order', message(string))
w.say('SELECT Order')
a = w.say('SORT (SUBJECT) UTF-8 ALL')
check('RFC 5255 section 4.6: its example, and what is no text behind all', a[0] == '* SORT 4 2 5 1 3', a)
a = w.say('SORT (REVERSE SUBJECT) UTF-8 ALL')
check('REVERSE turns all of it round', a[0] == '* SORT 3 1 5 2 4', a)

# section 4.2: the keys of SEARCH
w.say('CREATE Keys')
w.append('Keys', message('ÉTÉ ﬁn'.encode(), 'Straße ǅ Ångström'.encode(),
                         'From: "Zoë" <a@example.org>\r\nTo: "ÑANDÚ" <b@example.org>\r\nCc: "Čapek" <c@example.org>\r\n'
                         'Bcc: "ŁÓDŹ" <d@example.org>\r\nX-Word: ΣΊΣΥΦΟΣ\r\n'.encode()))
w.append('Keys', message(b'other'))
w.say('SELECT Keys')
for key in ('SUBJECT "été"', 'SUBJECT "e\u0301te\u0301"', 'SUBJECT "ÉTÉ ﬁN"', 'BODY "STRAßE"', 'BODY "ǆ"', 'BODY "A\u030angstrom".'[:-1].replace('trom', 'tro\u0308m'),
            'TEXT "ångström"', 'FROM "zoË"', 'TO "ñandú"', 'CC "čAPEK"', 'BCC "łódź"', 'HEADER X-Word "σίσυφος".'[:-1].replace('ς', 'σ')):
    check('RFC 5255 section 4.2: SEARCH ' + key, search(key.encode()) == ['1'], search(key.encode()))
check('no accent is no accent', search('SUBJECT "ete"'.encode()) == [])

# the keys of SORT, and THREAD by subject
w.say('CREATE Sorted')
for subject, who in (('zeta', 'émile'), ('Ärger', 'Zed'), ('ärger', 'Emil'), ('éclair', 'adam'), ('Zoo', 'ÉMILE')):
    w.append('Sorted', message(subject.encode(), more=f'From: "x" <{who}@example.org>\r\nTo: <{who}@example.org>\r\nCc: <{who}@example.org>\r\n'.encode()))
w.say('SELECT Sorted')
a = w.say('SORT (SUBJECT) UTF-8 ALL')
check('SORT SUBJECT', a[0] == '* SORT 2 3 4 1 5', a)
for key in ('FROM', 'TO', 'CC'):
    a = w.say(f'SORT ({key}) UTF-8 ALL')
    check('SORT ' + key, a[0] == '* SORT 4 3 1 5 2', a)
a = w.say('THREAD ORDEREDSUBJECT UTF-8 ALL')
check('THREAD=ORDEREDSUBJECT', '(2 3)' in a[0] or '(3 2)' in a[0] or '(2)(3)' not in a[0], a)

# section 4.7: COMPARATOR
a = w.say('COMPARATOR')
check('RFC 5255 section 4.7: which it is', a == ['* COMPARATOR i;unicode-casemap', 'OK done'], a)
for order in ('default', '"i;unicode-casemap"', 'i;unicode-casemap', '"*"', '"i;*"', '"*casemap"', '"i;un*de-*"', '"I;UNICODE-CASEMAP"',
              '+i;unicode-casemap', '"cz;*" "i;basic" "i;*"', '"i;*map*"'):
    a = w.say('COMPARATOR ' + order)
    check('it is ' + order, a == ['* COMPARATOR i;unicode-casemap', 'OK done'], a)
for order in ('"cz;*"', 'i;octet', 'i;basic i;ascii-casemap', '"i;unicode"', '"*x"', '"' + '*a' * 127 + '"'):
    a = w.say('COMPARATOR ' + order)
    check('RFC 5255 section 4.9: none is ' + order[:30], a[-1].startswith('NO [BADCOMPARATOR]') and len(a) == 1, a)
for order in ('', '""', '"**"', '"i;a b"', '"é"', '"' + 'a' * 255 + '"', '";i"', 'i;octet '):
    if order == '':
        order = ' '
    check(f'BAD COMPARATOR {order[:20]}', w.say('COMPARATOR ' + order)[-1].startswith('BAD'))
a = w.say('COMPARATOR "-i;*"')
check('RFC 4790 section 3.3: the other way round', a == ['* COMPARATOR -i;unicode-casemap', 'OK done'], a)
check('which it is then', w.say('COMPARATOR')[0] == '* COMPARATOR -i;unicode-casemap')
a = w.say('SORT (SUBJECT) UTF-8 ALL')
check('SORT goes the other way', a[0] == '* SORT 5 1 4 2 3', a)
check('BAD changes nothing', w.say('COMPARATOR default ""')[-1].startswith('BAD') and
      w.say('COMPARATOR')[0] == '* COMPARATOR -i;unicode-casemap')
w.say('COMPARATOR default')
a = w.say('SORT (SUBJECT) UTF-8 ALL')
check('and back', a[0] == '* SORT 2 3 4 1 5', a)
w.say('UNSELECT')
check('it needs no folder', ok(w.say('COMPARATOR')))
w.end()
done()
