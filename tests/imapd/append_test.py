#!/usr/bin/env python3
"""append_test - REPLACE (RFC 8508) and CATENATE (RFC 4469) on the wire of
`imapd MAILBOX`."""
from mail import *

w = Wire()
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
count = lambda folder: int(w.say(f'STATUS {folder} (MESSAGES)')[0].split('MESSAGES ')[1].rstrip(')'))
files = lambda folder: sum(len(os.listdir(f'{home}/M/.{folder}/{part}')) for part in ('cur', 'new', 'tmp'))
two = MESSAGE.replace(b'One', b'Two')
literal = lambda text, kind='': b'%s{%d+}\r\n%s' % (kind.encode(), len(text), text)


def body(wire, uid, section=''):
    """What FETCH says is in it, as bytes."""
    wire.send(f'b UID FETCH {uid} BODY.PEEK[{section}]\r\n')
    octets = int(wire.line().rsplit('{', 1)[1].rstrip('}'))
    text = wire.file.read(octets)
    wire.until('b')
    return text


# REPLACE, RFC 8508
check('both are announced', has([w.greeting], ' REPLACE ') and has([w.greeting], ' CATENATE '), w.greeting)
w.say('CREATE Drafts')
w.say('CREATE Sent')
for flags in ('(\\Draft)', '(\\Deleted)', ''):
    w.append('Drafts', flags=flags)
a = w.say(b'REPLACE 1 Drafts ' + literal(two))
check('not before SELECT, its message is read', a == ['BAD no folder is selected'] and ok(w.say('NOOP')), a)
w.say('SELECT Drafts')
a = w.say(b'REPLACE 1 Drafts (\\Seen $Label) " 1-Feb-2024 10:20:30 +0100" ' + literal(two))
place = lambda answer, text: next((i for i, line in enumerate(answer) if text in line), -1)
check('RFC 8508: APPENDUID, then EXPUNGE, then OK', a[0].startswith('* OK [APPENDUID ') and a[0].split()[4] == '4]' and
      place(a, '* 1 EXPUNGE') > 0 and ok(a), a)
check('one came, one went', ok(a) and files('Drafts') == 3 and body(w, 4) == two)
check('other \\Deleted ones stay', has(w.say('UID SEARCH DELETED'), '* SEARCH 2'))
a = w.say('UID FETCH 4 (FLAGS INTERNALDATE)')
check('its own flags and date', has(a, '\\Seen') and has(a, '$Label') and has(a, '1-Feb-2024 09:20:30 +0000') and not has(a, 'Draft'), a)
a = w.say(b'UID REPLACE 4 {4+}\r\nSent ' + literal(MESSAGE, '~'))
check('UID REPLACE into another folder', a[0].startswith('* OK [APPENDUID ') and has(a, '* 3 EXPUNGE') and ok(a), a)
check('is there', count('Sent') == 1 and files('Drafts') == 2 and files('Sent') == 1)
w.send(b'x UID REPLACE 3 Drafts {%d}\r\n' % len(two))
check('a literal is asked for', w.line() == '+ OK')
w.send(two + b'\r\n')
check('and taken', w.until('x')[-1].startswith('x OK'))

for what, command, answer in (
        ('no such number', b'REPLACE 9 Drafts ', 'BAD'), ('no such UID', b'UID REPLACE 99 Drafts ', 'NO [NONEXISTENT]'),
        ('no such folder', b'REPLACE 1 Nowhere ', 'NO [TRYCREATE]'), ('a set', b'REPLACE 1:2 Drafts ', 'BAD'),
        ('0', b'REPLACE 0 Drafts ', 'BAD'), ('nonsense', b'REPLACE 1 Drafts (\\Nonsense) ', 'BAD'),
        ('keywords without end', b'REPLACE 1 Drafts (%s) ' % b' '.join(b'word%d' % i for i in range(64)), 'NO [LIMIT]'),
        ('two messages', b'REPLACE 1 Drafts ' + literal(two) + b' ', 'BAD'), ('nothing', b'REPLACE 1 Drafts', 'BAD')):
    before = files('Drafts')
    a = w.say(command + (literal(two) if command.endswith(b' ') else b''))
    check('refused: ' + what, a[-1].startswith(answer) and files('Drafts') == before, a)
w.send(b'x REPLACE 9 Drafts {%d}\r\n' % len(two))
check('no literal is asked for in vain', w.until('x')[-1].startswith('x BAD'))

