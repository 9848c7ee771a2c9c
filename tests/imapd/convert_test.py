#!/usr/bin/env python3
"""convert_test - CONVERT (RFC 5259): parts in other types and character sets,
on the wire of `imapd MAILBOX`.  Sections are of that RFC."""
import base64, re
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
no = lambda answer: answer[-1].startswith('NO')
bad = lambda answer: answer[-1].startswith('BAD')
w = Wire()
w.say('CREATE C')


def message(content, body, more=b''):
    return b'From: Ana <ana@example.org>\r\nTo: bob@example.org\r\nSubject: =?iso-8859-1?q?caf=E9?=\r\n' + more + \
        b'MIME-Version: 1.0\r\nContent-Type: ' + content + b'\r\n\r\n' + body


def add(content, body, more=b''):
    """Its number in the selected folder."""
    global number
    answer = w.append('C', message(content, body, more))
    assert ok(answer), answer
    w.say('NOOP')
    number += 1
    return number


def literals(command):
    """The answer as bytes, each literal of it, and the rest without them."""
    w.count += 1
    tag = f't{w.count}'
    w.send(f'{tag} '.encode() + (command if isinstance(command, bytes) else command.encode()) + b'\r\n')
    found, rest = [], b''
    while not (rest.split(b'\r\n')[-2:-1] or [b''])[0].startswith(tag.encode() + b' '):
        line = w.file.readline()
        assert line, rest
        rest += line
        match = re.search(rb'\{(\d+)\}\r\n$', line)
        if match:
            found.append(w.file.read(int(match[1])))
    return found, rest.decode('utf-8', 'surrogateescape').splitlines()


def text(n, target='"text/plain"', part='1', parameters=None):
    """The only literal of a conversion that succeeds; else the whole answer."""
    given = f' ({parameters})' if parameters else ''
    found, rest = literals(f'CONVERT {n} ({target}{given}) BINARY[{part}]')
    return found[0] if len(found) == 1 and rest[-1].split()[1] == 'OK' else rest


number = 0
w.say('SELECT C')

# ---- 3.1: CAPABILITY; 5: CONVERSIONS ----
words = w.greeting.replace(']', ' ').split()
check('3.1: CONVERT and BINARY are announced', 'CONVERT' in words and 'BINARY' in words, w.greeting)
a = w.say('CONVERSIONS "text/plain" "text/plain"')
check('7.1: text/plain to text/plain, with both parameters',
      a == ['* CONVERSION "text/plain" "text/plain" ("charset" "unknown-character-replacement")', 'OK done'], a)
check('5.1: no CONVERSION without a match', w.say('CONVERSIONS "image/gif" "image/jpeg"') == ['OK done'])
a = w.say('CONVERSIONS "text/html" "*"')
check('5.1: a target of any type', has(a, '"text/html" "text/plain"') and has(a, '"text/html" "text/html"') and len(a) == 3, a)
a = w.say('CONVERSIONS "*" "text/html"')
check('5.1: a source of any type', has(a, '"text/plain" "text/html"') and not has(a, '"text/plain" "text/plain"'), a)
everything = w.say('CONVERSIONS "*" "*"')
check('5.1: type/*', w.say('CONVERSIONS "text/*" "Text/*"')[:-1] == [line for line in everything[:-1] if 'N "text/' in line])
check('5.1: an atom, a literal, any case', w.say('CONVERSIONS TEXT/plain {9+}\r\ntext/html')[0].startswith('* CONVERSION "text/plain" "text/html"'))
check('6: multipart/* has conversions', len(w.say('CONVERSIONS "multipart/*" "*"')) > 4)
for arguments in ('', ' "text/plain"', ' "text/plain" "*" "x"', ' * *', ' "text" "*"', ' "*/plain" "*"', ' "text/pl*" "*"', ' "text/" "*"',
                  ' "" "*"', ' "text/plain;x" "*"', ' "a b/c" "*"', ' (text/plain) "*"'):
    check(f'5.1: BAD CONVERSIONS{arguments}', bad(w.say('CONVERSIONS' + arguments)))
u = Wire()
check('5.1: CONVERSIONS before SELECT', ok(u.say('CONVERSIONS "*" "*"')))
check('6: CONVERT only after it', bad(u.say('CONVERT 1 (NIL) BINARY[1]')))
u.end()

