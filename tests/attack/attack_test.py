#!/usr/bin/env python3
"""attack_test - what an attacker inside a process of ours can do: nothing that
is not its work.  With landlock as it is, and masked to version 2.

ATTACK=all tries every call on the lasting processes too, each of which dies of
it and is started anew; in make check those get a few, and all sessions but smtpd's the worst."""
import base64, glob, imaplib, itertools, os, poplib, pwd, smtplib, socket, ssl, subprocess, sys, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from managesieve import Sieve
from tap import *

on_host()
BUILD = os.environ['BUILD']
ATTACK = BUILD + '/tests/attack/attack'
skip_if_sanitized('a sanitized build has the wider jail')


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, **more)


ALL = run(ATTACK, '-l').stdout.split()
WHOLE = os.environ.get('ATTACK') == 'all'
WORST = ['socket-inet', 'socket-unix', 'execve', 'ptrace-parent', 'read-parent', 'pidfd-parent', 'kill-parent',
         'prlimit-parent', 'accept4', 'clone-user', 'map-code', 'open-shadow', 'setuid', 'dumpable', 'inotify', 'own-signal-fd']


# ---- processes ----

def status(pid):
    try:
        return dict(line.split(':\t', 1) for line in open(f'/proc/{pid}/status').read().splitlines() if ':\t' in line)
    except OSError:
        return {}


def processes():
    found = {}
    for path in glob.glob('/proc/[0-9]*/status'):
        pid = int(path.split('/')[2])
        s = status(pid)
        if s and not s['State'].startswith('Z'):
            found[pid] = (s['Name'], int(s['PPid']), int(s['Uid'].split()[0]))
    return past_neighbours(found)


def pick(name, parent=None, user=None):
    table = processes()
    for pid, (its, above, uid) in sorted(table.items()):
        if its == name and (parent is None or table.get(above, ('',))[0] == parent) and \
                (user is None or uid == pwd.getpwnam(user).pw_uid):
            return pid
    return 0


def sessions(name):
    """The newest first: processes of that name whose parent has it too."""
    table = processes()
    return sorted((p for p, (its, above, _) in table.items() if its == name and table.get(above, ('',))[0] == name),
                  reverse=True)


def attack(pid, calls, sibling=0):
    """call -> what became of it"""
    out = run(ATTACK, '-s', str(sibling or pid), str(pid), *calls)
    return dict(line.split(' ', 1) for line in out.stdout.splitlines()), out.stderr


# ---- sessions: a new connection for each call ----

def smtp_session():
    s = smtplib.SMTP('127.0.0.1', 25)
    s.ehlo('attacker.example')
    return s, lambda: sessions('smtpd')


def filter_session(name):
    """Its session, found through the newest of smtpd's."""
    def connect():
        s, _ = smtp_session()
        return s, lambda: sessions(name)
    return connect


def pop_session():
    s = poplib.POP3('127.0.0.1', 110)
    return s.sock, lambda: sessions('pop3d')


USERS = itertools.cycle(('joe', 'ann'))     # one POP3 session an account


def users_sessions(name):
    """Of those who are logged in, the newest first."""
    uids = {pwd.getpwnam(user).pw_uid for user in ('joe', 'ann')}
    return lambda: sorted((p for p, (n, _, u) in processes().items() if n == name and u in uids), reverse=True)


def logged_in():
    user = next(USERS)

    def log_in():
        s = poplib.POP3('127.0.0.1', 110)
        s.user(user)
        try:
            s.pass_('open sesame')
        except poplib.error_proto as e:     # the last one has not quite gone
            if 'IN-USE' not in str(e):
                raise
            return None
        return s
    return wait_for(log_in).sock, users_sessions('pop3d')


def imap_session():
    s = imaplib.IMAP4('127.0.0.1', 143)
    return s.sock, lambda: sessions('imapd')


def imap_logged_in():
    s = imaplib.IMAP4('127.0.0.1', 143)
    s.login(next(USERS), 'open sesame')
    return s.sock, users_sessions('imapd')


