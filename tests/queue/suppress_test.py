#!/usr/bin/env python3
"""suppress_test - addresses to which nothing more is sent: mail for them fails at once, with a report that says so;
they are put on the list by hand, or by control/suppressafter when their hosts say that they are not there."""
import fcntl, json, re
from scene import *
from hop import Hop

on_host()
LIST = '/var/mta/queue/suppressed'
MANY = int(os.environ.get('SUPPRESS_MANY', 100000))


def queue(*words, user=None, text=None):
    argv = ['/var/mta/bin/queue', *words]
    if user:
        argv = ['setpriv', '--reuid', str(pwd.getpwnam(user).pw_uid), '--clear-groups', *argv]
    return subprocess.run(argv, capture_output=True, text=True, input=text)


def mail(mark, *recipients):
    subprocess.run(['/var/mta/bin/sendmail', '-f', 'joe@example.org', *recipients], input=f'Subject: {mark}\n\nx\n', text=True, check=True)


def reports(mark):
    """What each report about it says: recipient, status and words."""
    found = []
    for path in glob.glob(pwd.getpwnam('joe').pw_dir + '/Maildir/new/*'):
        text = open(path).read()
        if f'\nSubject: {mark}\n' in text.partition('rfc822')[2]:
            found += re.findall(r'^Final-Recipient: rfc822; (\S+)\nAction: failed\nStatus: (\S+)\n(?:Remote-MTA: .*\n)?Diagnostic-Code: (.*(?:\n .*)*)', text, re.M)
    return sorted(found)


def is_empty():
    return not glob.glob('/var/mta/queue/cur/*/*') and not os.listdir('/var/mta/queue/new')


def kill_manager():
    pid = manager()
    os.kill(pid, 9)
    return wait_for(lambda: manager() not in (None, pid) and queue('limits').returncode == 0)


def names():
    return sorted(line.split()[0] for line in queue('suppress', 'list').stdout.splitlines())


def rcpts(hop, address):
    return sum(address in c for c in hop.commands)


control('smtproutes', 'good.example:[127.0.0.1]:2601\nno.example:[127.0.0.1]:2602\nold.example:[127.0.0.1]:2603\nspam.example:[127.0.0.1]:2604\n'
        'later.example:[127.0.0.1]:2605\n')
control('retrymin', '1\n')
control('retrymax', '1\n')
good, no = Hop(2601), Hop(2602, 'ENHANCEDSTATUSCODES', rcpt='550 5.1.1 nobody')
old, spam, later = Hop(2603, rcpt='550 nobody of that name'), Hop(2604, rcpt='550 5.7.1 not wanted'), Hop(2605, rcpt='451 4.2.1 later')
check('mtactl start', mtactl('start').returncode == 0)
mail('off', 'x@no.example')
check('by default nothing is counted', wait_for(lambda: reports('off')) and not os.path.exists(LIST), log()[-900:])

# ---- by hand ----
check('an empty list', queue('suppress', 'list').stdout == '')
said = queue('suppress', 'add', 'X@Good.example', 'ann@example.org')
check('add', (said.returncode, said.stdout) == (0, 'suppressed: 2 addresses\n'), said)
check('twice', queue('suppress', 'add', 'x@good.example').stdout == 'suppressed: 0 addresses\n1 on the list already\n')
check('that is logged', wait_for(lambda: ' suppress added X@Good.example by=0\n' in log()), log()[-900:])
check('list', names() == ['ann@example.org', 'x@good.example'], queue('suppress', 'list'))
said = [json.loads(line) for line in queue('suppress', 'list', '--json', 'x@GOOD.example').stdout.splitlines()]
check('list --json', len(said) == 1 and said[0]['address'] == 'x@good.example' and said[0]['uid'] == 0 and
      said[0]['why'] == 'by an administrator' and abs(said[0]['since'] - time.time()) < 100, said)