# ---- 7.1: character sets ----
plain = {}
for charset, source in (('iso-8859-1', 'aé÷ÿ'), ('iso-8859-2', 'ąłžď'), ('iso-8859-3', 'ħĉŝ'), ('iso-8859-4', 'ĸŗŋū'), ('iso-8859-5', 'Жлѓ№'),
                        ('iso-8859-6', 'ابجد'), ('iso-8859-7', 'αβγώ'), ('iso-8859-8', 'אבגד'), ('iso-8859-15', '€Šœ'), ('koi8-r', 'Привет'),
                        ('windows-1252', '€“—'), ('shift_jis', '日本語'), ('gb18030', '中文字符'), ('utf-8', 'é日€😀')):
    n = plain[charset] = add(b'text/plain; charset=' + charset.encode(), (source + '\r\n').encode(charset))
    got = text(n, parameters='"charset" "utf-8"')
    check(f'7.1: {charset} to utf-8', got == (source + '\r\n').encode(), got)
    check(f'7.1: {charset} without a parameter is the same', text(n) == got)
latin = plain['iso-8859-1']
check('to iso-8859-1', text(latin, parameters='CHARSET ISO-8859-1') == 'aé÷ÿ\r\n'.encode('latin-1'))
check('to iso-8859-15', text(latin, parameters='"charset" "iso-8859-15"') == 'aé÷ÿ\r\n'.encode('iso-8859-15'))
check('Cyrillic to another set', text(plain['koi8-r'], parameters='"charset" "windows-1251"') == 'Привет\r\n'.encode('cp1251'))
quoted = add(b'text/plain; charset=iso-8859-1', b'caf=E9 =\r\nx\r\n', b'Content-Transfer-Encoding: quoted-printable\r\n')
check('6: it is decoded: quoted-printable', text(quoted) == 'café x\r\n'.encode())
encoded = add(b'text/plain; charset=utf-8', base64.encodebytes('é\n\nx'.encode()), b'Content-Transfer-Encoding: base64\r\n')
check('6: base64, and its lines end as lines do', text(encoded) == 'é\r\n\r\nx'.encode())

# ---- 7.1, 9: what is not in the set ----
a = w.say(f'CONVERT {latin} ("text/plain" ("charset" "us-ascii")) BINARY[1]')
check('7.1: a character that the target has not: ERROR BADPARAMETERS',
      re.fullmatch(rf'\* {latin} CONVERTED \(TAG "t\d+"\) \(BINARY\[1\] \(ERROR "[a-z ]+" BADPARAMETERS "text/plain" "text/plain" '
                   r'\("charset" "us-ascii"\)\)\)', a[0]) is not None, a)
check('9: and NO', len(a) == 2 and a[1] == 'NO all conversions failed', a)
replaced = '"charset" "us-ascii" "unknown-character-replacement" "?"'
check('6: unknown-character-replacement', text(latin, parameters=replaced) == b'a???\r\n')
check('12.1: it is UTF-8 of any length', text(latin, parameters='"charset" "iso-8859-5" "Unknown-Character-Replacement" {3+}\r\nЖ') == []
      or text(latin, parameters='"charset" "iso-8859-5" "Unknown-Character-Replacement" {2+}\r\nЖ') == 'aЖЖЖ\r\n'.encode('iso-8859-5'))
check('and may be empty', text(latin, parameters='"charset" "us-ascii" "unknown-character-replacement" ""') == b'a\r\n')
a = w.say(f'CONVERT {latin} ("text/plain" ("charset" "us-ascii" "unknown-character-replacement" {{2+}}\r\né)) BINARY[1]')
check('7.1: one that the target has not: BADPARAMETERS', has(a, 'BADPARAMETERS "text/plain" "text/plain" ("unknown-character-replacement" {2}') and no(a), a)
a = w.say(f'CONVERT {latin} ("text/plain" ("charset" "us-ascii" "unknown-character-replacement" "{"x" * 100}")) BINARY[1]')
check('9: one that is too long: BADPARAMETERS', has(a, 'too long') and has(a, '("unknown-character-replacement" "xxx') and no(a), a)
for parameters, listed in (('"charset" "x-none"', '("charset" "x-none")'), ('"pix-x" "128" "pix-y" "96"', '("pix-x" "128" "pix-y" "96")'),
                           ('"charset" "utf-8" "pix-x" "1"', '("pix-x" "1")'), ('charset utf-8 CHARSET utf-8', '("CHARSET" "utf-8")'),
                           ('"charset" "iso-2022-jp"', '("charset" "iso-2022-jp")'), ('"charset" ""', '("charset" "")')):
    a = w.say(f'CONVERT {latin} ("text/plain" ({parameters})) BINARY[1]')
    check(f'9: each bad parameter is listed, and no other: {parameters}', has(a, f'BADPARAMETERS "text/plain" "text/plain" {listed}))') and no(a), a)
