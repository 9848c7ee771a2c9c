#!/usr/bin/env python3
"""sieved_test - ManageSieve over a socket pair against `sieved MAILBOX` and
`sieved -s`, as an ordinary user (another one, if the test is run by root): RFC
5804 rule by rule."""
import contextlib, os, shutil, socket, subprocess, sys, tempfile, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from managesieve import *
from tap import *

BUILD = os.environ['BUILD']
os.environ['ASAN_OPTIONS'] = 'detect_leaks=0'
UID = 54321 if os.geteuid() == 0 else os.geteuid()
work = tempfile.mkdtemp(prefix='sieved_test.')
os.chmod(work, 0o755)
program = work + '/sieved'
shutil.copy(BUILD + '/local/sieved', program)
home = work + '/home'
os.mkdir(home)
os.chown(home, UID, UID)
KEEP = '# ü\r\nkeep;\r\n'


def start(*arguments, extra=None):
    ours, theirs = socket.socketpair()
    command = ['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups'] if os.geteuid() == 0 else []
    shell = ['sh', '-c', 'exec 3<"$0"; exec "$@"', extra] if extra else []
    child = subprocess.Popen(command + shell + [program] + list(arguments), stdin=theirs, stdout=theirs,
                             stderr=subprocess.PIPE, text=True)
    theirs.close()
    client = Sieve(ours)
    client.child = child
    return client


def begin(name='M'):
    client = start(f'{home}/{name}' if os.path.isdir(f'{home}/{name}') else f'maildir:{home}/{name}')
    client.known = client.capabilities()
    return client


def ended(client):
    client.close()
    return client.child.wait(10), client.child.stderr.read()


def put(path, text):
    with open(path, 'w', newline='') as f:
        f.write(text)
    os.chown(path, UID, UID)


def script(name, maildir='M'):
    try:
        with open(f'{home}/{maildir}/sieve/{name}.sieve', newline='') as f:
            return f.read()
    except FileNotFoundError:
        return None


# ---- capabilities: sections 1.7 and 2.4 ----
c = begin()
check('the Maildir is made', os.path.isdir(home + '/M/cur'))
for name in ('IMPLEMENTATION', 'SIEVE', 'VERSION', 'MAXREDIRECTS', 'NOTIFY', 'LANGUAGE', 'OWNER', 'SASL'):
    check(f'{name} is told', name in c.known, c.known)
check('VERSION', c.known['VERSION'] == '1.0')
check('OWNER', c.known['OWNER'] == 'local')
check('MAXREDIRECTS is a number', c.known['MAXREDIRECTS'].isdigit())
check('NOTIFY', c.known['NOTIFY'] == 'mailto')
check('SIEVE names extensions', 'fileinto' in c.known['SIEVE'].split(), c.known)
check('no STARTTLS after the log-in', 'STARTTLS' not in c.known and 'UNAUTHENTICATE' not in c.known)
c.send(b'CAPABILITY')
check('CAPABILITY says the same', c.capabilities() == c.known)

# ---- NOOP: section 2.13 ----
got = c.ask(b'NOOP')
check('NOOP has no TAG', got.is_('OK') and got.argument is None, got)
got = c.ask(b'NOOP', 'STARTTLS-SYNC-42')
check('NOOP with a tag', got.is_('OK', 'TAG') and got.argument == 'STARTTLS-SYNC-42', got)
for label, tag in (('with quotes', 'a"b\\c'), ('of two lines', 'a\r\nb'), ('in UTF-8', 'ñ€😀'), ('empty', ''), ('long', 'x' * 1025)):
    got = c.ask(b'NOOP', literal(tag))
    check(f'NOOP with a tag {label}', got.is_('OK', 'TAG') and got.argument == tag, got)
check('verbs in any case', c.ask(b'noOp').is_('OK') and c.ask(b'listScripts').is_('OK'))