def sieve_session():
    s = Sieve.connect()
    s.capabilities()
    return s.s, lambda: sessions('sieved')


def sieve_logged_in():
    s = Sieve.connect()
    s.capabilities()
    s.ask(b'AUTHENTICATE', 'PLAIN', base64.b64encode(f'\0{next(USERS)}\0open sesame'.encode()).decode())
    return s.s, users_sessions('sieved')


def tls_session():
    context = ssl.create_default_context(cafile='/var/mta/tls/self.pem')
    context.check_hostname = False
    s = poplib.POP3_SSL('127.0.0.1', 995, context=context)
    return s.sock, lambda: sessions('tlsd')


def restart(service):
    """Three deaths make an acceptor start anew, and listen(8) holds back what ends soon: be first."""
    old = pick(service, 'listen')
    run('s6-svc', '-t', '/var/mta/service/' + service)
    wait_for(lambda: pick(service, 'listen') not in (0, old))
    wait_for(is_listening(service))


def is_listening(service):
    def test():
        try:
            with socket.create_connection(('127.0.0.1', {'smtpd': 25, 'pop3d': 110, 'imapd': 143, 'sieved': 4190}[service]), 5) as s:
                return s.recv(100)
        except OSError:
            return False
    return test


def open_session(connect, other=0):
    """A connection and its session, again if the role starts anew just then: a session that dies of what it was made to do
    is one of three."""
    for _ in range(6):
        held, find = connect()
        found = wait_for(lambda: [p for p in find() if p != other], 5)
        if found:
            return held, found[0]
        held.close()
    raise TimeoutError('no session')


def try_sessions(label, service, connect, allowed, calls, report):
    """Each call in a session of its own, with a second session beside it."""
    bad, deaths = [], 0
    for call in calls:
        if deaths == 2:
            restart(service)
            deaths = 0
        other, sibling = open_session(connect)
        held, pid = open_session(connect, sibling)
        result, said = attack(pid, [call], sibling)
        outcome = result.get(call, said)
        deaths += outcome.startswith('died')
        if call not in allowed and not outcome.startswith(('died 31', 'failed')):
            bad.append((call, outcome))
        for session in (other, held):
            session.close()
    report.append((f'{label}: {len(calls)} calls from inside a session, each fails', not bad, bad))


# ---- what holds for all ----

JAILED = {
    'smtpd': 'mta-smtpd', 'lookup': 'mta-lookup', 'queue-inject': 'mta-inject', 'queue-manager': 'mta-queue',
    'queue-bounce': 'mta-bounce', 'remote-send': 'mta-remote', 'remote-auth': 'mta-remote-auth', 'sts': 'mta-sts', 'resolve': 'mta-resolve',
    'odmr-fetch': 'mta-fetch', 'pop3d': 'mta-pop3',
    'imapd': 'mta-imap', 'sieved': 'mta-sieve', 'tlsd': ('mta-tls-smtp', 'mta-tls-pop3', 'mta-tls-imap', 'mta-tls-sieve', 'mta-tls-client'), 'keyd': 'mta-key',
    'filter-milter': 'mta-milter', 'filter-rspamd': 'mta-rspamd',
    'filter-guard': 'mta-guard', 'greylist': 'mta-greylist',
}


def check_status():
    wrong = []
    for pid, (name, _, uid) in processes().items():
        if name not in JAILED:
            continue
        s = status(pid)
        if not s:
            continue
        users = JAILED[name] if isinstance(JAILED[name], tuple) else (JAILED[name],)
        if uid not in [pwd.getpwnam(user).pw_uid for user in users] and not (name in ('pop3d', 'imapd', 'sieved') and uid >= 1000):
            wrong.append((name, 'uid', uid))
        for field, value in (('NoNewPrivs', '1'), ('Seccomp', '2'), ('CapEff', '0' * 16), ('CapPrm', '0' * 16),
                             ('CapBnd', None)):
            if value is not None and s.get(field) != value:
                wrong.append((name, field, s.get(field)))
        ids = set(s['Uid'].split()) | set(s['Gid'].split())
        if '0' in ids:
            wrong.append((name, 'root among', ids))
    check('every jailed program: its own uid, no privileges to gain, seccomp, no capability', not wrong, wrong)