a = w.say(f'CONVERT {latin} (NIL ("x" "y")) BINARY[1]')
check('9: of the default conversion the type that the server chose', has(a, 'BADPARAMETERS "text/plain" "text/plain" ("x" "y")'), a)
strange = add(b'text/plain; charset=x-none', b'x\r\n')
a = w.say(f'CONVERT {strange} ("text/plain") BINARY[1]')
check('9: a source that nobody can read', has(a, 'BADPARAMETERS "text/plain" "text/plain"))') and no(a), a)
strange = add(b'text/plain', b'x\r\n', b'Content-Transfer-Encoding: x-none\r\n')
check('or decode', has(w.say(f'CONVERT {strange} ("text/plain") BINARY[1]'), 'ERROR "'))

# ---- 9: types ----
image = add(b'image/png', b'\x89PNG')
a = w.say(f'CONVERT {image} ("text/plain") BINARY[1]')
check('9: no such conversion: BADPARAMETERS without parameters', has(a, 'BADPARAMETERS "image/png" "text/plain"))') and no(a), a)
a = w.say(f'CONVERT {latin} ("APPLICATION/PDF") BINARY[1]')
check('9: a type that is not known: NO', has(a, 'BADPARAMETERS "text/plain" "APPLICATION/PDF"))') and no(a), a)
a = w.say(f'CONVERT {image} (NIL) BINARY[1]')
check('6: nor a default one', has(a, 'BADPARAMETERS "image/png" "text/plain"))') and no(a), a)
a = w.say(f'CONVERT {latin} ("text/plain") BINARY[3.1]')
check('9: NIL in place of the type if there is no such part', has(a, 'BADPARAMETERS NIL "text/plain"))') and no(a), a)
a = w.say(f'CONVERT {latin} (NIL) (BINARY[1] BINARY[2])')
check('9: one that succeeded is enough for OK', has(a, '{') and has(a, 'BINARY[2] (ERROR "') and a[-1] == 'OK some conversions failed', a)
a = w.say(f'CONVERT {latin},{image} ("text/plain") BINARY.SIZE[1]')
check('also of several messages', has(a, f'* {latin} CONVERTED') and has(a, f'* {image} CONVERTED') and ok(a), a)
for arguments in ('', '1', '1 BINARY[1]', '1 (NIL)', '1 () BINARY[1]', '1 (text/plain) BINARY[1]', '1 ("text/*") BINARY[1]', '1 ("*") BINARY[1]',
                  '1 ("text") BINARY[1]', '1 ("text/plain" ()) BINARY[1]', '1 ("text/plain" ("charset")) BINARY[1]', '1 (NIL) ()', '1 (NIL) BINARY[1',
                  '1 (NIL) BINARY', '1 (NIL) BINARY[HEADER]', '1 (NIL) BINARY[1.MIME]', '1 (NIL) BINARY.PEEK[1]', '1 (NIL) BINARY.SIZE[1]<0.1>',
                  '1 (NIL) BODYPARTSTRUCTURE[1]<0.1>', '1 (NIL) BINARY[1]<0.0>', '1 (NIL) BINARY[1]<0>', '1 (NIL) BODY[1]', '1 (NIL) BODY[]',
                  '1 (NIL) BODY[TEXT]', '1 (NIL) BODY[HEADER.FIELDS (x)]', '1 (NIL) BODY[MIME]', '1 (NIL) FLAGS', '1 (NIL) (UID FLAGS)',
                  '1 (NIL) BINARY[0]', '1 (NIL) BINARY[1] x', '0 (NIL) BINARY[1]', '99 (NIL) BINARY[1]', '1 (NIL)BINARY[1]', '1(NIL) BINARY[1]',
                  '1 (NIL ("a" "b")) (BINARY[1]  UID)', '1 (NIL (' + ' '.join(f'"p{i}" "v"' for i in range(17)) + ')) BINARY[1]',
                  '1 ("text/plain" ("charset" "utf-8")) BODY[HEADER]', '1 ("text/plain") (BINARY[1] BODY[1.MIME])'):
    if w.count % 15 == 0:
        w.end()
        w = Wire()
        w.say('SELECT C')
    check(f'10: BAD CONVERT {arguments}', bad(w.say(f'CONVERT {arguments}')), arguments)

# ---- 8: items ----
w.end()
w = Wire()
w.say('SELECT C')
page = add(b'text/html; charset=iso-8859-1', b'<html><head><title>no</title><style>p {}</style></head><body>\r\n<h1>Caf\xe9 &euro;</h1>'
           b'<p>Hello <b>W</b>orld<br>again</p><ul><li>one<li>two</ul><table><tr><td>1<td>2</table><a href="http://x/">link</a></body>\r\n')
