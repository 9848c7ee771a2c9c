#!/usr/bin/env python3
"""urlauth_test - URLs that carry their authorization: RFC 4467 with RFC 5092,
URL-PARTIAL (RFC 5550), and URLAUTH=BINARY (RFC 5524).  The other user's process
(imapd -u) is asked here as another session's imapd asks it;
tests/service/urlread_test.py has the way there, between two uids."""
import os, re, stat, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mail import *

PNG = bytes(range(256)) * 3
PARTS = b'\r\n'.join([
    b'From: ana@example.org', b'Subject: Parts', b'MIME-Version: 1.0', b'Content-Type: multipart/mixed; boundary=b', b'',
    b'--b', b'Content-Type: text/plain; charset=utf-8', b'Content-Transfer-Encoding: quoted-printable', b'', b'Si vis pacem=2C para bellum.',
    b'--b', b'Content-Type: image/png; name="=?utf-8?q?\xc3\xa9?="'.replace(b'\xc3\xa9', b'=C3=A9'), b'Content-Transfer-Encoding: base64', b'',
    __import__('base64').encodebytes(PNG).replace(b'\n', b'\r\n').rstrip(),
    b'--b', b'Content-Type: text/x-odd', b'Content-Transfer-Encoding: x-blurdybloop', b'', b'odd',
    b'--b', b'Content-Type: message/rfc822', b'', b'Subject: Inner', b'', b'inner text', b'--b--', b''])
FILE = home + '/M/.Drafts/estafeta-urlkey'
IN_TWO_HOURS = __import__('time').strftime('%Y-%m-%dT%H:%M:%SZ', __import__('time').gmtime(__import__('time').time() + 7200))


def ok(answer):
    return answer[-1].startswith('OK')


def responses(wire, command):
    """Each response with its literals, as bytes without the last CRLF; the tagged one is the last, without its tag."""
    wire.count += 1
    tag = b't%d ' % wire.count
    wire.send(tag + command.encode('utf-8', 'surrogateescape') + b'\r\n')
    found = []
    while True:
        text = line = wire.file.readline()
        while (announced := re.search(rb'\{(\d+)\}\r\n$', line)):
            octets = wire.file.read(int(announced[1]))
            line = wire.file.readline()
            text += octets + line
        if text.startswith(tag) or text == b'':
            return found + [text.removeprefix(tag)[:-2]]
        found.append(text[:-2])


def quoted(urls):
    return ' '.join(url if url.startswith('(') else f'"{url}"' for url in urls)


def values(wire, *urls):
    """What stands behind each URL of the answer to URLFETCH, which is OK."""
    said = responses(wire, 'URLFETCH ' + quoted(urls))
    plain = [re.sub(r'^\("?([^" ]*)"?.*\)$', r'\1', url).encode() for url in urls]
    heads = [b'* URLFETCH ' + (b'"' + url + b'"' if len(url) <= 1000 else octets(url)) + b' ' for url in plain]
    if wire in readers:
        heads = [b'* URLFETCH '] * len(urls)
    if len(said) != len(urls) + 1 or not said[-1].startswith(b'OK') or not all(a.startswith(b) for a, b in zip(said, heads)):
        return said
    return [text.removeprefix(head) for text, head in zip(said, heads)]


def octets(data):
    return b'{%d}\r\n' % len(data) + data


def is_nil(wire, *urls):
    return values(wire, *urls) == [b'NIL'] * len(urls)


def made(wire, *rumps):
    """The URLs that GENURLAUTH answers, or its answer."""
    said = wire.say('GENURLAUTH ' + ' '.join(f'"{rump}" INTERNAL' for rump in rumps))
    urls = re.findall(r'"([^"]*)"', said[-2]) if len(said) > 1 and said[-2].startswith('* GENURLAUTH ') else []
    return urls if ok(said) and len(urls) == len(rumps) else said


def one(rump):
    return made(w, rump)[0]