# ---- PUTSCRIPT: section 2.6 ----
check('PUTSCRIPT with a literal', c.ask(b'PUTSCRIPT', 'one', literal(KEEP)).is_('OK'))
check('stored as it was sent', script('one') == KEEP, script('one'))
check('it does not become active', not os.path.exists(home + '/M/sieve/active'))
check('PUTSCRIPT quoted', c.ask(b'PUTSCRIPT', 'two', 'stop;').is_('OK') and script('two') == 'stop;')
check('both as literals', c.ask(b'PUTSCRIPT', literal('three'), literal('discard;')).is_('OK') and script('three') == 'discard;')
check('replaced', c.ask(b'PUTSCRIPT', 'three', 'keep;').is_('OK') and script('three') == 'keep;')
got = c.ask(b'PUTSCRIPT', 'three', literal('#comment\r\nInvalidSieveCommand;\r\n'))
check('what is no script: NO, with the line', got.is_('NO') and 'line 2' in got.text, got)
check('and the old one stays', script('three') == 'keep;')
got = c.ask(b'PUTSCRIPT', 'bad', literal('Invalid1;\r\nkeep;\r\nInvalid2;\r\n'))
check('several faults: lines that end with CRLF', got.is_('NO') and '\n' not in got.text.replace('\r\n', ''), got)
check('nothing is stored', script('bad') is None)
check('an empty one is refused', c.ask(b'PUTSCRIPT', 'empty', '').is_('NO') and script('empty') is None)
for label, name in (('..', '..'), ('a path', '../../x'), ('a slash', 'a/b'), ('a dot first', '.x'), ('empty', ''), ('too long', 'x' * 513),
                    ('U+0001', 'a\x01'), ('U+007F', 'a\x7f'), ('U+0085', 'a\x85'), ('U+2028', 'a\u2028'), ('U+2029', 'a\u2029'), ('LF', 'a\nb')):
    got = [c.ask(b'PUTSCRIPT', literal(name), 'keep;'), c.ask(b'GETSCRIPT', literal(name)), c.ask(b'DELETESCRIPT', literal(name)),
           c.ask(b'RENAMESCRIPT', 'one', literal(name)), c.ask(b'RENAMESCRIPT', literal(name), 'z'), c.ask(b'HAVESPACE', literal(name), 1)]
    if name:
        got.append(c.ask(b'SETACTIVE', literal(name)))
    check(f'section 1.6: no script is called {label}', all(g.is_('NO') for g in got), got)
check('nothing was made of it', sorted(os.listdir(home + '/M/sieve')) == ['estafeta-lock', 'one.sieve', 'three.sieve', 'two.sieve'],
      os.listdir(home + '/M/sieve'))
NAME = 'ñ "x" \\ ' + '€' * 60
check('a name of many kinds of characters', c.ask(b'PUTSCRIPT', NAME, 'keep;').is_('OK') and script(NAME) == 'keep;')
check('GETSCRIPT of it', c.ask(b'GETSCRIPT', NAME).data == [['keep;']])
LONG = '\U0001f600' * 128
check('section 1.6: 128 characters of any kind', c.ask(b'PUTSCRIPT', LONG, literal('# 1\r\nkeep;')).is_('OK') and
      c.ask(b'GETSCRIPT', LONG).data == [['# 1\r\nkeep;']] and c.ask(b'LISTSCRIPTS').is_('OK'))
check('a name of 512 letters', c.ask(b'RENAMESCRIPT', LONG, 'x' * 512).is_('OK') and c.ask(b'GETSCRIPT', LONG).is_('NO', 'NONEXISTENT') and
      c.ask(b'SETACTIVE', 'x' * 512).is_('OK') and ['x' * 512, True] in c.ask(b'LISTSCRIPTS').data)
check('and a short one', c.ask(b'RENAMESCRIPT', 'x' * 512, 'short').is_('OK') and script('short') == '# 1\r\nkeep;' and
      ['short', True] in c.ask(b'LISTSCRIPTS').data and c.ask(b'SETACTIVE', '').is_('OK') and c.ask(b'DELETESCRIPT', 'short').is_('OK'))

