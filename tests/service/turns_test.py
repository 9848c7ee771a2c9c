#!/usr/bin/env python3
"""turns_test - control/checkpwconcurrency: so many passwords are checked at once, and who finds no turn waits for one."""
import glob, os, poplib, ssl, subprocess, sys, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
HERE = '/var/mta/checkers'
AT_ONCE, CLIENTS = 2, 5
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


def running():
    return glob.glob(HERE + '/run.*')


def log_in(number):
    pop = poplib.POP3_SSL('127.0.0.1', 995, timeout=60, context=CONTEXT)
    pop.user(f'user{number}@example.net')
    answers.append(pop.pass_('any'))
    pop.quit()


os.makedirs(HERE)
os.chmod(HERE, 0o777)
os.mkfifo(HERE + '/gate')
os.chmod(HERE + '/gate', 0o666)
gate = os.open(HERE + '/gate', os.O_RDWR)
with open(HERE + '/checker', 'w') as f:
    f.write(f'''#!/usr/bin/env python3
import os, glob
mine = '{HERE}/run.%d' % os.getpid()
open(mine, 'w').close()
with open('{HERE}/seen', 'a') as f:
    print(len(glob.glob('{HERE}/run.*')), file=f)
with open('{HERE}/gate', 'rb', buffering=0) as f:
    f.read(1)
os.unlink(mine)
''')
os.chmod(HERE + '/checker', 0o755)
for name, value in (('checkpwconcurrency', AT_ONCE), ('passwordchecker', HERE + '/checker')):
    with open('/var/mta/control/' + name, 'w') as f:
        f.write(f'{value}\n')
for number in range(CLIENTS):
    subprocess.run(['/var/mta/bin/mtactl', 'user', 'add', f'user{number}@example.net'], input='not this one\n', text=True,
                   check=True, capture_output=True)
os.truncate('/var/mta/users/passwords', 0)
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)

answers = []
clients = [threading.Thread(target=log_in, args=(number,)) for number in range(CLIENTS)]
for client in clients:
    client.start()
for left in range(CLIENTS, 0, -1):
    expected = min(left, AT_ONCE)
    check(f'{left} of {CLIENTS} wait for an answer: {expected} are being checked', wait_for(lambda: len(running()) == expected, 60), running())
    before = set(running())
    os.write(gate, b'x')
    wait_for(lambda: before - set(running()), 60)
for client in clients:
    client.join(60)
check('each gets its answer', len(answers) == CLIENTS and all(answer.startswith(b'+OK') for answer in answers), answers)
with open(HERE + '/seen') as f:
    seen = [int(line) for line in f]
check(f'never more than {AT_ONCE} at once', len(seen) == CLIENTS and max(seen) == AT_ONCE, seen)
done()
