#!/usr/bin/env python3
"""extensions_test - each SMTP extension that smtpd offers, on the wire and, as
far as it goes, in the queue: the queue is not running, so that what was
accepted can be looked at in queue/new."""
import email, glob, os, re, shutil, socket, ssl, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from smtp import read_reply
from tap import *

on_host()
for name in ('queue', 'pop3d'):
    shutil.rmtree('/var/mta/service/' + name, ignore_errors=True)


control('databytes', '300000\n')
control('xclientnets', '127.0.0.9\n')
control('maxmessages', '50\n')
control('nosoliciting', 'net.example:ADV\norg.example:ADV:ADLT\n')
control('verpclients', '127.0.0.8\n127.0.0.9\n')
control('futurereleasemax', '86400\n')
os.rename('/var/mta/service/.lmtp', '/var/mta/service/lmtp')
control('rcpthosts', 'm\u00fcnchen.example\n.k\u00f6ln.example\n')
control('relayclients', '127.0.0.1\n')
control('maxerrors', '1000\n')
WELLKNOWN = {'acme-response': b'line 1\nline 2\nlast line\n', 'sub/of/one': b'x', 'none': b'', 'b\u00fc cher': b'=+\0\xff\n\n',
             'long': b'a' * 65000 + b'\n' + b' ' * 535, 'no-end': b'a\nb', '.hidden': b'x'}
for name, content in WELLKNOWN.items():
    os.makedirs(os.path.dirname('/var/mta/control/wellknown/' + name), exist_ok=True)
    with open('/var/mta/control/wellknown/' + name, 'wb') as f:
        f.write(content)
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)


class Client:
    def __init__(self, source='127.0.0.2', port=25, hello='EHLO client.example'):
        self.s = socket.create_connection(('127.0.0.1', port), 10, (source, 0))
        self.f = self.s.makefile('rb')
        self.greeting = self.reply()
        self.hello = self.ask(hello) if hello else ''

    def reply(self):
        return read_reply(self.f).decode('utf-8', 'replace')

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def ask(self, line):
        self.send(line + '\r\n')
        return self.reply()

    def code(self, line):
        return self.ask(line)[:3]

    def begin(self, mail='', rcpts=('joe@example.org', 'ann@example.org')):
        self.ask('RSET')
        return [self.ask('MAIL FROM:<a@b.example>' + mail)[:3]] + [self.ask(f'RCPT TO:<{r}>')[:3] for r in rcpts]

    def bdat(self, data, last=False):
        data = data if isinstance(data, bytes) else data.encode()
        self.send(f'BDAT {len(data)}{" LAST" if last else ""}\r\n'.encode() + data)
        return self.reply()


def queue_file(reply):
    """(message, envelope) of what a 250 accepted."""
    match = re.search(r'250 2\.0\.0 accepted ([0-9a-f]{23})', reply)
    if not match:
        return b'', b''
    whole = open('/var/mta/queue/new/' + match[1], 'rb').read()
    words = whole[-128:].split()
    length, size = int(words[4], 16), int(words[5], 16)
    return whole[:length], whole[length:length + size]


def offers(client, line):
    return re.search(r'250[- ]' + line + '\r\n', client.hello) is not None


count_queue = lambda: len(os.listdir('/var/mta/queue/new')) + len(os.listdir('/var/mta/queue/tmp'))

# ---- CHUNKING: RFC 3030 ----
c = Client()
check('CHUNKING and BINARYMIME are offered', offers(c, 'CHUNKING') and offers(c, 'BINARYMIME'), c.hello)
c.begin()
check('a chunk', c.bdat('Subject: chunks\r\n\r\n.one\r').startswith('250 2.0.0 24 bytes'))
check('an empty chunk', c.bdat('')[:3] == '250')
check('DATA after BDAT', c.code('DATA') == '503')
check('RCPT after BDAT', c.code('RCPT TO:<joe@example.org>') == '503')
check('MAIL after BDAT', c.code('MAIL FROM:<x@y.example>') == '503')
text, envelope = queue_file(c.bdat('\n.\r\ntwo\r\nthree', True))
check('its lines, dots as they are, and an end for the last', text.endswith(b'\n\n.one\n.\ntwo\nthree\n') and b'\r' not in text, text)
check('its envelope', envelope.startswith(b'Fa@b.example\0') and envelope.count(b'\0T') == 2, envelope)
c.begin()
c.bdat('Subject: x\r\n\r\nall\r\n')
check('BDAT 0 LAST', queue_file(c.bdat('', True))[0].endswith(b'\n\nall\n'))
c.begin()
check('one chunk', queue_file(c.bdat('Subject: x\r\n\r\none\r\n', True))[0].endswith(b'one\n'))
c.begin()
check('every byte a chunk', [c.bdat(x)[:3] for x in ('S', ':', '\r', '\n', '\r', '\n', 'x')] == ['250'] * 7 and
      queue_file(c.bdat('', True))[0].endswith(b'S:\n\nx\n'))
