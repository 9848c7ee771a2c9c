#!/usr/bin/env python3
"""burl_test - BURL, RFC 4468: smtpd on port 587 gets parts of a message from
the user's mailbox, by way of login and an imapd under the owner's uid."""
import base64, glob, os, pwd, re, shutil, signal, socket, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
DRAFT = b'From: joe@example.org\r\nTo: ann@example.org\r\nSubject: Draft\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <d@example.org>\r\n\r\n' \
    b'Hello Ann\r\n.\r\n..dots\r\n'


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


class Imap:
    def __init__(self, user):
        self.file = socket.create_connection(('127.0.0.1', 143), 60).makefile('rwb')
        self.file.readline()
        self.say(f'LOGIN {user} "{SECRET}"')

    def say(self, command):
        self.file.write(b't ' + (command if isinstance(command, bytes) else command.encode()) + b'\r\n')
        self.file.flush()
        lines = [self.file.readline().decode()]
        while not lines[-1].startswith('t ') and lines[-1] != '':
            lines.append(self.file.readline().decode())
        return lines

    def append(self, message):
        return self.say(f'APPEND INBOX {{{len(message)}+}}\r\n'.encode() + message)

    def url(self, rump):
        """The URL with its token."""
        return re.search('"([^"]*)"', self.say(f'GENURLAUTH "{rump}" INTERNAL')[0])[1]


class Smtp:
    def __init__(self, user='joe', port=587):
        self.file = socket.create_connection(('127.0.0.1', port), 60).makefile('rwb')
        self.reply()
        self.hello = self.ask('EHLO client.example')
        if user:
            secret = base64.b64encode(f'\0{user}\0{SECRET}'.encode()).decode()
            self.logged_in = self.ask('AUTH PLAIN ' + secret)
            self.hello = self.ask('EHLO client.example')

    def reply(self):
        text = line = self.file.readline().decode()
        while line[3:4] == '-':
            line = self.file.readline().decode()
            text += line
        return text

    def ask(self, *lines):
        """The last reply to lines that are sent at once."""
        self.file.write(b''.join((line if isinstance(line, bytes) else line.encode()) + b'\r\n' for line in lines))
        self.file.flush()
        return [self.reply() for _ in lines][-1]

    def begin(self, sender='joe@example.org'):
        return self.ask('RSET', f'MAIL FROM:<{sender}>', 'RCPT TO:<ann@example.org>')

    def bdat(self, data, last=False):
        self.file.write(f'BDAT {len(data)}{" LAST" if last else ""}\r\n'.encode() + data)
        self.file.flush()
        return self.reply()

    def burl(self, url, last=True):
        return self.ask(f'BURL {url}{" LAST" if last else ""}')


def kept(reply):
    """The message behind its trace, as the queue has it."""
    match = re.search(r'250 2\.0\.0 accepted ([0-9a-f]{23})', reply)
    if not match:
        return reply
    path = glob.glob(f'/var/mta/queue/new/{match[1]}*')[0]
    with open(path, 'rb') as f:
        whole = f.read()
    parts = os.path.basename(path).split('.')
    message = whole[:int(parts[1] if len(parts) > 1 else whole[-128:].split()[4], 16)]
    return re.sub(rb'\A((Return-Path|Delivered-To|Received): .*\n([ \t].*\n)*)+', b'', message)


def log():
    with open('/var/mta/log/submission/current', errors='replace') as f:
        return f.read()


def readers():
    """Processes of imapd for BURL."""
    found = []
    for path in glob.glob('/proc/[0-9]*'):
        try:
            with open(path + '/cmdline') as f:
                words = f.read().split('\0')
            if words[:2] == ['imapd', '-b']:
                found.append((os.stat(path).st_uid, words[2:5]))
        except OSError:
            pass
    return found


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
run('/var/mta/bin/mtactl', 'user', 'add', 'eve@example.net', input=SECRET + '\n')
control('burl', '1 # for phones\n')
control('imapdaddresses', '127.0.0.1:143\n')
control('databytes', '3000000\n')
control('maxerrors', '1000\n')
control('xclientnets', '127.0.0.1\n')
for name in ('queue', 'pop3d'):
    shutil.rmtree('/var/mta/service/' + name, ignore_errors=True)