check('one that is not there', queue('suppress', 'list', 'y@good.example').returncode == 66)
check('a user may not', queue('suppress', 'add', 'y@good.example', user='joe').returncode == 77 == queue('suppress', 'list', user='joe').returncode)
for words in (['add'], ['add', 'a\nb@c'], ['remove'], ['remove', '-a', 'x@y'], ['what'], []):
    check(f'not with {words}', queue('suppress', *words).returncode == 64)
mail('gone', 'x@good.example', 'y@good.example', 'ann@example.org')
told = wait_for(lambda: reports('gone'))
check('its sender is told at once, of those alone', [t[:2] for t in told] == [('ann@example.org', '5.7.1'), ('x@good.example', '5.7.1')], told)
check('and why', all('to whom this host sends nothing more' in t[2] and 'by an administrator' in t[2] for t in told), told)
check('the other gets it', wait_for(lambda: len(good.messages) == 1) and good.pairs[0][1:] == ('y@good.example',), good.pairs)
check('the log says so', 'failed to=<x@good.example> code=5.7.1' in log() and wait_for(is_empty))
check('nobody else was asked', rcpts(good, 'x@good') == 0 and not has('gone'))
check('a manager that is killed', kill_manager())
mail('again', 'X@good.example')
check('has the list still', wait_for(lambda: reports('again')) and rcpts(good, 'good.example') == 1, good.commands)

# ---- what is queued ----
mail('queued', 'a@later.example', 'b@later.example')
wait_for(lambda: rcpts(later, 'a@later') > 0)
queue('suppress', 'add', '-m', 'asked us to', 'A@later.example')
told = wait_for(lambda: reports('queued'))
check('what waits fails when it is its turn', [t[:2] for t in told] == [('a@later.example', '5.7.1')] and 'asked us to' in told[0][2], told)
begun = rcpts(later, 'b@later')
check('the rest of it goes on', wait_for(lambda: rcpts(later, 'b@later') > begun))
queue('remove', '-a')

# ---- remove ----
said = queue('suppress', 'remove', 'x@good.example', 'z@good.example')
check('remove', said.stdout == 'removed: 1 address\n1 not on the list\n' and wait_for(lambda: ' suppress removed x@good.example by=0\n' in log()), said)
mail('back', 'x@good.example')
check('it gets mail again', wait_for(lambda: rcpts(good, 'x@good') == 1))
said = queue('suppress', 'remove', '-a')
check('remove -a', said.stdout == 'removed: 2 addresses\n' and names() == [] and queue('suppress', 'remove', '-a').returncode == 66, said)

# ---- by itself ----
for text in ('3\n', 'x 1d\n', '3 0\n', '1001 1d\n', '3 30d\n2 1d\n'):
    control('suppressafter', text)
    said = subprocess.run(['/var/mta/bin/mtactl', 'check'], capture_output=True, text=True)
    check(f'mtactl check names {text!r}', 'suppressafter:' in said.stdout + said.stderr, said)
control('suppressafter', '2 1h\n')
mail('one', 'x@no.example')
check('one failure', wait_for(lambda: reports('one')) and names() == [])
check('the manager is killed', kill_manager())
mail('two', 'X@no.example')
check('two: that is enough', wait_for(lambda: names() == ['x@no.example']), (names(), log()[-900:]))
check('the log says so', wait_for(lambda: ' suppress added x@no.example: 2 permanent failures, the last 5.1.1\n' in log().lower()), log()[-900:])
asked = rcpts(no, 'no.example')
mail('three', 'x@no.example')
told = wait_for(lambda: reports('three'))
check('a third is not sent', told and told[0][1] == '5.7.1' and '2 permanent failures, the last 5.1.1' in told[0][2] and rcpts(no, 'no.example') == asked, told)
for number in range(3):
    mail(f'old{number}', 'x@old.example')
    mail(f'spam{number}', 'x@spam.example')
    wait_for(lambda: reports(f'old{number}') and reports(f'spam{number}'))