other = Wire()
other.say('SELECT Drafts')
other.say('STORE 1:* +FLAGS.SILENT (\\Deleted)')
uid = int(w.say('UID SEARCH ALL')[0].split()[-1])
other.say('EXPUNGE')
a = w.say(b'UID REPLACE %d Drafts ' % uid + literal(two))
check('what another session expunged is not replaced', a[-1].startswith('NO [EXPUNGEISSUED]') and files('Drafts') == 0, a)
w.append('Drafts')
other.say('EXAMINE Drafts')
a = other.say(b'REPLACE 1 Drafts ' + literal(two))
check('not where nothing may be changed', a[-1].startswith('NO [NOPERM]') and files('Drafts') == 1, a)
other.end()

os.chmod(f'{home}/M/.Drafts/cur', 0o500)
before = files('Sent')
w.say('SELECT Drafts')
a = w.say(b'REPLACE 1 Sent ' + literal(two))
check('what cannot be removed is not replaced', a[-1].startswith('NO') and files('Sent') == before and files('Drafts') == 1 and
      not has(a, 'APPENDUID'), a)
os.chmod(f'{home}/M/.Drafts/cur', 0o700)
check('but then', ok(w.say(b'REPLACE 1 Sent ' + literal(two))) and files('Sent') == before + 1 and files('Drafts') == 0)
w.append('Drafts')

# REPLACE: its quota is what it adds
w.say('CREATE Full')
w.end()
control = work + '/control'
os.mkdir(control)
if os.geteuid() == 0:
    size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(home + '/M')
               for name in names if folder.endswith(('/cur', '/new')))
    for limit, replaced in ((f'{size + 20}\n', True), (f'{size}\n', True), (f'{size + 20}\n2\n', True), ('10\n', True)):
        with open(control + '/quota', 'w') as f:
            f.write(limit)
        q = Wire(control=control)
        q.say('SELECT Drafts')
        check('APPEND has no room: ' + repr(limit), q.append('Drafts')[-1].startswith('NO [OVERQUOTA]'))
        check('REPLACE has', ok(q.say(b'REPLACE 1 Drafts ' + literal(MESSAGE))) == replaced)
        longer = MESSAGE + b'x' * 30
        a = q.say(b'REPLACE 1 Drafts ' + literal(longer))
        check('not for one that is larger', a[-1].startswith('NO [OVERQUOTA]'), a)
        q.end()

# What is refused before its message is looked at: RFC 7888 section 4, 9586 section 3
w = Wire()
w.say('CREATE Refused')
w.append('Refused')
w.say('SELECT Refused')
w.say('ENABLE UIDONLY')
evil = b'z1 CREATE Evil\r\nz2 UID STORE 1:* +FLAGS.SILENT (\\Deleted)\r\nz3 EXPUNGE\r\n'
for what, command, answer in (
        ('REPLACE by number', b'REPLACE 1 Refused ' + literal(evil), 'x BAD [UIDREQUIRED]'),
        ('its message and what is behind it', b'REPLACE 1 Refused ' + literal(evil) + b' (\\Seen) ' + literal(evil), 'x BAD [UIDREQUIRED]'),
        ('its texts and URLs', b'REPLACE 1 Refused CATENATE (' + literal(evil, 'TEXT ') + literal(b';UID=1', ' URL ') + b')',
         'x BAD [UIDREQUIRED]'),
        ('up to what waits', b'REPLACE 1 Refused ' + literal(evil) + b' {%d}' % len(evil), 'x BAD [UIDREQUIRED]'),
        ('what waits is not asked for', b'REPLACE 1 Refused {%d}' % len(evil), 'x BAD [UIDREQUIRED]'),
        ('without a verb of that name', b'UID APPEND Refused ' + literal(evil), 'x BAD')):
    w.send(b'x ' + command + b'\r\ny NOOP\r\n')
    a = w.until('y')
    check('no line of it is a command: ' + what, len(a) == 2 and a[0].startswith(answer) and a[1] == 'y OK done', a)