before = count_queue()
c.ask('RSET')
evil = 'RSET\r\nMAIL FROM:<evil@b.example>\r\n'
check('BDAT before MAIL swallows its bytes', c.bdat(evil)[:3] == '503' and c.code('NOOP') == '250')
check('... with LAST too', c.bdat(evil, True)[:3] == '503' and c.code('NOOP') == '250')
c.begin(rcpts=('nobody-there@example.org',))
check('BDAT after a failed RCPT swallows its bytes', c.bdat(evil, True)[:3] == '554' and c.code('NOOP') == '250')
c.ask('MAIL FROM:<a@b.example> SIZE=300001')
check('BDAT after a failed MAIL', c.bdat(evil)[:3] == '503' and c.code('NOOP') == '250')
c.send(b'MAIL FROM:<a@b.example>\r\nRCPT TO:<nobody-there@example.org>\r\nBDAT 6\r\nRSET\r\nBDAT 6 LAST\r\nRSET\r\nNOOP\r\n')
got = [c.reply()[:3] for _ in range(5)]
check('the same in one write', got == ['250', '550', '554', '503', '250'], got)
for bad, why in ((b'a\nb\r\n', 'a bare LF'), (b'a\rb\r\n', 'a bare CR'), (b'a\0b\r\n', 'a NUL'), (b'x' * 70000 + b'\r\n', 'a long line')):
    c.begin()
    got = c.bdat(b'Subject: x\r\n\r\n' + bad)
    check(f'{why} is refused', got[:3] == '554', got)
    check('... and what follows, with its bytes', c.bdat(evil)[:3] == '503' and c.bdat(evil, True)[:3] == '503')
    check('... until the next MAIL', c.code('MAIL FROM:<a@b.example>') == '250')
c.begin()
check('a bare CR at the very end', c.bdat('Subject: x\r\n\r\nx\r', True)[:3] == '554')
c.begin()
check('over databytes', [c.bdat('\r\n' + 'x\r\n' * 70000)[:3], c.bdat('x\r\n' * 70000)[:8]] == ['250', '552 5.3.'])
check('the session goes on', c.code('RSET') == '250')
check('nothing of all that was kept', wait_for(lambda: count_queue() == before), (before, count_queue()))
for size in ('', 'x', '-1', '1x', '18446744073709551616', '9223372036854775808', '1 LASTING', '0x10'):
    d = Client()
    d.begin()
    check(f'BDAT {size or "nothing"}: 501 and the end', d.code('BDAT ' + size) == '501' and d.f.read() == b'')
d = Client()
d.begin()
d.send(b'BDAT 9223372036854775807 LAST\r\nRSET\r\n')
d.s.shutdown(socket.SHUT_WR)
check('the largest size: read for nobody', b'accepted' not in d.f.read())
d = Client()
d.begin()
d.bdat('Subject: half\r\n')
d.s.close()
check('a client that goes between two chunks leaves nothing', wait_for(lambda: count_queue() == before))
big = ''.join('%d %s\r\n' % (i, 'y' * 70) for i in range(3000))
c.begin()
for i in range(0, len(big), 50000):
    c.bdat(('Subject: big\r\n\r\n' if i == 0 else '') + big[i:i + 50000])
check('a big message in chunks', queue_file(c.bdat('', True))[0].decode().endswith(big.replace('\r\n', '\n')))

# ---- BINARYMIME: RFC 3030 section 3 ----
noise = bytes(range(256)) * 20 + b'\r\n--other\r\n\n\n\r\r--b\n--b'
binary = (b'Subject: binary\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'
          b'Content-Transfer-Encoding: binary\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nas it is\r\n'
          b'--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: BINARY\r\nX-After: yes\r\n\r\n'
          + noise + b'\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n'
          b'Subject: inner\r\nContent-Transfer-Encoding: binary\r\nMIME-Version: 1.0\r\n\r\ninner\0\n\r\n--b--\r\n')