want = 'Café €\r\n\r\nHello World\r\nagain\r\n\r\n* one\r\n* two\r\n\r\n1\t2\r\nlink <http://x/>\r\n'.encode()
check('7.2: HTML as text: structure and tables', text(page) == want, text(page))
found, a = literals(f'CONVERT {page} ("TEXT/PLAIN" ("CHARSET" "utf-8")) (BINARY.SIZE[1] BODYPARTSTRUCTURE[1] BINARY[1])')
check('8.1: the correlator has the tag, and the items are in their order',
      a[0] == f'* {page} CONVERTED (TAG "t{w.count}") (BINARY.SIZE[1] {len(want)} BODYPARTSTRUCTURE[1] ("text" "plain" ("charset" "utf-8") NIL NIL '
      f'"8bit" {len(want)} {want.count(10)} NIL NIL NIL NIL) BINARY[1] {{{len(want)}}}' and found == [want], a)
found, a = literals(f'CONVERT {page} (NIL) BINARY[1]<5.10>')
check('6: partial, of what it became', found == [want[5:15]] and 'BINARY[1]<5> {10}' in a[0], (found, a))
found, a = literals(f'CONVERT {page} (NIL) BINARY[1]<{len(want) - 3}.1000>')
check('6: as much as there is', found == [want[-3:]], (found, a))
found, a = literals(f'CONVERT {page} (NIL) BINARY[1]<9999.10>')
check('6: nothing behind its end', found == [b''] and '<9999> {0}' in a[0], (found, a))
pieces = b''.join(literals(f'CONVERT {page} (NIL) BINARY[1]<{at}.7>')[0][0] for at in range(0, len(want), 7))
check('8.3: piece by piece it is the same', pieces == want)
a = w.say(f'CONVERT {page} (NIL) (BINARY.SIZE[1] BINARY.SIZE[] BODYPARTSTRUCTURE[1] BINARY.SIZE[1] UID BINARY[1]<0.1> BINARY[1]<1.1>)')
check('8.2: the items of a part follow each other, in their order, and the same one comes once',
      re.sub(r'[("{][^\[]*$', '', '_'.join(re.findall(r'[A-Z.]+\[\d?\]', ''.join(a)))) ==
      'BINARY.SIZE[1]_BODYPARTSTRUCTURE[1]_BINARY[1]_BINARY[1]_BINARY.SIZE[]', a)
a = w.say(f'CONVERT {page} (NIL) (BODYPARTSTRUCTURE[1] UID)')
uid = a[0].split('(UID ')[1].split()[0]
check('8.1: UID comes first', f'(UID {uid} BODYPARTSTRUCTURE[1] (' in a[0], a)
a = w.say(f'UID CONVERT {uid} (NIL) BINARY.SIZE[1]')
check('6: UID CONVERT', a == [f'* {page} CONVERTED (TAG "t{w.count}") (UID {uid} BINARY.SIZE[1] {len(want)})', 'OK done'], a)
check('6: of no UID: nothing', w.say('UID CONVERT 4000 (NIL) BINARY.SIZE[1]') == ['OK done'])
check('UID alone', w.say(f'CONVERT {page} (NIL) UID')[0].endswith(f'(UID {uid})'))
a = w.say(f'CONVERT {page} (NIL) AVAILABLECONVERSIONS[1]')
check('8.4: AVAILABLECONVERSIONS', 'AVAILABLECONVERSIONS[1] (("text/plain" "text/html"))' in a[0] and ok(a), a)
a = w.say(f'CONVERT {page} ("TEXT/HTML") AVAILABLECONVERSIONS[1]')
check('8.4: the one that was asked for', 'AVAILABLECONVERSIONS[1] (("text/html"))' in a[0], a)
check('8.4: or ERROR', has(w.say(f'CONVERT {page} ("image/png") AVAILABLECONVERSIONS[1]'), '(ERROR "'))
check('8.4: none that a parameter does not apply to', has(w.say(f'CONVERT {page} (NIL ("pix-x" "1")) AVAILABLECONVERSIONS[1]'), 'BADPARAMETERS'))
check('8.4: an empty list', 'AVAILABLECONVERSIONS[1] (())' in w.say(f'CONVERT {image} (NIL) AVAILABLECONVERSIONS[1]')[0])
check('7.1: HTML in another set stays HTML', b'<h1>Caf\xc3\xa9 &euro;' in text(page, '"text/html"'))
escaped = text(latin, '"text/html"', parameters='"charset" "us-ascii"')
check('text as HTML: references for what the set has not', escaped.startswith(b'<!DOCTYPE html>') and b'\r\na&#233;&#247;&#255;\r\n' in escaped, escaped)
markup = add(b'text/plain', b'<script>alert("x")</script> & \x01\r\n')
escaped = text(markup, '"text/html"')
check('13: nothing in it is HTML', b'&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; \xef\xbf\xbd' in escaped and b'<script' not in escaped, escaped)
event = add(b'text/calendar; method=REQUEST; charset=iso-8859-1; x="a b"', b'BEGIN:\xe9\r\n')
a = w.say(f'CONVERT {event} (NIL ("charset" "utf-8")) (BODYPARTSTRUCTURE[1] BINARY.SIZE[1])')
check('8.2: what holds as before is kept', 'BODYPARTSTRUCTURE[1] ("text" "calendar" ("charset" "utf-8" "method" "REQUEST" "x" "a b") NIL NIL "8bit" 10 1' in a[0], a)
strange = add(b'text/plain; format=""; x="q\\"\xe9"; charset=utf-8', b'x\r\n')
a = w.say(f'CONVERT {strange} (NIL) BODYPARTSTRUCTURE[1]')
check('8.2: as BODYSTRUCTURE has it: empty ones are no NIL, others than ASCII no literals',
      '("charset" "utf-8" "format" "" "x" "=?unknown-8bit?B?' in a[0] and '{' not in a[0], a)