check('a 550 without a code of RFC 3463 may mean anything', names() == ['x@no.example'] and rcpts(old, 'x@old') == 3, names())
check('who refuses a message and not its recipient does not', rcpts(spam, 'x@spam') == 3)
control('suppressafter', '2 2\n')
mail('slow1', 's@no.example')
wait_for(lambda: reports('slow1'))
time.sleep(3.5)
mail('slow2', 's@no.example')
check('nor do failures that are long ago', wait_for(lambda: reports('slow2')) and 's@no.example' not in names(), names())
queue('suppress', 'remove', 'x@no.example')
mail('fresh', 'x@no.example')
check('one that was removed begins anew', wait_for(lambda: reports('fresh')) and 'x@no.example' not in names())

# ---- lists with faults, and a list with faults ----
said = queue('suppress', 'add', '-', text='l1@no.example\n\nl2\x01@no.example\nl3@no.example\n')
check('a line that is no address: nothing is added', said.returncode == 65 and 'line 3 ' in said.stderr and names() == [], (said, names()))
check('an argument', queue('suppress', 'add', 'l1@no.example', 'l\x01@x').returncode == 64 and names() == [], names())
queue('suppress', 'add', 'x@b\u00fccher.example')
mail('label', 'x@xn--bcher-kva.example')
check('a domain in either form', wait_for(lambda: reports('label')) and reports('label')[0][1] == '5.7.1', (reports('label'), names()))
check('and removed in either', queue('suppress', 'remove', 'x@B\u00dcCHER.example').returncode == 0 and names() == [], names())


def file_of(address):
    value = 0xcbf29ce484222325
    for byte in address.encode():
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return f'{LIST}/{(value ^ value >> 32) % 4096:03x}'


os.mkdir(file_of('y@good.example'))
sent = rcpts(good, 'y@good')
mail('unread', 'y@good.example')
check('while it cannot be read, mail waits', wait_for(lambda: log().count('suppressed cannot be read') > 2) and rcpts(good, 'y@good') == sent, log()[-900:])
os.rmdir(file_of('y@good.example'))
check('and goes then', wait_for(lambda: rcpts(good, 'y@good') == sent + 1), log()[-900:])
control('suppressafter', '1 1h\n')
with open(LIST + '/lock') as held:
    fcntl.flock(held, fcntl.LOCK_EX)
    mail('locked', 'l@no.example')
    mail('beside', 'y@good.example')
    check('the manager waits for nobody who changes it', wait_for(lambda: reports('locked')) and wait_for(lambda: rcpts(good, 'y@good') == sent + 2) and
          names() == [] and 'a failure cannot be counted' in log(), log()[-900:])
mail('unlocked', 'l@no.example')
check('later failures count', wait_for(lambda: names() == ['l@no.example']), names())
queue('suppress', 'remove', '-a')

# ---- many ----
before = int(re.search(r'VmRSS:\s+(\d+)', open(f'/proc/{manager()}/status').read())[1])
begun = time.monotonic()
said = queue('suppress', 'add', '-', text=''.join(f'user{n}@many.example\n' for n in range(MANY)))
print(f'# {MANY} addresses in {time.monotonic() - begun:.1f} s')
check('many at once', said.stdout == f'suppressed: {MANY} addresses\n' and wait_for(lambda: f' suppress added {MANY} addresses by=0\n' in log()), said)
begun = time.monotonic()
mail('many', f'user{MANY - 1}@many.example', 'user0@many.example', 'y@good.example')
check('each counts', wait_for(lambda: len(reports('many')) == 2))
after = int(re.search(r'VmRSS:\s+(\d+)', open(f'/proc/{manager()}/status').read())[1])
check('the manager has no more memory for it', after - before < 2048, (before, after))
path = glob.glob(LIST + '/[0-9a-f][0-9a-f][0-9a-f]')[0]
with open(path, 'a') as f:
    f.write('s\ttorn@many.ex')
check('a line that was cut short is none', len(names()) == MANY and queue('suppress', 'add', 'user0@many.example').stdout.startswith('suppressed: 0'))
done()
