#!/usr/bin/env python3
"""odmr_test - the on-demand mail relay of RFC 2645: mail for a domain waits at
its provider until the customer connects, logs in, says ATRN, and is the server
from then on.  The customer is this test, and then a host of its own."""
import contextlib, email, json, os, re, socket, ssl, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from smtp import read_reply
from tap import *
from hosts import *
from sasl import b64

on_network()
# Nobody listens at the customer's MX: a provider that connected would be told so.
names = serve_names(['mx-host=a.test,mx.a.test,10', 'host-record=mx.a.test,10.77.0.11,fd77::11',
                     'mx-host=customer.test,a.customer.test,10', 'host-record=a.customer.test,10.77.0.1',
                     'mx-host=other.test,a.customer.test,10'])
a, b = Host('a.test', 11), Host('customer.test', 12)
a.begin()
b.begin()
PASSWORD = 'Batteriestaple'


class Customer:
    """RFC 2645 from the customer's side, as far as the reversal; then an SMTP server."""

    def __init__(self, user='alice@users.test', tls=True, hello='EHLO mx.customer.test'):
        self.s = socket.create_connection((a.address, 366), 30)
        self.f = self.s.makefile('rb')
        self.greeting = self.reply()
        self.hello = self.ask(hello)
        if tls:
            self.ask('STARTTLS')
            context = ssl._create_unverified_context()
            self.s = context.wrap_socket(self.s)
            self.f = self.s.makefile('rb')
            self.hello = self.ask(hello)
        if user:
            self.login = self.ask('AUTH PLAIN ' + b64(f'\0{user}\0{PASSWORD}'))

    def reply(self):
        return read_reply(self.f).decode()

    def send(self, text):
        self.s.sendall(text.encode())

    def ask(self, line):
        self.send(line + '\r\n')
        return self.reply()

    def serve(self, extensions='', answer=lambda mark: '250 2.0.0 taken', recipient=lambda line: '250 2.1.5 ok'):
        """Greet, and take what comes until QUIT; the commands and the messages."""
        commands, messages = [], []
        self.send('220 mx.customer.test ready to receive email\r\n')
        while line := self.f.readline():
            text = line.decode().rstrip()
            commands.append(text)
            verb = text[:4].upper()
            if verb == 'EHLO':
                self.send('250-mx.customer.test\r\n' + ''.join(f'250-{e}\r\n' for e in extensions.split()) + '250 8BITMIME\r\n')
            elif verb == 'RCPT':
                self.send(recipient(text) + '\r\n')
            elif verb == 'DATA':
                self.send('354 go\r\n')
                lines = []
                while (more := self.f.readline()) not in (b'.\r\n', b''):
                    lines.append(more)
                said = answer(b''.join(lines).decode())
                if said is None:
                    self.end()
                    return commands, messages
                self.send(said + '\r\n')
                if said.startswith('2'):
                    messages.append(b''.join(lines).decode())
            elif verb == 'QUIT':
                self.send('221 bye\r\n')
                self.rest = self.f.read()
                self.end()
                return commands, messages
            else:
                self.send('250 ok\r\n')
        self.end()
        return commands, messages

    def end(self):
        self.f.close()
        self.s.close()


def send(mark, to='ann@customer.test', options='', text='hello'):
    return a.run(f'/var/mta/bin/sendmail {options} {to}', 'joe', input=f'To: {to}\nSubject: {mark}\n\n{text}\n')


def queue():
    return [json.loads(line) for line in a.run('/var/mta/bin/mailq --json').stdout.splitlines()]


def reasons():
    return [r.get('reason') or '' for m in queue() for r in m['recipients']]


def waits(count=1):
    """All of the queue has been looked at."""
    return wait_for(lambda: len(reasons()) == count and all(reasons()))


def log():
    return a.run('cat /var/mta/log/queue/current').stdout


def listening():
    return '366' in a.run("ss -ltnH 'sport = :366'").stdout


def subjects(messages):
    return [email.message_from_string(m)['Subject'] for m in messages]


