#!/usr/bin/env python3
"""holdrules_test - standing rules: mail that fits one is held as it arrives, is seen as held and why, and once
released is held by none again; a manager that is killed, at whatever moment, neither forgets a rule nor a release."""
import json, re
from multiprocessing.pool import ThreadPool
from scene import *

on_host()
RULES, HELD = '/var/mta/queue/holdrules', '/var/mta/queue/hold'


def queue(*words, user=None):
    argv = ['/var/mta/bin/queue', *words]
    if user:
        argv = ['setpriv', '--reuid', str(pwd.getpwnam(user).pw_uid), '--clear-groups', *argv]
    return subprocess.run(argv, capture_output=True, text=True)


def held():
    return len(os.listdir(HELD))


def lies():
    return glob.glob('/var/mta/queue/cur/*/*') + glob.glob('/var/mta/queue/new/*')


def send_from(sender, *recipients):
    subprocess.run(['/var/mta/bin/sendmail', '-f', sender, *recipients], input=f'Subject: from {sender}\n\nx\n', text=True, check=True)


def listed():
    return {m['id']: m for m in map(json.loads, queue('list', '-j').stdout.splitlines())}


def kill_manager():
    pid = manager()
    os.kill(pid, 9)
    return wait_for(lambda: manager() not in (None, pid) and queue('limits').returncode == 0)


control('smtproutes', ''.join(f'{n}.example:[127.0.0.1]:2601\n' for n in ('good', 'far', 'two')))
good = Host(2601).up()

# ---- while no manager runs ----
said = queue('holdrule', 'add', '-f', '*@bad.example', '-d', 'good.example')
check('a rule is made', (said.returncode, said.stdout) == (0, 'holdrule 1: from *@bad.example to good.example\n'), said)
for words, code in ((['-a', '-f', 'x@y'], 64), ([], 64), (['-f', 'j*@y'], 64), (['-d', 'x@y'], 64), (['-f', '*@BAD.example', '-d', 'good.example'], 64),
                    (['-f', 'a b@c'], 64), (['-a', 'more'], 64)):
    said = queue('holdrule', 'add', *words)
    check(f'not with {words}', said.returncode == code and said.stderr.startswith('queue: '), said)
said = queue('holdrule', 'list', user='joe')
check('rules are for administrators', said.returncode == 77, said)
check('it starts', mtactl('start').returncode == 0)

# ---- one that fits is held ----
send_from('www@bad.example', 'x@good.example')
check('what fits is held', wait_for(lambda: held() == 1), log()[-900:])
send_from('www@bad.example', 'x@far.example')
send_from('www@fine.example', 'x@good.example')
check('what does not is sent', wait_for(lambda: good.count == 2), good.count)
id, message = next(iter(listed().items()))
check('the log says why', f'{id} held by rule 1, from *@bad.example to good.example\n' in log(), log()[-900:])
check('mailq, too', '(held by rule 1, from *@bad.example to good.example)' in queue('list').stdout, queue('list').stdout)
check('and its JSON', message['held'] and message['held_by'] == 'rule 1, from *@bad.example to good.example', message)

# ---- as a report may come twice, of the same id ----
path, = glob.glob(f'/var/mta/queue/hold/{id}*')
copy = f'/var/mta/queue/new/{os.path.basename(path)}'
subprocess.run(['cp', '-a', path, copy], check=True)
kill_manager()
check('one that is held already is dropped', wait_for(lambda: f'{id} came twice: one is held already' in log()) and held() == 1, log()[-900:])
check('and nothing of it is left', wait_for(lambda: not glob.glob(f'/var/mta/queue/cur/*/{id}*') and not os.path.exists(copy)) and good.count == 2)

send_from('www@bad.example', 'ann@example.org', 'y@far.example', 'z@good.example')
check('all of a message is, for one recipient', wait_for(lambda: held() == 2) and good.count == 2)

# ---- more of them, at once ----
said = queue('holdrule', 'add', '-f', '<>')
check('for the null sender', said.stdout == 'holdrule 2: from <>\n', said)
send_from('<>', 'ann@example.org')
check('it counts at once', wait_for(lambda: held() == 3), log()[-900:])
queue('holdrule', 'add', '-d', 'example.org')
send('ann@example.org', 'to a mailbox')
check('a mailbox here is a recipient as others are', wait_for(lambda: held() == 4) and not has('to a mailbox'))
for rule in ('2: from <>', '3: to example.org'):
    check(f'who made {rule} is logged', wait_for(lambda: f' holdrule added {rule} by=0\n' in log()), log()[-900:])
said = queue('holdrule', 'list', '--json')
rules = [json.loads(line) for line in said.stdout.splitlines()]
check('list --json', [(r['rule'], r['sender'], r['domain'], r['uid']) for r in rules] ==
      [(1, '*@bad.example', 'good.example', 0), (2, '<>', '*', 0), (3, '*', 'example.org', 0)] and abs(rules[0]['made'] - time.time()) < 100, said)
check('list', queue('holdrule', 'list').stdout.splitlines()[2] == '3: to example.org  (by uid 0)')
check('mtactl check takes them', 'holdrules' not in subprocess.run(['/var/mta/bin/mtactl', 'check'], capture_output=True, text=True).stderr)