SOCKETS = ('socket-inet', 'socket-inet6', 'socket-udp', 'socket-unix')

# The lasting processes: what each may do of the worst. Those that fork a child for each client are not made to do so: the
# copy, from the midst of a call, would live on and hold their sockets; and an acceptor may stop listening, as it may end.
FORK = ('fork',)
ACCEPT = FORK + ('shutdown-listener',)
LASTING = {
    'smtpd acceptor': (lambda: pick('smtpd', 'listen'), ACCEPT),
    'pop3d acceptor': (lambda: pick('pop3d', 'listen'), ACCEPT),
    'imapd acceptor': (lambda: pick('imapd', 'listen'), ACCEPT),
    'sieved acceptor': (lambda: pick('sieved', 'listen'), ACCEPT),
    'queue-inject': (lambda: pick('queue-inject', 'smtpd'), ()),
    'tlsd parent': (lambda: pick('tlsd', 'smtpd'), FORK),
    'keyd': (lambda: pick('keyd', 'tlsd', 'mta-key'), ()),
    'lookup': (lambda: pick('lookup', 'local-deliver'), ('open-passwd', 'open-old')),     # of /etc, its work
    'local-deliver parser': (lambda: pick('local-deliver', 'local-deliver', 'mta-local'), ()),
    'queue-manager': (lambda: pick('queue-manager'), ('open-queue',)),     # its work
    'queue-bounce': (lambda: pick('queue-bounce'), FORK),
    'remote-send parent': (lambda: pick('remote-send', 'queue-manager'), ('socket-inet', 'socket-inet6', 'socket-udp') + FORK),
    'odmr-fetch parent': (lambda: pick('odmr-fetch'), ('socket-inet', 'socket-inet6', 'socket-udp') + FORK),
    'smtpd turned parent': (lambda: pick('smtpd', 'odmr-fetch'), FORK),
    'filter-milter': (lambda: pick('filter-milter', 'smtpd'), SOCKETS + FORK),
    'filter-rspamd': (lambda: pick('filter-rspamd', 'smtpd'), SOCKETS + FORK),
    'filter-guard': (lambda: pick('filter-guard', 'smtpd'), FORK),
    'greylist': (lambda: pick('greylist', 'filter-guard'), ()),
    'resolve': (lambda: pick('resolve', 'remote-send'), ('socket-inet', 'socket-inet6', 'socket-udp')),
}


def is_jailed(pid):
    """The inner filter lies on confine's: before that it starts, and reads nothing from outside."""
    s = status(pid) if pid else {}
    return int(s.get('Seccomp_filters', '0')) >= (1 if s.get('Name') == 'local-deliver' else 2)


def missing():
    """Who is not there; those that wait for a client get one (neighbour -w); smtpd's tlsd wants to be asked."""
    found = [role for role, (find, _) in LASTING.items() if not is_jailed(find())]
    for port in (25, 110, 143, 4190) if found else ():
        try:
            with socket.create_connection(('127.0.0.1', port), 2) as s:
                s.settimeout(2)
                s.recv(100)
                if 'tlsd parent' in found and port == 25:
                    s.sendall(b'EHLO test.example\r\nSTARTTLS\r\n')
                    while (said := s.recv(1000)) and b'\n220 ' not in said:
                        pass
        except OSError:
            pass
    return found