run('/var/mta/bin/mtactl', 'start')
for port in (143, 587, 25):
    wait_for(lambda: run('ss', '-Hltn', f'sport = :{port}').stdout)
with open('/var/mta/control/me') as f:
    me = f.read().strip()

joe, ann = Imap('joe'), Imap('ann')
joe.append(DRAFT)
ann.append(DRAFT.replace(b'Hello Ann', b'of Ann'))
BASE = 'imap://joe@example.org/INBOX/;UID=1'
whole, text = joe.url(f'{BASE};URLAUTH=submit+joe'), joe.url(f'{BASE}/;SECTION=TEXT;URLAUTH=submit+joe')

# Section 3.2 and 4
c = Smtp()
check('EHLO: BURL for who has logged in', f'250-BURL imap imap://{me}\r\n' in c.hello, c.hello)
nobody = Smtp(None)
check('not before, nor on port 25', 'BURL' not in nobody.hello and 'BURL' not in Smtp(None, 25).hello and
      nobody.burl(whole).startswith('503 5.5.1') and Smtp(None, 25).burl(whole).startswith('503 5.5.1'))
proxy = Smtp(None)
check('nor for whom a proxy says so: login has to know him', proxy.ask('XCLIENT LOGIN=joe ADDR=192.0.2.7').startswith('220') and
      'BURL' not in proxy.ask('EHLO client.example') and proxy.burl(whole).startswith('503 5.5.1'))
c.begin()
LF = DRAFT.replace(b'\r\n', b'\n')
said = c.burl(whole)
check('a whole message', kept(said) == LF, kept(said))
check('no process is left', wait_for(lambda: not readers()), readers())
c.begin()
head = DRAFT[:DRAFT.index(b'\r\n\r\n') + 4]
check('chunks of both kinds', c.bdat(head).startswith('250 2.0.0 %d ' % len(head)) and
      c.burl(text, False).startswith('250 2.0.0 %d ' % (len(DRAFT) - len(head))))
said = c.bdat(b'and more\r\n', True)
check('one message', kept(said) == LF + b'and more\n', kept(said))
c.begin()
c.burl(whole, False)
check('BDAT 0 LAST', kept(c.bdat(b'', True)) == LF)
check('section 3.3: pipelined', kept(c.ask('MAIL FROM:<joe@example.org>', 'RCPT TO:<ann@example.org>', f'BURL {whole} LAST')) == LF)
check('lower case', c.begin() and kept(c.ask(f'burl {whole} last')) == LF)
c.begin()
check('ten chunks', all(c.burl(text if i else whole, False).startswith('250') for i in range(10)) and kept(c.bdat(b'', True)).count(b'Hello Ann') == 10)

# Who is who: a user of this host logs in with a domain or without
c.begin()
check('submit+ with a domain of this host', kept(c.burl(joe.url('imap://joe%40example.org@h/INBOX/;UID=1;URLAUTH=submit+joe%40example.org'))) == LF)
check('and logged in so', (full := Smtp('joe@example.org')) and full.begin() and
      kept(full.burl(joe.url('imap://joe%40example.org@h/INBOX/;UID=1;URLAUTH=submit+joe'))) == LF)
run('/var/mta/bin/mtactl', 'user', 'add', 'joe@example.net', input=SECRET + '\n')
for name in ('joe%40example.net', 'joe%40elsewhere.example', 'joe+x%40example.org', 'joe%40', '%40example.org'):
    c.begin()
    said = c.burl(joe.url(f'{BASE};URLAUTH=submit+{name}'))
    check(f'not with another one: {name}', said.startswith('554 5.6.6'), said)

