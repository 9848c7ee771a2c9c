#!/usr/bin/env python3
"""rest_test - what nobody uses costs little: memory at rest, and again some
time after each port was used with TLS, when the neighbours that were started
for it have ended (neighbour -w, control/timeoutneighbour)."""
import glob, imaplib, os, poplib, smtplib, ssl, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from memory import *

on_host()
WOKEN = ('login', 'lookup', 'checkpw', 'tlsd', 'keyd')
TRUST = ssl._create_unverified_context()
AT_REST_MIB = 16


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def suite():
    """The programs of the suite and of s6: what runs only since it was installed."""
    found = []
    for path in glob.glob('/proc/[0-9]*'):
        try:
            program = os.readlink(path + '/exe').split(' ')[0]
        except OSError:
            continue
        if program.startswith('/var/mta/') or os.path.basename(program).startswith('s6-'):
            found.append(path)
    return found


def memory_mib(kind='Pss'):
    """Pss_Anon is the same whoever else on the machine has these programs and libraries in memory."""
    total = 0
    for path in suite():
        try:
            with open(path + '/smaps_rollup') as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith(kind + ':'))
        except OSError:
            pass
    return total / 1024


def count():
    return {name: len(processes(name)) for name in WOKEN}


def smtp(port, tls):
    with (smtplib.SMTP_SSL if tls else smtplib.SMTP)('127.0.0.1', port, timeout=30, **({'context': TRUST} if tls else {})) as s:
        if not tls:
            s.starttls(context=TRUST)
        if port != 25:
            s.login('joe', 'open sesame')
        return s.noop()[0] == 250


def pop3():
    s = poplib.POP3_SSL('127.0.0.1', 995, timeout=30, context=TRUST)
    s.user('joe')
    held = s.pass_('open sesame').startswith(b'+OK')
    s.quit()
    return held


def imap():
    s = imaplib.IMAP4_SSL('127.0.0.1', 993, ssl_context=TRUST, timeout=30)
    held = s.login('joe', 'open sesame')[0] == 'OK'
    s.logout()
    return held


USES = (lambda: smtp(25, False), lambda: smtp(587, False), lambda: smtp(465, True), pop3, imap)


def start():
    run('/var/mta/bin/mtactl', 'start')
    return wait_for(lambda: all(run('ss', '-Hltn', f'sport = :{port}').stdout for port in (25, 465, 587, 995, 993)))


run('chpasswd', input='joe:open sesame\n')
control('timeoutneighbour', '2\n')
check('each port is served', start())
at_start = count()
began, own = memory_mib(), memory_mib('Pss_Anon')
check(f'at rest {len(suite())} processes have less than {AT_REST_MIB} MiB', 4 < began < AT_REST_MIB or is_sanitized(), began)

before = sorted(os.getpriority(os.PRIO_PROCESS, pid) for pid in processes('queue-inject'))
check('whom all clients wait for comes first', before.count(-10) >= 2 and before[-1] == 0, before)

check('each port is used', all(use() for use in USES))
check('what it took was started', all(count()[name] > at_start[name] for name in WOKEN), [at_start, count()])
check('and ends when it had nothing to do', wait_for(lambda: count() == at_start), [at_start, count()])
after = memory_mib('Pss_Anon')
check('the memory of a start is enough again', 1 < after < own + 1 or is_sanitized(), [own, after])
print(f'# at rest {began:.1f} MiB, of which nobody else can have a part {own:.1f}; after use {after:.1f}')
check('each is used again', all(use() for use in USES))

# At the moment when it goes, the request stays for the next.
wait_for(lambda: count() == at_start)
control('timeoutneighbour', '1\n')
held = []
for step in range(6):
    held.append(imap())
    time.sleep(0.97 + step / 100)
check('one that comes as it goes is served', all(held), held)

# A session keeps what it needs: with its client silent for longer.
s = imaplib.IMAP4_SSL('127.0.0.1', 993, ssl_context=TRUST, timeout=30)
t = imaplib.IMAP4_SSL('127.0.0.1', 993, ssl_context=TRUST, timeout=30)
s.login('joe', 'open sesame')
check('others rest', wait_for(lambda: len(processes('tlsd')) == 3))  # the neighbour, one for each session
time.sleep(2.5)
check('its own stay while a session lasts', s.noop()[0] == 'OK' and t.login('joe', 'open sesame')[0] == 'OK')
s.logout()
t.logout()
check('and then end', wait_for(lambda: count() == at_start), [at_start, count()])

# One that fails is no rest: who asks hears of it, and all start anew.
imap()
kill_all(processes('login'))

def is_served():
    """While the old chain falls a client may be sent away."""
    try:
        return imap()
    except (OSError, imaplib.IMAP4.error):
        return False


check('after a crash the chain is there again', wait_for(is_served, 60))

control('timeoutneighbour', '0\n')
run('/var/mta/bin/mtactl', 'stop')
check('it starts again', start())
check('used', all(use() for use in USES))
time.sleep(3)
check('0: what was started stays', all(count()[name] > at_start[name] for name in WOKEN), [at_start, count()])
done()