def is_good(url, data=b'Hello Bob\r\n', wire=None):
    return values(wire or w, url) == [octets(data)]


readers = []


def reader(user):
    readers.append(Wire(reader=user))
    return readers[-1]


w = Wire()
check('RFC 4467 section 1, RFC 5524 section 3, RFC 5550: the capabilities', all(
    f' {name} ' in w.greeting.replace(']', ' ') for name in ('URLAUTH', 'URLAUTH=BINARY', 'URL-PARTIAL')), w.greeting)
w.say('CREATE Drafts')
w.append('Drafts')
w.append('Drafts', PARTS)
BASE = 'imap://local@example.org/Drafts/;UID=1'
TWO = 'imap://local@example.org/Drafts/;UID=2'

# Section 7, GENURLAUTH
check('section 7: no key before the first one', not os.path.exists(FILE))
rump = f'{BASE}/;SECTION=TEXT;URLAUTH=anonymous'
urls = made(w, rump)
check('section 7: GENURLAUTH', re.fullmatch(re.escape(rump) + ':internal:01[0-9a-f]{64}', urls[0]), urls)
check('the key is the owner\'s alone', stat.S_IMODE(os.stat(FILE).st_mode) == 0o600)
with open(FILE) as f:
    check('the key is as urlkey(5) says', re.fullmatch('estafeta-urlkey 1\n[0-9a-f]{64}\n', f.read()))
check('the same again', made(w, rump) == urls)
check('several at once', made(w, rump, f'{BASE};URLAUTH=authuser')[0] == urls[0])
check('as atoms, a literal, in any case', w.say(f'genurlauth "{rump}" internal')[0] == f'* GENURLAUTH "{urls[0]}"' and
      w.say(f'GENURLAUTH {{{len(rump)}+}}\r\n{rump} Internal')[0] == f'* GENURLAUTH "{urls[0]}"')
for refused in (f'imap://local@example.org/None/;UID=1;URLAUTH=anonymous',              # (1)
                f'imap://example.org/Drafts/;UID=1;URLAUTH=anonymous',                  # (2): the user is mandatory
                f'imap://@example.org/Drafts/;UID=1;URLAUTH=anonymous', f'imap://local@/Drafts/;UID=1;URLAUTH=anonymous',
                f'imap://joe@example.org/Drafts/;UID=1;URLAUTH=anonymous',              # of another one
                f'{BASE}', f'{BASE};URLAUTH=', f'{BASE};URLAUTH=x', f'{BASE};URLAUTH=user+', f'{BASE};URLAUTH=submit+',  # (3)
                f'{BASE};URLAUTH=user+joe/x', f'{BASE};URLAUTH=anonymousx', urls[0],
                'imap://local@example.org/;URLAUTH=anonymous', 'imap://local@example.org/Drafts;URLAUTH=anonymous',     # section 3: no part
                'imap://local@example.org/Drafts?SUBJECT%20x;URLAUTH=anonymous', 'imap://local@example.org;URLAUTH=anonymous',
                f'{BASE}/;SECTION=TEXT;URLAUTH=anonymous/;PARTIAL=1', f'{BASE};EXPIRE=tomorrow;URLAUTH=anonymous',
                f'{BASE};EXPIRE=2031-02-30T00:00:00Z;URLAUTH=anonymous', '/Drafts/;UID=1;URLAUTH=anonymous', 'x', '',
                'imap://local@example.org/../M/Drafts/;UID=1;URLAUTH=anonymous', 'imap://local@example.org/Drafts/../INBOX/;UID=1;URLAUTH=anonymous',
                'imap://local@example.org/%2e%2e/%2e%2e/x/;UID=1;URLAUTH=anonymous', 'imap://local@example.org//Drafts/;UID=1;URLAUTH=anonymous',
                'imap://local@example.org/Drafts/;UID=0;URLAUTH=anonymous', f'imap://local@example.org/{"x" * 4100}/;UID=1;URLAUTH=anonymous',
                'imap://local@exa mple.org/Drafts/;UID=1;URLAUTH=anonymous', 'imap://local@a@b/Drafts/;UID=1;URLAUTH=anonymous',
                'http://local@example.org/Drafts/;UID=1;URLAUTH=anonymous', 'imap://local@example.org/Dr%00afts/;UID=1;URLAUTH=anonymous'):
    said = w.say(f'GENURLAUTH "{refused}" INTERNAL')
    check(f'section 7: BAD [BADURL] {refused[:70]}', len(said) == 1 and said[0].startswith('BAD [BADURL ' + refused[:60]), said)
    check(f'and NIL {refused[:70]}', is_nil(w, refused) if refused != urls[0] else is_good(refused), responses(w, f'URLFETCH "{refused}"'))
