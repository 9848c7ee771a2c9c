#!/usr/bin/env python3
"""unauthenticate_test - UNAUTHENTICATE, RFC 8437, for the clients of
control/imapdreuse: the relay, the session, and login's next hello."""
import base64, contextlib, glob, imaplib, os, pwd, re, select, socket, ssl, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from memory import *
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


class Client:
    """One of control/imapdreuse is at 127.0.0.1, another at 127.0.0.2."""
    def __init__(self, source='127.0.0.1', tls=False):
        self.sock = socket.create_connection(('127.0.0.1', 143), 30, (source, 0))
        self.file = self.sock.makefile('rb')
        self.greeting = self.line()
        if tls:
            self.start_tls()

    def start_tls(self):
        self.send('s STARTTLS')
        answer = self.line()
        if answer.startswith('s OK'):
            trusting = ssl.create_default_context()
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            self.sock = trusting.wrap_socket(self.sock)
            self.file = self.sock.makefile('rb')
        return answer

    def line(self):
        return self.file.readline().decode('latin-1').rstrip('\r\n')

    def send(self, *lines):
        self.sock.sendall(''.join(line + '\r\n' for line in lines).encode('latin-1'))

    def until(self, tag):
        lines = []
        while not lines or not lines[-1].startswith(tag + ' '):
            line = self.file.readline().decode('latin-1')
            if not line:
                return lines + ['closed']
            lines.append(line.rstrip('\r\n'))
        return lines

    def say(self, command):
        self.send(command)
        return self.until(command.split(' ')[0])

    def rest(self):
        """All lines to the end, or to a reset: the server had not read all."""
        data = b''
        with contextlib.suppress(ConnectionResetError):
            while more := self.file.read1(65536):
                data += more
        return data.decode('latin-1').split('\r\n')

    def says_nothing(self, seconds):
        return not select.select([self.sock], [], [], seconds)[0]

    def close(self):
        self.file.close()
        self.sock.close()


def plain(user, authzid='', secret=SECRET):
    return base64.b64encode(f'{authzid}\0{user}\0{secret}'.encode()).decode()


def is_served():
    with contextlib.suppress(OSError):
        return Client().greeting.startswith('* OK')


def restart():
    run('s6-svc', '-wR', '-T', '20000', '-r', '/var/mta/service/imapd')
    wait_for(is_served)


def sessions_of(user):
    uid = pwd.getpwnam(user).pw_uid
    return [p for p in glob.glob('/proc/[0-9]*') if os.path.exists(p + '/exe') and os.stat(p).st_uid == uid]


def log():
    return ''.join(open(p, errors='replace').read() for p in glob.glob('/var/mta/log/imapd/*') if os.path.isfile(p))


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
control('imapdaddresses', '127.0.0.1:143\n')
control('imapdreuse', '127.0.0.1\n')
control('logindelaymax', '0\n')
control('imapperuser', '3\n')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)
UNLOGGED = Client().greeting.split('] ')[0].removeprefix('* OK [')
MESSAGE = 'Subject: x\r\n\r\na UNAUTHENTICATE\r\nb LOGOUT\r\n'
LOGIN = f'LOGIN joe "{SECRET}"'


def logged_in(user='joe', **more):
    client = Client(**more)
    client.answer = client.say(f'l LOGIN {user} "{SECRET}"')[-1]
    return client


def is_ok(lines):
    return re.match(r'\w+ OK', lines[-1]) is not None


def whose(client):
    """The account's name is its METADATA's owner's: of the log's last log-in."""
    return re.findall(r'login: login user=\S+ client=\S+ method=\S+ account=(\S+)', log())[-1]


# ---- who has it ----
client = Client()
check('RFC 8437 3: not before the log-in', ' UNAUTHENTICATE' not in client.greeting and
      client.say('x UNAUTHENTICATE')[-1].startswith('x BAD'), client.greeting)
other = logged_in(source='127.0.0.2')
check('RFC 8437 8: a client of another network has it not', ' UNAUTHENTICATE' not in other.answer and
      ' COMPRESS=DEFLATE' in other.answer and other.say('u UNAUTHENTICATE')[-1].startswith('u BAD') and is_ok(other.say('n NOOP')),
      other.answer)
