#!/usr/bin/env python3
"""guard_test - filter-guard behind smtpd, asking a name server of this test's
own: lists, names, HELO, greylisting."""
import os, re, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mail import *

if shutil.which('dnsmasq') is None:
    print('1..0 # skip needs dnsmasq')
    sys.exit(0)
on_host()
SERVER, SERVER6, NAMES = '193.0.2.1', '2a00:db9::1', '127.0.0.53'
TEXT = 'Subject: x\n\nx\n'
for address in [f'193.0.2.{i}/32' for i in range(1, 40)] + ['193.0.3.1/32', '193.0.3.2/32', SERVER6 + '/128', '2a00:db9::5/128',
                                                            '2a00:db9::6/128']:
    subprocess.run(['ip', 'addr', 'add', address, 'dev', 'lo'] + (['nodad'] if ':' in address else []), check=True)


def reverse(address):
    if ':' in address:
        digits = socket.inet_pton(socket.AF_INET6, address).hex()
        return '.'.join(reversed(digits))
    return '.'.join(reversed(address.split('.')))


def listed(zone, address, answer='127.0.0.2', text_=None):
    name = f'{reverse(address)}.{zone}'
    return [f'--host-record={name},{answer}'] + ([f'--txt-record={name},{text_}'] if text_ else [])


arguments = ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--port=53',
             f'--listen-address={NAMES}', '--bind-interfaces', '--local=/#/', '--user=root', '--pid-file=', '--local-ttl=1',
             '--neg-ttl=1']
for zone in ('bl.example', 'light.example', 'codes.example', 'allow.example'):
    arguments += listed(zone, '127.0.0.2')
arguments += listed('all.example', '127.0.0.1') + listed('all.example', '127.0.0.2')
arguments += listed('bl.example', '193.0.2.5', text_='see http://bl.example/?193.0.2.5')
arguments += listed('bl.example', '2a00:db9::5')
arguments += listed('bl.example', '193.0.2.6') + listed('allow.example', '193.0.2.6')
arguments += listed('light.example', '193.0.2.7') + listed('light.example', '193.0.2.10')
arguments += listed('codes.example', '193.0.2.8', '127.0.0.4') + listed('codes.example', '193.0.2.9', '127.0.0.9')
arguments += listed('codes.example', '193.0.2.12', '192.0.2.1')
arguments += [f'--host-record=good{i}.example,193.0.2.{i}' for i in range(20, 30)]
arguments += ['--ptr-record=11.2.0.193.in-addr.arpa,good20.example', '--host-record=client.example,193.0.2.99',
              f'--ptr-record={reverse("2a00:db9::6")}.ip6.arpa,six.example', '--host-record=six.example,2a00:db9::6']
names = None


def name_server(is_on):
    global names
    if names:
        names.kill()
        names.wait()
    names = subprocess.Popen(arguments) if is_on else None


name_server(True)
control('relayclients', '127.0.0.1\n193.0.2.2\n')
control('nameservers', NAMES + '\n')
control('filters', 'guard\n')
control('dnsbl', 'bl.example 12\nlight.example 3\ncodes.example=127.0.0.4-6 12\nallow.example -20\n'
        'all.example 12\ndead.example 12\n')
control('timeoutguard', '3\n')
control('smtpdrate', '0\n')
start()


class Guest(Client):
    def __init__(self, source, server=SERVER):
        server = SERVER6 if ':' in source else server
        self.s = socket.create_connection((server, 25), 60, (source, 0))
        self.f = self.s.makefile('rb')
        self.greeting = self.reply()


def ends(source):
    return log().count(f'end client={source} ')


def try_(source, helo='client.example', sender='a@b.example', rcpt='joe@example.org'):
    """What RCPT is told; all that the session logged can be read then."""
    before = ends(source)
    c = Guest(source)
    c.ask('EHLO ' + helo)
    c.ask(f'MAIL FROM:<{sender}>')
    answer = c.ask(f'RCPT TO:<{rcpt}>')
    c.close()
    wait_for(lambda: ends(source) > before)
    return answer


def logged(*words):
    return wait_for(lambda: any(all(w in line for w in words) for line in log().splitlines()))