for wrong in ('GENURLAUTH', f'GENURLAUTH "{rump}"', f'GENURLAUTH "{rump}" XSAMPLE', f'GENURLAUTH "{rump}" INTERNAL ', f'GENURLAUTH "{rump}" INTERNAL x',
              f'GENURLAUTH "{rump}"INTERNAL', 'URLFETCH', 'URLFETCH ', f'URLFETCH "{urls[0]}" ', f'URLFETCH ("{urls[0]}"', f'URLFETCH "{urls[0]}")',
              f'URLFETCH ("{urls[0]}" BINARY BODY)', f'URLFETCH ("{urls[0]}" BODY BODY)', f'URLFETCH ("{urls[0]}" FLAGS)', f'URLFETCH ("{urls[0]}" )',
              'RESETKEY ', 'RESETKEY Drafts XSAMPLE', 'RESETKEY Drafts INTERNAL '):
    said = Wire().say(wrong)
    check('BAD: ' + wrong.replace(urls[0], 'URL').replace(rump, 'RUMP'), len(said) == 1 and said[0].startswith('BAD'), said)
w.end()
w = Wire()
check('a rump alone is no URL to fetch', is_nil(w, rump))
check('what there is not yet may be given away', len(made(w, 'imap://local@h/Drafts/;UID=99;URLAUTH=anonymous')[0]) > 99)

# Section 7, URLFETCH
check('section 7: URLFETCH, nothing is selected', is_good(urls[0]))
check('section 7: another folder stays selected', ok(w.say('SELECT INBOX')) and is_good(urls[0]) and w.say('SEARCH ALL') == ['* SEARCH', 'OK done'])
check('section 7: not in place of the selected one', ok(w.say('SELECT Drafts')) and is_good(urls[0]) and
      '\\Seen' not in w.say('FETCH 1 FLAGS')[0] and ok(w.say('UNSELECT')))
for label, part, data in (
        ('a whole message', '', MESSAGE), ('a header', '/;section=HEADER', MESSAGE[:-11]), ('fields', '/;SECTION=HEADER.FIELDS%20(Subject)', b'Subject: One\r\n\r\n'),
        ('with UIDVALIDITY', '', MESSAGE)):
    base = BASE.replace('/;UID', f';UIDVALIDITY={re.search(r"UIDVALIDITY (.*)[)]", w.say("STATUS Drafts (UIDVALIDITY)")[0])[1]}/;UID') \
        if 'UIDV' in label else BASE
    check(f'section 7: {label}', is_good(one(f'{base}{part};URLAUTH=anonymous'), data))
check('a part', is_good(one(f'{TWO}/;SECTION=1;URLAUTH=anonymous'), b'Si vis pacem=2C para bellum.'))
for label, url in (('UIDVALIDITY is another', 'imap://local@h/Drafts;UIDVALIDITY=1/;UID=1'), ('no such message', 'imap://local@h/Drafts/;UID=99'),
                   ('no such part', f'{TWO}/;SECTION=9'), ('no such section', f'{TWO}/;SECTION=X'), ('no such header', f'{TWO}/;SECTION=1.HEADER')):
    check(f'section 8: NIL: {label}', is_nil(w, one(f'{url};URLAUTH=anonymous')))