w.send(b'(x APPEND Refused ' + literal(evil) + b'\r\ny NOOP\r\n')
a = w.until('y')
check('nor without a tag', len(a) == 2 and a[0].startswith('* BAD') and a[1] == 'y OK done', a)
check('nothing was done', files('Refused') == 1 and not os.path.exists(f'{home}/M/.Evil'))
w.send(b'x REPLACE 1 Refused ' + literal(evil) + b'x' * 9000000 + b'\r\n')
a = w.until('z')
check('what is too long ends it', a[0].startswith('x BAD') and has(a, '* BYE [TOOBIG]'), a)
w.child.wait(20)
w = Wire()
w.send(b'x SEARCH ' + b'x' * 9000000 + b' ' + literal(evil) + b'\r\ny NOOP\r\n')
a = w.until('y')
check('nor is the literal of a line that is too long run', a[0].startswith('* BYE [TOOBIG]') and a[1:] == [''], a)
w.child.wait(20)
w = Wire()
w.send(b'x SEARCH ' + b'{9+}\r\nxxxxxxxxx' * 1000 + b'x' * 8380000 + literal(evil) + b'\r\ny NOOP\r\n')
a = w.until('y')
check('nor that of one that is the end of too much', a[0].startswith('* BYE [TOOBIG]') and a[1:] == [''], a)
w.child.wait(20)
w = Wire()
w.say('ENABLE UIDONLY')
w.say('SELECT Refused')
w.send(b'x REPLACE 1 Refused ' + literal(b'abc') + b'x' * 9000000 + literal(evil) + b'\r\ny NOOP\r\n')
a = w.until('y')
check('nor behind the message of a refused REPLACE', a[0].startswith('x BAD') and a[1].startswith('* BYE [TOOBIG]') and a[2:] == [''], a)
w.child.wait(20)
w = Wire()
a = w.say('SEARCH ' + 'x' * 9000000 + ' {9}')
check('one that waits to be asked for is not', a[-1].startswith('BAD [TOOBIG]') and w.say('NOOP')[-1].startswith('OK'), a)
check('nothing was done by these', not os.path.exists(f'{home}/M/.Evil'))
w.say('LOGOUT')
u = Wire(reader='joe')
u.send(b'x APPEND INBOX ' + literal(evil) + b'\r\ny NOOP\r\n')
a = u.until('y')
check('nor for who has URLs alone', len(a) == 2 and a[0].startswith('x BAD') and a[1].startswith('y BAD'), a)
u.sock.shutdown(socket.SHUT_RDWR)
u.child.wait(20)

# CATENATE, RFC 4469
w = Wire()
w.say('CREATE "R\u00e9sum\u00e9 x"'.encode())
parts = b'From: ana@example.org\r\nSubject: Parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n' \
    b'--b\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--b\r\nContent-Type: text/x-two\r\n\r\nsecond part\r\n--b--\r\n'
a = w.append('"R&AOk-sum&AOk- x"', parts)
validity = a[-1].split()[2]
name = '/R%C3%A9sum%c3%a9%20x'
w.say('CREATE Made')
w.say('SELECT "R&AOk-sum&AOk- x"')
made = Wire()
made.say('SELECT Made')


def made_by(data):
    """What an APPEND of that brought, or its answer."""
    answer = w.say(b'APPEND Made ' + data)
    if not ok(answer):
        return answer[-1]
    made.say('NOOP')
    return body(made, int(answer[-1].split()[3].rstrip(']')))


header = parts[:parts.index(b'\r\n\r\n') + 4]
for what, data, text in (
        ('a whole message', f'URL "{name}/;UID=1"', parts),
        ('with its UIDVALIDITY', f'URL "{name};UIDVALIDITY={validity}/;UID=1"', parts),
        ('relative to the selected folder', 'URL ;UID=1', parts),
        ('relative to what is beside it', f'URL "{name[1:]}/;uid=1"', parts),
        ('a header', f'URL "{name}/;UID=1/;section=HEADER"', header),
        ('two parts', f'URL "{name}/;UID=1/;section=1" URL "{name}/;UID=1/;Section=2"', b'firstsecond part'),
        ('a MIME header', f'URL "{name}/;UID=1/;SECTION=2.MIME"', b'Content-Type: text/x-two\r\n\r\n'),
        ('fields', f'URL "{name}/;UID=1/;SECTION=HEADER.FIELDS%20(Subject)"', b'Subject: Parts\r\n\r\n'),
        ('some octets', f'URL "{name}/;UID=1/;SECTION=2/;PARTIAL=7.3"', b'par'),
        ('the rest', f'URL "{name}/;UID=1/;SECTION=2/;PARTIAL=7"', b'part'),
        ('a URL that is a literal', f'URL {{{len(name) + 7}+}}\r\n{name}/;UID=1 URL {{6+}}\r\n;UID=1', parts + parts)):
    check(what, made_by(b'CATENATE (%s)' % data.encode()) == text, data)
text = made_by(b'(\\Seen) CATENATE (' + literal(b'X: y\r\n\r\n', 'TEXT ') + f' URL "{name}/;UID=1/;SECTION=1" '.encode() +
               literal(b'!', 'TEXT ') + b')')
check('texts around it', text == b'X: y\r\n\r\nfirst!', text)
check('octets as they are: UTF8 (~{N})', made_by(b'CATENATE (UTF8 (' + literal(b'A: b\r\n\r\n\xc3\xa9', '~') + b') URL ;UID=1)') ==
      b'A: b\r\n\r\n\xc3\xa9' + parts)
