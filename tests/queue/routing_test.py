#!/usr/bin/env python3
"""routing_test - what goes by one route is one destination, but who is named
elsewhere in control/ stays by itself."""
import glob, os, re, shutil, smtplib, subprocess
from scene import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
NAMES = [f'u@d{n}.example' for n in range(12)]


def send_all(recipients):
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
        s.sendmail('joe@example.org', recipients, 'Subject: all\n\nx\n')


def queue(*words):
    return subprocess.run(['/var/mta/bin/queue', *words], capture_output=True, text=True).stdout


def arrived(count):
    return wait_for(lambda: log().count(' done') >= count)


def cpu_s():
    """What the manager has used."""
    with open(f'/proc/{manager()}/stat') as f:
        return sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13])) / os.sysconf('SC_CLK_TCK')


# ---- one message for many domains ----
control('smtproutes', ':[127.0.0.1]:2741\n')
smart = Host(2741).up()
mtactl('start')
send_all(NAMES)
check('through a smarthost it is one transaction', wait_for(lambda: smart.count > 0) and arrived(1) and smart.connections == [1], smart.connections)
check('each recipient is delivered', all(f'delivered to=<{name}>' in log() for name in NAMES), log()[-1500:])

# ---- a domain with lines of its own ----
for done_before, (name, text) in enumerate({'limits': 'd1.example 3\n', 'tlspolicy': 'd2.example may\n', 'discardehlo': '.example SIZE\n',
                                           'sourceaddress': 'd4.example 127.0.0.9\n'}.items()):
    was = smart.count
    control(name, text)
    send_all(NAMES)
    apart = len(NAMES) if text[0] == '.' else 2
    check(f'whom {name} names is by itself', arrived(2 + done_before) and smart.count - was == apart, smart.count - was)
    os.unlink('/var/mta/control/' + name)
was = smart.count
control('limits', '* 3\n')
send_all(NAMES)
check('a line for all others names nobody', arrived(6) and smart.count - was == 1, smart.count - was)
os.unlink('/var/mta/control/limits')

# ---- many domains, by themselves, and long tables ----
control('tlspolicy', ''.join(f'p{n}.example may\n' for n in range(3000)) + '.far.example may\n')
was = cpu_s()
send_all([f'u@d{n}.far.example' for n in range(400)])
check('a message for 400 domains is sorted in time', arrived(7) and cpu_s() - was < 2, cpu_s() - was)
os.unlink('/var/mta/control/tlspolicy')

# ---- it cannot be reached ----
wait_for(lambda: smart.open == 0)
smart.down()
for name in NAMES:
    send(name, 'later')
check('it is left alone as a whole', wait_for(lambda: log().count('deferred to=<u@') == len(NAMES)) and
      log().count('refused') < 4 and log().count('could not be reached lately') > 8, log()[-1500:])
check('queue limits shows it once', re.search(rf' {len(NAMES)} +0 +1 +20 +1 +\d+ +all by \[127\.0\.0\.1\]:2741\n', queue('limits')), queue('limits'))
other = Host(2742).up()
control('smtproutes', ':[127.0.0.1]:2741\nd3.example:[127.0.0.1]:2742\n')
queue('retry', '-r', 'u@d3.example')
check('a domain with another route since then goes there', wait_for(lambda: other.count == 1), (other.count, log()[-900:]))
smart = Host(2741).up()
queue('retry', '-r', 'u@d5.example')
check('when one is asked for, all go that waited for the smarthost', wait_for(lambda: smart.count == len(NAMES) - 1), smart.count)
check('over few connections', len(smart.connections) < 6, smart.connections)

# ---- a route changes while half of a message is on its way ----
slow, away = Host(2743, pause=6).up(), Host(2744, away=True).up()
control('smtproutes', 'slow.example:[127.0.0.1]:2743\naway.example:[127.0.0.1]:2744\n')
control('retrymin', '1\n')
send_all(['u@slow.example', 'u@away.example'])
check('half is on its way', wait_for(lambda: 'deferred to=<u@away.example' in log() and slow.open > 0))
control('smtproutes', ':[127.0.0.1]:2744\n')
away.away = False
parted = re.search(r'(\S+) deferred to=<u@away', log())[1]
check('the other half goes by the new route alone', wait_for(lambda: f'{parted} done' in log()) and log().count('delivered to=<u@slow.example') == 1 and
      (slow.count, away.count) == (1, 1), log()[-1500:])
done()
