#!/usr/bin/env python3
"""sieve_login_test - ManageSieve through the whole chain on port 4190: listen,
sieved, login, checkpw, tlsd; who may, by which mechanism, and over what."""
import base64, os, pwd, re, ssl, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from managesieve import *
from memory import *
from sasl import Scram, b64
from tap import *

on_host()
SECRET, ALICE = 'Correct-Horse 7%s' % os.getpid(), 'Batteriestaple-%s' % os.getpid()
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def log():
    with open('/var/mta/log/sieved/current', errors='replace') as f:
        return f.read()


def begin(host='127.0.0.1'):
    client = Sieve.connect(host)
    client.known = client.capabilities()
    return client


def over_tls(client, context=CONTEXT):
    """After STARTTLS: the same client, and what it is told then."""
    client = Sieve(context.wrap_socket(client.s, server_hostname='mx.example.org'))
    client.known = client.capabilities()
    return client


def plain(client, user, password, authorization=''):
    return client.ask(b'AUTHENTICATE', 'PLAIN', b64(f'{authorization}\0{user}\0{password}'))


def logged_in(user='joe', password=SECRET):
    client = begin()
    got = plain(client, user, password)
    if not got.is_('OK'):
        raise RuntimeError(got)
    return client


def status(pid):
    with open(f'/proc/{pid}/status') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
joe = pwd.getpwnam('joe')
check('mtactl user add', run('/var/mta/bin/mtactl', 'user', 'add', 'alice@example.net', input=ALICE + '\n').returncode == 0)
run('ip', 'address', 'add', '192.0.2.1/32', 'dev', 'lo')
control('logindelaymax', '1\n')
control('sieveperuser', '2\n')
control('authmasters', 'ann\n')
check('mtactl check knows its control files', run('/var/mta/bin/mtactl', 'check').returncode == 0, run('/var/mta/bin/mtactl', 'check'))
control('timeoutsieve', '60\n')
check('RFC 5804 section 1.2: no less than 30 minutes', 'timeoutsieve' in run('/var/mta/bin/mtactl', 'check').stderr)
os.unlink('/var/mta/control/timeoutsieve')
os.rename('/var/mta/service/.sieved', '/var/mta/service/sieved')
run('/var/mta/bin/mtactl', 'start')
check('port 4190', wait_for(lambda: run('ss', '-Hltn', 'sport = :4190').stdout))

# ---- the greeting, sections 1.7 and 2.1 ----
c = begin()
check('mechanisms on loopback', c.known['SASL'] == 'SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN', c.known)
check('STARTTLS', 'STARTTLS' in c.known and c.known['STARTTLS'] is None)
check('no OWNER', 'OWNER' not in c.known)
c.send(b'CAPABILITY')
check('CAPABILITY says the same', c.capabilities() == c.known)
check('NOOP', c.ask(b'NOOP', 'x').argument == 'x')
check('no script before the log-in', all(c.ask(*line).is_('NO') for line in (
    (b'LISTSCRIPTS',), (b'PUTSCRIPT', 'a', literal('keep;')), (b'GETSCRIPT', 'a'), (b'UNAUTHENTICATE',))))
check('LOGOUT', c.ask(b'LOGOUT').is_('OK') and c.is_over())

# ---- AUTHENTICATE ----
c = begin()
got = plain(c, 'joe', SECRET)
check('PLAIN, without capabilities behind it', got.is_('OK') and got.data == [], got)
c.send(b'CAPABILITY')
known = c.capabilities()
check('OWNER', known['OWNER'] == 'joe' and 'STARTTLS' not in known and known['SASL'].split(' ')[0] == 'SCRAM-SHA-256', known)
check('PUTSCRIPT and SETACTIVE', c.ask(b'PUTSCRIPT', 'main', literal('keep;\r\n')).is_('OK') and c.ask(b'SETACTIVE', 'main').is_('OK'))
files = joe.pw_dir + '/Maildir/sieve/'
check("they are the user's", open(files + 'active').read() == 'main\n' and os.stat(files + 'main.sieve').st_uid == joe.pw_uid and
      os.stat(files + 'main.sieve').st_mode & 0o777 == 0o600)
pids = [pid for pid in processes('sieved') if status(pid)['Uid'].split()[0] == str(joe.pw_uid)]
check('one process of the user, jailed', len(pids) == 1 and status(pids[0])['NoNewPrivs'] == '1' and status(pids[0])['CapEff'] == '0' * 16 and
      (is_sanitized() or status(pids[0])['Seccomp'] == '2'), pids)