c.begin(' BODY=BINARYMIME')
check('BINARYMIME is not for DATA', c.code('DATA') == '503')
for step in (len(binary), 1000, 7):
    c.begin(' BODY=BINARYMIME')
    for i in range(0, len(binary), step):
        c.bdat(binary[i:i + step])
    text, envelope = queue_file(c.bdat('', True))
    parts = email.message_from_bytes(text).get_payload()
    check(f'binary parts become base64, whole (chunks of {step})', len(parts) == 3 and
          parts[1].get_payload(decode=True) == noise and parts[1]['Content-Transfer-Encoding'] == 'base64', text)
    check('... also within message/rfc822', len(parts) == 3 and
          parts[2].get_payload()[0].get_payload(decode=True) == b'inner\0\n', text)
    check('... the others stay', parts[0].get_payload() == 'as it is' and parts[1]['X-After'] == 'yes')
    check('... and it is lines', b'\r' not in text and b'\0' not in text and max(map(len, text.split(b'\n'))) < 1000)
    check('... of 8 bits for whom comes next', b'\0B8\0' in envelope, envelope)
c.begin(' BODY=BINARYMIME')
alone = b'Content-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n' + noise
text = queue_file(c.bdat(alone, True))[0]
check('a message of one binary part, without a last CRLF', email.message_from_bytes(text).get_payload(decode=True) == noise)
c.begin(' BODY=BINARYMIME')
check('text under BINARYMIME', queue_file(c.bdat('Subject: x\r\n\r\n\u00e4', True))[0].endswith('\n\n\u00e4\n'.encode()))
for bad, why in ((b'Subject: x\r\n\r\na\0b\r\n', 'a NUL in what is not binary'), (b'Subject: x\nY: z\r\n\r\n', 'a bare LF in a header'),
                 (b'Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\nx\r\n--b--\r\n',
                  'a binary part that is signed')):
    c.begin(' BODY=BINARYMIME')
    got = c.bdat(bad, True)
    check(f'{why}: refused', got[:6] == '554 5.' and c.code('NOOP') == '250', got)
for mail in ('BODY=BINARY', 'BODY', 'BODY=8BITMIME BODY=7BIT', 'SMTPUTF8=x'):
    c.ask('RSET')
    check(f'{mail} gets 501', c.code('MAIL FROM:<a@b.example> ' + mail) == '501')

# ---- SMTPUTF8: RFC 6531 ----
c = Client()
check('SMTPUTF8 is offered', offers(c, 'SMTPUTF8'))
for rcpt in ('x@xn--mnchen-3ya.example', 'x@m\u00fcnchen.example', 'x@M\u00dcNCHEN.example', 'x@mu\u0308nchen.example',
             'x@sub.xn--kln-sna.example', 'x@sub.k\u00f6ln.example'):
    codes = c.begin(' SMTPUTF8', [rcpt])
    check(f'{rcpt.encode("unicode_escape").decode()} is the domain of rcpthosts', codes == ['250', '250'], codes)
check('another is not', c.begin(' SMTPUTF8', ['x@m\u00fcnster.example'])[1] == '550')
check('without the parameter', c.begin('', ['x@m\u00fcnchen.example'])[1] == '553')
c.begin(' SMTPUTF8', ['\u00e4@m\u00fcnchen.example'])
text, envelope = queue_file(c.bdat('Subject: \u00e4\r\n\r\n', True))
check('it is kept, and so called', '\0T\u00e4@m\u00fcnchen.example'.encode() in envelope and b'\0U1' in envelope and b'with UTF8SMTP id' in text, envelope)

# ---- XCLIENT, XFORWARD: Postfix's ----
c = Client()
check('XCLIENT is not for all', 'XCLIENT' not in c.hello and c.ask('XCLIENT ADDR=1.2.3.4').startswith('550 5.7.0') and
      c.code('XFORWARD NAME=x') == '550')
c = Client('127.0.0.9')
check('XCLIENT and XFORWARD are offered to control/xclientnets', offers(c, 'XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT')
      and offers(c, 'XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE'), c.hello)
for bad in ('ADDR=1.2.3', 'ADDR=1.2.3.4.5', 'WHAT=x', 'ADDR', 'ADDR=', 'HELO=a+0Ab', 'LOGIN=x+', 'HELO=' + 'x' * 300, 'NAME=' + 'x' * 300):
    check(f'XCLIENT {bad[:14]} gets 501', c.code('XCLIENT ' + bad) == '501')
