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


# RFC 3516, section 6: lines end with CRLF, however they are kept.
def deliver(message):
    """As a delivery leaves it, with LF."""
    global count
    count += 1
    with open(f'{home}/M/new/17040000{count:02}.x.host', 'wb') as f:
        f.write(message)
    os.chown(f.name, UID, UID) if os.geteuid() == 0 else None
    w.say('NOOP')


def binary(section):
    """What the last message has there, with NULs, and its size."""
    a = w.say(f'FETCH {count} BINARY.SIZE[{section.partition("<")[0]}]')
    size = int(a[0].split('] ')[1].rstrip(')'))
    w.send(f'f FETCH {count} BINARY.PEEK[{section.partition("<")[0]}]{section[len(section.partition("<")[0]):]}\r\n')
    head = w.line()
    text = w.file.read(int(head.split('{')[1].rstrip('}'))) if '{' in head else head.split('"')[1].encode()
    w.until('f')
    return text, size


TEXT = b'line1\n\r\nli\0ne2 \n'
WIRE = b'line1\r\n\r\nli\0ne2 \r\n'
for encoding in ('', '7bit', '8bit', '"8bit"'):
    field = f'Content-Transfer-Encoding: {encoding}\n'.encode() if encoding else b''
    deliver(b'Subject: x\nContent-Type: multipart/mixed; boundary=z\n\n--z\n' + field + b'\n' + TEXT + b'\n--z\n'
            b'Content-Transfer-Encoding: binary\n\n' + TEXT + b'\n--z--\n')
    check(f'BINARY, {encoding}', binary('1') == (WIRE, len(WIRE)), binary('1'))
    for start in range(len(WIRE)):
        got = binary(f'1<{start}.3>')[0]
        check(f'BINARY[1]<{start}.3>, {encoding}', got == WIRE[start:start + 3], got)
check('BINARY, binary', binary('2') == (TEXT, len(TEXT)), binary('2'))
text, size = binary('')
whole = w.say(f'FETCH {count} RFC822.SIZE')[0]
check('BINARY[]', size == len(text) and whole.endswith(f' {size})') and b'\n' not in text.replace(b'\r\n', b'') and b'li\0ne2' in text, text)
check('BINARY[]<5.20>', binary('<5.20>')[0] == text[5:25], binary('<5.20>'))
deliver(b'Subject: x\nContent-Transfer-Encoding: binary\n\n' + TEXT)
check('BINARY[] that is binary', binary('')[0].endswith(b'\n\n' + TEXT), binary(''))

# The closing delimiter's last two signs are lost: it begins no empty text.
append(b'Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<b>one</b>\n--b\n')
a = w.say(f'FETCH {count} (PREVIEW BODY)')
check('an opening delimiter at the end', has(a, 'PREVIEW "one"') and has(a, 'NIL NIL "7bit" 10 0) "alternative")'), a)

# RFC 8970: a preview is of the first part that has a word, plain ones first.
part = lambda kind, text, more='': f'--b\nContent-Type: text/{kind}{more}\n\n{text}\n'
for parts, preview in (
        (part('plain', '') + part('html', '<p>words</p>'), '"words"'),
        (part('plain', ' \n\n\t') + part('html', '<p>words</p>'), '"words"'),
        (part('html', '<p>words</p>') + part('plain', 'plain'), '"plain"'),
        (part('html', '<p> </p>') + part('plain', '') + part('html', '<p>second</p>') + part('plain', 'plain'), '"plain"'),
        (part('html', '<p> </p>') + part('plain', '') + part('html', '<p>second</p>'), '"second"'),
        (part('plain', '') + part('plain', 'attached', '\nContent-Disposition: attachment') + part('html', '<i>words</i>'), '"words"'),
        (part('plain', '') + part('html', '<br>'), '""'), (part('plain', '') * 20 + part('html', 'far'), '""')):
    append(f'Content-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n'.encode())
    a = w.say(f'FETCH {count} PREVIEW')
    check(f'PREVIEW {preview}', has(a, f'(PREVIEW {preview})'), (parts, a))

w.end()
done()