check(';AUTH=, a port, another host\'s name', all(is_good(one(f'{url};URLAUTH=anonymous'), MESSAGE) for url in (
    'imap://local;AUTH=*@example.org/Drafts/;UID=1', 'imap://local;auth=PLAIN@example.org:1143/Drafts/;UID=1', 'IMAP://l%6Fcal@[::1]/Drafts/;UID=1')))

# Section 3 and 2.3: who
check('section 3: authuser', is_good(one(f'{BASE}/;SECTION=TEXT;URLAUTH=authuser')))
check('section 3: user+', is_good(one(f'{BASE}/;SECTION=TEXT;URLAUTH=user+local')) and is_nil(w, one(f'{BASE};URLAUTH=user+joe')) and
      is_nil(w, one(f'{BASE};URLAUTH=user+LOCAL')))
check('section 3: submit+ is not for users', is_nil(w, one(f'{BASE};URLAUTH=submit+local'), one(f'{BASE};URLAUTH=submit+joe')))
check('section 3: EXPIRE', is_good(one(f'{BASE}/;SECTION=TEXT;EXPIRE={IN_TWO_HOURS};URLAUTH=anonymous')) and
      is_good(one(f'{BASE}/;SECTION=TEXT;expire=2099-01-01T00:00:00.5+01:00;urlauth=ANONYMOUS')) and
      is_nil(w, one(f'{BASE}/;SECTION=TEXT;EXPIRE=2020-01-01T00:00:00Z;URLAUTH=anonymous')))
if os.geteuid() == 0:
    os.makedirs(work + '/control', exist_ok=True)
    with open(work + '/control/imapdsubmitters', 'w') as f:
        f.write('# who submits\nsubmit\nlocal\n')
    s = Wire(control=work + '/control')
    check('section 3: submit+ for those in control/imapdsubmitters', is_good(one(f'{BASE}/;SECTION=TEXT;URLAUTH=submit+joe'), wire=s))
    s.end()

# Section 6
good = urls[0]
start_of_token = good.rindex(':') + 1
changed = [good[:i] + ('0' if good[i] != '0' else '1') + good[i + 1:] for i in range(start_of_token, len(good))]
check('section 6: each digit of the token counts', is_nil(w, *changed))
check('section 6: so does each character before it', is_nil(w, *(good[:i] + chr(ord(good[i]) ^ 1) + good[i + 1:] for i in range(len(rump)))))
check('section 6: a token cut short, none, too long, no digits', is_nil(w, good[:-1], good[:-2], good[:start_of_token], good + '0', good + '00',
      good[:start_of_token - 1], good[:start_of_token] + 'g' * 66, good[:start_of_token] + '00' * 33, good[:start_of_token] + '0' * 32))
check('section 2.4.1: another algorithm\'s number', is_nil(w, good[:start_of_token] + '02' + good[start_of_token + 2:], good.replace(':internal:01', ':internal:')))
check('section 2.4: another mechanism', is_nil(w, good.replace(':internal:', ':xsample:'), good.replace(':internal:', '::')))
check('digits and mechanism in any case', is_good(good[:start_of_token].replace('internal', 'INTERNAL') + good[start_of_token:].upper()))
w.say('CREATE Other')
w.append('Other')
other = one(f'imap://local@example.org/Other/;UID=1/;SECTION=TEXT;URLAUTH=anonymous')
check('section 2.2: each mailbox has a key of its own', is_good(other) and
      is_nil(w, good[:start_of_token] + other[other.rindex(':') + 1:], other[:other.rindex(':') + 1] + good[start_of_token:]))
check('one of INBOX', ok(w.append('INBOX')) and is_good(one('imap://local@h/inbox/;UID=1/;SECTION=TEXT;URLAUTH=anonymous')))
w.say('CREATE R\xe9sum\xe9'.replace('\xe9', '&AOk-'))
w.append('R&AOk-sum&AOk-')
check('a name in UTF-8', is_good(one('imap://local@h/R%C3%A9sum%C3%A9/;UID=1/;SECTION=TEXT;URLAUTH=anonymous')))