c.begin()
check('not within a transaction', c.code('XCLIENT ADDR=192.0.2.7') == '503' and c.code('XFORWARD ADDR=192.0.2.7') == '503')
c.ask('RSET')
check('a new greeting', c.ask('XCLIENT ADDR=127.0.0.1 NAME=[UNAVAILABLE]').startswith('220 mx.example.org ESMTP'))
check('and a new session', c.code('MAIL FROM:<a@b.example>') == '503')
c.ask('EHLO x')
c.ask('MAIL FROM:<a@b.example>')
check('of the one it speaks for: a relay client', c.code('RCPT TO:<x@elsewhere.example>') == '250')
c.ask('RSET')
c.ask('XCLIENT ADDR=IPV6:2001:db8::7 HELO=named.example')
c.ask('MAIL FROM:<a@b.example>')
check('and then not any more', c.code('RCPT TO:<x@elsewhere.example>') == '550')
c.ask('RCPT TO:<joe@example.org>')
c.ask('RCPT TO:<ann@example.org>')
text, envelope = queue_file(c.bdat('Subject: x\r\n\r\n', True))
check('Received has it', text.startswith(b'Received: from named.example ([IPv6:2001:db8::7])\n') and b'\0C2001:db8::7\0' in envelope, text)
check('XFORWARD', c.code('XFORWARD NAME=spike.example ADDR=192.0.2.9') == '250' and c.code('XFORWARD HELO=a+20b') == '250' and
      c.code('XFORWARD WHAT=x') == '501')
c.ask('XFORWARD NAME=spike.example ADDR=192.0.2.9 HELO=a+20b')
c.begin()
c.bdat('Subject: x\r\n\r\n', True)
read_log = lambda name='smtpd': open(f'/var/mta/log/{name}/current', errors='replace').read()
check('is logged', wait_for(lambda: 'orig_name=spike.example orig_addr=192.0.2.9 orig_helo=a+20b' in read_log()), read_log()[-500:])


def as_user():
    c = Client('127.0.0.9')
    c.ask('XCLIENT ADDR=192.0.2.7 LOGIN=joe@example.org')
    c.hello = c.ask('EHLO x')
    return c


def record(c, mail, tag):
    """The envelope record of a message sent with these parameters."""
    codes = c.begin(' ' + mail)
    envelope = queue_file(c.bdat('Subject: x\r\n\r\n', True))[1].split(b'\0')
    found = [r[1:].decode() for r in envelope if r[:1] == tag.encode()]
    return found[0] if found else codes


# ---- for those who are known: FUTURERELEASE, DELIVERBY, MT-PRIORITY ----
c = Client()
for word in ('FUTURERELEASE', 'DELIVERBY', 'MT-PRIORITY', 'REQUIRETLS'):
    check(word + ' is not for strangers', word not in c.hello)
for mail in ('HOLDFOR=10', 'HOLDUNTIL=2030-01-01T00:00:00Z', 'BY=100;R', 'MT-PRIORITY=1', 'REQUIRETLS'):
    check(f'nor is {mail}', c.begin(' ' + mail)[0] == '555')
c = as_user()
check('they are offered to a user', offers(c, r'FUTURERELEASE 86400 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ') and offers(c, 'DELIVERBY 60')
      and offers(c, 'MT-PRIORITY'), c.hello)
utc = lambda seconds: time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + seconds))
near = lambda text, seconds: isinstance(text, str) and abs(int(text.split()[0]) - time.time() - seconds) < 5
check('HOLDFOR', near(record(c, 'HOLDFOR=1000', 'W'), 1000))
check('HOLDUNTIL', near(record(c, 'HOLDUNTIL=' + utc(2000), 'W'), 2000))
check('HOLDUNTIL of another zone', near(record(c, 'HOLDUNTIL=' + utc(2000 + 3600).replace('Z', '.5+01:00'), 'W'), 2000))
for bad in ('HOLDFOR=0', 'HOLDFOR=-1', 'HOLDFOR=86401', 'HOLDFOR=9999999999', 'HOLDFOR=x', 'HOLDFOR', 'HOLDFOR=5 HOLDUNTIL=' + utc(9),
            'HOLDUNTIL=' + utc(-60), 'HOLDUNTIL=' + utc(90000), 'HOLDUNTIL=2026-13-01T00:00:00Z', 'HOLDUNTIL=tomorrow',
            'HOLDFOR=500 BY=400;R', 'BY=100', 'BY=100;', 'BY=100;X', 'BY=100;RX', 'BY=100;RTT', 'BY=0;R', 'BY=-5;R', 'BY=1e3;N',
            'BY=99999999999;N', 'MT-PRIORITY=10', 'MT-PRIORITY=-10', 'MT-PRIORITY=', 'MT-PRIORITY=+1', 'MT-PRIORITY=1 MT-PRIORITY=2'):
    check(f'{bad[:50]} gets 501', c.begin(' ' + bad)[0] == '501')
