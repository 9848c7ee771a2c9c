#!/usr/bin/env python3
"""secrets_test - a password that was said over TLS by SMTP, POP3, IMAP or ManageSieve is in no process once its reply has come: accepted,
wrong, cancelled or cut by a syntax error; the sessions stay while every process of ours is searched, tlsd's too."""
import base64, glob, os, re, socket, ssl, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from memory import *

on_host()
skip_if_sanitized('a sanitizer keeps what was freed')
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def b64(text):
    return base64.b64encode(text.encode()).decode()


def ours():
    for path in glob.glob('/proc/[0-9]*/exe'):
        try:
            program = os.readlink(path).split(' ')[0]
        except OSError:
            continue
        if '/bin/' in program and os.path.exists('/var/mta/bin/' + os.path.basename(program)):
            yield int(path.split('/')[2]), os.path.basename(program)


def holders(secret):
    wanted = forms(secret)
    return sorted((name, pid) for pid, name in ours() if holds(pid, *wanted))


class Wire:
    """Lines over TLS."""

    def __init__(self, port):
        self.s = socket.create_connection(('127.0.0.1', port), 30)
        if port == 4190:
            self.s.sendall(b'STARTTLS\r\n')
            while not self.s.recv(4096).endswith(b'begin TLS"\r\n'):
                pass
        self.s = CONTEXT.wrap_socket(self.s)
        self.f = self.s.makefile('rb')
        while self.f.readline()[:2] not in (b'OK', b'+O', b'* ', b'22'):
            pass

    def ask(self, line):
        """The last line of the answer."""
        self.s.sendall(line.encode() + b'\r\n')
        while True:
            answer = self.f.readline().decode('latin-1')
            if not re.match(r'\d\d\d-|\* ', answer):
                return answer.strip()


RIGHT = f'Correct-Horse-7{os.getpid()}'
number = 0


def wrong():
    global number
    number += 1
    return f'Wrong{number:03}Battery{os.getpid()}Staple'


run('chpasswd', '-c', 'SHA512', input=f'joe:{RIGHT}\n')
with open('/var/mta/control/logindelaymax', 'w') as f:
    f.write('1\n')
os.rename('/var/mta/service/.sieved', '/var/mta/service/sieved')
started = run('/var/mta/bin/mtactl', 'start')
check('mtactl start', started.returncode == 0, started.stderr)
for port in (465, 993, 995, 4190):
    wait_for(lambda: run('ss', '-Hltn', f'sport = :{port}').stdout)

# Each: port, what is said before, the lines with {p} the password and {b:...} base64, how the last answer begins.
PLAIN, LOGIN = ['AUTH PLAIN {plain}'], ['AUTH LOGIN', '{user}', '{word}']
SAID = [
    ('SMTP AUTH PLAIN', 465, PLAIN, '235', '535'),
    ('SMTP AUTH PLAIN, asked for', 465, ['AUTH PLAIN', '{plain}'], '235', '535'),
    ('SMTP AUTH LOGIN', 465, LOGIN, '235', '535'),
    ('SMTP AUTH cancelled', 465, ['AUTH LOGIN', '{word}', '*'], '501', '501'),
    ('SMTP AUTH that is no base64', 465, ['AUTH LOGIN', '{user}', '{word}!!'], '501', '501'),
    ('SMTP AUTH of an unknown mechanism', 465, ['AUTH XYZ {plain}'], '504', '504'),
    ('POP3 PASS', 995, ['USER joe', 'PASS {p}'], '+OK', '-ERR'),
    ('POP3 AUTH PLAIN', 995, ['AUTH PLAIN {plain}'], '+OK', '-ERR'),
    ('POP3 AUTH cancelled', 995, ['AUTH LOGIN', '{word}', '*'], '-ERR', '-ERR'),
    ('POP3 PASS without USER', 995, ['PASS {p}'], '-ERR', '-ERR'),
    ('IMAP LOGIN', 993, ['a LOGIN joe {p}'], 'a OK', 'a NO'),
    ('IMAP LOGIN, quoted', 993, ['a LOGIN "joe" "{p}"'], 'a OK', 'a NO'),
    ('IMAP LOGIN, a literal', 993, ['a LOGIN joe {{{len}}}', '{p}'], 'a OK', 'a NO'),
    ('IMAP LOGIN, LITERAL+', 993, ['a LOGIN joe {{{len}+}}\r\n{p}'], 'a OK', 'a NO'),
    ('IMAP AUTHENTICATE PLAIN', 993, ['a AUTHENTICATE PLAIN {plain}'], 'a OK', 'a NO'),
    ('IMAP AUTHENTICATE cancelled', 993, ['a AUTHENTICATE LOGIN', '{word}', '*'], 'a BAD', 'a BAD'),
    ('ManageSieve PLAIN', 4190, ['AUTHENTICATE "PLAIN" "{plain}"'], 'OK', 'NO'),
    ('ManageSieve PLAIN, asked for', 4190, ['AUTHENTICATE "PLAIN"', '"{plain}"'], 'OK', 'NO'),
    ('ManageSieve PLAIN, a literal', 4190, ['AUTHENTICATE "PLAIN" {{{plainlen}+}}\r\n{plain}'], 'OK', 'NO'),
    ('ManageSieve LOGIN', 4190, ['AUTHENTICATE "LOGIN"', '"{user}"', '"{word}"'], 'OK', 'NO'),
    ('ManageSieve LOGIN cancelled', 4190, ['AUTHENTICATE "LOGIN"', '"{word}"', '"*"'], 'NO', 'NO'),
    ('ManageSieve, an unknown mechanism', 4190, ['AUTHENTICATE "XYZ" "{plain}"'], 'NO', 'NO'),
    ('ManageSieve, too many words', 4190, ['AUTHENTICATE "PLAIN" "{plain}" "{p}"'], 'NO', 'NO'),
    ('IMAP LOGIN with too many words', 993, ['a LOGIN joe {p} x'], 'a BAD', 'a BAD'),
]
seen = set()
for what, port, lines, good, bad in SAID:
    for is_right in (True, False) if good != bad else (False,):
        secret = RIGHT if is_right else wrong()
        words = {'p': secret, 'len': len(secret), 'plain': b64('\0joe\0' + secret), 'plainlen': len(b64('\0joe\0' + secret)), 'user': b64('joe'), 'word': b64(secret)}
        w = Wire(port)
        if port == 465:
            w.ask('EHLO client.example')
        for line in lines:
            got = w.ask(line.format(**words))
        check(f'{what}, {"right" if is_right else "wrong"}', got.startswith(good if is_right else bad), got)
        left = holders(secret)
        check('... and no process holds it', left == [], left)
        seen |= {name for _, name in ours()}
        w.f.close()
        w.s.close()
w = Wire(465)
w.ask(f'EHLO here-{number}-it-is.example')
check('control: the search finds what is there', {'smtpd', 'tlsd'} & {name for name, _ in holders(f'here-{number}-it-is.example')})
check('every process that a password goes through was there', {'smtpd', 'pop3d', 'imapd', 'sieved', 'tlsd', 'login', 'checkpw', 'keyd'} <= seen, seen)
done()
