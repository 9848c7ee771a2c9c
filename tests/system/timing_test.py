#!/usr/bin/env python3
"""timing_test - FUTURERELEASE, DELIVERBY, MT-PRIORITY, LIMITS, ETRN and
REQUIRETLS through the queue, to the next host and back as reports."""
import email, email.policy, glob, os, pwd, re, shutil, socket, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from hop import Hop

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)


control('smtproutes', ''.join(f'{name}.example:[127.0.0.1]:{port}\n' for name, port in (
    ('new', 2525), ('old', 2526), ('slow', 2527), ('strict', 2528), ('few', 2529), ('away', 2530), ('turn', 2531))))
with open('/etc/aliases', 'a') as f:
    f.write('away: far@new.example\n')
subprocess.run(['/var/mta/bin/newaliases'], check=True)
control('rcpthosts', 'away.example\n')
control('xclientnets', '127.0.0.9\n')
control('deliverbymin', '1\n')
control('prioritymax', '9\n')
control('retrymin', '1\n')
control('retrymax', '1\n')
control('concurrencyremote', '1\n')
new = Hop(2525, 'PIPELINING', 'DSN', 'DELIVERBY 30', 'MT-PRIORITY')
old = Hop(2526, 'PIPELINING', '8BITMIME')
slow = Hop(2527, 'DELIVERBY', rcpt='451 4.2.1 later')
few = Hop(2529, 'LIMITS MAILMAX=2 RCPTMAX=3')
turn = Hop(2531, 'PIPELINING')
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)


def send(mark, rcpts, mail='', text='hello', sender='joe@example.org'):
    """A known user's message; the codes of MAIL and each RCPT."""
    s = socket.create_connection(('127.0.0.1', 25), 10, ('127.0.0.9', 0))
    f = s.makefile('rb')

    def ask(line):
        s.sendall(line.encode() + b'\r\n')
        while (reply := f.readline())[3:4] == b'-':
            pass
        return reply[:3].decode()
    f.readline()
    ask('XCLIENT ADDR=127.0.0.1 LOGIN=joe')
    ask('EHLO client.example')
    codes = [ask(f'MAIL FROM:<{sender}>{mail}')] + [ask(f'RCPT TO:<{r}' if '>' in r else f'RCPT TO:<{r}>') for r in rcpts]
    if '250' in codes[1:]:
        ask('DATA')
        codes.append(ask(f'Message-ID: <{mark}@client.example>\r\nSubject: {mark}\r\n\r\n{text}\r\n.'))
    s.close()
    return codes


def box(user):
    return [open(n, 'rb').read() for n in glob.glob(pwd.getpwnam(user).pw_dir + '/Maildir/new/*')]


def reports(mark, user='joe'):
    return [m for m in map(lambda t: email.message_from_bytes(t, policy=email.policy.default), box(user))
            if m['In-Reply-To'] == f'<{mark}@client.example>']


def report(label, mark, count=1):
    """The blocks of the one report about mark."""
    found = wait_for(lambda: len(reports(mark)) >= count and reports(mark)) or []
    check(f'{label}: a report', len(found) == count, [str(m) for m in found])
    return found[-1] if found else email.message_from_string('')


def blocks(message):
    parts = message.get_payload() if message.is_multipart() else []
    return parts[1].get_payload() if len(parts) == 3 else [{}, {}, {}]


def statuses(mark):
    """(action, status) of the first report about mark, when it has come."""
    found = wait_for(lambda: reports(mark))
    about = blocks(found[0])[1] if found else {}
    return about.get('Action'), about.get('Status')


has = lambda mark, user='ann': [t for t in box(user) if f'Subject: {mark}\n'.encode() in t]

# ---- FUTURERELEASE: RFC 4865 ----
begun = time.time()
check('a message that is held is accepted', send('held', ['ann@example.org'], ' HOLDFOR=4') == ['250'] * 3)
send('heldsoon', ['ann@example.org'], ' HOLDUNTIL=' + time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(begun + 5)))
send('free', ['ann@example.org'])
check('another is not', wait_for(lambda: has('free')))
subprocess.run(['/var/mta/bin/sendmail', '-q'])
time.sleep(1)
check('a queue run does not let it go', not has('held') and not has('heldsoon'))
check('its time does', wait_for(lambda: has('held')) and time.time() - begun > 3.5)
check('the other as well', wait_for(lambda: has('heldsoon')) and time.time() >= int(begun + 5))