# ---- LISTSCRIPTS, SETACTIVE: sections 2.7 and 2.8 ----
listed = lambda client: sorted(c.data if (c := client.ask(b'LISTSCRIPTS')).is_('OK') else [])
check('LISTSCRIPTS', listed(c) == sorted([['one'], ['two'], ['three'], [NAME]]), listed(c))
check('SETACTIVE', c.ask(b'SETACTIVE', 'two').is_('OK') and ['two', True] in listed(c))
with open(home + '/M/sieve/active') as f:
    check('in its file', f.read() == 'two\n')
check('another one', c.ask(b'SETACTIVE', 'one').is_('OK') and [x for x in listed(c) if len(x) > 1] == [['one', True]], listed(c))
check('one that is not there: NONEXISTENT', c.ask(b'SETACTIVE', 'baz').is_('NO', 'NONEXISTENT') and ['one', True] in listed(c))
check('PUTSCRIPT leaves the active one active', c.ask(b'PUTSCRIPT', 'one', 'stop;').is_('OK') and ['one', True] in listed(c))
check('a fault in it leaves the old text', c.ask(b'PUTSCRIPT', 'one', 'Invalid;').is_('NO') and script('one') == 'stop;')
check('none is active', c.ask(b'SETACTIVE', '').is_('OK') and all(len(x) == 1 for x in listed(c)))
check('again: no error', c.ask(b'SETACTIVE', '').is_('OK'))
put(home + '/M/sieve/hand.sieve', 'Invalid;\n')
got = c.ask(b'SETACTIVE', 'hand')
check('one that was put there otherwise, and cannot be run', got.is_('NO') and 'line 1' in got.text, got)
check('but it is listed, and read', ['hand'] in listed(c) and c.ask(b'GETSCRIPT', 'hand').data == [['Invalid;\n']])

# ---- GETSCRIPT, DELETESCRIPT, RENAMESCRIPT: sections 2.9 to 2.11 ----
c.ask(b'PUTSCRIPT', 'one', literal(KEEP))
c.send(b'GETSCRIPT', 'one')
check('GETSCRIPT: a literal, CRLF, OK', c.f.readline() == b'{%d}\r\n' % len(KEEP.encode()) and c.f.read(len(KEEP.encode()) + 2) == KEEP.encode() + b'\r\n' and c.read().is_('OK'))
check('one that is not there', c.ask(b'GETSCRIPT', 'nope').is_('NO', 'NONEXISTENT'))
check('DELETESCRIPT', c.ask(b'DELETESCRIPT', 'hand').is_('OK') and script('hand') is None)
check('twice', c.ask(b'DELETESCRIPT', 'hand').is_('NO', 'NONEXISTENT'))
c.ask(b'SETACTIVE', 'one')
check('not the active one', c.ask(b'DELETESCRIPT', 'one').is_('NO', 'ACTIVE') and script('one') == KEEP)
check('RENAMESCRIPT of the active one', c.ask(b'RENAMESCRIPT', 'one', 'uno').is_('OK') and ['uno', True] in listed(c) and script('one') is None)
check('one that is not there', c.ask(b'RENAMESCRIPT', 'baz', 'bar').is_('NO', 'NONEXISTENT'))
check('to a name that is taken', c.ask(b'RENAMESCRIPT', 'uno', 'two').is_('NO', 'ALREADYEXISTS') and script('two') == 'stop;')
check('to its own', c.ask(b'RENAMESCRIPT', 'uno', 'uno').is_('NO', 'ALREADYEXISTS') and script('uno') == KEEP)
check('another one', c.ask(b'RENAMESCRIPT', 'two', 'dos').is_('OK') and script('dos') == 'stop;' and ['uno', True] in listed(c))