check('sooner than DELIVERBY says', c.begin(' BY=59;R')[0] == '555')
for mail, seconds, mode in (('BY=120;R', 120, 'R'), ('BY=+120;nt', 120, 'NT'), ('BY=-5;N', -5, 'N'), ('BY=1;NT', 1, 'NT')):
    got = record(c, mail, 'D')
    check(f'{mail} is kept', near(got, seconds) and got.split()[1] == mode, got)
check('MT-PRIORITY is kept', record(c, 'MT-PRIORITY=-9', 'P') == '-9' and record(c, 'MT-PRIORITY=3', 'P') == '3')
c.ask('RSET')
check('one that is too high is lowered, and told', c.ask('MAIL FROM:<a@b.example> MT-PRIORITY=9').startswith('250 2.3.6') and
      record(c, 'MT-PRIORITY=9', 'P') == '4')

# ---- NO-SOLICITING: RFC 3865 ----
c = Client()
check('NO-SOLICITING is offered, with the classes', offers(c, 'NO-SOLICITING net.example:ADV,org.example:ADV:ADLT'), c.hello)
for classes in ('net.example:ADV', 'NET.EXAMPLE:adv', 'com.example:ADV,org.example:ADV:ADLT'):
    check(f'SOLICIT={classes} is refused', c.ask('MAIL FROM:<a@b.example> SOLICIT=' + classes).startswith('550 5.7.1'))
for classes in ('', 'a,', ',a', 'a,,b', '1a', 'a;b', 'a' * 1001):
    check(f'SOLICIT={classes[:9]} gets 501', c.begin(' SOLICIT=' + classes)[0] == '501')
check('another class is kept', record(c, 'SOLICIT=net.example:ADV:ADLT', 'S') == 'net.example:ADV:ADLT')
c.begin(' SOLICIT=com.example:ADV,a')
text = queue_file(c.bdat('Subject: x\r\n\r\n', True))[0]
check('and stands in Received', re.search(rb'with ESMTP\n\t\(NO-SOLICIT=com.example:ADV,a\) id ', text), text)
for field, want in (('Solicitation: net.example:ADV', '550 5.7.1'), ('solicitation: a,\r\n org.example:ADV:ADLT', '550 5.7.1'),
                    ('Solicitation: a\r\nX-Other: net.example:ADV', '250 2.0.0')):
    c.begin()
    check(f'a field {field!r} gets {want}', c.bdat(field + '\r\n\r\nnet.example:ADV\r\n', True)[:9] == want)

# ---- EXPN: RFC 5321 section 3.5.2 ----
with open('/etc/aliases', 'a') as f:
    f.write('crew: joe, far@elsewhere.example, \\ann, "|/bin/cat", /var/secret, "two words"\nhidden: "|/bin/cat"\n')
subprocess.run(['/var/mta/bin/newaliases'], check=True)
c = Client()
check('EXPN is for relay clients', 'EXPN' not in c.hello and c.code('EXPN crew') == '502')
c = Client('127.0.0.1')
check('and is offered to them', offers(c, 'EXPN'))
got = c.ask('EXPN crew')
check('its mailboxes, and nothing else', got == '250-2.1.5 <joe@mx.example.org>\r\n250-2.1.5 <far@elsewhere.example>\r\n'
      '250-2.1.5 <ann@mx.example.org>\r\n250 2.1.5 <"two words"@mx.example.org>\r\n', got)
check('with an address in brackets', c.ask('EXPN <crew@example.org>') == got)
for line, want in (('EXPN', '501 5.5.4'), ('EXPN joe', '550 5.2.4'), ('EXPN nobody-there', '550 5.1.1'),
                   ('EXPN hidden', '252 2.1.5'), ('EXPN x@elsewhere.example', '252 2.1.5')):
    check(f'{line} gets {want}', c.ask(line).startswith(want), c.ask(line))
import smtplib
with smtplib.SMTP('127.0.0.1', 25, 'client.example', source_address=('127.0.0.1', 0)) as known:
    code, lines = known.expn('crew')
    check("Python's smtplib reads it", code == 250 and lines.count(b'@') == 4, lines)

