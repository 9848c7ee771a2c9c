#!/usr/bin/env python3
"""boundaries_test - what a program's first comment says of it is what its run
script gives it, what its manual page tells, and what /proc shows."""
import glob, os, re, socket, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
TOP = os.path.realpath(TESTS + '/..')
ROLES = 'service smtpd filter aliases queue send local pop3d imapd'.split()
ROWS = ('started by', 'uid', 'reads', 'exits')


def read(path):
    with open(path, errors='replace') as f:
        return f.read()


def tables():
    """program -> {row: text} of the comment that opens its main file"""
    found = {}
    for role in ROLES:
        for path in glob.glob(f'{TOP}/{role}/*.c'):
            text = read(path)
            if not re.search(r'^main\(', text, re.M):
                continue
            rows, last = {}, None
            for line in text[:text.index('*/')].splitlines():
                row = re.match(r' \* ([a-z][a-z ]*|fd [0-9, .]+?)  +(\S.*)$', line)
                more = re.match(r' \*  +(\S.*)$', line)
                if row:
                    last = row[1].strip()
                    rows[last] = row[2]
                elif more and last:
                    rows[last] += ' ' + more[1]
            found[os.path.basename(path)[:-2]] = (path, rows)
    return found


def confined():
    """(script, options, program) of each confine in each run script"""
    for script in glob.glob(f'{TOP}/service/*/run'):
        text = read(script).replace('\\\n', ' ')
        for name, most in dict(re.findall(r'(\w+)=(\S+)$', text, re.M)).items():  # of two, the last: the most
            text = text.replace('$' + name, most) if name != 'PATH' else text
        for words in re.findall(r'confine ([^{}]*)', text):
            options, rest = {}, words.split()
            while rest and rest[0].startswith('-'):
                flag = rest.pop(0)
                options.setdefault(flag, []).append(rest.pop(0) if flag in ('-u', '-g', '-c', '-r', '-w', '-n') else '')
            yield os.path.relpath(script, TOP), options, rest[0]


TABLES = tables()
PAGES = {name: ''.join(read(p) for p in glob.glob(path[:-2] + '.[1578]')) for name, (path, _) in TABLES.items()}
plain = lambda text: re.sub(r'\s+', ' ', text.replace('\\', ''))

check('every program of the suite was found', len(TABLES) >= 17, sorted(TABLES))
bare = [(n, r) for n, (_, rows) in TABLES.items() for r in ROWS
        if r not in rows and n not in ('confine', 'neighbour', 'mtactl', 'mailq', 'queue', 'sendmail', 'newaliases')]
check('each opens with its table', not bare, bare)

wrong = []
for script, options, program in confined():
    rows, page = TABLES[program][1], plain(PAGES[program])
    for user in options.get('-u', []):
        if user not in rows['uid']:
            wrong.append((script, program, user, 'not in its table'))
        if user not in page:
            wrong.append((script, program, user, 'not in its page'))
    for capabilities in options.get('-c', []):
        for one in capabilities.split(','):
            if one not in rows['uid']:
                wrong.append((script, program, one, 'a capability that its table does not name'))
    if '-w' in options and rows.get('writes', 'nothing').startswith('nothing'):
        wrong.append((script, program, options['-w'], 'its table says that it writes nothing'))

check('uids, capabilities and folders of the run scripts are those of the tables and pages', not wrong, wrong)

# Every control file that is read is told in a page, and known to mtactl check.
sources = {p: read(p) for role in ROLES + ['lib/*'] for p in glob.glob(f'{TOP}/{role}/*.c')}
names = set()
for text in sources.values():
    names |= set(re.findall(r'(?:control_(?:number|value|word|host|path|list)|domain_list|domain_lines|network_list|load_set|dial_control)\(\s*"([a-z0-9]+)"', text))
everything = plain(' '.join(read(p) for role in ROLES + ['lib/*'] for p in glob.glob(f'{TOP}/{role}/*.[1578]')))
untold = sorted(n for n in names if not re.search(rf'\b{n}\b', everything))
check(f'each of the {len(names)} control files is in a manual page', len(names) > 20 and not untold, untold)

# Who speaks with strangers has no cryptography to be attacked in: that is tlsd's and keyd's.
STRANGERS = ('smtpd/smtpd', 'pop3d/pop3d', 'imapd/imapd', 'local/sieved', 'send/remote-send', 'send/odmr-fetch')
code = {p: open(f'{os.environ["BUILD"]}/{p}', 'rb').read() for p in STRANGERS}
linked = [p for p, text in code.items() if b'crypto/evp/' in text or b'libcrypto.so' in text]
check('no OpenSSL in the programs that parse the network', not linked, linked)

# ---- descriptors ----


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True)


def descriptors(pid):
    found = {}
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            found[int(fd)] = os.readlink(f'/proc/{pid}/fd/{fd}')
        except OSError:
            pass
    return found


started = run('/var/mta/bin/mtactl', 'start')
check('the system is up', started.returncode == 0, started.stderr)
strange, seen = [], set()
for pid in run('pgrep', '-f', '.').stdout.split():
    try:
        name = read(f'/proc/{pid}/comm').strip()
        held = descriptors(pid)
    except OSError:
        continue
    if name not in TABLES or name in ('neighbour', 'confine'):
        continue
    seen.add(name)
    rows = TABLES[name][1]
    told = set()
    for row in rows:
        if row.startswith('fd '):
            told |= {int(n) for n in re.findall(r'\d+', row)}
    if any(row.startswith('fd 20') for row in rows):
        told |= set(range(20, 52))
    # A number below 10, and those after 20 of programs that do not listen, are a program's own to choose; what it
    # chose must not be a way out: no file to write but the queue's, no socket that its table does not have.
    for fd, what in held.items():
        if 10 <= fd < 20 and fd not in told and what.startswith('socket:'):
            own = name in ('queue-inject', 'lookup', 'resolve', 'queue-manager')     # sessions of others with it
            if not own:
                strange.append((name, fd, what))
        if what.startswith('/') and not what.startswith(('/dev/null', '/var/mta/queue', '/dev/urandom')) and \
                '/queue' not in what and not what.endswith(('.cdb', 'passwd')) and \
                (name, what) not in (('login', '/var/mta/users/penalty'), ('checkpw', '/memfd:places (deleted)')) and \
                not (what == '/proc/loadavg' and fd in told):
            strange.append((name, fd, what))
check(f'descriptors of {len(seen)} running programs are those of their tables', not strange and len(seen) >= 10, strange)

with socket.create_connection(('127.0.0.1', 25)) as client:
    client.recv(100)
    child = wait_for(lambda: [p for p in run('pgrep', '-x', 'smtpd').stdout.split()
                              if read(f'/proc/{read(f"/proc/{p}/stat").split()[3]}/comm').strip() == 'smtpd'])
    held = descriptors(child[0]) if child else {}
    sockets = [fd for fd, what in held.items() if what.startswith('socket:')]
    check('a session of smtpd holds its client, lookup, queue-inject, tlsd, the log, and how busy the machine is',
          len(sockets) == 4 and set(held) - set(sockets) == {0, 1, 2, 52}, held)
done()