a.control('locals', 'a.test\nmx.a.test')     # where reports go
b.control('locals', 'customer.test')
try:
    a.control('apop', '1')     # fetchmail logs in by CRAM-MD5, which needs the password itself
    check('both hosts start', a.started.returncode == b.started.returncode == 0, a.started.stderr + b.started.stderr)
    for user in ('alice@users.test', 'bob@users.test'):
        added = a.run(f'/var/mta/bin/mtactl user add {user}', input=PASSWORD + '\n')
        check('an account for ' + user, added.returncode == 0, added.stderr)

    # ---- off until it is wanted ----
    def processes():
        return sorted(a.run('ps -eo comm= | grep -vE "^(ps|sh|grep)$"').stdout.split())
    at_rest = processes()
    check('without control/odmrdomains nobody listens', not listening() and 'defunct' not in str(at_rest), at_rest)
    with socket.create_connection((a.address, 587)) as s:
        f = s.makefile('rb')
        f.readline()
        s.sendall(b'ATRN\r\n')
        check('nor is ATRN known elsewhere', f.readline().startswith(b'502'))
        f.close()
    a.control('odmrdomains', 'customer.test: alice@users.test\nother.test: alice@users.test bob@users.test\nthird.test: bob@users.test')
    a.run('s6-svc -r /var/mta/service/queue')
    check('with it port 366 is served', wait_for(listening), a.run('tail -5 /var/mta/log/queue/current').stdout)
    check('mtactl check has no fault in it', 'odmrdomains' not in a.run('/var/mta/bin/mtactl check').stdout)

    # ---- replies ----
    held_by_manager = lambda: a.run('ls /proc/$(pgrep -x queue-manager)/fd').stdout.split()
    before = held_by_manager()
    c = Customer(user=None, tls=False)
    check('a greeting', c.greeting.startswith('220 mx.a.test'), c.greeting)
    check('EHLO has ATRN and STARTTLS, no AUTH in clear, and nothing that brings mail', re.search('250[- ]ATRN\r\n', c.hello)
          and 'STARTTLS' in c.hello and 'AUTH' not in c.hello and 'PIPELINING' not in c.hello and 'SIZE' not in c.hello, c.hello)
    check('a client that has not asked costs the manager nothing', before and held_by_manager() == before, held_by_manager())
    check('530 before AUTH', c.ask('ATRN customer.test').startswith('530 5.7.0'))
    for line in ('MAIL FROM:<a@b.test>', 'RCPT TO:<joe@a.test>', 'DATA', 'VRFY joe', 'ETRN customer.test', 'XCLIENT NAME=x'):
        check('502 to ' + line, c.ask(line).startswith('502'))
    check('AUTH in clear is refused', c.ask('AUTH PLAIN ' + b64(f'\0alice@users.test\0{PASSWORD}')).startswith('538'))
    c.end()
    c = Customer()
    check('with TLS there is AUTH', 'AUTH' in c.hello and c.login.startswith('235'), (c.hello, c.login))
    sessions = lambda: a.run("for p in $(pgrep -x smtpd); do [ $(cat /proc/$(awk '{print $4}' /proc/$p/stat)/comm) = smtpd ] && ls -l /proc/$p/fd; done").stdout
    held = wait_for(lambda: sessions() if sessions().count('total') == 1 else '')     # the others have ended
    check('a session holds its client, login, the manager, and the log', held.count('socket:') == 3 and ' 0 -> /dev/null' in held, held)
    check('453 without mail', c.ask('ATRN customer.test').startswith('453'))
    check('one that has asked, a session', len(held_by_manager()) == len(before) + 1, held_by_manager())
    check('453 for all without mail', c.ask('ATRN').startswith('453'))
    check('450 for a domain of another', c.ask('ATRN third.test').startswith('450'))
    check('450 if one of them is', c.ask('ATRN customer.test,third.test').startswith('450'))
    check('450 for a domain that is nobody\'s', c.ask('ATRN a.test').startswith('450'))
    check('501 for what is no domain', [c.ask('ATRN ' + x)[:3] for x in ('customer.test,', ',', 'a b', '<x>')] == ['501'] * 4)
    c.send('ATRN customer.test\r\nNOOP\r\n')
    check('503 if something follows', c.reply().startswith('503') and c.reply().startswith('250'))
    check('the session is what it was', c.ask('QUIT').startswith('221'))
    c = Customer(user='joe')
    c.end()
    c = Customer(user='bob@users.test')
    check('450 for an account that has other domains', c.ask('ATRN customer.test').startswith('450'))
    c.end()

    # ---- mail waits ----
    send('first', options='-N success,failure -V some-id')
    check('mail for it waits, and mailq says why', waits() and 'ATRN' in reasons()[0], queue())
    a.run('/var/mta/bin/sendmail -q')
    send('second', to='ann@customer.test joe@other.test')
    check('a queue run sends none', waits(3) and all('ATRN' in r for r in reasons()), reasons())
    check('nor is its host looked for', 'a.customer.test' not in log(), log()[-1500:])
    c = Customer(user='bob@users.test')
    check('450 with mail, too', c.ask('ATRN customer.test').startswith('450'))
    c.end()

    # ---- the reversal ----
    c = Customer()
    said = c.ask('ATRN other.test,customer.test')
    check('250, and the roles are reversed', said.startswith('250'), said)
    commands, messages = c.serve('DSN')
    check('the provider says EHLO first, and QUIT last', commands and commands[0] == 'EHLO mx.a.test' and commands[-1] == 'QUIT', commands)
    check('then the connection ends', getattr(c, 'rest', None) == b'')
    check('the domains in their order, all mail', sorted(subjects(messages)) == ['first', 'second', 'second']
          and subjects(messages)[0] == 'second', subjects(messages))
    check('with its DSN parameters', any('ENVID=some-id' in x for x in commands) and
          any('RCPT' in x and 'NOTIFY=' in x and 'success' in x.lower() for x in commands), commands)
    check('nothing is left', wait_for(lambda: not queue()), queue())
    check('no report was sent, which is the customer\'s to do', not a.box('joe'), a.box('joe'))
    check('the log says who, and that TLS was on', 'user=alice@users.test' in log() and re.search(r'tls=TLSv1\.\d turned', log()), log()[-1500:])

    # ---- what goes wrong ----
    send('third')
    send('fourth')
    waits(2)
    c = Customer()
    c.ask('ATRN')
    commands, messages = c.serve(answer=lambda text: None)
    check('cut after the dot: all waits, nothing is lost', waits(2), queue())
    check('and nothing was sent twice', not messages and sum(x == 'DATA' for x in commands) == 1, commands)
    check('the connection is named', wait_for(lambda: 'mx.customer.test[' in log()), log()[-1000:])
    def again(**serving):
        c = Customer()
        said = wait_for(lambda: (lambda x: x if not x.startswith('451') else '')(c.ask('ATRN customer.test')))
        return said, c.serve(**serving) if said.startswith('250') else ([], [])
    said, (commands, messages) = again(answer=lambda text: '451 4.3.0 not now' if 'third' in text else '250 2.0.0 taken')
    check('a 451 to one defers that one, once a session', said.startswith('250') and subjects(messages) == ['fourth']
          and sum(x == 'DATA' for x in commands) == 2 and waits(1) and 'not now' in reasons()[0], (said, commands, reasons()))
    said, (commands, messages) = again(recipient=lambda line: '550 5.1.1 nobody')
    check('a 550 bounces', commands and not messages and wait_for(lambda: not queue()) and
          wait_for(lambda: [m for m in a.box('joe') if '5.1.1 nobody' in m]), (said, commands, queue()))

    send('fifth')
    waits(1)
    c = Customer()
    c.ask('ATRN')
    d = Customer()
    check('451 while another has it', d.ask('ATRN customer.test').startswith('451'))
    c.send('554 not after all\r\n')
    c.end()
    check('a greeting of 554 defers', wait_for(lambda: 'not after all' in ''.join(reasons())), reasons())
    check('and the domain is free again', wait_for(lambda: d.ask('ATRN customer.test').startswith('250')))
    d.end()
    check('gone before it greeted: it waits', waits(1) and wait_for(lambda: 'not after all' not in ''.join(reasons())), reasons())
    send('many', to=' '.join(f'user{i}@customer.test' for i in range(90)))
    waits(91)
    said, (commands, messages) = again()
    check('90 recipients, in more than one transaction', sorted(set(subjects(messages))) == ['fifth', 'many'] and
          sum(x.startswith('RCPT') for x in commands) == 91, (said, subjects(messages)))
    check('nothing is left', wait_for(lambda: not queue()), queue())

    send('sixteenth')
    send('seventeenth')
    waits(2)
    def lose_session(text):
        a.run("for p in $(pgrep -x smtpd); do [ $(cat /proc/$(awk '{print $4}' /proc/$p/stat)/comm) = smtpd ] && kill -9 $p; done")
        wait_for(lambda: not sessions())
        return '250 2.0.0 taken'
    said, (commands, messages) = again(answer=lose_session)
    check('who took the request dies: no message is half sent, none is sent twice', wait_for(lambda: len(queue()) == 2 - len(messages))
          and messages and len(set(subjects(messages))) == len(messages), (commands, queue()))
    again()
    check('the rest comes with the next ATRN', wait_for(lambda: not queue()), queue())

    # ---- a customer's host, and our own server on it ----
    b.run('cat >/root/fetch.py', input=f'''
import os, socket, ssl, sys, base64
s = socket.create_connection(("{a.address}", 366), 30)
f = s.makefile("rwb", 0)
def ask(line):
    if line:
        f.write(line.encode() + b"\\r\\n")
    while (reply := f.readline())[3:4] == b"-":
        pass
    return reply
ask("")
ask("EHLO mx.customer.test")
ask("AUTH PLAIN " + base64.b64encode(b"\\0alice@users.test\\0{PASSWORD}").decode())
said = ask("ATRN")
print(said.decode(), file=sys.stderr)
if said.startswith(b"250"):
    s.settimeout(None)
    os.dup2(s.fileno(), 0)
    os.dup2(s.fileno(), 1)
    os.execv("/var/mta/bin/sendmail", ["sendmail", "-bs"])
''')
    a.control('cleartextnets', '10.77.0.12')
    a.control('authmechanisms', 'PLAIN\nCRAM-MD5')
    a.run('s6-svc -r /var/mta/service/queue')
    send('sixth', options='-N success')
    def fetch():
        got = b.run('python3 /root/fetch.py')
        return got if '250 2.0.0' in got.stderr else None
    got = wait_for(fetch)
    check('a host of its own says ATRN', got is not None, got or log()[-1500:])
    check('and its server has the mail delivered', len(b.arrived('ann', 'sixth', 30)) == 1, log()[-1500:])
    check('which leaves the provider', wait_for(lambda: not queue()), queue())
    check('and it reports to the sender, who asked for that',
          wait_for(lambda: [m for m in a.box('joe') if 'Action: delivered' in m]), b.run('tail -20 /var/mta/log/queue/current').stdout)

    # ---- our own customer: odmr-fetch ----
    fetch_log = lambda: b.run('cat /var/mta/log/fetch/current').stdout
    b.control('odmrfetch', 'mx.a.test customer.test,other.test')
    b.control('odmrfetchinterval', '1')
    b.run('install -m 640 -g mta-remote-auth /dev/null /var/mta/control/smtpauth; echo "mx.a.test:366 * alice@users.test wrong" >/var/mta/control/smtpauth')
    check('mtactl check finds no fault in it', 'odmr' not in (faults := b.run('/var/mta/bin/mtactl check').stdout) and 'smtpauth' not in faults, faults)
    b.run('/var/mta/bin/mtactl enable fetch')
    check('no password goes to a host that cannot show who it is', wait_for(lambda: 'not fetched provider=mx.a.test reason=mx.a.test[' in fetch_log()) and
          'no login' not in fetch_log(), fetch_log()[-1500:])
    b.control('tlspolicy', 'mx.a.test encrypt')
    b.run('s6-svc -r /var/mta/service/fetch')
    check('a wrong password is logged', wait_for(lambda: re.search(r'no login server=mx.a.test\[.*reason=535', fetch_log())), fetch_log()[-1500:])
    b.run(f'echo "mx.a.test:366 * alice@users.test {PASSWORD}" >/var/mta/control/smtpauth; s6-svc -r /var/mta/service/fetch')
    check('with the right one there is no mail yet', wait_for(lambda: 'no mail provider=mx.a.test[' in fetch_log()), fetch_log()[-1500:])
    send('fetched')
    got = b.arrived('ann', 'Subject: fetched', 30)
    check('and then it is fetched', len(got) == 1 and re.search(r'turned provider=mx.a.test\[\S+ tls=TLSv1.3 auth=CRAM-MD5', fetch_log()), fetch_log()[-1500:])
    check('which Received tells', got and re.search(r'Received: from mx.a.test .*?by mx.customer.test with ESMTPS id .*?\n\ttls TLS_', got[0], re.S), got)
    check('it leaves the provider', wait_for(lambda: not queue()), queue())
    send('strange', 'x@other.test')
    send('unknown', 'nobody@customer.test')
    for mark, code in (('strange', '550 5.7.1'), ('unknown', '550 5.1.1')):
        check(f'what port 25 would refuse is refused: {code}', wait_for(lambda: [m for m in a.box('joe') if 'Action: failed' in m and
              mark in m and code in m]), (fetch_log()[-1500:], log()[-1500:]))
    check('nothing was lost in it', 'not fetched' not in fetch_log().split('turned')[-1], fetch_log()[-1500:])

    # ---- one provider that hangs ----
    hanging = socket.create_server(('10.77.0.1', 3660))
    hanging.settimeout(30)
    b.control('odmrfetch', '[10.77.0.1]:3660 other.test\nmx.a.test customer.test')
    b.run('echo "[10.77.0.1]:3660 * x y" >>/var/mta/control/smtpauth; s6-svc -r /var/mta/service/fetch')
    hung = hanging.accept()[0]
    hung.settimeout(1)
    rounds = fetch_log().count('no mail provider=mx.a.test[')
    check('a provider that hangs holds up no other', wait_for(lambda: fetch_log().count('no mail provider=mx.a.test[') > rounds + 2))
    send('beside')
    check('whose mail comes', b.arrived('ann', 'Subject: beside', 30), fetch_log()[-1500:])
    with contextlib.suppress(TimeoutError):
        check('it hangs all the while', hung.recv(1) and False)
    hung.close()
    hung = hanging.accept()[0]
    check('it is asked again when it has ended', hung)
    b.control('odmrfetchconcurrency', '1')
    b.run('s6-svc -r /var/mta/service/fetch')
    hung = hanging.accept()[0]
    send('behind')
    check('control/odmrfetchconcurrency 1: one after another', not b.arrived('ann', 'Subject: behind', 4), fetch_log()[-1500:])
    hung.close()
    check('and who waited longest is next', b.arrived('ann', 'Subject: behind', 30), fetch_log()[-1500:])
    hanging.close()
    b.run('/var/mta/bin/mtactl disable fetch')

    # ---- fetchmail, another's customer: it takes what comes, and hands it to port 25 of its host ----
    send('seen')
    waits(1)
    b.run('umask 77; cat >/root/fetchmailrc', input=f'poll {a.address} proto odmr service 366 user alice@users.test pass "{PASSWORD}" '
          'sslproto "" fetchdomains customer.test smtphost 127.0.0.1\n')
    fetched = b.run('fetchmail --nosyslog -N -v -f /root/fetchmailrc --pidfile /root/fetchmail.pid')
    check('fetchmail fetches', len(b.arrived('ann', 'seen', 30)) == 1, (fetched.stdout[-1500:], fetched.stderr[-500:]))
    check('and it leaves the provider', wait_for(lambda: not queue()), queue())

    # ---- nobody asks for it ----
    a.control('retrymin', '1')
    a.control('queuelifetime', '60')
    send('old')
    waits(1)
    a.run('s6-svc -wD -d /var/mta/service/queue')
    # A year older: its name is all that tells its age.
    moved = a.run("""cd /var/mta/queue/cur && f=$(ls -d */*) && [ -f $f ] && id=${f#*/} &&
                     old=$(printf %013x $(($(printf %d 0x$(echo $id | cut -c1-13)) - 31536000000000)))$(echo $id | cut -c14-) &&
                     mv $f ${f%/*}/$old && echo $old""")
    a.run('s6-svc -u /var/mta/service/queue')
    check('mail that nobody asks for is looked at six times, and goes back',
          wait_for(lambda: [m for m in a.box('joe') if 'Action: failed' in m and 'ATRN' in m and 'old' in m]),
          (moved.stdout, moved.stderr, queue(), log()[-1500:]))
    check('and leaves the queue', wait_for(lambda: not queue()), queue())
    a.run('rm /var/mta/control/retrymin /var/mta/control/queuelifetime')

    # ---- no longer on demand ----
    send('seventh')
    waits(1)
    a.control('odmrdomains', 'other.test: alice@users.test')
    a.run('/var/mta/bin/sendmail -q')
    check('taken out of the file, it is sent as any other', wait_for(lambda: 'refused' in ''.join(reasons())), (reasons(), log()[-1500:]))
finally:
    a.end()
    b.end()
    names.terminate()
done()