# ---- CHECKSCRIPT, HAVESPACE: sections 2.12 and 2.5 ----
before = listed(c)
check('CHECKSCRIPT', c.ask(b'CHECKSCRIPT', 'keep;').is_('OK') and c.ask(b'CHECKSCRIPT', literal(KEEP)).is_('OK'))
got = c.ask(b'CHECKSCRIPT', literal('#comment\r\nInvalidSieveCommand;\r\n'))
check('a fault', got.is_('NO') and 'line 2' in got.text, got)
check('nothing is stored by it', listed(c) == before)
check('HAVESPACE', c.ask(b'HAVESPACE', 'foobar', 435).is_('OK') and c.ask(b'HAVESPACE', 'uno', 65536).is_('OK'))
check('too large', c.ask(b'HAVESPACE', 'myscript', 65537).is_('NO', 'QUOTA/MAXSIZE') and c.ask(b'HAVESPACE', 'x', 4294967295).is_('NO', 'QUOTA/MAXSIZE'))
for i in range(100 - len(before)):
    c.ask(b'PUTSCRIPT', f'many{i}', 'keep;')
check('as many as may be', len(listed(c)) == 100)
check('one more', c.ask(b'PUTSCRIPT', 'more', 'keep;').is_('NO', 'QUOTA/MAXSCRIPTS') and script('more') is None)
check('asked before', c.ask(b'HAVESPACE', 'more', 1).is_('NO', 'QUOTA/MAXSCRIPTS'))
check('another in place of one', c.ask(b'HAVESPACE', 'many1', 1).is_('OK') and c.ask(b'PUTSCRIPT', 'many1', 'stop;').is_('OK'))
check('CHECKSCRIPT minds no quota', c.ask(b'CHECKSCRIPT', 'keep;').is_('OK'))
for i in range(100 - len(before)):
    c.ask(b'DELETESCRIPT', f'many{i}')
check('they went', listed(c) == before)
LARGE = '#' + 'x' * 65533 + '\r\n'
check('as large as may be', c.ask(b'PUTSCRIPT', 'large', literal(LARGE)).is_('OK') and script('large') == LARGE and c.ask(b'GETSCRIPT', 'large').data == [[LARGE]])
check('larger: NO, and the next command is heard', c.ask(b'PUTSCRIPT', 'large', literal(LARGE + '#')).is_('NO', 'QUOTA/MAXSIZE') and c.ask(b'NOOP').is_('OK') and script('large') == LARGE)
check('a literal of 64 MiB is skipped', c.ask(b'PUTSCRIPT', 'large', literal(b'x' * (64 << 20))).is_('NO', 'QUOTA/MAXSIZE') and c.ask(b'NOOP').is_('OK'))
with open(f'/proc/{c.child.pid}/status') as f:
    peak = int(re.search(r'VmHWM:\s+(\d+)', f.read())[1])
check('in bounded memory', peak < 40000 or is_sanitized(), peak)
c.ask(b'DELETESCRIPT', 'large')

# ---- states, LOGOUT ----
check('no second log-in', c.ask(b'AUTHENTICATE', 'PLAIN').is_('NO') and c.ask(b'AUTHENTICATE', 'PLAIN', 'AGEAYg==').is_('NO'))
check('no TLS after it', c.ask(b'STARTTLS').is_('NO'))
check('no UNAUTHENTICATE, where nobody relays', c.ask(b'UNAUTHENTICATE').is_('NO'))
c.raw(b'NOOP "1"\r\nLISTSCRIPTS\r\nNOOP "2"\r\nLOGOUT\r\nDELETESCRIPT "dos"\r\n')
got = [c.read() for _ in range(4)]
check('pipelined', [g.argument for g in got] == ['1', None, '2', None] and all(g.is_('OK', 'TAG' if g.argument else None) for g in got), got)
check('LOGOUT: the end, and what follows is ignored', c.is_over() and script('dos') == 'stop;')
code, log = ended(c)
check('exit 0', code == 0)
check('the log has each change', 'put user=local client=local script=one\n' in log and 'active user=local client=local script=two\n' in log and
      'renamed user=local client=local script=uno\n' in log and 'deleted user=local client=local script=hand\n' in log, log[-500:])
check('where no name passes for something else', 'script=ñ??x??\\?€' in log.replace('\\xf1', 'ñ') or '?x??' in log, log[:1500])
check('and the end', re.search(r'end user=local client=local changes=\d+\n$', log), log[-200:])