# ---- DELIVERBY: RFC 2852 ----
send('in time', ['far@new.example'], ' BY=100;R')
line = new.saw(' BY=')
check('the next host is told what is left', line and re.search(r' BY=(99|100);R$', line[0]), new.commands)
del new.commands[:]
send('traced', ['far@new.example'], ' BY=100;NT')
check('with its trace', (new.saw(' BY=') or [''])[0].endswith(';NT'), new.commands)
check('each relay is reported', statuses('traced') == ('relayed', '2.0.0'), statuses('traced'))
send('no promise', ['far@old.example'], ' BY=100;R')
check('R does not go where nothing is promised', statuses('no promise') == ('failed', '5.3.3'), statuses('no promise'))
send('too soon', ['far@new.example'], ' BY=20;R')
check('nor where the promise is later', statuses('too soon') == ('failed', '5.3.3'), statuses('too soon'))
send('told', ['far@old.example', 'other@old.example> NOTIFY=NEVER'], ' BY=100;N')
check('N does, and is reported', statuses('told') == ('relayed', '2.0.0'), statuses('told'))
check('... not for NEVER', len(blocks(reports('told')[0])) == 2 if reports('told') else False)
send('late', ['far@slow.example'], ' BY=2;R')
check('R comes back when its time is over', statuses('late') == ('failed', '5.4.7'), statuses('late'))
send('later', ['far@slow.example'], ' BY=1;N')
check('N is reported as delayed', statuses('later') == ('delayed', '4.2.1'), statuses('later'))

# ---- MT-PRIORITY: RFC 6710 ----
send('prio', ['far@new.example'], ' MT-PRIORITY=-3')
check('the next host is told', new.saw(' MT-PRIORITY=-3'), new.commands)
send('plain', ['far@old.example'], ' MT-PRIORITY=-3')
check('one that does not offer it is not', old.saw('MAIL FROM') and wait_for(lambda: any(b'Subject: plain' in m for m in old.messages)) and
      not any('MT-PRIORITY' in c for c in old.commands), old.commands)
send('forwarded', ['away@example.org'], ' MT-PRIORITY=6')
check('an alias keeps it', new.saw(' MT-PRIORITY=6'), new.commands)
send('returned', ['far@old.example'], ' BY=100;R MT-PRIORITY=7', sender='joe@new.example')
check('a report has that of its message', any(c.startswith('MAIL FROM:<>') for c in new.saw(' MT-PRIORITY=7')), new.commands)
subprocess.run(['/var/mta/bin/mtactl', 'stop'])
for i, priority in enumerate((0, 0, -4, 5, 0, 9)):
    envelope = f'Fjoe@example.org\0P{priority}\0Tx@turn.example\0\0'.encode()
    r, w = os.pipe()
    os.write(w, envelope)
    os.close(w)
    subprocess.run(['/var/mta/bin/queue-inject'], input=f'Subject: turn{priority}.{i}\n\n'.encode(), stdout=r, check=True)
    os.close(r)
subprocess.run(['/var/mta/bin/mtactl', 'start'])
order = wait_for(lambda: len(turn.messages) == 6 and [re.search(rb'turn(-?\d)', m)[1].decode() for m in turn.messages])
check('the urgent go first', order and [o for o in order if o in '95'] == ['9', '5'] and order.index('9') <= 1 and order[-1] == '-4', order)

# ---- LIMITS: RFC 9422 ----
send('many', [f'r{i}@few.example' for i in range(7)])
check('RCPTMAX is heeded', wait_for(lambda: len([c for c in few.commands if c.startswith('RCPT')]) == 7), few.commands)
verbs = [c[:4] for c in few.commands if c[:4] in ('EHLO', 'MAIL', 'RCPT', 'DATA')]
groups = [len(re.findall('RCPT', g)) for g in ' '.join(verbs).split('MAIL')[1:]]
check('in groups', sorted(groups) == [1, 3, 3], few.commands)
connections = [len(re.findall('MAIL', c)) for c in ' '.join(verbs).split('EHLO')[1:]]
check('and MAILMAX, over two connections', max(connections) <= 2 and sum(connections) == 3, few.commands)

# ---- ETRN: RFC 1985 ----
control('retrymin', '600\n')
control('retrymax', '600\n')
send('waiting', ['x@away.example'])
queue = lambda: subprocess.run(['/var/mta/bin/mailq', '--json'], capture_output=True, text=True).stdout
check('a host that is away', wait_for(lambda: 'refused' in queue()), queue())
away = Hop(2530)
s = socket.create_connection(('127.0.0.1', 25), 10)
s.sendall(b'EHLO away.example\r\nETRN away.example\r\nQUIT\r\n')
check('asks for its mail', b'\n250 2.0.0 its mail is tried now' in s.makefile('rb').read())
check('and gets it', wait_for(lambda: away.messages))

# ---- REQUIRETLS: RFC 8689 ----
r, w = os.pipe()
os.write(w, b'Fjoe@example.org\0Q1\0RF\0Tfar@new.example\0Tann@example.org\0\0')
os.close(w)
subprocess.run(['/var/mta/bin/queue-inject'], input=b'Message-ID: <tls@client.example>\nSubject: tls\n\nsecret words\n', stdout=r, check=True)
check('REQUIRETLS does not go in clear', statuses('tls') == ('failed', '5.7.10'), statuses('tls'))
check('a local mailbox is no such way', wait_for(lambda: has('tls')))
report = reports('tls')[0] if reports('tls') else email.message_from_string('')
check('its report is redacted', 'secret' not in str(report) and 'Subject: tls' in str(report), str(report))
check('nothing of it went out', not [m for m in new.messages if b'secret' in m])
done()