# Section 7, RESETKEY; section 8, URLMECH
other_session = Wire()
said = other_session.say('SELECT Drafts')
check('section 8: URLMECH at SELECT', any(line.startswith('* OK [URLMECH INTERNAL] ') for line in said), said)
check('and EXAMINE', any(line.startswith('* OK [URLMECH INTERNAL] ') for line in other_session.say('EXAMINE Drafts')))
check('nothing is told without a reset', other_session.say('NOOP') == ['OK done'])
with open(FILE) as f:
    before = f.read()
w.say('SELECT Drafts')
said = w.say('RESETKEY Drafts')
with open(FILE) as f:
    after = f.read()
check('section 7: RESETKEY of a mailbox', said == ['OK [URLMECH INTERNAL] done'] and before != after and len(before) == len(after), said)
check('section 7: the old URLs are dead, the new live', is_nil(w, good) and is_good(one(rump)) and is_good(other))
said = other_session.say('NOOP')
check('section 7: the other session hears of it', said == ['* OK [URLMECH INTERNAL] no URL given away is valid now', 'OK done'], said)
check('once', other_session.say('NOOP') == ['OK done'] and w.say('NOOP') == ['OK done'])
check('section 7: mechanisms may be named', ok(w.say('RESETKEY Drafts INTERNAL')) and ok(w.say('resetkey drafts')) is False and
      ok(w.say('RESETKEY "Drafts" internal INTERNAL')))
good, other = one(rump), one(f'imap://local@example.org/Other/;UID=1/;SECTION=TEXT;URLAUTH=anonymous')
check('section 7: NO for what is not there', w.say('RESETKEY None')[-1].startswith('NO [NONEXISTENT]') and w.say('RESETKEY ""')[-1].startswith('NO'))
check('section 7: RESETKEY of all', is_good(good) and is_good(other) and ok(w.say('RESETKEY')) and not os.path.exists(FILE) and is_nil(w, good, other))
check('and the other session hears of it', other_session.say('NOOP')[0].startswith('* OK [URLMECH INTERNAL]'))
other_session.end()
good = one(rump)
check('new ones can be made', is_good(good))
w.say('UNSELECT')

# While it is in use: the file stays open
big = b'Subject: big\r\n\r\n' + b'0123456789abcde\r\n' * 400000
w.append('Other', big)
url = one('imap://local@h/Other/;UID=2/;SECTION=TEXT;URLAUTH=anonymous')
slow = Wire()
slow.send(f'u URLFETCH "{url}"\r\n')
head = slow.file.readline()
check('it begins', head.endswith(b'{%d}\r\n' % (len(big) - 16)), head)
check('RESETKEY and EXPUNGE meanwhile', ok(w.say('RESETKEY Other')) and ok(w.say('SELECT Other')) and
      ok(w.say('STORE 2 +FLAGS (\\Deleted)')) and ok(w.say('EXPUNGE')) and ok(w.say('UNSELECT')))
check('it comes whole', slow.file.read(len(big) - 16) == big[16:] and slow.file.readline() == b'\r\n' and slow.line() == 'u OK done')
check('and then no more', is_nil(slow, url) and slow.end() == 0)

# Folders that go
good = one('imap://local@h/Other/;UID=1/;SECTION=TEXT;URLAUTH=anonymous')
check('RENAME takes the key along', is_good(good) and ok(w.say('RENAME Other Old')) and is_nil(w, good) and
      is_good(one('imap://local@h/Old/;UID=1/;SECTION=TEXT;URLAUTH=anonymous')) and ok(w.say('RENAME Old Other')) and is_good(good))
check('deleted and made anew: the old URLs are dead', ok(w.say('DELETE Other')) and is_nil(w, good) and ok(w.say('CREATE Other')) and
      ok(w.append('Other')) and is_nil(w, good) and is_good(one('imap://local@h/Other/;UID=1/;SECTION=TEXT;URLAUTH=anonymous')) and is_nil(w, good))
