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

check('the end', w.end() == 0)
finish()