# ---- what is wrong: sections 1.2 and 4 ----
WRONG = {
    'an empty line': b'', 'no command': b'"NOOP"', 'an unknown command': b'EXPUNGE', 'a command and a bar': b'NOOP|', 'a space first': b' NOOP',
    'a space at the end': b'NOOP ', 'two spaces': b'NOOP  "a"', 'a tab': b'NOOP\t"a"', 'an atom': b'NOOP a', 'no end': b'NOOP "a',
    'a backslash at the end': b'NOOP "a\\', 'a backslash before a letter': b'NOOP "\\a"', 'text behind a string': b'NOOP "a"b',
    'two strings with no space': b'RENAMESCRIPT "a""b"', 'bare CR': b'NOOP "a\rb"', 'NUL': b'NOOP "a\0b"', 'no UTF-8': b'NOOP "\xff"',
    'a long form': b'NOOP "\xc0\xaf"', 'a surrogate': b'NOOP "\xed\xa0\x80"', 'no UTF-8 in a literal': b'NOOP {1+}\r\n\xff',
    'NUL in a literal': b'CHECKSCRIPT {6+}\r\nkeep\0;', 'a literal that waits': b'NOOP {1}', 'a literal without a number': b'NOOP {+}',
    'a negative one': b'NOOP {-1+}', 'text behind a literal': b'NOOP {1+}\r\nab', 'text behind its measure': b'NOOP {1+} ',
    'a quoted string of 1025 octets': b'NOOP "' + b'x' * 1025 + b'"', '513 escapes': b'NOOP "' + b'\\"' * 513 + b'"',
    'a zero before a number': b'HAVESPACE "a" 01', 'a number of 33 bits': b'HAVESPACE "a" 4294967296', 'a number with a sign': b'HAVESPACE "a" -1',
    'a string for a number': b'HAVESPACE "a" "1"', 'a number for a string': b'HAVESPACE 1 1', 'too few': b'HAVESPACE "a"',
    'none': b'GETSCRIPT', 'too many': b'GETSCRIPT "a" "b"', 'three': b'PUTSCRIPT "a" "b" "c"', 'arguments for none': b'LISTSCRIPTS "a"',
    'LOGOUT with one': b'LOGOUT "a"', 'CAPABILITY with one': b'CAPABILITY "a"', 'a number for NOOP': b'NOOP 1',
    'a zero before a measure': b'NOOP {01+}\r\na', 'a fault before a literal': b'NOOP "\\a" {12+}\r\nDELETE\r\nabcd',
    'an unknown command with literals': b'FOO {6+}\r\nLOGOUT {8+}\r\nLOGOUT\r\n', 'three literals': b'PUTSCRIPT {1+}\r\na {1+}\r\nb {8+}\r\nLOGOUT\r\n',
    'an open quote before a literal': b'PUTSCRIPT "x {12+}\r\nLOGOUT\r\nabcd',
}
for i, (label, line) in enumerate(WRONG.items()):
    if i % 15 == 0:
        c = begin()
    got = c.ask(line)
    check(f'refused, and the next is heard: {label}', got.is_('NO') and c.ask(b'NOOP', 'x').argument == 'x', got)
check('1024 octets between quotes', c.ask(b'NOOP "' + b'x' * 1024 + b'"').argument == 'x' * 1024 and c.ask(b'NOOP "' + b'\\"' * 512 + b'"').argument == '"' * 512)
c.raw(b'NOOP "lf"\n')
check('a line may end with LF alone', c.read().argument == 'lf')
LOST = {
    'a line of 20000 octets': b'NOOP "' + b'x' * 20000 + b'"', 'a literal of 33 bits': b'NOOP {4294967296+}',
    'a literal of 100 digits': b'NOOP {' + b'9' * 100 + b'+}', 'nine literals': b'PUTSCRIPT' + b' {1+}\r\na' * 9,
}
for label, line in LOST.items():
    c = begin()
    got = c.ask(line)
    check(f'where nobody knows where a command ends: BYE: {label}', got.is_('BYE') and c.is_over() and ended(c)[0] == 0, got)