gone = one(f'{TWO}/;SECTION=1;URLAUTH=anonymous')

# Damage
with open(FILE, 'w') as f:
    f.write('estafeta-urlkey 1\n' + '0' * 63 + '\n')
check('a damaged key: nothing is valid', is_nil(w, gone) and made(w, rump)[-1].startswith('NO [UNAVAILABLE]'))
check('RESETKEY mends it', ok(w.say('RESETKEY Drafts')) and is_good(one(rump)))
os.chmod(FILE, 0o600)

# Many
good = one(rump)
mixed = [good if i % 2 else changed[i % len(changed)] for i in range(1000)]
check('1000 URLs in one command', values(w, *mixed) == [octets(b'Hello Bob\r\n') if i % 2 else b'NIL' for i in range(1000)])
check('1000 URLs to be made', made(w, *[rump] * 1000) == [good] * 1000)
said = responses(w, 'URLFETCH x "a b" "" {3+}\r\na\rb "\\"q\\""')
check('what is no URL at all comes back as it was', said == [b'* URLFETCH "x" NIL', b'* URLFETCH "a b" NIL', b'* URLFETCH "" NIL',
      b'* URLFETCH {3}\r\na\rb NIL', said[-2], b'OK done'] and b'q' in said[-2], said)

# RFC 5550: URL-PARTIAL
PART = f'{BASE}/;SECTION=TEXT/;PARTIAL='
check('RFC 5550 URL-PARTIAL', is_good(one(f'{PART}6.3;URLAUTH=anonymous'), b'Bob') and is_good(one(f'{PART}6;URLAUTH=anonymous'), b'Bob\r\n') and
      is_good(one(f'{PART}6.99;URLAUTH=anonymous'), b'Bob\r\n') and is_good(one(f'{PART}99;URLAUTH=anonymous'), b'') and
      is_good(one(f'{BASE}/;PARTIAL=0.4;URLAUTH=anonymous'), b'From'))
check('no other part by its token', is_nil(w, one(f'{PART}6.3;URLAUTH=anonymous').replace('=6.3', '=0.9'), one(f'{PART}6.3;URLAUTH=anonymous').replace('/;PARTIAL=6.3', '')))
check('RFC 5550 URL-PARTIAL in CATENATE', ok(w.say('SELECT Drafts')) and ok(w.say('APPEND Other CATENATE (URL ";UID=1/;SECTION=TEXT/;PARTIAL=6.3")')) and
      is_good(one('imap://local@h/Other/;UID=2;URLAUTH=anonymous'), b'Bob') and ok(w.say('UNSELECT')))

# RFC 5524
text, image, odd, inner = (one(f'{TWO}/;SECTION={part};URLAUTH=anonymous') for part in '1234')
check('RFC 5524 section 3: without parameters as ever', values(w, f'("{good}")', good) == [octets(b'Hello Bob\r\n')] * 2)
check('RFC 5524 section 3.1: BODY', values(w, f'("{text}" BODY)') == [b'(BODY ' + octets(b'Si vis pacem=2C para bellum.') + b')'])
check('RFC 5524 section 3.1: BINARY, without NUL no literal8', values(w, f'("{text}" BINARY)') ==
      [b'(BINARY ' + octets(b'Si vis pacem, para bellum.') + b')'], values(w, f'("{text}" BINARY)'))