client = logged_in()
check('after the log-in it is announced, and COMPRESS is not', ' UNAUTHENTICATE' in client.answer and
      'COMPRESS' not in client.answer and client.say('z COMPRESS DEFLATE')[-1].startswith('z BAD'), client.answer)
check('with an argument it is BAD', client.say('x UNAUTHENTICATE now')[-1].startswith('x BAD') and is_ok(client.say('n NOOP')))


def client_socket(client):
    """The inode of the server's end."""
    port = '%04X' % client.sock.getsockname()[1]
    for line in open('/proc/net/tcp'):
        words = line.split()
        if words[1].endswith(':008F') and words[2].endswith(':' + port):
            return words[9]


def holders_of(inode):
    found = []
    for path in glob.glob('/proc/[0-9]*/fd/*'):
        try:
            if os.readlink(path) == f'socket:[{inode}]':
                found.append(os.stat('/proc/' + path.split('/')[2]).st_uid)
        except OSError:
            pass
    return set(found)


mta_imap, joe_uid = pwd.getpwnam('mta-imap').pw_uid, pwd.getpwnam('joe').pw_uid
check('the user\'s process has the connection of another client', holders_of(client_socket(other)) == {joe_uid},
      holders_of(client_socket(other)))
check('of one that is relayed it has not', holders_of(client_socket(client)) == {mta_imap}, holders_of(client_socket(client)))
other.close()

# ---- and then ----
check('UNAUTHENTICATE', client.say('u UNAUTHENTICATE') == ['u OK done'])
check('the session\'s process has ended', wait_for(lambda: not sessions_of('joe')))
said = client.say('c CAPABILITY')
check('capabilities are those from before the log-in', said[0] == '* ' + UNLOGGED, (said, UNLOGGED))
check('no command of the other states is left', client.say('s SELECT INBOX')[-1].startswith('s BAD') and
      client.say('u UNAUTHENTICATE')[-1].startswith('u BAD'))
check('the next one logs in', is_ok(client.say(f'l LOGIN ann "{SECRET}"')) and len(sessions_of('ann')) == 1 and whose(client) == 'ann')
client.send(f'a APPEND INBOX {{{len(MESSAGE)}+}}', MESSAGE)
check('and works', is_ok(client.until('a')))
check('LOGOUT ends the connection', client.say('o LOGOUT')[-1] == 'o OK bye' and client.rest() == [''])

# ---- pipelined, section 3: SASL-IR in one write ----
client = logged_in()
client.send('s SELECT INBOX', 'u uNauthenticate', f'p AUTHENTICATE PLAIN {plain("ann")}', 't STATUS INBOX (MESSAGES)')
check('AUTHENTICATE in the same write', all(is_ok(client.until(tag)) for tag in 'sup') and
      '* STATUS "INBOX" (MESSAGES 1)' in client.until('t'))
client.send('u UNAUTHENTICATE', f'p LOGIN {{3}}', 'joe {%d+}' % len(SECRET), SECRET, 't STATUS INBOX (MESSAGES)')
check('LOGIN with literals', is_ok(client.until('u')) and client.line() == '+ OK' and is_ok(client.until('p')) and
      '* STATUS "INBOX" (MESSAGES 0)' in client.until('t'))
script = f'u UNAUTHENTICATE\r\np AUTHENTICATE PLAIN {plain("ann")}\r\n'.encode()
client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
failed = []
for cut in range(1, len(script)):
    client.sock.sendall(script[:cut])
    time.sleep(0.003)
    client.sock.sendall(script[cut:])
    if client.until('u')[-1] != 'u OK done' or not is_ok(client.until('p')):
        failed.append(cut)
check(f'cut at each of {len(script)} bytes', not failed, failed)
for byte in script:
    client.sock.sendall(bytes([byte]))
check('byte by byte', client.until('u')[-1] == 'u OK done' and is_ok(client.until('p')))
client.send('u UNAUTHENTICATE', 'p AUTHENTICATE PLAIN')
check('without SASL-IR', is_ok(client.until('u')) and client.line() == '+ ')
client.send(plain('joe'))
check('the response then', is_ok(client.until('p')) and whose(client) == 'joe')
client.say('o LOGOUT')