def weighed(source, **more):
    """The signs that the newest line about it has."""
    answer = try_(source, **more)
    found = re.findall(rf'weighed client={re.escape(source)} weight=(-?\d+) signs=(\S+)', log())
    return answer[:3], found[-1] if found else None


# ---- lists ----
check('a list that lists everybody is left out', logged('list all.example is not asked', '127.0.0.1'), log()[-500:])
check('and one that lists nobody', logged('list dead.example is not asked', '127.0.0.2'))
answer = try_('193.0.2.5')
check('listed: refused at RCPT, with its words', answer == '550 5.7.1 [193.0.2.5] is listed by bl.example, see control/dnsbl: '
      'see http://bl.example/?193.0.2.5\r\n', (answer, log()[-800:]))
check('with its recipient in the log', logged('refused client=193.0.2.5', 'to=<joe@example.org>', 'filter=guard'))
check('postmaster hears of it', try_('193.0.2.5', rcpt='postmaster@example.org').startswith('250'))
answer = try_('2a00:db9::5')
check('an IPv6 address', answer.startswith('550 5.7.1 [2a00:db9::5] is listed by bl.example'), answer)
check('an allow list weighs against it', try_('193.0.2.6').startswith('250'))
check('a light list is not enough', weighed('193.0.2.7') == ('250', ('6', 'light.example,noptr,unconfirmed')) or
      weighed('193.0.2.7') == ('250', ('5', 'light.example,noptr')), log()[-500:])
check('an answer in the range counts', try_('193.0.2.8').startswith('550'))
check('one beside it does not', try_('193.0.2.9').startswith('250'))
check('one that is not of 127.0.0 does not', try_('193.0.2.12').startswith('250'))
for known in ('193.0.2.2', '127.0.0.1'):
    check(f'{known} is not judged', Guest(known, '127.0.0.1' if known[0:3] == '127' else SERVER).greeting.startswith('220') and
          once(TEXT, source='127.0.0.1').startswith('250'))

# ---- names ----
check('a name that is its own weighs nothing', weighed('193.0.2.20') == ('250', None), log()[-300:])
check('none', weighed('193.0.2.15') == ('250', ('2', 'noptr')), log()[-300:])
check("another's", weighed('193.0.2.11') == ('250', ('1', 'unconfirmed')), log()[-300:])
check('an IPv6 address with its name', weighed('2a00:db9::6') == ('250', None))
for helo, want in (('good21.example', None), ('localhost', ('2', 'helonotfqdn')), ('[193.0.2.21]', None),
                   ('[193.0.2.99]', ('3', 'heloliteral')), ('nowhere.example', ('2', 'helounknown'))):
    source = f'193.0.2.{21 + len(helo) % 8}' if want else '193.0.2.21'
    before = len(log())
    answer = try_(source, helo=helo)
    found = re.findall(r'weighed client=\S+ weight=(-?\d+) signs=(\S+)', log()[before:])
    check(f'HELO {helo}: {want}', answer.startswith('250') and found == ([want] if want else []), (answer, found))
for helo in ('mx.example.org', f'[{SERVER}]'):
    answer = try_('193.0.2.22', helo=helo)
    check(f'HELO {helo}, which is ours', answer.startswith('550 5.7.1 HELO with this host'), answer)
c = Guest('193.0.2.22')
c.ask('EHLO mx.example.org')
c.ask('EHLO good22.example')
c.ask('MAIL FROM:<a@b.example>')
check('another HELO is judged anew', c.ask('RCPT TO:<joe@example.org>').startswith('250'))
c.close()