check('RFC 5524 section 5: with NUL a literal8', values(w, f'("{image}" BINARY)') == [b'(BINARY ~' + octets(PNG) + b')'])
check('RFC 5524 section 3.2: what cannot be decoded', values(w, f'("{odd}" BINARY)', f'("{odd}" BODY)') == [b'(BINARY NIL)', b'(BODY ' + octets(b'odd') + b')'])
STRUCTURE = b'("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 28 0 NIL NIL NIL NIL)'
said = values(w, f'("{text}" BODYPARTSTRUCTURE)', f'("{text}" BINARY BODYPARTSTRUCTURE)', f'("{odd}" BODYPARTSTRUCTURE BINARY)')
check('RFC 5524 section 3.1: BODYPARTSTRUCTURE', said[0].lower() == (b'(BODYPARTSTRUCTURE ' + STRUCTURE + b')').lower(), said)
check('and with others', said[1] == said[0] + b' (BINARY ' + octets(b'Si vis pacem, para bellum.') + b')' and said[2].endswith(b'"x-blurdybloop" 3 0 NIL NIL NIL NIL)) (BINARY NIL)'), said)
said = values(w, f'("{inner}" BODYPARTSTRUCTURE)', '("%s" BODYPARTSTRUCTURE)' % one(f'{TWO};URLAUTH=anonymous'))
fetched = w.say('EXAMINE Drafts') and w.say('UID FETCH 2 BODYSTRUCTURE')[0]
whole = re.search(r'BODYSTRUCTURE (.*\)) UID 2\)$|BODYSTRUCTURE (.*\))\)$', fetched)
whole = (whole[1] or whole[2]).encode()
check('of a message, and of one in it', b'"message" "rfc822"' in said[0] and b'"Inner"' in said[0] and said[1] == b'(BODYPARTSTRUCTURE ' + whole + b')', said)
w.say('UNSELECT')
check('RFC 5524 section 3.1: some of the octets, decoded', values(w, '("%s" BINARY)' % one(f'{TWO}/;SECTION=2/;PARTIAL=250.10;URLAUTH=anonymous')) ==
      [b'(BINARY ~' + octets(PNG[250:260]) + b')'] and
      values(w, '("%s" BINARY)' % one(f'{TWO}/;SECTION=2/;PARTIAL=1.10;URLAUTH=anonymous')) == [b'(BINARY ' + octets(PNG[1:11]) + b')'])
check('RFC 5524 section 3.1: of a header', values(w, '("%s" BINARY)' % one(f'{BASE}/;SECTION=HEADER.FIELDS%20(Subject);URLAUTH=anonymous')) ==
      [b'(BINARY ' + octets(b'Subject: One\r\n\r\n') + b')'])
check('NIL, whatever was asked for', is_nil(w, f'("{changed[0]}" BODYPARTSTRUCTURE BINARY)', f'("{changed[0]}" BODY)', '(x BINARY)'))

# Another user's process, as his imapd asks it
joe = reader('joe')
mine, any_user, his = (one(f'{BASE}/;SECTION=TEXT;URLAUTH={access}') for access in ('user+local', 'authuser', 'user+joe'))
check('imapd -u: who he is counts', is_nil(joe, mine) and is_good(any_user, wire=joe) and is_good(his, wire=joe) and is_good(good, wire=joe) and is_nil(w, his))
check('imapd -u: a URL of another owner\'s', is_nil(joe, good.replace('//local@', '//joe@')))
check('imapd -u: with parameters', values(joe, f'("{image}" BODYPARTSTRUCTURE BINARY)') == values(w, f'("{image}" BODYPARTSTRUCTURE BINARY)'))
said = [joe.say(command)[-1] for command in (
    'SELECT INBOX', 'EXAMINE Drafts', 'STATUS INBOX (MESSAGES)', 'LIST "" "*"', f'GENURLAUTH "{rump}" INTERNAL', 'RESETKEY', 'GETQUOTAROOT INBOX',
    'APPEND INBOX {3+}\r\na\r\n', 'CREATE x', 'GETMETADATA "" /private/comment', 'CAPABILITY', 'ENABLE CONDSTORE', 'IDLE', 'NOOP', 'LOGOUT')]
check('imapd -u: it has no other command', all(line.startswith('BAD no such command') for line in said), said)
joe.sock.close()
guest = Wire(guest='joe')
check('a guest of shared folders has none of these', all(guest.say(command)[-1].startswith('BAD no such command') for command in (
    f'URLFETCH "{good}"', f'GENURLAUTH "{rump}" INTERNAL', 'RESETKEY')))
