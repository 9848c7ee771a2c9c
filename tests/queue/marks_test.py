#!/usr/bin/env python3
"""marks_test - what is done is on the disk soon, whatever else of its message
takes its time: a crash repeats no more than was on its way."""
import json, shutil, tempfile
from scene import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)


def delivered():
    """Recipients that the disk has as delivered, of messages that are not done."""
    said = subprocess.run(['/var/mta/bin/mailq', '-j'], capture_output=True, text=True).stdout
    return sorted(r['address'] for line in said.splitlines() for r in json.loads(line)['recipients'] if r['state'] == 'delivered')


def crash(program='queue-manager'):
    """Killed, with no time to write anything; the chain is started anew."""
    old = manager()
    kill_all(pid for pid in map(int, filter(str.isdigit, os.listdir('/proc'))) if is_called(pid, program))
    wait_for(lambda: manager() not in (None, old))


def is_called(pid, program):
    try:
        return open(f'/proc/{pid}/comm').read() == program + '\n'
    except OSError:
        return False


def is_empty():
    return not glob.glob('/var/mta/queue/cur/*/*')


PLACE = tempfile.mkdtemp()  # of what programs leave
ports = {'verp': 2721, 'big': 2722, 'slow': 2723, 'fast': 2724, 'last': 2725}
control('smtproutes', ''.join(f'{name}.example:[127.0.0.1]:{port}\n' for name, port in ports.items()))
control('limits', '* 1\n')
control('retrymin', '1\n')  # what was on its way is deferred
control('retrymax', '2\n')
with open('/etc/aliases', 'w') as f:
    f.write(''.join(f'p{n}: "|echo {n} >> {PLACE}/ran"\n' for n in range(10)))
    f.write(f'waits: "|while ! test -e {PLACE}/go; do sleep 0.1; done"\n')
os.chmod(PLACE, 0o755)
open(PLACE + '/ran', 'w').close()
os.chmod(PLACE + '/ran', 0o666)
subprocess.run(['/var/mta/bin/newaliases'], check=True)
mtactl('start')

# ---- a VERP message, one recipient a transaction ----
verp = Stops(2721, 10).up()
send_to([f'r{n}@verp.example' for n in range(15)], '-XV')
check('ten have gone', wait_for(lambda: verp.begun == 11), verp.begun)
check('and are known on the disk', wait_for(lambda: len(delivered()) == 10), delivered())
crash()
verp.may_go_on.set()
check('all go after a crash', wait_for(is_empty, 60) and len(verp.taken) == 15, len(verp.taken))
check('none but what was on its way goes twice', verp.twice() <= 1, verp.taken)

# ---- more recipients than a transaction takes ----
big = Stops(2722, 2).up()
send_to([f'r{n}@big.example' for n in range(350)])
check('two hundred have gone', wait_for(lambda: big.begun == 3), big.begun)
crash('remote-send')
big.may_go_on.set()
check('all go after its end', wait_for(is_empty, 60) and len(big.taken) == 350, len(big.taken))
check('none of two hundred goes twice', big.twice() <= 100, big.twice())

# ---- programs, one of which takes its time ----
ran = lambda: open(PLACE + '/ran').read().split()
for who in 'queue-manager', 'local-deliver':
    open(PLACE + '/ran', 'w').close()
    before = log().count('delivered to=<p')
    send_to(['waits@example.org'] + [f'p{n}@example.org' for n in range(10)])
    check('ten programs have run', wait_for(lambda: log().count('delivered to=<p') - before == 10), log()[-900:])
    if who == 'queue-manager':
        check('and are known on the disk', wait_for(lambda: len(delivered()) == 10), delivered())
    crash(who)
    open(PLACE + '/go', 'w').close()
    check(f'the last runs after a crash of {who}', wait_for(is_empty, 60), log()[-900:])
    check('none runs twice', len(ran()) == 10, ran())
    os.unlink(PLACE + '/go')

# ---- a mailbox here, a host that is fast and one that is slow ----
def mails():
    return sum('Subject: three' in open(name).read() for name in glob.glob(pwd.getpwnam('ann').pw_dir + '/Maildir/new/*'))


fast, slow = Stops(2724, 9).up(), Stops(2723, 0).up()
with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
    s.sendmail('joe@example.org', ['ann@example.org', 'x@fast.example', 'x@slow.example'], 'Subject: three\n\nx\n')
check('what is delivered is known on the disk', wait_for(lambda: delivered() == ['ann@example.org', 'x@fast.example'] and slow.begun == 1), delivered())
crash()
slow.may_go_on.set()
check('the rest goes after a crash', wait_for(is_empty, 60))
check('and only that', sum(fast.taken.values()) == 1 and mails() == 1, (fast.taken, mails()))

# ---- a sync fails: what it was to see may be gone, and the next one proves nothing ----
def copies():
    return [name for name in glob.glob(pwd.getpwnam('ann').pw_dir + '/Maildir/new/*') if 'Subject: lost' in open(name).read()]


slow = Stops(2725, 0).up()
fault = subprocess.Popen([os.environ['BUILD'] + '/tests/fault/fault', '-e', 'EIO', '-n', '1', '-o', 'syncfs', str(manager())],
                         stdout=subprocess.PIPE, text=True)
check('the next sync is to fail', fault.stdout.readline() == 'armed\n')
with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
    s.sendmail('joe@example.org', ['ann@example.org', 'x@last.example'], 'Subject: lost\n\nx\n')
check('and does', fault.stdout.readline() == 'hit syncfs\n' and wait_for(lambda: slow.begun == 1))
fault.terminate()
fault.wait()
for name in copies():
    os.unlink(name)     # as a disk may have it that could not write
send('ann@example.org', 'another')
check('another one is synced', wait_for(lambda: has('another') and log().count(' done') > 0))
slow.may_go_on.set()
check('it is delivered once more', wait_for(lambda: is_empty() and len(copies()) == 1, 60), (copies(), log()[-900:]))
mtactl('stop')
shutil.rmtree(PLACE)
done()
