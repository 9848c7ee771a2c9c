#!/usr/bin/env python3
"""dsn_8bit_test - reports of what is not ASCII, to hosts with and without 8BITMIME: all of them arrive, with what they are
about, and say no more bytes than their Content-Transfer-Encoding lets them (RFC 2045, RFC 3464, RFC 6533)."""
import email, email.parser, email.policy, os, quopri, re, shutil, socket, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from hop import Hop

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)

control('smtproutes', 'no.example:[127.0.0.1]:2525\nseven.example:[127.0.0.1]:2526\neight.example:[127.0.0.1]:2527\n')
control('relayclients', '127.0.0.1\n')
WORDS = '\u041d\u0435\u0442 \u0442\u0430\u043a\u043e\u0433\u043e'
no = Hop(2525, 'PIPELINING', '8BITMIME', 'SMTPUTF8', rcpt='550 5.1.1 ' + WORDS)
hosts = {'seven': Hop(2526, 'PIPELINING'), 'eight': Hop(2527, 'PIPELINING', '8BITMIME')}
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)


def send(mark, host, text, mail='', rcpt='u@no.example'):
    with socket.create_connection(('127.0.0.1', 25), 10) as s:
        f = s.makefile('rb')
        for line in ('', 'EHLO client.example', f'MAIL FROM:<joe@{host}.example>{mail}', f'RCPT TO:<{rcpt}>', 'DATA'):
            s.sendall(line.encode() + b'\r\n' if line else b'')
            while (reply := f.readline())[3:4] == b'-':
                pass
        s.sendall(f'Message-ID: <{mark}@client.example>\r\n'.encode() + text.replace(b'\n', b'\r\n') + b'.\r\n')
        return f.readline()


def split(raw):
    """A part's header, parsed, and its body."""
    head, _, body = raw.partition(b'\r\n\r\n')
    return email.parser.BytesHeaderParser(policy=email.policy.default.clone(raise_on_defect=True)).parsebytes(head), body


def cut(raw):
    """The multipart's parts as they stand."""
    edge = split(raw)[0].get_boundary().encode()
    return [piece[2:] for piece in (b'\r\n' + split(raw)[1]).split(b'\r\n--' + edge)[1:-1]]


def is_fit(raw):
    """No byte beyond ASCII in what does not say 8bit, at any level."""
    head, body = split(raw)
    wide = not body.isascii()
    coding = head.get('Content-Transfer-Encoding', '7bit').lower()
    inner = cut(raw) if head.get_content_maintype() == 'multipart' else []
    return (not wide or coding == '8bit') and all(map(is_fit, inner))


def decoded(raw):
    head, body = split(raw)
    return quopri.decodestring(body) if head.get('Content-Transfer-Encoding') == 'quoted-printable' else body


MIME = b'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n'
SIGNED = (b'MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=s\nContent-Transfer-Encoding: 8bit\n\n--s\n' + MIME[18:] +
          'Gr\u00fc\u00dfe\n--s\nContent-Type: application/pgp-signature\n\nx\n--s--\n'.encode())
wide = 'Gr\u00fc\u00dfe'.encode()
CASES = {  # text, the type it comes back as, what of it
    'ascii': (b'Subject: x\n\nall of it\n', 'message/rfc822', b'all of it'),
    'body': (MIME + b'\n' + wide + b'\n', 'message/rfc822', wide),
    'undeclared': (b'Subject: x\n\n' + wide + b'\n', 'message/rfc822', wide),
    'subject': (b'Subject: ' + wide + b'\n\nall of it\n', 'message/global', b'Subject: ' + wide),
    'inner': (b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Disposition: attachment; filename="' + wide +
              b'"\n\nx\n--m--\n', 'message/global', b'filename="' + wide),
    'signed': (SIGNED, 'message/global', wide),
    'latin': (b'Subject: Gr\xfc\xdfe\n\nlost\n', 'text/rfc822-headers', b'Subject: Gr\xfc\xdfe'),
    'headers': (b'Subject: ' + wide + b'\n\nnot this\n', 'text/rfc822-headers', b'Subject: ' + wide),
    'utf8-headers': (b'Subject: ' + wide + b'\n\nnot this\n', 'message/global-headers', b'Subject: ' + wide),
    'utf8': (b'Subject: ' + wide + b'\n\n' + wide + b'\n', 'message/global', b'Subject: ' + wide),
}


def found(host, mark):
    return [m for m in host.messages if f'In-Reply-To: <{mark}@client.example>'.encode() in m]


for name, host in hosts.items():
    for mark, (text, kind, part) in CASES.items():
        utf8 = mark.startswith('utf8')
        send(mark, name, text, ' SMTPUTF8' * utf8 + ' RET=HDRS' * ('headers' in mark), ('g\u00e4st' if utf8 else 'u') + '@no.example')
for name, host in hosts.items():
    for mark, (text, kind, part) in CASES.items():
        label, utf8 = f'{mark}, to {name}: ', mark.startswith('utf8')
        got = wait_for(lambda: found(host, mark), 20)
        check(label + 'is told', len(got) == 1, subprocess.run('grep -h 5.6 /var/mta/log/*/current', shell=True, capture_output=True, text=True).stdout)
        if not got:
            continue
        raw = got[0]
        check(label + 'no byte but what is said', is_fit(raw) and (name == 'eight' or raw.isascii()), raw)
        parts = cut(raw)
        kinds = [split(p)[0].get_content_type() for p in parts]
        status = 'message/global-delivery-status' if utf8 else 'message/delivery-status'
        check(label + 'three parts', kinds == ['text/plain', status, kind], kinds)
        check(label + 'in the words of the host', WORDS in decoded(parts[0]).decode(), parts[0])
        fields = decoded(parts[1]).decode('utf-8' if utf8 else 'ascii', 'replace')
        code = WORDS if utf8 else re.sub('[^ ]', '?', WORDS)
        check(label + 'its status', re.search(f'\nDiagnostic-Code: .* 550 5.1.1 {re.escape(code)}\r', fields), fields)
        check(label + 'whom it is about', f'Final-Recipient: {"utf-8; gäst" if utf8 else "rfc822; u"}@no.example' in fields, fields)
        back = decoded(parts[2])
        check(label + 'what comes back', (part in back or part in quopri.decodestring(back)) and b'not this' not in back, back)
        if kind == 'message/global':
            check(label + 'to the byte', text.replace(b'\n', b'\r\n').rstrip() in back, back)
        message = email.message_from_bytes(raw, policy=email.policy.default)
        check(label + 'Python reads it', message.is_multipart() and not message.defects and
              not any(p.defects for p in message.iter_parts()), message.defects)
check('SMTPUTF8 was not needed', not [c for h in hosts.values() for c in h.commands if 'SMTPUTF8' in c])
done()