c = begin()
got = [c.ask(b'FOO') for _ in range(20)]
check('too many errors: BYE', all(g.is_('NO') for g in got) and c.read().is_('BYE') and c.is_over())
for label, data in (('nothing', b''), ('half a line', b'PUTSCRIPT "cut" "ke'), ('half a literal', b'PUTSCRIPT "cut" {100+}\r\nkeep;')):
    c = begin()
    c.raw(data)
    c.s.shutdown(socket.SHUT_WR)
    check(f'a client that leaves after {label}', c.is_over() and ended(c)[0] == 0 and script('cut') is None)
c = begin()
c.raw(b'PUTSCRIPT "cut" {100+}\r\nkeep;')
c.close()
check('and one that leaves at once', c.child.wait(10) == 0 and script('cut') is None)

# ---- sieved -s: what login executes ----
put(work + '/input', 'PLAIN SCRAM-SHA-1\n\n\nLISTSCRIPTS\r\n')
c = start('-s', 'joe@example.org', f'maildir:{home}/M', '192.0.2.1', extra=work + '/input')
got = c.read()
check('the log-in is answered, without capabilities', got.is_('OK') and got.data == [], got)
got = c.read()
check('what was sent behind it is heard', got.is_('OK') and ['dos'] in got.data, got)
c.send(b'CAPABILITY')
known = c.capabilities()
check('OWNER, and the mechanisms', known['OWNER'] == 'joe@example.org' and known['SASL'] == 'PLAIN SCRAM-SHA-1', known)
c.ask(b'LOGOUT')
check('the log has user and client', 'end user=joe@example.org client=192.0.2.1 changes=0' in ended(c)[1])
put(work + '/input', 'PLAIN SCRAM-SHA-1\ndj1hYmM=\n\n')
c = start('-s', 'joe', f'maildir:{home}/M', '192.0.2.1', extra=work + '/input')
got = c.read()
check('section 1.3: SASL', got.is_('OK', 'SASL') and got.argument == 'dj1hYmM=', got)
c.close()
put(work + '/input', 'PLAIN\n\nrelayed\n')
c = start('-s', 'joe', f'maildir:{home}/M', '192.0.2.1', extra=work + '/input')
c.read()
c.send(b'CAPABILITY')
known = c.capabilities()
check('section 2.14.1: one that is relayed may UNAUTHENTICATE', 'UNAUTHENTICATE' in known and known['UNAUTHENTICATE'] is None, known)
check('without an argument', c.ask(b'UNAUTHENTICATE', 'x').is_('NO') and c.ask(b'NOOP').is_('OK'))
c.raw(b'UNAUTHENTICATE\r\nNOOP\r\n')
check('OK, and its session is over', c.read().is_('OK') and c.is_over() and ended(c)[0] == 0)
put(work + '/input', 'PLAIN\n\n\n')
put(home + '/mbox', '')
c = start('-s', 'joe', f'mbox:{home}/mbox', '192.0.2.1', extra=work + '/input')
got = c.read()
check('an mbox: NO, and why', got.is_('NO') and 'Maildir' in got.text and c.is_over() and c.child.wait(10) == 75, got)
put(home + '/file', '')
c = start('-s', 'joe', f'maildir:{home}/file', '192.0.2.1', extra=work + '/input')
check('a Maildir that is none', c.read().is_('NO', 'TRYLATER') and c.is_over())

# ---- two sessions ----
a, b = begin(), begin()
check('a session sees what another does', a.ask(b'PUTSCRIPT', 'two', 'keep;').is_('OK') and b.ask(b'GETSCRIPT', 'two').data == [['keep;']])
check('and what it makes active', a.ask(b'SETACTIVE', 'two').is_('OK') and b.ask(b'DELETESCRIPT', 'two').is_('NO', 'ACTIVE'))
check('and what it deletes', b.ask(b'SETACTIVE', '').is_('OK') and b.ask(b'DELETESCRIPT', 'two').is_('OK') and a.ask(b'SETACTIVE', 'two').is_('NO', 'NONEXISTENT'))


def rename(client, names, wins):
    for i in range(100):
        wins.append(client.ask(b'RENAMESCRIPT', *names).word)
        names.reverse()