client = logged_in(tls=True)
check('under TLS', ' UNAUTHENTICATE' in client.answer)
client.send('u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("ann")}', 'n NOOP')
check('in one write', all(is_ok(client.until(tag)) for tag in 'upn'))
said = client.say('u UNAUTHENTICATE') + client.say('c CAPABILITY')
check('TLS stays', ' STARTTLS' not in said[1] and ' AUTH=PLAIN' in said[1] and client.say('t STARTTLS')[-1].startswith('t BAD'), said)
client.say('o LOGOUT')
client = logged_in()
client.say('u UNAUTHENTICATE')
check('STARTTLS behind it', client.start_tls().startswith('s OK') and is_ok(client.say(f'l {LOGIN}')) and
      is_ok(client.say('u UNAUTHENTICATE')) and is_ok(client.say(f'p AUTHENTICATE PLAIN {plain("ann")}')))
client.say('o LOGOUT')

# ---- literals ----
client = logged_in()
size = len(MESSAGE)
client.send(f'a APPEND INBOX {{{size}+}}', MESSAGE, f'b APPEND INBOX ~{{{size}+}}', MESSAGE, 'n NOOP')
check('RFC 7888: literals that are not asked for', all(is_ok(client.until(tag)) for tag in 'abn'))
client.send(f'a APPEND INBOX {{{size}}}')
asked = client.line()
client.send(MESSAGE, 'n NOOP')
check('one that is', asked.startswith('+ ') and is_ok(client.until('a')) and is_ok(client.until('n')), asked)
client.send(f'a APPEND INBOX ~{{{size}}}')
asked = client.line()
client.send(MESSAGE, 'n NOOP')
check('a literal8', asked.startswith('+ ') and is_ok(client.until('a')) and is_ok(client.until('n')), asked)
client.send('a STATUS {5+}', 'INBOX (MESSAGES)', 'a LIST {0+}', ' {18+}', 'u UNAUTHENTICATE\r\n', 'n NOOP')
check('several of a command', '* STATUS "INBOX" (MESSAGES 4)' in client.until('a') and client.until('a') and is_ok(client.until('n')))
client.send('a APPEND Nowhere {18}')
said = client.until('a')
client.send('u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("ann")}')
check('one that was refused, and UNAUTHENTICATE', said[-1].startswith('a NO') and is_ok(client.until('u')) and
      is_ok(client.until('p')), said)
client.send('u UNAUTHENTICATE', f'l {LOGIN}')
check('back', is_ok(client.until('u')) and is_ok(client.until('l')))
client.send('a X' + 'x' * (1 << 21) + ' {18}')
said = client.until('a')
client.send('u UNAUTHENTICATE', f'l {LOGIN}')
check('one of a command that is too long', said[-1].startswith('a BAD') and is_ok(client.until('u')) and is_ok(client.until('l')), said)
large = ('Subject: large\r\n\r\n' + 'abcdefghijklmnopqrstuvwxyz{5}\r\n+ OK\r\n' * 100000).encode()
client.sock.sendall(b'a CREATE Large\r\nb APPEND Large {%d+}\r\n%s\r\nc SELECT Large\r\nd FETCH 1 BODY.PEEK[]\r\ne FETCH 1 FLAGS\r\n' %
                    (len(large), large))
time.sleep(1)                                # what is not taken has to wait somewhere
check('a large message up', is_ok(client.until('a')) and is_ok(client.until('b')) and is_ok(client.until('c')))
head = client.file.readline()
body = client.file.read(len(large))
check('and down again', head == b'* 1 FETCH (BODY[] {%d}\r\n' % len(large) and body == large and is_ok(client.until('d')) and
      is_ok(client.until('e')), head)

# ---- section 4.1: what is reset ----
client.say('u UNAUTHENTICATE')
client.say('g LANGUAGE es')
said = client.say(f'l {LOGIN}') + client.say('n NOOP')
check('LANGUAGE from before the log-in holds after it', said[-1] == 'n OK hecho', said)
client.say('e ENABLE QRESYNC UTF8=ACCEPT')
client.say('s SELECT INBOX')
client.say('f SEARCH RETURN (SAVE) ALL')
client.say('d STORE 1 +FLAGS (\\Deleted)')
client.say('o NOTIFY SET (PERSONAL (MessageNew MessageExpunge FlagChange))')
client.say('x SEARCH RETURN (UPDATE) ALL')
saved = client.say('f FETCH $ UID')
said = client.say('u UNAUTHENTICATE')
check('no EXPUNGE, and an answer in its language', said == ['u OK hecho'] and len(saved) == 5, (said, saved))
check('LANGUAGE', client.say('n NOOP')[-1] == 'n OK done')
check('RFC 5161: nothing is enabled, LANGUAGE not set', is_ok(client.say(f'l {LOGIN}')) and
      client.say('n NOOP')[-1] == 'n OK done')