guest.end()
check('without login others\' URLs are NIL', is_nil(w, good.replace('//local@', '//ann@')))
check('imapd -u makes no mailbox', Wire('None', reader='joe').greeting == '' and not os.path.exists(home + '/None'))
check('it ends', w.end() == 0)


class Relayed(Wire):
    """A session of joe's whose login the test plays, and the process that reads ann's URL."""
    def __init__(self):
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(20)
        self.login, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.login.settimeout(20)
        input_, output = os.pipe()
        os.write(output, b'l i-default\n')
        os.close(output)
        command = ['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups'] if os.geteuid() == 0 else []
        self.child = subprocess.Popen(command + [program, '-s', 'joe', f'maildir:{home}/M', 'test'], stdin=theirs, stdout=theirs,
                                      preexec_fn=lambda: (os.dup2(input_, 63), os.dup2(its.fileno(), 64), os.dup2(63, 3), os.dup2(64, 4)),
                                      pass_fds=(3, 4))
        for end in (theirs, its):
            end.close()
        os.close(input_)
        self.file = self.sock.makefile('rwb')
        self.greeting = self.line()
        self.count = 0

    def lie(self, *answers, url='imap://ann@h/INBOX/;UID=1;URLAUTH=anonymous:internal:00'):
        """What the client sees if that process, asked for URLs, answers these."""
        self.count += 1
        self.send(f't{self.count} URLFETCH' + f' "{url}"' * len(answers) + '\r\n')
        asked = self.login.recv(16384)
        check('login is asked for the owner, and by another kind than a guest', asked == b'ESH1\7\0\0\0ann', asked)
        ours, theirs = socket.socketpair()
        ours.settimeout(20)
        socket.send_fds(self.login, [b'ESH1\4\0\0\0'], [theirs.fileno()])
        theirs.close()
        with ours, ours.makefile('rwb') as file:
            file.write(b'* PREAUTH hello\r\n')
            file.flush()
            for answer in answers:
                self.asked = file.readline()
                file.write(answer)
                file.flush()
            if answers[-1].endswith(b'\r\n') and b'guest ' in answers[-1]:
                file.read()
        return self.until(f't{self.count}')


r = Relayed()
URL = '* URLFETCH "imap://ann@h/INBOX/;UID=1;URLAUTH=anonymous:internal:00" '
check('what it is asked', r.lie(b'* URLFETCH {2}\r\nab\r\nguest OK done\r\n') == [URL + '{2}', 'ab', 't1 OK done'] and
      r.asked == b'guest URLFETCH ("imap://ann@h/INBOX/;UID=1;URLAUTH=anonymous:internal:00")\r\n', r.asked)
check('what it says besides is not told', r.lie(b'* 5 EXISTS\r\n* OK [ALERT] call me\r\n* URLFETCH NIL\r\n* URLFETCH {1}\r\nx\r\n* 6 EXPUNGE\r\n'
      b't2 OK\r\nguest OK done\r\n') == [URL + 'NIL', 't2 OK done'])
check('nor in place of it', r.lie(b'* 5 EXISTS\r\n* URLFETCHED x\r\nguest NO [ALERT] call me\r\n') == [URL + 'NIL', 't3 OK done'])
check('one that ends: NO, for later', r.lie(b'* OK x\r\n') == [URL + 'NIL', 't4 NO [UNAVAILABLE] some of them cannot be had now'])
check('BYE is the same', r.lie(b'* BYE you too\r\nguest ') == [URL + 'NIL', 't5 NO [UNAVAILABLE] some of them cannot be had now'])
said = r.lie(b'* URLFETCH {10}\r\nabc')
check('one that ends within a literal ends the session: nothing else would be read right', said[:2] == [URL + '{10}', 'abc'] and said[2:] in ([], ['']) and
      r.child.wait(20) == 0, said)
done()