for subtype in b'css', b'csv', b'enriched', b'xml':
    n = add(b'text/' + subtype + b'; charset=iso-8859-2', b'\xb3\r\n')
    check(f'7.1: the character set of text/{subtype.decode()}', text(n, f'"text/{subtype.decode()}"', parameters='"charset" "utf-8"') == 'ł\r\n'.encode())
nul = add(b'text/plain; charset=iso-8859-1', base64.encodebytes(b'a\0\xe9'), b'Content-Transfer-Encoding: base64\r\n')
found, a = literals(f'CONVERT {nul} (NIL) (BINARY[1] BODYPARTSTRUCTURE[1])')
check('10: literal8 where there is a NUL', found == [b'a\0\xc3\xa9'] and '~{4}' in a[0] and has(a, '"binary"'), a)
long = add(b'text/plain', b'x' * 2000 + b'\r\n')
check('8.2: a long line is binary', has(w.say(f'CONVERT {long} (NIL) BODYPARTSTRUCTURE[1]'), '"binary" 2002 1'))
check('and ASCII is 7bit', has(w.say(f'CONVERT {markup} ("text/plain") BODYPARTSTRUCTURE[1]'), '"7bit" 33 1'))

# ---- 4, 6: nothing changes ----
check('6: \\Seen is not set', not has(w.say('FETCH 1:* FLAGS'), 'Seen'))
check('4: nor the message', b'Caf\xe9 &euro;' in literals(f'FETCH {page} BODY.PEEK[1]')[0][0])

# ---- 6: messages and multiparts ----
part = lambda content, body, more=b'': b'--b\r\nContent-Type: ' + content + b'\r\n' + more + b'\r\n' + body + b'\r\n'
fields = 'From: Ana <ana@example.org>\r\nTo: bob@example.org\r\nSubject: café\r\n'.encode()
check('6: a whole message', text(page, part='') == fields + b'\r\n' + want, text(page, part=''))
either = part(b'text/plain; charset=iso-8859-1', b'plain \xe9') + part(b'text/html', b'<p>rich</p>') + b'--b--\r\n'
n = add(b'multipart/alternative; boundary=b', either)
check('6: multipart/alternative: the plain one', text(n, part='') == fields + '\r\nplain é\r\n'.encode(), text(n, part=''))
n = add(b'multipart/alternative; boundary=b', part(b'text/html', b'<p>rich<p>text') + b'--b--\r\n')
check('else the HTML', text(n, part='') == fields + b'\r\nrich\r\n\r\ntext\r\n')
inner = b'Content-Type: multipart/alternative; boundary=b\r\n\r\n' + either.replace(b'--b', b'--c').replace(b'=b\r', b'=c\r')
nested = b'Content-Type: multipart/alternative; boundary=c\r\n\r\n' + either.replace(b'--b', b'--c')
n = add(b'multipart/mixed; boundary=b', part(b'text/plain', b'first') + b'--b\r\n' + nested + part(b'image/png', b'\x89') +
        part(b'text/plain', b'attached', b'Content-Disposition: attachment\r\n') + part(b'message/rfc822', MESSAGE) + b'--b--\r\n')