def try_lasting(calls_of):
    """A role that dies of a call takes its chain along: wait for it before the next."""
    bad, count = [], 0
    for number, (role, (find, allowed)) in enumerate(LASTING.items()):
        for call in calls_of(number):
            if call in ACCEPT and call in allowed:
                continue
            if not wait_for(lambda: not missing(), 60):      # listen(8) holds back what ends soon
                bad.append((role, call, 'not up again', missing()))
            pid = find()
            result, said = attack(pid, [call])
            outcome = result.get(call, said)
            count += 1
            if call not in allowed and not outcome.startswith(('died 31', 'failed')):
                bad.append((role, call, outcome))
            if outcome.startswith('died'):
                for service in ('smtpd', 'pop3d', 'imapd', 'sieved'):      # listen(8) would hold back what died at once
                    if pick(service, 'listen') in (0, pid) or role in ('queue-inject', 'filter-milter', 'filter-rspamd', 'filter-guard', 'greylist'):
                        restart(service)
                wait_for(lambda: find() not in (0, pid), 20)
    check(f'lasting processes: {len(LASTING)} roles, {count} attacks, each fails', not bad, bad)


# ---- the test ----

open('/var/mta/service/submission/down', 'w').close()    # the same program again
for name in ('fetch', 'sieved'):
    os.rename('/var/mta/service/.' + name, '/var/mta/service/' + name)
run('chpasswd', input='joe:open sesame\nann:open sesame\n')
for name, value in (('smtproutes', 'far.example:[127.0.0.61]\n'), ('smtpdaddresses', '127.0.0.1\n'),
                    ('smtpdpernetwork', '100\n'), ('retrymin', '1\n'), ('concurrencyremote', '200\n'),
                    ('filters', 'milter\nrspamd open\nguard\n')):
    control(name, value)

# The tool itself works: without a jail the same calls succeed.
with subprocess.Popen(['sleep', '100']) as free:
    result, said = attack(wait_for(lambda: status(free.pid).get('State', '')[:1] == 'S' and free.pid), ['open-passwd', 'socket-inet', 'kill-parent', 'map-code', 'memfd'])
    free.terminate()
check('control: without a jail these calls work', list(result.values()) == ['worked'] * 5, [result, said])

for masked in (False, True):
    if masked:
        run('/var/mta/bin/mtactl', 'stop')
        control('landlockmax', '2\n')
    started = run('/var/mta/bin/mtactl', 'start')
    check('started' + (', landlock masked to version 2' if masked else ''),
          started.returncode == 0 and wait_for(lambda: not missing()), [started.stderr, missing()])
    check_status()
    calls, report = ALL if WHOLE else WORST[:5] if masked else WORST, []
    side = threading.Thread(target=try_sessions, args=('smtpd', 'smtpd', smtp_session, (), calls if masked else ALL, report))
    side.start()
    try_sessions('pop3d before log-in', 'pop3d', pop_session, (), calls, report)
    try_sessions('tlsd with a client', 'pop3d', tls_session, (), calls, report)
    try_sessions('pop3d after log-in', 'pop3d', logged_in, (), calls, report)
    try_sessions('imapd before log-in', 'imapd', imap_session, (), calls, report)
    try_sessions('imapd after log-in', 'imapd', imap_logged_in, ('inotify',), calls, report)
    try_sessions('sieved before log-in', 'sieved', sieve_session, (), calls, report)
    try_sessions('sieved after log-in', 'sieved', sieve_logged_in, (), calls, report)
    side.join()
    try_sessions('filter-milter', 'smtpd', filter_session('filter-milter'), (), WORST if WHOLE else WORST[masked::4], report)
    try_sessions('filter-rspamd', 'smtpd', filter_session('filter-rspamd'), SOCKETS, WORST if WHOLE else WORST[1 + masked::4], report)
    try_sessions('filter-guard', 'smtpd', filter_session('filter-guard'), (), WORST if WHOLE else WORST[2 + masked::4], report)
    for result in report:
        check(*result)
    # In make check each role gets three of them, every role others.
    try_lasting(lambda number: ALL if WHOLE else [WORST[(3 * number + masked + i) % len(WORST)] for i in range(3)])
done()