a = w.say(b'APPEND Made CATENATE (URL ;UID=1) (\\Flagged) ' + literal(MESSAGE) + b' CATENATE (' + literal(two, 'TEXT ') + b')')
check('among others, RFC 3502', ok(a) and ':' in a[-1], a)
w.send(b'x APPEND Made CATENATE (TEXT {3}\r\n')
check('a text is asked for', w.line() == '+ OK')
w.send(b'A:  URL {6}\r\n')
check('and a URL', w.line() == '+ OK')
w.send(b';UID=1 TEXT {1}\r\n')
check('and one more text', w.line() == '+ OK')
w.send(b'!)\r\n')
check('RFC 4469 with literals that wait', w.until('x')[-1].startswith('x OK'))
check('\\Seen is not set', not has(w.say('FETCH 1 FLAGS'), 'Seen'))
before = files('Made')
for url in ('/Nowhere/;UID=1', f'{name}/;UID=9', f'{name}/;UID=1/;SECTION=7', f'{name}/;UID=1/;SECTION=NONSENSE',
            f'{name};UIDVALIDITY=1/;UID=1', 'imap://example.org/INBOX/;UID=1', '//example.org/INBOX/;UID=1', name,
            f'{name}/;UID=0', f'{name}/;UID=1;URLAUTH=anonymous:internal:91354a473744909de610943775f92038', '/%00/;UID=1', '/%zz/;UID=1',
            '/../etc/;UID=1', f'{name}/;UID=1/;PARTIAL=0.0', ';UID=1/;SECTION=', 'x' * 5000):
    a = w.say(f'APPEND Made CATENATE (URL "{url}" '.encode() + literal(b'x', 'TEXT ') + b')')
    check(f'RFC 4469 BADURL {url[:50]}', a[-1].startswith('NO [BADURL ' + url[:50]), a)
a = w.say('APPEND Made CATENATE (URL "/]%0A/;UID=1" URL ;UID=77)')
check('the first one, in what may be there', a[-1].startswith('NO [BADURL /%5D%0A/;UID=1]'), a)
w.send(b'x APPEND Made CATENATE (URL /Nowhere/;UID=1 TEXT {5}\r\n')
check('nothing is asked for behind it', w.until('x')[-1].startswith('x NO [BADURL'))
for data in ('CATENATE ()', 'CATENATE (URL)', 'CATENATE (URL ;UID=1', 'CATENATE', 'CATENATE (URL ;UID=1)x', 'CATENATE (TEXT "x")',
             'CATENATE (URL ;UID=1  URL ;UID=1)', 'CATENATE (TEXT {1+}\r\nx', '{1+}\r\nx CATENATE (TEXT {1+}\r\nx)x'):
    check('BAD ' + repr(data), w.say('APPEND Made ' + data)[-1].startswith('BAD'))
check('of nothing', w.say('APPEND Made CATENATE (URL ;UID=1/;PARTIAL=9999)')[-1].startswith('NO an empty'))
check('of all these nothing came', files('Made') == before)
w.say('SELECT Made')
a = w.say(f'REPLACE 1 Made CATENATE (URL "{name}/;UID=1" '.encode() + literal(b'!', 'TEXT ') + b')')
check('RFC 8508 with RFC 4469', a[0].startswith('* OK [APPENDUID') and has(a, '* 1 EXPUNGE') and files('Made') == before, a)
check('is what it says', body(w, a[0].split()[4].rstrip(']')) == parts + b'!')
w.say('UNSELECT')
check('without a folder no relative one', w.say('APPEND Made CATENATE (URL ;UID=1)')[-1].startswith('NO [BADURL ;UID=1]'))
check('it ends well', w.end() == 0 and made.end() == 0)
if os.geteuid() == 0:
    os.remove(control + '/quota')
    with open(control + '/imapdmaxmessage', 'w') as f:
        f.write(f'{len(parts) + 5}\n')
    w = Wire(control=control)
    a = w.say(f'APPEND Made CATENATE (URL "{name}/;UID=1" '.encode() + literal(b'123456', 'TEXT ') + b')')
    check('RFC 4469 TOOBIG', a[-1].startswith('NO [TOOBIG]'), a)
    a = w.say(f'APPEND Made CATENATE ('.encode() + literal(b'123456', 'TEXT ') + f' URL "{name}/;UID=1")'.encode())
    check('in any order', a[-1].startswith('NO [TOOBIG]'), a)
    check('not if it fits', ok(w.say(f'APPEND Made CATENATE ('.encode() + literal(b'12345', 'TEXT ') + f' URL "{name}/;UID=1")'.encode())))
    w.end()
done()