forwarded = b'From: Ana <ana@example.org>\r\nTo: bob@example.org\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nSubject: One\r\n\r\nHello Bob\r\n'
got = text(n, part='')
check('6: multipart/mixed: what is to be read of it', got == fields + '\r\nfirst\r\n\r\nplain é\r\n\r\n'.encode() + forwarded, got)
check('6: a multipart in it', text(n, part='2') == 'plain é\r\n'.encode(), text(n, part='2'))
check('6: a message in it', text(n, part='5') == forwarded, text(n, part='5'))
check('6: its leaf', text(n, part='5.1') == b'Hello Bob\r\n')
a = w.say(f'CONVERT {n} (NIL) (AVAILABLECONVERSIONS[] AVAILABLECONVERSIONS[2] AVAILABLECONVERSIONS[3] AVAILABLECONVERSIONS[5])')
check('8.4: of each', 'S[] (("text/plain")) AVAILABLECONVERSIONS[2] (("text/plain")) AVAILABLECONVERSIONS[3] (()) AVAILABLECONVERSIONS[5] (("text/plain"))' in a[0], a)
check('9: to ASCII with what it has not', no(w.say(f'CONVERT {n} ("text/plain" ("charset" "us-ascii")) BINARY[]')))
check('and with a replacement', b'caf?\r\n' in text(n, part='', parameters=replaced))
n = add(b'multipart/related; boundary=b', part(b'text/html', b'<p>page<img alt="dog" src="cid:1">') + part(b'text/css', b'p {}') + b'--b--\r\n')
check('6: multipart/related: its first text', text(n, part='').endswith(b'\r\n\r\npage[dog]\r\n'), text(n, part=''))

# ---- 6: headers ----
n = add(b'text/plain; charset=utf-8;\r\n foo*0*=utf-8\'fr\'tr%C3%A9;\r\n foo*1*(very)=%20s_m;\r\n foo*2*=(nasty)%09chant', b'x\r\n',
        b'X-Koi: =?KOI8-R?Q?why_encode_this?= =?x-none?q?=E9?=\r\n')
found, a = literals(f'CONVERT {n} (NIL ("CHARSET" "utf-8")) BODY[HEADER]')
check('6: encoded words in the character set', found and b'Subject: =?utf-8?Q?caf=C3=A9?=\r\n' in found[0] and found[0].endswith(b'\r\n\r\n'), found)
check('6: what cannot be decoded stays as it is', b'X-Koi: =?utf-8?Q?why_encode_this?=\r\n =?x-none?q?=E9?=\r\n' in found[0], found)
check('6: RFC 2231', b" foo*=utf-8'fr'tr%C3%A9%20s_m%09chant\r\n" in found[0], found)
found, a = literals(f'CONVERT {n} (NIL ("charset" "iso-8859-1")) BODY[1.MIME]')
check('6: BODY[1.MIME]', found and b"foo*=iso-8859-1'fr'tr%E9%20s_m%09chant" in found[0] and 'BODY[1.MIME] {' in a[0], found)
nested = add(b'message/rfc822', MESSAGE.replace(b'One', b'=?koi8-r?q?=F0?='))
found, a = literals(f'CONVERT {nested} (NIL ("charset" "utf-8")) (BODY[1.HEADER] BINARY.SIZE[1])')
check('6: BODY[1.HEADER]', found and b'Subject: =?utf-8?Q?=D0=9F?=' in found[0] and 'BODY[1.HEADER] {' in a[0], (found, a))
a = w.say(f'CONVERT {n} (NIL) BODY[HEADER]')
check('6, 9: without CHARSET: MISSINGPARAMETERS', has(a, 'BODY[HEADER] (ERROR "') and has(a, 'MISSINGPARAMETERS "text/rfc822-headers" "text/rfc822-headers" ("charset")') and no(a), a)
a = w.say(f'CONVERT {n} (NIL ("charset" "us-ascii")) BODY[HEADER]')
check('7.1: characters that it has not', has(a, 'BADPARAMETERS') and no(a), a)
found, a = literals(f'CONVERT {n} (NIL ({replaced})) BODY[HEADER]')
check('7.1: and with a replacement', found and b'Subject: =?us-ascii?Q?caf=3F?=' in found[0], found)
check('9: of no part', has(w.say(f'CONVERT {n} (NIL ("charset" "utf-8")) BODY[1.HEADER]'), 'BADPARAMETERS NIL '))

# ---- other sessions ----
v = Wire()
v.say('SELECT C')
uid = re.search(r'UID (\d+)', v.say(f'FETCH {page} UID')[0])[1]
size = w.say(f'CONVERT {page} (NIL) BINARY.SIZE[1]')[0]
v.say(f'UID STORE {uid} +FLAGS (\\Deleted)')
v.say(f'UID EXPUNGE {uid}')
a = w.say(f'CONVERT {page} (NIL) BINARY.SIZE[1]')
check('6: no EXPUNGE while CONVERT is answered', not has(a, 'EXPUNGE') or '[EXPUNGEISSUED]' in a[-1], a)
a = w.say(f'UID CONVERT {uid} (NIL) BINARY.SIZE[1]')
check('but with UID CONVERT, or before it', has(a, f'* {page} EXPUNGE') or has(w.say('NOOP'), f'* {page} EXPUNGE'), a)
v.say('UNSELECT')
v.say('ENABLE UIDONLY')
v.say('SELECT C')
check('RFC 9586: by number no more', v.say('CONVERT 1 (NIL) BINARY.SIZE[1]')[-1].startswith('BAD [UIDREQUIRED]'))
a = v.say('UID CONVERT 2 (NIL) BINARY.SIZE[1]')
check('and no number in the answer but the UID', a[0].startswith('* 2 CONVERTED (TAG "') and '(UID 2 BINARY.SIZE[1] ' in a[0], a)
v.end()