client.say('s SELECT INBOX')
said = client.say('f FETCH $ UID')
check('SEARCHRES: $ is empty', said == ['f OK done'], said)
said = client.say('d STORE 1 -FLAGS (\\Deleted)')
check('CONDSTORE: no MODSEQ; what was \\Deleted is there', len(said) == 2 and 'MODSEQ' not in said[0] and 'FLAGS' in said[0], said)
beside = logged_in(source='127.0.0.2')
beside.say('c CREATE Elsewhere')
beside.send(f'a APPEND Elsewhere {{{size}+}}', MESSAGE)
check('NOTIFY: nothing is told of other folders', is_ok(beside.until('a')) and client.say('n NOOP') == ['n OK done'])
beside.say('o LOGOUT')

# ---- IDLE ----
client.send('i IDLE')
check('IDLE', client.line() == '+ idling')
client.send('u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("ann")}')
said = client.until('u')
check('within it: BAD for IDLE, and then it is done', said == ['i BAD DONE ends IDLE', 'u OK done'] and is_ok(client.until('p')), said)
client.send('i IDLE', 'DONE', 'u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("joe")}')
said = client.until('p')
check('IDLE, DONE and it in one write', said[0] == '+ idling' and 'i OK done' in said and 'u OK done' in said and is_ok(said), said)
client.send('i IDLE', 'done it', 'n NOOP')
check('another word ends IDLE as ever', client.until('n') == ['+ idling', 'i BAD DONE ends IDLE', 'n OK done'])
client.send('i IDLE now', 'u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("joe")}')
check('IDLE that is none', client.until('i')[-1].startswith('i BAD') and is_ok(client.until('u')) and is_ok(client.until('p')))

# ---- limits ----
control('imapperuser', '1\n')
restart()
check('a restart ends a relayed session', client.rest()[-1] == '')
client = logged_in()
second = logged_in()
check('one session an account', second.answer.startswith('l NO [LIMIT]'), second.answer)
failed = []
for i in range(10):
    client.send('u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("joe")}')
    if not is_ok(client.until('u')) or not is_ok(client.until('p')):
        failed.append(i)
check('the one before does not count', not failed, failed)
client.send('u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("ann")}')
check('nor against another connection', is_ok(client.until('u')) and is_ok(client.until('p')) and logged_in().answer.startswith('l OK'))
client.say('u UNAUTHENTICATE')
wrong = [client.say('w LOGIN ann x')[-1] for i in range(2)]
check('attempts that fail', all(line.startswith('w NO [AUTH') for line in wrong) and is_ok(client.say(f'l LOGIN ann "{SECRET}"')), wrong)
client.say('u UNAUTHENTICATE')
wrong = [client.say('w LOGIN ann x')[-1] for i in range(2)]
check('are counted anew', is_ok(client.say(f'l LOGIN ann "{SECRET}"')), wrong)
client.say('u UNAUTHENTICATE')
wrong = [client.say('w LOGIN ann x')[-1] for i in range(3)]
check('and three are enough', client.rest() == [''], wrong)

# ---- ends ----
client = logged_in()
os.kill(int(sessions_of('joe')[0].split('/')[2]), 9)
check('a session that is killed ends the connection', client.rest() == [''])
client = logged_in()
client.send('n NOOP', 'u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("ann")}', 'n NOOP')
client.sock.shutdown(socket.SHUT_WR)
said = client.rest()
check('a client that says no more hears all', 'u OK done' in said and said.count('n OK done') == 2 and said[-1] == '', said)
client = logged_in()
client.send('i IDLE')
client.line()
client.close()
check('a client that is gone ends its session', wait_for(lambda: not sessions_of('joe')))


def relays():
    """Processes that serve a client of port 143."""
    pids = [int(p.split('/')[2]) for p in glob.glob('/proc/[0-9]*') if os.path.exists(p + '/exe') and os.stat(p).st_uid == mta_imap]
    children = []
    for pid in pids:
        with contextlib.suppress(OSError):      # it has ended since
            if open(f'/proc/{pid}/stat').read().split()[3] in map(str, pids):
                children.append(pid)
    return children