check('the one before the log-in is gone', len(processes('sieved')) == 2, processes('sieved'))
check('no second log-in', plain(c, 'joe', SECRET).is_('NO'))
if not is_sanitized():
    left = [(name, pid) for name in ('sieved', 'login', 'checkpw') for pid in processes(name) if holds(pid, *forms(SECRET))]
    check('no process has the password', left == [], left)
second = logged_in()
check('a second session', second.ask(b'LISTSCRIPTS').data == [['main', True]])
third = begin()
check('no third: control/sieveperuser', plain(third, 'joe', SECRET).is_('BYE', 'TRYLATER') and third.is_over())
second.ask(b'LOGOUT')
c.ask(b'LOGOUT')
check('the log', re.search(r'login: login user=joe client=127\.0\.0\.1 method=PLAIN account=joe', log()) and
      wait_for(lambda: 'sieved: end user=joe client=127.0.0.1 changes=2' in log()), log()[-1500:])
c = begin()
c.raw(b'AUTHENTICATE "PLAIN" "%s"\r\nGETSCRIPT "main"\r\nLOGOUT\r\n' % b64(f'\0joe\0{SECRET}').encode())
got = [c.read() for _ in range(3)]
check('section 2: sent together with PLAIN', all(g.is_('OK') for g in got) and got[1].data == [['keep;\r\n']], got)
c = begin()
c.send(b'AUTHENTICATE', 'PLAIN')
check('PLAIN without an initial response', c.f.readline() == b'""\r\n')
c.send(literal(b64(f'\0joe\0{SECRET}')))
check('and in a literal', c.read().is_('OK') and c.ask(b'LOGOUT').is_('OK'))
c = begin()
c.send(b'AUTHENTICATE', 'LOGIN')
for word in ('joe', SECRET):
    c.f.readline()
    c.send(b64(word))
check('LOGIN', c.read().is_('OK') and c.ask(b'LOGOUT').is_('OK'))


def scram(client, mechanism, hash, password, is_first=True):
    """The last response, and is what the server said last its proof?"""
    proof = Scram('alice@example.net', password, hash)
    if is_first:
        client.send(b'AUTHENTICATE', mechanism, b64(proof.first()))
    else:
        client.send(b'AUTHENTICATE', mechanism)
        client.f.readline()
        client.send(b64(proof.first()))
    challenge, _ = client.string(client.f.readline())
    client.send(b64(proof.final(base64.b64decode(challenge))))
    got = client.read()
    return got, got.argument is not None and base64.b64decode(got.argument) == proof.verifier


for mechanism, hash in (('SCRAM-SHA-1', 'sha1'), ('SCRAM-SHA-256', 'sha256')):
    for is_first in (True, False):
        c = begin()
        got, is_proof = scram(c, mechanism, hash, ALICE, is_first)
        check(f'{mechanism}: its proof comes with OK (SASL', got.is_('OK', 'SASL') and is_proof, got)
        c.send(b'CAPABILITY')
        check('OWNER', c.capabilities()['OWNER'] == 'alice@example.net')
        c.ask(b'LOGOUT')
    c = begin()
    got, _ = scram(c, mechanism, hash, ALICE + 'x')
    check(f'{mechanism} with a wrong password', got.is_('NO'), got)
    c.close()
c = begin()
got = plain(c, 'ann', SECRET, 'joe')
check('section 2.1: proxy authentication', got.is_('OK') and c.ask(b'GETSCRIPT', 'main').data == [['keep;\r\n']], got)
c.send(b'CAPABILITY')
check('the owner is the other', c.capabilities()['OWNER'] == 'joe')
c.ask(b'LOGOUT')
c = begin()
check('not for who is no master', plain(c, 'joe', SECRET, 'ann').is_('NO'))
check('a wrong password', plain(c, 'joe', 'wrong').is_('NO'))
got = plain(c, 'joe', 'wrong')
check('the third time: BYE', got.is_('BYE') and c.is_over(), got)