# ---- TEMPFAIL ----
check('8.5: what is kept is of one part, set and type',
      [text(latin), text(latin, parameters=replaced), text(quoted, parameters=replaced), text(quoted), text(latin)] ==
      ['aé÷ÿ\r\n'.encode(), b'a???\r\n', b'caf? x\r\n', 'café x\r\n'.encode(), 'aé÷ÿ\r\n'.encode()])

w.say('CREATE F')
w.append('F')
w.append('F')
w.say('SELECT F')
first = sorted(glob.glob(home + '/F/M/.F/*/*') + glob.glob(home + '/M/.F/*/*') + glob.glob(home + '/M/F/*/*'))
first = [path for path in first if os.path.isfile(path) and os.path.dirname(path).endswith(('/cur', '/new'))]
for path in first:
    os.chmod(path, 0)
a = w.say('CONVERT 1 (NIL) (BINARY[1] BODY[HEADER])')
check('9: a message that cannot be read now: ERROR TEMPFAIL with minutes', len(first) == 2 and has(a, 'BINARY[1] (ERROR "') and has(a, ' TEMPFAIL 5)'), (first, a))
check('9: and [TEMPFAIL]', a[-1].startswith('NO [TEMPFAIL]'), a)
for path in first:
    os.chmod(path, 0o600)
check('later it succeeds', ok(w.say('CONVERT 1 (NIL) BINARY[1]')))

# ---- LANGUAGE: section 10 ----
w.say('LANGUAGE es')
check('10: the text behind ERROR in the language of the session', has(w.say('CONVERT 1 (NIL) BINARY[9]'), 'no existe esa parte'))
w.say('LANGUAGE default')
check('it ends well', w.end() == 0)
if os.geteuid() != 0:
    done()
    sys.exit()


# ---- 8.5: limits ----
def limited(**limits):
    control = tempfile.mkdtemp(dir=work)
    os.chmod(control, 0o755)
    for name, limit in limits.items():
        with open(f'{control}/{name}', 'w') as f:
            f.write(f'{limit}\n')
    return Wire(control=control)


w = limited(imapdconvertmessages=1, imapdconvertparts=2, imapdconvertsize=1024, imapdconversions='text/html text/html\ntext/plain text/html')
w.say('SELECT C')
a = w.say('CONVERT 1:* ("text/plain" ("charset" "us-ascii")) BINARY[3]')
check('8.5: MAXCONVERTMESSAGES', a[-1].startswith('NO [MAXCONVERTMESSAGES 1]') and len(a) == 1, a)
a = w.say('CONVERT 1 (NIL) (BINARY[1] BINARY[2] BINARY[3])')
check('8.5: MAXCONVERTPARTS', a[-1].startswith('NO [MAXCONVERTPARTS 2]') and len(a) == 1, a)
a = w.say('CONVERT 1 (NIL) (BINARY[1] BINARY.SIZE[1] BODYPARTSTRUCTURE[1] UID AVAILABLECONVERSIONS[2])')
check('8.5: the same part counts once', has(a, 'BODYPARTSTRUCTURE[1] (') and ok(a), a)
check('6: the default conversion can be chosen', has(a, '"text" "html"'), a)
number = int(re.search(r'(\d+) EXISTS', ' '.join(w.say('NOOP') + w.say('SELECT C')))[1])
big = add(b'text/plain', b'x' * 1500 + b'\r\n')
a = w.say(f'CONVERT {big} ("text/plain") BINARY[1]')
check('a part that is too large', has(a, 'too large') and has(a, 'BADPARAMETERS "text/plain" "text/plain"))') and no(a), a)
big = add(b'text/plain', b'"' * 900 + b'\r\n')
check('or becomes so', has(w.say(f'CONVERT {big} ("text/html") BINARY[1]'), 'too large') and ok(w.say(f'CONVERT {big} ("text/plain") BINARY.SIZE[1]')))
check('with others it goes on', text(1, '"text/plain"') == 'aé÷ÿ\r\n'.encode())
w.end()


def answer_with(conversions):
    bad_one = limited(imapdconversions=conversions, imapdconvertsize=4096 + len(conversions))
    return bad_one.greeting, bad_one.child.wait(20)


for conversions in 'text/html', 'text/html text/css', 'text/html text/plain x', 'image/gif image/png':
    greeting, code = answer_with(conversions)
    check(f'control/imapdconversions: {conversions}', greeting == '' and code == 75, (greeting, code))