# ---- XVERP: Postfix's ----
c = Client()
check('XVERP is not for all', 'XVERP' not in c.hello and c.begin(' XVERP')[0] == '555')
c = Client('127.0.0.8')
check('it is offered to control/verpclients', offers(c, 'XVERP'), c.hello)
check('the delimiters are kept, or those of Postfix', record(c, 'XVERP', 'V') == '+=' and record(c, 'XVERP=', 'V') == '+=' and
      record(c, 'XVERP=-=', 'V') == '-=')
for bad in ('XVERP=+', 'XVERP=a=', 'XVERP=+=+', 'XVERP=@='):
    check(f'{bad} gets 501', c.begin(' ' + bad)[0] == '501')
c.ask('RSET')
check('XVERP needs a sender', c.code('MAIL FROM:<> XVERP') == '503' and c.code('MAIL FROM:<> ') == '250')
c.ask('RSET')
c.ask(f'MAIL FROM:<{"s" * 64}@{"d" * 200}.example> XVERP')
check('a recipient that makes it too long is refused alone', c.code(f'RCPT TO:<{"r" * 64}@example.org>') == '501' and
      c.code('RCPT TO:<joe@example.org>') == '250')
c.ask('RSET')
c.ask('MAIL FROM:<a@b.example> XVERP')
c.ask('RCPT TO:<joe@example.org>')
check('one mailbox, too, has a sender of its own', b'\0V+=\0' in queue_file(c.bdat('Subject: x\r\n\r\n', True))[1])
check('not by LMTP', 'XVERP' not in Client('127.0.0.8', 24, 'LHLO x').hello)

# ---- PIPECONNECT: Exim's ----
c = Client()
check('PIPECONNECT is offered', offers(c, 'PIPECONNECT') and not offers(Client(port=24, hello='LHLO x'), 'PIPECONNECT'), c.hello)

# ---- WELLKNOWN: Exim's; the first as in its own test ----
def shown(client, name):
    """The file, from the lines of the reply, or the code."""
    lines = client.ask('WELLKNOWN ' + name).split('\r\n')[:-1]
    if lines[0][:8] not in ('250-SIZE', '250 SIZE') or any(len(line) > 90 for line in lines):
        return lines[0][:9]
    text = re.sub(r'\+([0-9A-F]{2})', lambda m: chr(int(m[1], 16)), ''.join(line[4:] for line in lines[1:])).encode('latin-1')
    return text if int(lines[0][9:]) == len(text) else (lines[0], len(text))


c = Client()
check('WELLKNOWN is offered', offers(c, 'WELLKNOWN'))
check('a file, as Exim shows it', c.ask('WELLKNOWN acme-response') ==
      '250-SIZE=24\r\n250-line+201+0A\r\n250-line+202+0A\r\n250 last+20line+0A\r\n', c.ask('WELLKNOWN acme-response'))
check('an empty one', c.ask('wellknown none') == '250 SIZE=0\r\n')
for name in ('sub/of/one', 'sub+2Fof+2Fone', 'no-end', 'long', 'b+C3+BC+20cher'):
    plain = re.sub(r'(\+..)+', lambda m: bytes.fromhex(m[0].replace('+', '')).decode(), name)
    check(f'{name} comes as it is', shown(c, name) == WELLKNOWN[plain], shown(c, name)[:80])
for name in ('../me', '+2E+2E+2Fme', 'sub/../none', '/etc/passwd', '/var/mta/control/wellknown/none', 'sub', 'sub/of', 'sub/', '.', '..',
             './none', '.hidden', 'NONE', 'none+00', 'none/', 'x' * 1500):
    check(f'{name[:40]} is not', shown(c, name) == '550 5.5.4', shown(c, name)[:80])
for name in ('', ' ', 'none=', 'none+0', 'none+0a', 'two words'):
    check(f'"{name}" is no name', shown(c, name) == '501 5.5.4', shown(c, name)[:80])
c.send('WELLKNOWN none\r\n' * 3 + 'NOOP\r\n')
check('several at once', [c.reply() for _ in range(3)] == ['250 SIZE=0\r\n'] * 3 and c.reply()[:3] == '250')
check('users may ask, LMTP may not', offers(Client(port=587), 'WELLKNOWN') and shown(Client(port=587), 'no-end') == b'a\nb' and
      Client(port=24, hello='LHLO x').code('WELLKNOWN none') == '500')


def fault(name, make):
    """What mtactl check, and smtpd by hand, say of an entry."""
    path = '/var/mta/control/wellknown/' + name
    make(path)
    said = [(run.returncode, [line.split(path + ': ')[1] for line in (run.stdout + run.stderr).splitlines() if path + ': ' in line])
            for run in (subprocess.run(a, capture_output=True, text=True, stdin=subprocess.DEVNULL)
                        for a in (['/var/mta/bin/mtactl', 'check'], ['/var/mta/bin/smtpd']))]
    shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)
    return said[0][1] == said[1][1] and len(said[0][1]) == 1 and [s[0] for s in said] == [78, 75] and said[0][1][0]