# ---- where anyone can listen, and STARTTLS: section 2.2 ----
c = begin('192.0.2.1')
check('no mechanism', c.known['SASL'] == '' and 'STARTTLS' in c.known, c.known)
got = plain(c, 'joe', SECRET)
check('ENCRYPT-NEEDED', got.is_('NO', 'ENCRYPT-NEEDED'), got)
check('STARTTLS', c.ask(b'STARTTLS').is_('OK'))
c = over_tls(c)
check('capabilities again, without STARTTLS, with mechanisms', 'STARTTLS' not in c.known and 'PLAIN' in c.known['SASL'].split(), c.known)
check('and with channel binding', 'SCRAM-SHA-256-PLUS' in c.known['SASL'].split(), c.known)
check('not twice', c.ask(b'STARTTLS').is_('NO'))
check('PLAIN', plain(c, 'joe', SECRET).is_('OK') and c.ask(b'LISTSCRIPTS').data == [['main', True]])
big = '#' + 'x' * 60000
check('a large script both ways', c.ask(b'PUTSCRIPT', 'big', literal(big)).is_('OK') and c.ask(b'GETSCRIPT', 'big').data == [[big]])
check('LOGOUT', c.ask(b'LOGOUT').is_('OK') and c.is_over())
control('quota', '3000\n')
c = logged_in()
check("the account's quota", c.ask(b'HAVESPACE', 'more', 4000).is_('NO', 'QUOTA') and c.ask(b'PUTSCRIPT', 'more', '#' * 1000).is_('OK') and
      c.ask(b'PUTSCRIPT', 'more', literal('#' * 4000)).is_('NO', 'QUOTA') and c.ask(b'GETSCRIPT', 'more').data == [['#' * 1000]])
c.ask(b'LOGOUT')
os.unlink('/var/mta/control/quota')
c = begin('192.0.2.1')
c.raw(b'STARTTLS\r\nNOOP "injected"\r\nAUTHENTICATE "PLAIN" "AGpvZQB4"\r\n')
check('STARTTLS, and more in clear behind it', c.read().is_('OK'))
c = over_tls(c)
check('nothing of it survives', c.ask(b'NOOP', 'mine').argument == 'mine' and plain(c, 'joe', SECRET).is_('OK'))
c.ask(b'LOGOUT')
c = begin('192.0.2.1')
c.raw(b'NOOP "before"\r\nSTARTTLS\r\nNOOP "half')
check('half a command either', c.read().argument == 'before' and c.read().is_('OK'))
c = over_tls(c)
check('the next is a whole one', c.ask(b'NOOP', 'mine').argument == 'mine')
c.ask(b'LOGOUT')
for protocol, want in (('managesieve', True), ('imap', False)):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    c = begin()
    c.ask(b'STARTTLS')
    try:
        c = over_tls(c, context)
        is_taken = c.s.selected_alpn_protocol() == protocol
    except OSError:
        is_taken = False
    check(f'ALPN {protocol}', is_taken == want)
control('cleartextnets', '192.0.2.0/24\n')
run('s6-svc', '-h', '/var/mta/service/sieved')
check('control/cleartextnets', wait_for(lambda: begin('192.0.2.1').known['SASL'] != '') and begin('192.0.2.1').known['SASL'].startswith('SCRAM'))

# ---- limits, mboxes ----
control('authmechanisms', 'SCRAM-SHA-1\n')
control('sievedpernetwork', '2\n')
run('s6-svc', '-h', '/var/mta/service/sieved')
check('control/authmechanisms', wait_for(lambda: begin().known['SASL'] == 'SCRAM-SHA-1'))
c = begin()
got = plain(c, 'joe', SECRET)
check('AUTH-TOO-WEAK', got.is_('NO', 'AUTH-TOO-WEAK'), got)
check('one that nobody knows', c.ask(b'AUTHENTICATE', 'FOO').is_('NO'))
wait_for(lambda: len(processes('sieved')) <= 2)
second, third = Sieve.connect(), Sieve.connect()
got = [second.read(), third.read()]
check('too many connections: BYE, a string', any(g.is_('BYE', 'TRYLATER') and 'sievedpernetwork' in g.text for g in got), got)
for client in (c, second, third):
    client.close()
os.unlink('/var/mta/control/authmechanisms')
control('defaultdelivery', 'mbox\n')
run('s6-svc', '-h', '/var/mta/service/sieved')


def in_mbox():
    try:
        c = begin()
        got = plain(c, 'joe', SECRET)
        return got.is_('NO') and 'Maildir' in got.text and c.is_over()
    except Broken:
        return False


check('a user whose mailbox is an mbox', wait_for(in_mbox), log()[-500:])
check('mtactl stop', run('/var/mta/bin/mtactl', 'stop').returncode == 0)
check('nothing of it is left', processes('sieved') == [], processes('sieved'))
done()