def used(pid):
    return sum(map(int, open(f'/proc/{pid}/stat').read().split(') ')[1].split()[11:13]))


check('nobody is left', wait_for(lambda: not relays()), relays())
client = logged_in()
if not is_sanitized():
    for command in 'n NOOP', f'p AUTHENTICATE PLAIN {plain("joe")}', f'p AUTHENTICATE PLAIN\r\n{plain("joe")}':
        if command[0] == 'p':
            client.send('u UNAUTHENTICATE', command)
            client.until('u')
            client.until('p')
        holders = [pid for pid in [*relays(), *(int(p.split('/')[2]) for p in sessions_of('joe'))]
                   if holds(pid, SECRET.encode()) or holds(pid, plain('joe')[4:-4].encode())]
        check('no process that serves the client has its password', len(relays()) == 1 and not holders, holders)
before = [used(pid) for pid in relays()]
joe = int(sessions_of('joe')[0].split('/')[2])
os.kill(joe, 19)
client.send('n NOOP', 'u UNAUTHENTICATE', 'x' * 40000)
client.sock.shutdown(socket.SHUT_WR)
time.sleep(1)
check('a session that is stopped is waited for in peace', len(before) == 1 and used(relays()[0]) - before[0] < 10)
os.kill(joe, 18)
check('and then all goes on', client.until('u')[-1] == 'u OK done')
client.close()

# ---- guests ----
control('imapperuser', '10\n')
restart()
ann = logged_in('ann', source='127.0.0.2')
ann.say('c CREATE Team')
ann.say('a SETACL Team joe lrs')
client = logged_in()
check('another\'s folder', is_ok(client.say('s SELECT "Other Users/ann/Team"')) and len(sessions_of('ann')) == 2)
client.send('i IDLE')
check('where one idles', client.line() == '+ idling')
client.send('u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("joe")}')
said = client.until('p')
check('its process has ended before the next log-in', 'u OK done' in said and is_ok(said) and len(sessions_of('ann')) == 1,
      (said, sessions_of('ann')))
client.say('s SELECT "Other Users/ann/Team"')
guest = next(int(p.split('/')[2]) for p in sessions_of('ann') if '\0-g\0' in open(p + '/cmdline').read())
os.kill(guest, 19)
client.send('u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("joe")}')
said = client.until('u')
check('one that cannot end holds up the next log-in', said[-1] == 'u OK done' and client.says_nothing(1.5) and
      os.path.exists(f'/proc/{guest}/exe'), said)
os.kill(guest, 18)
check('until it has', is_ok(client.until('p')) and not os.path.exists(f'/proc/{guest}/exe'))
client.say('o LOGOUT')

# ---- timeouts ----
control('timeoutimapd', '2\n')
restart()
client = logged_in()
client.send('a APPEND INBOX {5+}')
for byte in 'slow.':
    time.sleep(0.7)
    client.sock.sendall(byte.encode())
client.send('', 'u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("joe")}')
check('the time for UNAUTHENTICATE begins with it', client.until('u')[-1] == 'u OK done' and is_ok(client.until('p')))
os.kill(int(sessions_of('joe')[0].split('/')[2]), 19)
client.send('u UNAUTHENTICATE')
began = time.monotonic()
check('a session that does not answer it ends the connection', client.rest() == [''] and 1 < time.monotonic() - began < 10)
for p in sessions_of('joe'):
    os.kill(int(p.split('/')[2]), 9)
client = logged_in()
client.send('s SELECT Large', *['f FETCH 1 BODY.PEEK[]'] * 9)
check('a client that takes nothing does, too', len(relays()) == 1 and wait_for(lambda: not relays() and not sessions_of('joe'), 20))
client.close()
client = logged_in()
check('and one that says nothing hears why', client.rest() == ['* BYE you were silent for too long', ''])
os.unlink('/var/mta/control/timeoutimapd')
restart()

# ---- a real client ----
imaplib.Commands['UNAUTHENTICATE'] = ('AUTH', 'SELECTED')
client = imaplib.IMAP4('127.0.0.1', 143, 30)
for user in 'joe', 'ann', 'joe':
    client.authenticate('PLAIN', lambda _: f'\0{user}\0{SECRET}'.encode())
    held = client.select('INBOX')[0] == 'OK' and client.uid('FETCH', '1:*', '(BODY.PEEK[])')[0] == 'OK'
    check('imaplib', held and client.xatom('UNAUTHENTICATE')[0] == 'OK')
    client.state = 'NONAUTH'