for label, make, want in (('a link', lambda p: os.symlink('/etc/hostname', p), 'a link'), ('a pipe', os.mkfifo, 'neither'),
                          ('one that is kept from others', lambda p: os.close(os.open(p, os.O_CREAT, 0o640)), 'chmod 644'),
                          ('a long one', lambda p: open(p, 'w').write('x' * 65537), 'too long')):
    got = fault('bad', make)
    check(f'{label} is named, with its mend', got and want in got, got)
got = fault('a/b/c/d/e', os.makedirs)
check('a folder too deep', got and 'move it up' in got, got)
shutil.rmtree('/var/mta/control/wellknown/a')
os.mkdir('/var/mta/control/wellknown/many')
for i in range(101):
    open(f'/var/mta/control/wellknown/many/{i}', 'w').close()
run = subprocess.run(['/var/mta/bin/smtpd'], capture_output=True, text=True, stdin=subprocess.DEVNULL)
check('over a hundred', run.returncode == 75 and 'too many files' in run.stderr, run.stderr)
shutil.rmtree('/var/mta/control/wellknown/many')

# ---- LIMITS: RFC 9422 ----
c = Client()
check('LIMITS is offered', offers(c, 'LIMITS MAILMAX=50 RCPTMAX=1000'), c.hello)
codes = [c.code(line) for _ in range(50) for line in ('MAIL FROM:<a@b.example>', 'RSET')]
check('50 transactions', set(codes) == {'250'})
check('and no more', c.code('MAIL FROM:<a@b.example>') == '421' and c.f.read() == b'')

# ---- ETRN: RFC 1985 ----
c = Client()
check('ETRN is for relay clients', 'ETRN' not in c.hello and c.code('ETRN m\u00fcnchen.example') == '459')
c = Client('127.0.0.1')
check('and is offered to them', offers(c, 'ETRN'))
for line, want in (('ETRN', '501'), ('ETRN @example.org', '501'), ('ETRN #queue', '501'), ('ETRN a b', '501'), ('ETRN example.org', '459'),
                   ('ETRN elsewhere.example', '459'), ('ETRN xn--mnchen-3ya.example', '250')):
    check(f'{line} gets {want}', c.code(line) == want)
c.ask('MAIL FROM:<a@b.example>')
check('not within a transaction', c.code('ETRN xn--mnchen-3ya.example') == '503')

# ---- LMTP: RFC 2033 ----
c = Client(port=24, hello='LHLO client.example')
check('LMTP greets as that', c.greeting.startswith('220 mx.example.org LMTP') and offers(c, 'PIPELINING') and
      offers(c, 'ENHANCEDSTATUSCODES'), c.greeting)
check('HELO and EHLO are not LMTP', c.code('EHLO x') == '500' and c.code('HELO x') == '500')
check('no recipient, no DATA', c.code('DATA') == '503')
check('a mixed group', c.begin(rcpts=('joe@example.org', 'nobody-there@example.org', 'ann@example.org')) == ['250', '250', '550', '250'])
c.ask('DATA')
c.send('Subject: lmtp\r\n\r\nx\r\n.\r\n')
got = [c.reply() for _ in range(2)]
text = queue_file(got[0])[0]
check('a reply for each that was accepted', got[0] == got[1] and b'with LMTP id' in text and c.code('NOOP') == '250', got)
c.begin()
c.bdat('Subject: lmtp\r\n\r\n')
c.send('BDAT 3 LAST\r\nx\r\n')
check('BDAT too, at its end', [c.reply()[:3] for _ in range(2)] == ['250', '250'] and c.code('NOOP') == '250')
c.begin()
c.ask('DATA')
c.send('Subject: bare\r\n\r\na\rb\r\n.\r\n')
check('a refusal as well', [c.reply()[:3] for _ in range(2)] == ['554', '554'] and c.code('NOOP') == '250')
c = Client(hello='LHLO x')
check('LHLO is not SMTP', c.hello.startswith('500'))
check('no LMTP session died', 'died' not in read_log('lmtp'))