# What is refused
for label, url in (
        ('of another user', ann.url('imap://ann@h/INBOX/;UID=1;URLAUTH=submit+ann')), ('user+', joe.url(f'{BASE};URLAUTH=user+joe')),
        ('authuser', joe.url(f'{BASE};URLAUTH=authuser')), ('anonymous', joe.url(f'{BASE};URLAUTH=anonymous')),
        ('expired', joe.url(f'{BASE};EXPIRE=2020-01-01T00:00:00Z;URLAUTH=submit+joe')), ('no such message', joe.url('imap://joe@h/INBOX/;UID=9;URLAUTH=submit+joe')),
        ('a wrong token', whole[:-1] + ('0' if whole[-1] != '0' else '1')), ('no token', f'{BASE};URLAUTH=submit+joe'),
        ('his name, not his key', whole.replace('//joe@', '//ann@')), ('no such owner', whole.replace('//joe@', '//nobody@')),
        ('another scheme', 'http://example.org/x'), ('no URL', 'x'), ('root', whole.replace('//joe@', '//root@'))):
    c.begin()
    said = c.burl(url)
    check(f'section 5: 554 5.6.6 {label}', said.startswith('554 5.6.6 ') and c.ask('NOOP').startswith('250'), said)
given = ann.url('imap://ann@h/INBOX/;UID=1;URLAUTH=submit+joe')
c.begin()
said = kept(c.burl(given))
check('what another gave him to send', said == LF.replace(b'Hello Ann', b'of Ann'), said)
check('it was read as its owner', wait_for(lambda: f'url-reader user=joe account=ann uid={pwd.getpwnam("ann").pw_uid} ' in log()), log()[-2000:])
eve = Smtp('eve@example.net')
eve.begin('eve@example.net')
check('a token is for one user', eve.logged_in.startswith('235') and eve.burl(given).startswith('554 5.6.6'), eve.logged_in)
eve.begin('eve@example.net')
check('a virtual account', kept(eve.burl(joe.url(f'{BASE};URLAUTH=submit+eve%40example.net'))) == LF)
c.ask('RSET')
check('without MAIL', c.burl(whole).startswith('503 5.5.1'))
c.ask('MAIL FROM:<joe@example.org>')
check('without RCPT', c.burl(whole).startswith('554 5.5.1') and c.ask('RSET').startswith('250'))
c.begin()
check('without a URL', c.ask('BURL').startswith('501') and c.ask(f'BURL {whole} FIRST').startswith('501') and c.ask('BURL ').startswith('501'))
check('and that was no chunk', kept(c.burl(whole)) == LF)
c.begin()
check('a refused chunk refuses the message', c.bdat(head).startswith('250') and c.burl(whole[:-1] + 'x', False).startswith('554') and
      c.burl(text, False).startswith('503 5.5.1') and c.bdat(b'x\r\n', True).startswith('503 5.5.1') and c.ask('NOOP').startswith('250'))
c.begin()
c.burl(whole, False)
check('DATA after BURL', c.ask('DATA').startswith('503'))
c.begin()
check('RSET meanwhile', c.burl(whole, False).startswith('250') and c.ask('RSET').startswith('250') and c.begin().startswith('250') and kept(c.burl(whole)) == LF)
check('a line that is too long', c.begin() and c.ask('BURL ' + 'x' * 3000).startswith('500'))

# Large ones
joe.append(b'Subject: large\r\n\r\n' + b'0123456789abcde\r\n' * 100000)
joe.append(b'Subject: larger\r\n\r\n' + b'0123456789abcde\r\n' * 200000)
large, larger = (joe.url(f'imap://joe@h/INBOX/;UID={uid};URLAUTH=submit+joe') for uid in (2, 3))
c.begin()
said = kept(c.burl(large))
check('a large one comes whole', len(said) > 1600000 and said.endswith(b'\n' + b'0123456789abcde\n' * 100000), said[:200])
c.begin()
check('control/databytes', c.burl(larger).startswith('552') and c.ask('NOOP').startswith('250'))
c.begin()
check('in all', c.burl(large, False).startswith('250') and c.burl(large).startswith('552'))
check('RESETKEY', joe.say('RESETKEY INBOX')[-1].startswith('t OK') and c.begin() and c.burl(whole).startswith('554 5.6.6'))
check('no process is left, and none was root\'s', wait_for(lambda: not readers()), readers())