won = [], []
a.ask(b'PUTSCRIPT', 'p', 'keep;')
a.ask(b'SETACTIVE', 'p')
threads = [threading.Thread(target=rename, args=(client, ['p', 'q'], wins)) for client, wins in zip((a, b), won)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
left = listed(a)
check('two rename one script at once: one of them at a time', len([x for x in left if x[0] in 'pq']) == 1 and [x[0] for x in left if len(x) > 1][0] in 'pq', left)
check('and both were answered', len(won[0]) == len(won[1]) == 100 and 'OK' in won[0] + won[1])
full = home + '/M/sieve'
os.rename(full, full + '.away')
os.symlink(full + '.away', full)
got = a.ask(b'PUTSCRIPT', 'x', 'keep;'), a.ask(b'LISTSCRIPTS')
check('no link is followed', got[0].is_('NO', 'TRYLATER') and got[1].is_('NO', 'TRYLATER') and not os.path.exists(full + '.away/x.sieve'), got)
os.unlink(full)
os.rename(full + '.away', full)
put(full + '/active', '../../secret\n')
check('a broken name of the active one', a.ask(b'LISTSCRIPTS').is_('NO', 'TRYLATER') and a.ask(b'SETACTIVE', '').is_('OK') and a.ask(b'LISTSCRIPTS').is_('OK'))
ended(b)


# ---- a full disk ----
def full_disk():
    """On a file system of its own, 256 KiB, in a mount namespace of the session's."""
    mount = home + '/small'
    os.mkdir(mount)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size=256k,uid={UID},gid={UID},mode=700', 'small', mount], capture_output=True).returncode:
        print('# no tmpfs here: a full disk is not tried')
        return
    try:
        c = begin('small/M')
        check('a disk of its own', c.ask(b'PUTSCRIPT', 'a', literal('#' + 'a' * 30000)).is_('OK') and c.ask(b'SETACTIVE', 'a').is_('OK'))
        got = [c.ask(b'PUTSCRIPT', f's{i}', literal('#' + 'x' * 60000)) for i in range(8)]
        check('a full disk: QUOTA', got[0].is_('OK') and got[-1].is_('NO', 'QUOTA') and {g.code for g in got} == {None, 'QUOTA'}, got)
        free = os.statvfs(mount).f_bavail
        check('an old script is not lost to it', c.ask(b'PUTSCRIPT', 'a', literal('#' + 'b' * 60000)).is_('NO', 'QUOTA') and
              script('a', 'small/M') == '#' + 'a' * 30000)
        check('nothing unfinished is left', not [n for n in os.listdir(mount + '/M/sieve') if n.endswith('.new')] and os.statvfs(mount).f_bavail == free)
        fd = os.open(mount + '/fill', os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while os.write(fd, b'x' * 512):
                pass
        os.close(fd)
        got = c.ask(b'SETACTIVE', 's0')
        check('SETACTIVE', got.is_('NO', 'QUOTA') or got.is_('OK'), got)
        if got.is_('NO', 'QUOTA'):
            check('the active one stays', ['a', True] in listed(c), listed(c))
            got = c.ask(b'RENAMESCRIPT', 'a', 'b')
            check('RENAMESCRIPT: all or nothing', got.is_('NO', 'QUOTA') and ['a', True] in listed(c) and script('b', 'small/M') is None, got)
        check('DELETESCRIPT makes room', c.ask(b'DELETESCRIPT', 's1').is_('OK') and c.ask(b'PUTSCRIPT', 't', literal('#' + 'x' * 50000)).is_('OK'))
        c.ask(b'LOGOUT')
        ended(c)
    finally:
        subprocess.run(['umount', '-l', mount])


if os.geteuid() == 0:
    full_disk()
a.ask(b'LOGOUT')
ended(a)
run = lambda *argv: subprocess.run([program, *argv], capture_output=True, text=True)
check('usage', 'usage' in run('-h').stdout and run().returncode == 64 and run('-l').returncode == 64 and run('-x').returncode == 64)
if os.geteuid() == 0:
    check('not as root', run(home + '/M').returncode == 77)
shutil.rmtree(work)
done()
