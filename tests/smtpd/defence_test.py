#!/usr/bin/env python3
"""defence_test - clients that are slow, many, early, or bring nothing: what
smtpd does about them.  With CONNECTIONS=N that many at once (make soak)."""
import os, re, resource, select, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/../filter')
from mail import *

on_host()
CONNECTIONS = int(os.environ.get('CONNECTIONS', '1500'))
control('relayclients', '127.0.0.1\n')
shutil.rmtree('/var/mta/service/submission')
start()
resource.setrlimit(resource.RLIMIT_NOFILE, (CONNECTIONS + 1000, max(CONNECTIONS + 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))


def settings(**values):
    for name in os.listdir(CONTROL):
        if name not in ('me', 'locals', 'relayclients'):
            os.unlink(CONTROL + name)
    for name, value in values.items():
        control(name, f'{value}\n')
    check(f'with {values}', reload(), log()[-1000:])


def told(client, limit=10):
    """What a client hears until the end, and how long that took."""
    began = time.monotonic()
    client.s.settimeout(limit)
    try:
        rest = client.f.read()
    except OSError as error:
        rest = str(error).encode()
    return rest.decode('latin-1'), time.monotonic() - began


def logged(*words):
    return wait_for(lambda: any(all(w in line for w in words) for line in log().splitlines()))


def begin(source='127.8.0.1'):
    c = Client(source)
    c.hello()
    c.ask('MAIL FROM:<a@b.example>')
    c.ask('RCPT TO:<joe@example.org>')
    return c


# ---- slow clients ----
settings(mindatarate=100, datawindow=1)
c = begin()
c.ask('DATA')
c.send('Subject: slow\r\n\r\n')
text, took = told(c)
check('DATA that stands still', text.startswith('421 4.4.2 ') and text.endswith('control/mindatarate\r\n') and 1.5 < took < 5, (text, took))
check('is one line of the log', logged('refused client=127.8.0.1', 'control/mindatarate'))
c = begin()
c.ask('DATA')
for i in range(60):                     # 20 bytes a second
    try:
        c.send('xx')
    except OSError:
        break
    if select.select([c.s], [], [], 0.1)[0]:
        break
check('DATA that drips', i < 55 and told(c)[0].startswith('421 4.4.2 '), i)
c = begin()
c.send('BDAT 1000 LAST\r\nSubject: slow\r\n')
text, took = told(c)
check('BDAT that stands still', text.endswith('control/mindatarate\r\n'), text)
c = begin()
c.ask('DATA')
c.send('Subject: steady\r\n\r\n')
for i in range(16):
    c.send('x' * 60 + '\r\n')
    time.sleep(0.25)
c.send('.\r\n')
check('DATA that is slow but steady', c.reply().startswith('250 '))
c.close()
c = Client('127.8.0.1')
time.sleep(3)
check('between commands the rate does not count', c.hello().startswith('250'))
c.close()
settings(sessionmax=2, maxmessages=100000, maxjunk=100000)
c = Client('127.8.0.1')
text, took = told(c)
check('a session of over sessionmax', text.startswith('421 4.7.0 ') and text.endswith('control/sessionmax\r\n') and took < 5, (text, took))
c = Client('127.8.0.1')
end = time.monotonic() + 6
answer = ''
while time.monotonic() < end and not answer.startswith('421'):
    answer = c.ask('MAIL FROM:<>')
    answer = answer if answer.startswith('421') else c.ask('EHLO x')
check('though it never waits', 'control/sessionmax' in answer, answer)
settings(timeoutsmtpd=1)
text, took = told(Client('127.8.0.1'))
check('a command that does not come', text.endswith('control/timeoutsmtpd\r\n') and took < 4, (text, took))

# ---- junk, errors, fields ----
settings(maxjunk=5)
c = Client('127.8.0.1')
answers = [c.ask(w) for w in ('NOOP', 'RSET', 'HELP', 'VRFY joe', 'FOO')]
check('five commands that bring nothing', not any(a.startswith('421') for a in answers), answers)
check('and the sixth', c.ask('NOOP').startswith('250') and told(c)[0].endswith('control/maxjunk\r\n') and logged('control/maxjunk'))
c = Client('127.8.0.1')
c.hello()
answers = []
for i in range(3):
    answers += [c.ask('NOOP')[:3] for _ in range(4)] + [c.message('Subject: x\n\nx\n')[:3]]
check('a message forgives them', answers == (['250'] * 5) * 3, answers)
c.close()
settings(maxerrors=5)
c = begin()
answers = [c.ask(f'RCPT TO:<nobody{i}@example.org>')[:3] for i in range(5)]
check('five refused recipients', answers == ['550'] * 5, answers)
check('are too many errors', told(c)[0].endswith('control/maxerrors\r\n') and logged('control/maxerrors'))
settings(maxheaderfields=20)
answer = once(''.join(f'X-{i}: x\n y\n' for i in range(21)) + '\nx\n', source='127.8.0.1')
check('21 header fields', answer.startswith('554 5.7.0 ') and 'control/maxheaderfields' in answer, answer)
answer = once(''.join(f'X-{i}: x\n y\n' for i in range(20)) + '\n' + 'X: x\n' * 50, source='127.8.0.1')
check('20, folded, and a body', answer.startswith('250'), answer)

settings()
answer = once('X: x\n' + ' y' * 30 + '\n' + (' ' + 'y' * 60 + '\n') * 4300 + '\nx\n', source='127.8.0.1')
check('a header over 256 KiB', answer.startswith('552 5.3.4 '), answer)
answer = once(''.join(f'Delivered-To: x{i}@b.example\n' for i in range(51)) + ''.join(f'Received: from h{i}\n' for i in range(50)) + '\nx\n',
              source='127.8.0.1')
check('Delivered-To and Received count together as hops', answer.startswith('554 5.4.6 '), answer)

# ---- the greeting ----
settings(greetdelay=1, proxynets='127.9.0.9')
began = time.monotonic()
c = Client('127.8.0.1')
check('strangers wait for the greeting', c.greeting.startswith('220') and 0.8 < time.monotonic() - began < 4)
c.close()
began = time.monotonic()
c = Client('127.0.0.1')
check('relay clients do not', c.greeting.startswith('220') and time.monotonic() - began < 0.8)
c.close()


def early(source, head='', more=''):
    s = socket.create_connection(('127.0.0.1', 25), 10, (source, 0))
    s.sendall((head + 'EHLO early\r\n' + more).encode())
    try:
        answer = s.makefile('rb').read()
    except OSError as error:
        answer = str(error).encode()
    s.close()
    return answer


answer = early('127.8.0.7')
check('who speaks first', answer.startswith(b'421 4.5.1 ') and answer.endswith(b'control/greetdelay\r\n'), answer)
check('is in the log', logged('refused client=127.8.0.7', 'control/greetdelay'))
answer = early('127.9.0.9', 'PROXY TCP4 192.0.2.44 192.0.2.1 4711 25\r\n')
check('behind a balancer too', answer.startswith(b'421 4.5.1 ') and logged('refused client=192.0.2.44', 'control/greetdelay'), answer)

c = Client('127.8.0.7')
check('PIPECONNECT is not offered with greetdelay', 'PIPELINING' in (hello := c.hello()) and 'PIPECONNECT' not in hello, hello)
c.close()
settings(greetdelay=60, pipeconnectnets='127.8.1.0/24')
began = time.monotonic()
answer = early('127.8.1.7', more='MAIL FROM:<a@b.example>\r\nRCPT TO:<joe@example.org>\r\nQUIT\r\n')
check('but to pipeconnectnets, which may speak first, and need not wait', re.findall(rb'(?m)^\d{3} ', answer) ==
      [b'220 ', b'250 ', b'250 ', b'250 ', b'221 '] and b'\r\n250-PIPECONNECT\r\n' in answer and time.monotonic() - began < 40, answer)
answer = early('127.8.2.7')
check('others not', answer.startswith(b'421 4.5.1 '), answer)
settings(pipeconnectnets='127.8.1.0/24')
check('who is in no such network is not told', 'PIPECONNECT' not in Client('127.8.2.7').hello() and 'PIPECONNECT' in Client('127.8.1.7').hello())
settings()
check('without both all are', '\r\n250-PIPECONNECT\r\n' in Client('127.8.2.7').hello())

# ---- how often ----
settings(smtpdrate=10, smtpdwiderate=15, proxynets='127.9.0.9')


def greetings(count, sources):
    found = []
    for i in range(count):
        c = Client(sources(i))
        found.append(c.greeting)
        c.close()
    return found


found = greetings(12, lambda i: f'127.20.1.{i + 1}')
check('ten connections of a network, and no more', [g[:3] for g in found] == ['220'] * 10 + ['421'] * 2, found)
check('the reply names the file', found[-1].startswith('421 4.7.0 ') and found[-1].endswith('control/smtpdrate\r\n') and logged('client=127.20.1.11', 'reason=rate'), found[-1])
found = [g[:3] for g in greetings(8, lambda i: f'127.20.{i + 2}.1')]
check('fifteen of the wider one', found == ['220'] * 5 + ['421'] * 3, found)
check('another network may', Client('127.21.1.1').greeting.startswith('220'))
check('a relay client may as often as it likes', all(g.startswith('220') for g in greetings(20, lambda i: '127.0.0.1')))
time.sleep(6.5)
check('a tenth of a minute later it is one more', [g[:3] for g in greetings(3, lambda i: '127.20.1.1')] == ['220', '421', '421'])

def is_served_at(source):
    try:
        return once('Subject: fast\n\nx\n', source=source).startswith('250')
    except OSError:
        return False


# ---- all places taken by slow clients of many networks ----
settings(smtpdconnections=60, smtpdpernetwork=5, timeoutstrain=3, smtpdrate=0)
friend = Client('127.99.0.1')           # has brought something before it all begins
friend.hello()
check('a message before', friend.message('Subject: x\n\nx\n').startswith('250'))
began = time.monotonic()
slow = [socket.create_connection(('127.0.0.1', 25), 10, (f'127.{30 + i % 20}.{i // 20}.1', 0)) for i in range(59)]
served = wait_for(lambda: is_served_at('127.77.0.1'), 15)
took = time.monotonic() - began
check(f'a fast client is served after {took:.1f} s of strain', served and took < 6, took)
ended = sum(b'control/timeoutstrain' in s.recv(1000, socket.MSG_DONTWAIT) for s in slow)
check('slow ones were told why, until there was room', 1 <= ended < 59, ended)
check('who brought mail stays', friend.ask('NOOP').startswith('250'))
check('the log has its beginning and its end', logged('strain begins') and logged('strain ends'))
for s in (*slow, friend):
    s.close()

settings(smtpdconnections=300, smtpdpernetwork=5, timeoutstrain=3, smtpdrate=0)
began = time.monotonic()
held, refused = [], 0
for i in range(CONNECTIONS):
    try:
        held.append(socket.create_connection(('127.0.0.1', 25), 10, (f'127.{100 + i % 150}.{i // 150}.1', 0)))
    except OSError:
        refused += 1
served = wait_for(lambda: is_served_at('127.77.0.1'), 30)
took = time.monotonic() - began
check(f'{CONNECTIONS} connections: a fast client is served after {took:.1f} s', served, (took, refused))
check('never more sessions than places', len(processes('smtpd')) < 310)
check('no session died of its jail', 'died of signal' not in log(), log()[-300:])
done()
