#!/usr/bin/env python3
"""mime_test - mail whose MIME is not what it should be, or has rarer forms, on
the wire of `imapd MAILBOX`: values without quotes, line ends, Unicode's sets."""
import base64
from mail import *

w = Wire()
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
count = 0


def append(message):
    global count
    count += 1
    w.append('INBOX', message=message.replace(b'\n', b'\r\n'))
    if count == 1:
        w.say('SELECT INBOX')


# What should have been quoted, and was not.
for boundary in ('----=_Part_1', '=_abc', 'abc:def', 'a/b', 'x?y', '[x]', 'a@b', 'a,b', '<ab>', '(a)b'):
    append(f'Content-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n\none\n--{boundary}\n\ntwo\n--{boundary}--\n'.encode())
    a = w.say(f'FETCH {count} (BODYSTRUCTURE BODY.PEEK[2])')
    check(f'boundary={boundary}', has(a, '"mixed" ("boundary" ') and has(a, 'two'), a)
append(b'Content-Type: application/pdf; name=my file (1).pdf\n'
       b'Content-Disposition: attachment; filename==?utf-8?B?w6kucGRm?=; size=3\n\none\n')
a = w.say(f'FETCH {count} BODYSTRUCTURE')
check('names without quotes', has(a, '("name" "my file (1).pdf")') and has(a, '("filename" "=?utf-8?B?w6kucGRm?=" "size" "3")'), a)
append(b'Content-Type: text/plain; charset=us-ascii (Plain text)\nContent-Transfer-Encoding: "quoted-printable"\n\n=6fne\n')
a = w.say(f'FETCH {count} (BODYSTRUCTURE BINARY.PEEK[1])')
check('a comment; an encoding in quotes', has(a, '("charset" "us-ascii") NIL NIL "quoted-printable"') and has(a, 'one'), a)

w.end()
done()