# ---- release is for good ----
said = queue('release', id)
check('released, it goes', said.returncode == 0 and wait_for(lambda: good.count == 3), said)
down = queue('release', '-a')
check('all the others, too', wait_for(lambda: has('to a mailbox')) and wait_for(lambda: not lies() and not held()), queue('list').stdout)
good.down()
wait_for(lambda: good.open == 0)
queue('holdrule', 'add', '-f', 'late@fine.example')
send_from('late@fine.example', 'x@good.example')
check('held', wait_for(lambda: held() == 1))
os.kill(manager(), 19)
release = subprocess.Popen(['/var/mta/bin/queue', 'release', '-a'], stdout=subprocess.PIPE)
time.sleep(0.3)
os.kill(manager(), 18)
release.communicate()
id = next(iter(listed()))
path = glob.glob(f'/var/mta/queue/cur/*/{id}*')[0]
check('its file says so', os.getxattr(path, 'user.estafeta.held') == b'-', os.listxattr(path))
check('killed after a release', kill_manager())
check('it is still released', wait_for(lambda: 'next try' in queue('list', id).stdout) and held() == 0, queue('list').stdout)

# ---- a rule outlives its manager, also between its taking a message and a look at it ----
queue('remove', '-a')
check('killed', kill_manager())
send_from('late@fine.example', 'x@good.example')
check('the rule holds', wait_for(lambda: held() == 1))
mtactl('stop')
id = next(iter(listed()))
name = os.listdir(HELD)[0]
path = f'/var/mta/queue/cur/{name[22]}/{name}'
os.rename(f'{HELD}/{name}', path)
os.removexattr(path, 'user.estafeta.held')
mtactl('start')
check('what a killed manager had just taken is held by the next', wait_for(lambda: held() == 1), queue('list').stdout)
mtactl('stop')
send_from('late@fine.example', 'y@good.example')
mtactl('start')
check('what came meanwhile, too', wait_for(lambda: held() == 2), queue('list').stdout)
queue('remove', '-a')

send_from('late@fine.example', 'z@good.example')
check('held', wait_for(lambda: held() == 1))
mtactl('stop')
name = os.listdir(HELD)[0]
path = f'/var/mta/queue/cur/{name[22]}/{name}'
os.rename(f'{HELD}/{name}', path)
os.setxattr(path, 'user.estafeta.held', b'-')
mtactl('start')
check('not one that was released and no more', wait_for(lambda: 'next try' in queue('list').stdout) and held() == 0, queue('list').stdout)
queue('remove', '-a')

# ---- what is queued already ----
send_from('old@fine.example', 'x@good.example')
check('it waits', wait_for(lambda: 'next try' in queue('list').stdout), queue('list').stdout)
said = queue('holdrule', 'add', '-f', 'old@fine.example')
time.sleep(0.5)
check('what is queued stays', held() == 0)
queue('holdrule', 'remove', '5')
said = queue('holdrule', 'add', '-q', '-f', '*@fine.example')
check('unless it is asked for', wait_for(lambda: held() == 1) and said.stdout.endswith('hold: 1 message\n'), said)
said = queue('holdrule', 'add', '-q', '-f', 'nobody@fine.example')
check('none of them is no fault', said.returncode == 0 and said.stdout.endswith('hold: 0 messages\n'), said)

# ---- remove ----
said = queue('holdrule', 'remove', '4', '99')
check('one that is not there', said.returncode == 66 and '99 is no holdrule' in said.stderr, said)
said = queue('holdrule', 'remove', '1', '3')
check('remove', said.stdout == 'removed holdrule 1: from *@bad.example to good.example\nremoved holdrule 3: to example.org\n', said)
send('ann@example.org', 'free again')
check('it holds no more', wait_for(lambda: has('free again')))
check('that is logged', ' holdrule removed 3: to example.org by=0\n' in log())
said = queue('holdrule', 'remove', '-a')
check('remove -a', said.returncode == 0 and queue('holdrule', 'list').stdout == '' and held() == 1, said)
queue('holdrule', 'add', '-a')
send('ann@example.org', 'all')
check('all mail', wait_for(lambda: held() == 2) and '(held by rule 1, all mail)' in queue('list').stdout, queue('list').stdout)

# ---- by hand, and at the same time ----
queue('holdrule', 'remove', '-a')
with ThreadPool(8) as pool:
    pool.map(lambda n: queue('holdrule', 'add', '-d', f'd{n}.example'), range(40))
rules = queue('holdrule', 'list').stdout.splitlines()
check('forty at the same time are forty', len(rules) == 40 and len({r.split(':')[0] for r in rules}) == 40, rules)
with open(RULES, 'w') as f:
    f.write('# ours\n7 1 0 * example.org\n')
send('ann@example.org', 'by hand')
check('a hand-written one counts', wait_for(lambda: held() == 3) and not has('by hand'), log()[-900:])
pid = manager()
os.close(os.open(RULES + '.ours', os.O_CREAT | os.O_WRONLY, 0))
os.rename(RULES + '.ours', RULES)
send('ann@example.org', 'unread')
check('while they cannot be read, those of before hold', wait_for(lambda: held() == 4) and manager() == pid and
      wait_for(lambda: 'the rules of before stay' in log()), log()[-900:])
os.unlink(RULES)
said = queue('holdrule', 'add', '-d', 'B\u00fcCHER.example')
check('a domain in one form', said.stdout == 'holdrule 1: to xn--bcher-kva.example\n', said)
check('is the same in the other', queue('holdrule', 'add', '-d', 'xn--bcher-kva.example').returncode == 64)
send('ann@xn--bcher-kva.example', 'label')
check('and holds either', wait_for(lambda: held() == 5), log()[-900:])
with open(RULES, 'a') as f:
    f.write('nonsense\n')
said = subprocess.run(['/var/mta/bin/mtactl', 'check'], capture_output=True, text=True)
check('mtactl check names the line of a bad one', 'holdrules:2: no rule' in said.stdout + said.stderr, said)
os.unlink(RULES)
done()