# ---- weights ----
control('weights', 'noptr 4\nhelounknown 7\n')
reload()
answer = try_('193.0.2.16', helo='nowhere.example')
check('signs alone may be enough', answer == '550 5.7.1 [193.0.2.16] is not welcome (noptr,helounknown): see control/weights\r\n', answer)
control('weights', 'no such thing\n')
found = subprocess.run(['/var/mta/bin/mtactl', 'check'], capture_output=True, text=True)
check('mtactl check: weights', 'weights' in found.stdout + found.stderr, found)
os.unlink(CONTROL + 'weights')
for name, bad in (('dnsbl', 'bl.example=10.0.0.1 5\n'), ('greylist', '5 hours\n')):
    kept_ = open(CONTROL + name).read() if os.path.exists(CONTROL + name) else None
    control(name, bad)
    found = subprocess.run(['/var/mta/bin/mtactl', 'check'], capture_output=True, text=True)
    check(f'mtactl check: {name}', f'control/{name}' in found.stdout + found.stderr and found.returncode != 0, found)
    control(name, kept_) if kept_ else os.unlink(CONTROL + name)

# ---- greylisting ----
control('greylist', '1 48 35\n')
control('greylistallow', '2\n')
reload()
answer = try_('193.0.2.23')
check('unknown: later', re.match(r'451 4\.7\.1 .* (60|59) seconds: see control/greylist\r\n', answer), answer)
check('and is logged', logged('refused client=193.0.2.23', 'to=<joe@example.org>', 'control/greylist'))
check('too soon: later still', try_('193.0.2.24').startswith('451 4.7.1'))
check('postmaster is not', try_('193.0.2.23', rcpt='postmaster@example.org').startswith('250'))
check('nor this host', once(TEXT).startswith('250'))
state = '/var/mta/guard/triplets'
status = os.stat(state)
check('the state is a file of fixed size that only its keeper may read', status.st_size == 65536 * 24 and status.st_mode & 0o77 == 0, status)

control('greylist', '0 48 35\n')          # no time to wait: the second attempt passes
reload()
check('after a restart it is still known: passes', try_('193.0.2.25').startswith('250'))
answers = [try_('193.0.2.25', sender=f's{i}@b.example')[:3] for i in range(3) for _ in range(2)]
check('a network that has waited twice is let in', answers[-1] == '250' and '250' in answers, answers)
control('greylist', '1 48 35\n')
reload()
check('which lasts', try_('193.0.2.26', sender='new@b.example').startswith('250'))
check('other networks wait', try_('193.0.3.1').startswith('451'))
with open(state, 'r+b') as f:
    f.write(os.urandom(65536 * 24))
check('a table of rubbish is an empty one', try_('193.0.2.26', sender='new@b.example').startswith('451'))
subprocess.run(['s6-svc', '-d', '/var/mta/service/smtpd'], check=True)
wait_for(lambda: not processes('greylist'))
with open(state, 'r+b') as f:
    f.truncate(100)
subprocess.run(['s6-svc', '-u', '/var/mta/service/smtpd'], check=True)
check('a short one is mended', wait_for(is_served) and wait_for(lambda: os.stat(state).st_size == 65536 * 24))
control('greylistweight', '5\n')
reload()
check('only from some weight on: a good one passes', try_('193.0.2.27').startswith('250'))
check('a bad one waits', try_('193.0.2.10', sender='n@b.example').startswith('451'))

# ---- what fails ----
name_server(False)
os.unlink(CONTROL + 'greylist')
reload()
began = time.monotonic()
answer = try_('193.0.2.5')
check('no name server: accepted, within the time', answer.startswith('250') and time.monotonic() - began < 6, answer)
name_server(True)
check('and judged again', wait_for(lambda: try_('193.0.2.5').startswith('550'), 30))
guard = processes('filter-guard', 'smtpd')
os.kill(guard[0], 11)
check('a guard that is gone: the chain starts anew', wait_for(lambda: set(processes('filter-guard', 'smtpd')) - set(guard)))
check('and serves', wait_for(is_served) and wait_for(lambda: try_('193.0.2.5').startswith('550')))
resolve = processes('resolve')
os.kill(resolve[0], 9)
check('a resolver that is gone too', wait_for(lambda: set(processes('resolve')) - set(resolve)) and wait_for(is_served) and
      wait_for(lambda: try_('193.0.2.5').startswith('550')))
control('filters', '')
reload()
check('one that is not named ends, with its neighbours', wait_for(lambda: not processes('filter-guard') and not processes('greylist')))
check('and nobody is judged', try_('193.0.2.5').startswith('250'))
check('no session died of its jail', 'died of signal' not in log(), log()[-300:])
done()
