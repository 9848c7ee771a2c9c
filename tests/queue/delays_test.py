#!/usr/bin/env python3
"""delays_test - control/delaywarning with several times: each is told once, to those who want it, whatever is
restarted or killed meanwhile; and what ends first is told for none that comes after."""
import email, email.policy, re, signal
from scene import *

on_host()
slow = Host(2801, away=True)


class Later(Host):
    """Wants each recipient later."""

    def talk(self, client, number):
        client.sendall(b'220 host\r\n')
        for line in client.makefile('rb'):
            verb = line[:4].upper()
            client.sendall(b'250-host\r\n250-DELIVERBY\r\n250 DSN\r\n' if verb == b'EHLO' else b'451 4.2.1 later\r\n' if verb == b'RCPT' else b'250 ok\r\n')


def submit(mark, *recipients, options=''):
    with socket.create_connection(('127.0.0.1', 25), 10, ('127.0.0.9', 0)) as s:
        lines = s.makefile('rb')
        for line in ('XCLIENT ADDR=127.0.0.1 LOGIN=joe', 'EHLO c', f'MAIL FROM:<joe@example.org>{options}', *(f'RCPT TO:{r}' for r in recipients), 'DATA', f'Subject: {mark}\r\n\r\nx\r\n.', 'QUIT'):
            while (reply := lines.readline())[3:4] == b'-':
                pass
            assert reply[:1] in b'23', reply
            if line != 'QUIT':
                s.sendall(line.encode() + b'\r\n')
    return re.search(r'[0-9a-f]{23}', reply.decode())[0]


def reports(mark):
    """Of each in the order of their arrival: action, and the recipients it speaks of."""
    found = []
    for path in sorted(glob.glob(pwd.getpwnam('joe').pw_dir + '/Maildir/new/*'), key=os.path.getmtime):
        text = open(path).read()
        if f'\nSubject: {mark}\n' in text.partition('rfc822')[2]:
            found.append((set(re.findall(r'^Action: (\w+)', text, re.M)), sorted(re.findall(r'^Final-Recipient: rfc822; (\S+)', text, re.M))))
    return found


def delays(mark):
    return [who for actions, who in reports(mark) if actions == {'delayed'}]


def told(id):
    """The ages that its slots have."""
    data = open(glob.glob(f'/var/mta/queue/cur/*/{id}*')[0], 'rb').read()
    return [int(age or 0) for age in re.findall(rb'(?:^|\n|\0)n(?:-|\+(\d+)) \d+ \d+ ', data)]


def restart_hard():
    pid = manager()
    os.kill(pid, signal.SIGKILL)
    return wait_for(lambda: manager() not in (None, pid))


def checked(text):
    control('delaywarning', text)
    said = subprocess.run(['/var/mta/bin/mtactl', 'check'], capture_output=True, text=True)
    return [line for line in (said.stdout + said.stderr).splitlines() if 'delaywarning' in line]


# ---- its grammar ----
for text in ('14400\n', '0\n', '1h, 6h, 2d\n', '60 90s\n30m # later\n4h\n', '# none\n'):
    check(f'mtactl check takes {text!r}', checked(text) == [], checked(text))
for text, line in (('1h, x\n', 1), ('6h\n1h\n', 2), ('60 60\n', 1), ('0 60\n', 1), ('1h 10000001\n', 1), ('200d\n', 1), (' '.join(map(str, range(1, 18))) + '\n', 1)):
    said = checked(text)
    check(f'and names the line of {text!r}', len(said) == 1 and f'delaywarning:{line}: write' in said[0], said)

# ---- told once each ----
control('delaywarning', '2s, 5s\n9\n3000')
control('retrymin', '1\n')
control('retrymax', '1\n')
control('smtproutes', 'later.example:[127.0.0.1]:2801\ndead.example:[127.0.0.1]:2802\n')
control('relayclients', '127.0.0.1\n')
control('xclientnets', '127.0.0.9\n')
control('deliverbymin', '1\n')
Later(2801).up()
check('mtactl start', mtactl('start').returncode == 0)
begun = time.time()
id = submit('several', '<a@later.example>', '<b@later.example> NOTIFY=DELAY', '<c@later.example> NOTIFY=FAILURE')
brief = submit('brief', '<a@later.example>', options=' BY=7;R')
notice = submit('notice', '<a@later.example>', options=' BY=4;N')
dead = submit('dead', '<a@dead.example>')
wanted = ['a@later.example', 'b@later.example']
check('the first is told', wait_for(lambda: delays('several') == [wanted]), reports('several'))
check('not before its time', time.time() >= begun + 1)
check('the queue file has what was told', wait_for(lambda: told(id) == [2, 2, 2]), told(id))
check('a manager that is killed', restart_hard())
time.sleep(max(0, begun + 4 - time.time()))
check('tells it no second time', delays('several') == [wanted] and told(id) == [2, 2, 2], reports('several'))
check('the second is told', wait_for(lambda: delays('several') == [wanted] * 2), reports('several'))
check('not before its time either', time.time() >= begun + 4)
check('... and is in the file', wait_for(lambda: told(id) == [5, 5, 5]), told(id))
mtactl('stop')
mtactl('start')
check('the third, after a restart', wait_for(lambda: delays('several') == [wanted] * 3), reports('several'))
time.sleep(3)
check('and no more', delays('several') == [wanted] * 3, reports('several'))
check('where no host answers, too', wait_for(lambda: len(delays('dead')) == 3), (reports('dead'), log()[-2000:]))
check('one that ends after 7 s is told of 2 and 5 only, and then returned',
      [actions for actions, _ in reports('brief')] == [{'delayed'}] * 2 + [{'failed'}], reports('brief'))
check('the time of BY=4;N is one of them', len(delays('notice')) == 4, reports('notice'))

# ---- several at once, and another setting ----
mtactl('stop')
control('delaywarning', '2s, 5s\n9\n12\n13\n14\n3000')
time.sleep(max(0, begun + 16 - time.time()))
mtactl('start')
check('those that came meanwhile are told as one', wait_for(lambda: told(id) == [14, 14, 14]), told(id))
time.sleep(2)
check('... once', delays('several') == [wanted] * 4, reports('several'))
control('delaywarning', '1s, 3s, 3000')
time.sleep(3)
check('another list repeats nothing', delays('several') == [wanted] * 4, reports('several'))
mtactl('stop')
control('delaywarning', '2s\n')
control('retrymin', '4\n')
control('retrymax', '4\n')
control('limits', 'paced.example 1 1\n')  # a message a minute
control('smtproutes', 'later.example:[127.0.0.1]:2801\npaced.example:[127.0.0.1]:2801\n')
mtactl('start')
paced = submit('paced', '<a@paced.example>')
check('one whose time comes while it waits is told when its turn may be far', wait_for(lambda: delays('paced') == [['a@paced.example']]),
      (reports('paced'), log()[-800:]))
check('... once', told(paced) == [2], told(paced))
control('retrymin', '1\n')
control('retrymax', '1\n')
control('delaywarning', '0\n')
never = submit('never', '<a@later.example>')
time.sleep(4)
check('0 is never', reports('never') == [], reports('never'))
done()