# ---- PRDR ----
c = Client()
check('PRDR is offered, but not by LMTP', offers(c, 'PRDR') and not offers(Client(port=24, hello='LHLO x'), 'PRDR'), c.hello)
c.begin(' PRDR')
c.ask('DATA')
c.send('Subject: prdr\r\n\r\nx\r\n.\r\n')
got = [c.reply() for _ in range(4)]
check('353, a reply for each recipient, and one for all', got[0][:3] == '353' and len(set(got[1:])) == 1 and
      got[1][:3] == '250' and c.code('NOOP') == '250', got)
c.begin(' PRDR')
c.bdat('Subject: prdr\r\n\r\n')
got = [c.bdat('x\r\n', True)] + [c.reply() for _ in range(3)]
check('BDAT too, at its end', [r[:3] for r in got] == ['353', '250', '250', '250'] and c.code('NOOP') == '250', got)
c.begin(' PRDR')
c.ask('DATA')
c.send('Subject: bare\r\n\r\na\rb\r\n.\r\n')
got = [c.reply()[:3] for _ in range(4)]
check('a refusal as well', got == ['353', '554', '554', '554'] and c.code('NOOP') == '250', got)
c.begin(' PRDR', rcpts=['joe@example.org'])
c.ask('DATA')
c.send('Subject: prdr\r\n\r\nx\r\n.\r\n')
check('one recipient, one reply', c.reply()[:3] == '250' and c.code('NOOP') == '250')
check('it has no value', c.begin(' PRDR=1')[0] == '501')
c.begin()
c.ask('DATA')
c.send('Subject: no prdr\r\n\r\nx\r\n.\r\n')
check('and is forgotten with its transaction', c.reply()[:3] == '250' and c.code('NOOP') == '250')
swaks = subprocess.run(['swaks', '--server', '127.0.0.1', '--to', 'joe@example.org,ann@example.org', '--from', 'a@b.example',
                        '--prdr'], capture_output=True, text=True, timeout=60)
check('swaks reads them all', swaks.returncode == 0 and swaks.stdout.count('\n<-  353 ') == 1 and
      swaks.stdout.count('250 2.0.0 accepted') == 3, swaks.stdout[-800:] + swaks.stderr)

# ---- REQUIRETLS: RFC 8689 ----
def over_tls(port):
    c = Client(port=port, source='127.0.0.1')
    c.ask('STARTTLS')
    c.s = ssl._create_unverified_context().wrap_socket(c.s)
    c.f = c.s.makefile('rb')
    c.hello = c.ask('EHLO x')
    return c


c = over_tls(25)
check('REQUIRETLS is offered over TLS', offers(c, 'REQUIRETLS'), c.hello)
check('and kept', record(c, 'REQUIRETLS', 'Q') == '1', record(c, 'REQUIRETLS', 'Q'))
check('it has no value, and comes once', c.begin(' REQUIRETLS=1')[0] == '501' and c.begin(' REQUIRETLS REQUIRETLS')[0] == '501')

check('NO-SOLICITING has no classes for users: they are the next hosts\' to refuse', offers(over_tls(587), 'NO-SOLICITING'))

# ---- the table of smtpd(8): each keyword that anyone is offered has its row, its RFC and its test ----
def words(hello):
    return {line[4:].split(' ')[0].strip() for line in hello.split('\r\n')[1:] if line}


# ATRN is offered on port 366 alone: system/odmr_test; BURL to who logged in himself, with control/burl: burl_test.
offered = set().union(*map(words, (Client().hello, Client('127.0.0.1').hello, Client('127.0.0.9').hello, as_user().hello,
                                   over_tls(25).hello, over_tls(587).hello, Client(port=24, hello='LHLO x').hello)))
rows = re.findall(r'^\.It (.+?) Ta (.+?) Ta (.+?) Ta (.+)$', open(TESTS + '/../smtpd/smtpd.8').read(), re.M)
table = {word: (defined, tests.split(', ')) for keywords, defined, _, tests in rows for word in keywords.split(', ')}
check('every keyword that is offered is in the table of smtpd(8), and no other', offered | {'LHLO', 'ATRN', 'BURL'} == set(table) - {'Sy keyword'},
      offered ^ set(table))
for word, (defined, tests) in table.items():
    texts = [open(path).read() for name in tests for path in glob.glob(f'{TESTS}/{name}.*')]
    if word != 'Sy keyword':
        check(f'{word}: {defined} and its tests {", ".join(tests)}', re.search("RFC \\d+|draft-|Postfix|Exim", defined) and len(texts) == len(tests) and
              any(word in text.upper() for text in texts), (word, tests))

log = open('/var/mta/log/smtpd/current', errors='replace').read()
check('no session died', 'died' not in log, log[-500:])
done()