# A process of the owner's that lies
whole = joe.url(f'{BASE};URLAUTH=submit+joe')
os.rename('/var/mta/bin/imapd', '/var/mta/bin/imapd.real')
with open('/var/mta/bin/imapd', 'w') as f:
    f.write('#!/bin/sh\n[ "$1" = -b ] || exec /var/mta/bin/imapd.real "$@"\nprintf "* PREAUTH\\r\\n"\nhead -n 1 >/dev/null\nexec cat /tmp/lie\n')
os.chmod('/var/mta/bin/imapd', 0o755)
for label, lie, code in (
        ('fewer octets than it announced', b'* URLFETCH {100}\r\nSubject: x\r\n', '451 4.4.1'), ('nothing at all', b'', '451 4.4.1'),
        ('more than anybody takes', b'* URLFETCH {9223372036854775807}\r\nSubject: x\r\n', '552 '), ('a number that is none', b'* URLFETCH {99999999999999999999}\r\nx', '554 5.6.6'),
        ('a negative one', b'* URLFETCH {-1}\r\nx', '554 5.6.6'), ('no literal', b'* URLFETCH "x"\r\n', '554 5.6.6'), ('a line without an end', b'x' * 100000, '451 4.4.1'),
        ('something else', b'250 2.0.0 accepted\r\n', '554 5.6.6'), ('a bare CR', b'* URLFETCH {20}\r\nSubject: x\r\n\r\na\rb\r\n.', '554 5.6.0'),
        ('a NUL', b'* URLFETCH {19}\r\nSubject: x\r\n\r\na\0b\r\n', '554 5.6.0')):
    with open('/tmp/lie', 'wb') as f:
        f.write(lie)
    os.chmod('/tmp/lie', 0o644)
    before = len(os.listdir('/var/mta/queue/new'))
    c.begin()
    said = c.burl(whole)
    check(f'it is nobody\'s harm: {label}', said.startswith(code) and c.ask('NOOP').startswith('250') and len(os.listdir('/var/mta/queue/new')) == before, said)
lie = b'Subject: x\r\n\r\n.\r\nMAIL FROM:<x@y>\r\nRCPT TO:<ann>\r\nDATA\r\n'
with open('/tmp/lie', 'wb') as f:
    f.write(b'* URLFETCH {%d}\r\n' % len(lie) + lie + b'RSET\r\n* URLFETCH {3}\r\nabc')
c.begin()
said = kept(c.burl(whole))
check('what looks like commands is the message\'s', said[said.index(b'\n\n'):] == lie[10:].replace(b'\r\n', b'\n') and c.ask('NOOP').startswith('250'), said)
# An answer of login's that comes late is not that to the next question
slow = Smtp()
logins = [int(pid) for pid in run('pgrep', '-xf', 'login smtp').stdout.split()]
for pid in logins:
    os.kill(pid, signal.SIGSTOP)
slow.begin()
check('login does not answer', logins and slow.burl(whole).startswith('451 4.4.1'))
for pid in logins:
    os.kill(pid, signal.SIGCONT)
# The connection is good; who wants BURL again logs in again.
check('nor does it later', slow.begin().startswith(('250', '451')) and slow.burl(whole).startswith('451 4.4.1'))
slow.ask('QUIT')

# One that its owner stops: it ends, and its place in login is free, when the session has ended
with open('/var/mta/bin/imapd', 'w') as f:
    f.write('#!/bin/sh\n[ "$1" = -b ] || exec /var/mta/bin/imapd.real "$@"\nprintf "* PREAUTH\\r\\n"\nkill -STOP $$\n')


def stopped():
    return run('pgrep', '-f', '/var/mta/bin/imapd -b', '-r', 'T').stdout.split()


hasty = Smtp()
hasty.begin()
hasty.file.write(f'BURL {whole} LAST\r\n'.encode())
hasty.file.flush()
check('a process that its owner stopped', wait_for(stopped))
hasty.file.close()
check('ends after the session', wait_for(lambda: not stopped(), 90), stopped())
os.rename('/var/mta/bin/imapd.real', '/var/mta/bin/imapd')
c.begin()
check('and the next is right again', kept(c.burl(whole)) == LF)
c.ask('QUIT')
done()