client.logout()

# ---- a user's process that is another program ----
HOSTILE = """#!/usr/bin/python3
import os, sys, time
tag = open(3).readline().split(' ')[0]
plan = open('/tmp/plan').read()
say = lambda text: os.write(1, text.encode())
say(tag + ' OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] x\\r\\n')
if plan == 'plus':
    say('+ go on\\r\\n')
if plan == 'literal':
    say('* OK {6}\\r\\n+ OK\\r\\n')
if plan == 'ahead':
    while b'a NOOP' not in os.read(0, 4096):
        pass
    say('a OK done\\r\\nb NO quota\\r\\n')
if plan == 'unread':
    time.sleep(0.5)
    say('a OK done\\r\\nu OK done\\r\\n')
    sys.exit()
heard = b''
while b'UNAUTHENTICATE' not in heard:
    more = os.read(0, 4096)
    if not more:
        sys.exit()
    heard += more
if plan == 'bad':
    say('u BAD no\\r\\n')
elif plan == 'forged':
    say('u OK done\\r\\np OK forged\\r\\n')
elif plan == 'early':
    say('p OK forged\\r\\n')
else:
    say('u OK done\\r\\n')
if plan == 'copy' and os.fork():
    sys.exit()
while more := os.read(0, 4096):
    heard += more
with open('/tmp/heard', 'ab') as f:
    f.write(b'<' + heard + b'>')
if plan == 'stay':
    time.sleep(100)
"""
os.rename('/var/mta/bin/imapd', '/var/mta/bin/imapd.real')
with open('/var/mta/bin/imapd', 'w') as f:
    f.write(HOSTILE)
os.chmod('/var/mta/bin/imapd', 0o755)
open('/tmp/heard', 'w').close()
os.chmod('/tmp/heard', 0o666)


def attack(plan, *lines):
    with open('/tmp/plan', 'w') as f:
        f.write(plan)
    client = Client()
    client.send(f'l {LOGIN}')
    client.until('l')
    with contextlib.suppress(ConnectionError):
        client.send(*lines, 'u UNAUTHENTICATE', f'p AUTHENTICATE PLAIN {plain("ann")}')
    return client


for plan in 'bad', 'plus', 'literal', 'early':
    said = attack(plan).rest()
    check(f'{plan}: no line of it reaches the client', not any(line.startswith(('+', 'p OK')) for line in said[:-1]), said)
for plan, lines in ('ahead', ('a NOOP', 'b APPEND x {14}')), ('unread', ('a APPEND x {900000+}', 'x' * 900000)):
    client = attack(plan, *lines)
    said = client.rest()
    check(f'{plan}: an answer that is not due ends it', not any(line.startswith(('p ', 'u ')) for line in said[:-1]), said)
check('the log says so', wait_for(lambda: log().count('relay ended client=127.0.0.1 reason=broken-dialogue') == 6), log()[-2000:])
client = attack('forged')
said = client.until('p')
check('forged: the answer is the server\'s own', said[0] == 'u OK done' and is_ok(said) and 'forged' not in said[-1], said)
client.close()
client = attack('stay')
check('stay: UNAUTHENTICATE', client.until('u')[-1] == 'u OK done')
check('stay: no log-in is judged while the process lives', client.says_nothing(1.5) and len(sessions_of('joe')) == 1)
with contextlib.suppress(ProcessLookupError):
    os.kill(int(sessions_of('joe')[0].split('/')[2]), 9)
check('stay: and then it is', is_ok(client.until('p')))
client.close()
client = attack('copy')
check('copy: who keeps the pair has no more than that', is_ok(client.until('u')) and is_ok(client.until('p')))
client.close()
wait_for(lambda: not sessions_of('joe'))
heard = open('/tmp/heard', newline='').read()
check('no process heard what came behind it', heard.count('<u UNAUTHENTICATE\r\n>') >= 3 and 'AUTHENTICATE PLAIN' not in heard, heard)
os.rename('/var/mta/bin/imapd.real', '/var/mta/bin/imapd')
check('no secret is in the log', SECRET not in log() and plain('ann') not in log())
done()