# ---- another user's folder ----
w = Wire()
w.say('CREATE Team')
w.append('Team', message(b'text/plain; charset=iso-8859-1', b'caf\xe9\r\n'))
w.say('SETACL Team joe lr')
g = Wire(guest='joe')
g.say('SELECT "Other Users/ann/Team"')
a = g.say('CONVERT 1 (NIL) (BINARY[1] BODYPARTSTRUCTURE[1])')
check('RFC 4314: a guest who may read may convert', has(a, 'café') and has(a, '"8bit" 7 1 ') and ok(a), a)
w.say('SETACL Team joe l')
a = g.say('CONVERT 1 (NIL) BINARY[1]')
check('and one who may not may not', no(a) and len(a) == 1, a)
g.end()
w.end()


# ---- 13: what is made to harm ----
def peak(pid):
    with open(f'/proc/{pid}/status') as f:
        return int(re.search(r'VmHWM:\s+(\d+)', f.read())[1])


w = Wire()
w.say('SELECT C')
number = int(re.search(r'(\d+) EXISTS', ' '.join(w.say('SELECT C')))[1])
for name, begin in (('div', b'<div>'), ('blockquote', b'<blockquote>'), ('lists', b'<ul><li>'), ('table', b'<table><tr><td>'), ('pre', b'<pre>'),
                    ('a', b'<a href="http://x/">')):
    n = add(b'text/html', begin * 10000 + b'deep')
    got = text(n)
    check(f'13: {name}, 10000 deep', isinstance(got, bytes) and b'deep' in got and len(got) < 100, got[:200])
n = add(b'text/html', b'<!--' + b'-' * 3000000)
check('13: a comment without an end', text(n) == b'')
n = add(b'text/html', b'<a href="' + b'x' * 3000000)
check('13: an attribute without an end', text(n) == b'')
n = add(b'text/html', b'&' * 1000000)
check('13: references that are none', text(n) == b'&' * 1000000 + b'\r\n')
n = add(b'text/html', b'<blockquote>' * 10 + b'<br>a' * 1500000)
a = w.say(f'CONVERT {n} ("text/plain") BINARY.SIZE[1]')
check('13: text that grows out of bounds is refused', has(a, 'too large') and no(a), a)
n = add(b'text/plain', b'x' * (9 << 20))
check('13: so is a large part', has(w.say(f'CONVERT {n} ("text/plain") BINARY.SIZE[1]'), 'too large'))
deep = b''.join(b'Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n' % (i, i) for i in range(10000)) + b'\r\ndeep\r\n'
n = add(b'multipart/mixed; boundary=b', b'--b\r\n' + deep)
got = text(n, part='')
check('13: parts, 10000 deep', isinstance(got, bytes) and got.startswith(fields), got[:200])
n = add(b'multipart/mixed; boundary=b', part(b'text/html', b'<p>x') * 6000 + b'--b--\r\n')
got = text(n, part='')
check('13: 6000 parts', isinstance(got, bytes) and got.count(b'x\r\n') > 4000, got[:200])
n = add(b'text/plain', b'x\r\n', b'X-W: ' + b'=?utf-8?q? ' * 20000 + b'\r\n')
found, a = literals(f'CONVERT {n} (NIL ("charset" "utf-8")) BODY[HEADER]')
check('13: a header of words that are none', found and b'=?utf-8?q? ' * 20000 in found[0], a)


def bytes_read(command):
    """What the server read for it, of files and of us."""
    def so_far():
        with open(f'/proc/{w.child.pid}/io') as f:
            return int(re.search(r'rchar: (\d+)', f.read())[1])
    before = so_far()
    return w.say(command), so_far() - before


wide = 'é'.encode() * (1 << 20)
n = add(b'multipart/mixed; boundary=b', part(b'text/plain', wide) * 3 + b'--b--\r\n')
a, count = bytes_read(f'CONVERT {n} ("text/plain" ("charset" "us-ascii")) (BINARY.SIZE[1] BODYPARTSTRUCTURE[1] BINARY[1]{" BINARY[1]<0.9>" * 50})')
check('13: what failed is not tried again for each item', no(a) and count < 20 << 20, (a, count))
a, count = bytes_read(f'CONVERT {n} ("text/plain") ({" ".join(f"BINARY[{i % 3 + 1}]<{i}.1>" for i in range(60))})')
check('13: nor is what is mixed with other parts converted again', ok(a) and count < 40 << 20, (a[-1], count))
if not sanitized:
    check('13: memory has a bound', peak(w.child.pid) < 64 << 10, peak(w.child.pid))
check('and it serves on', ok(w.say('CONVERT 1 (NIL) BINARY[1]')) and w.end() == 0)
done()
