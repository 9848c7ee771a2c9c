#!/usr/bin/env python3
"""codes_test - CAPA before and after the log-in, on port 110, and each response
code: what is announced is so; pop3d(7) names a test that has it."""
import glob, os, poplib, pwd, re, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from pop import refused
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
JOE = pwd.getpwnam('joe')
MAILDIR = JOE.pw_dir + '/Maildir'


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def connect(user=None):
    pop = poplib.POP3('127.0.0.1', 110, timeout=30)
    if user:
        pop.user(user)
        pop.pass_(SECRET)
    return pop


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
control('authmechanisms', 'PLAIN\nLOGIN\n')
for folder in ('', '/new', '/cur', '/tmp'):
    os.makedirs(MAILDIR + folder, exist_ok=True)
    os.chown(MAILDIR + folder, JOE.pw_uid, JOE.pw_gid)
with open(MAILDIR + '/new/1700000000.M1.host', 'w') as f:
    f.write('Subject: one\n\nx\n')
os.chown(f.name, JOE.pw_uid, JOE.pw_gid)
started = run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :110').stdout)

# ---- before the log-in ----
pop = connect()
before = pop.capa()
for word in ('TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', 'LANG', 'UTF8', 'USER', 'SASL', 'STLS', 'IMPLEMENTATION'):
    check(f'CAPA: {word}', word in before, before)
check('EXPIRE NEVER', before['EXPIRE'] == ['NEVER'])
check('no LOGIN-DELAY without the setting', 'LOGIN-DELAY' not in before)
mechanisms = [line.decode() for line in pop._longcmd('AUTH')[1]]
check('AUTH alone lists what SASL lists', mechanisms == before['SASL'] and 'PLAIN' in mechanisms, (mechanisms, before))


def speaks_languages(where, pop):
    check(f'LANG lists, {where}', pop._longcmd('LANG')[1] == [b'en English', 'es Español'.encode()])
    check(f'LANG en, {where}', pop._shortcmd('LANG EN').startswith(b'+OK en '))
    check(f'LANG es, {where}', pop._shortcmd('LANG es-MX').decode('utf-8') == '+OK es ahora se habla este idioma')
    check(f'RFC 6856 section 3.2: what follows is Spanish, {where}', 'no existe ese idioma' in refused(pop._shortcmd, 'LANG de'))
    check(f'LANG *, {where}', pop._shortcmd('LANG *').startswith(b'+OK en '))
    check(f'LANG of another, {where}', refused(pop._shortcmd, 'LANG de').find('-ERR') != -1)


speaks_languages('before', pop)
pop.user('joe')
check('[AUTH]', '-ERR [AUTH] ' in refused(pop.pass_, 'wrong'))
pop.close()

# ---- after it ----
pop = connect()
pop._shortcmd('LANG es')
pop.user('joe')
check('RFC 6856 section 3.2: the language is kept over the log-in', pop.pass_(SECRET) == b'+OK 1 mensajes')
check('of what is said later too', 'no existe ese mensaje' in refused(pop.retr, 9))
check('and of a message', pop.retr(1)[0].endswith(b' octetos'))
pop.quit()
pop = connect('joe')
after = pop.capa()
check('CAPA: those of both states', after == {word: before[word] for word in before if word != 'STLS'}, (after, before))
speaks_languages('after', pop)
check('[IN-USE]', '-ERR [IN-USE] ' in refused(connect, 'joe'))
check('the first session goes on', pop.stat()[0] == 1)
pop.quit()

os.chmod(MAILDIR + '/new', 0)
check('[SYS/TEMP]', '-ERR [SYS/TEMP] ' in refused(connect, 'joe'))
os.chmod(MAILDIR + '/new', 0o755)

# ---- LOGIN-DELAY ----
control('pop3logindelay', '3600\n')
run('s6-svc', '-r', '/var/mta/service/pop3d')


def announced():
    try:
        return connect().capa().get('LOGIN-DELAY')
    except (OSError, poplib.error_proto):
        return None


check('LOGIN-DELAY is announced', wait_for(announced) == ['3600'])
has_attributes = True
try:
    os.setxattr(MAILDIR + '/.pop3.lock', 'user.estafeta.test', b'x')
except OSError:
    has_attributes = False
pop = connect('joe')
check('after the log-in too', pop.capa().get('LOGIN-DELAY') == ['3600'])
pop.quit()
if has_attributes:
    check('[LOGIN-DELAY]', '-ERR [LOGIN-DELAY] ' in refused(connect, 'joe'))
    check('an hour ago is long enough', not os.setxattr(MAILDIR + '/.pop3.lock', 'user.estafeta.login', b'1700000000') and
          connect('joe').quit() == b'+OK bye')
    check('a clock that was set back locks nobody out',
          not os.setxattr(MAILDIR + '/.pop3.lock', 'user.estafeta.login', b'99999999999') and connect('joe').quit() == b'+OK bye')
control('pop3logindelay', '86401\n')
checked = run('/var/mta/bin/mtactl', 'check')
check('mtactl check', 'pop3logindelay' in checked.stdout + checked.stderr, checked)
control('pop3logindelay', '0\n')

# ---- the table ----
page = open(TESTS + '/../pop3d/pop3d.7').read()
rows = dict(re.findall(r'^\.It (\S+(?: \S+)?) Ta .*? Ta (.*)$', page, re.M))
source = ''.join(open(path).read() for path in glob.glob(TESTS + '/../pop3d/*.c'))
said = set(re.findall(r'^\t\{ "([A-Z]+)", handle|^\t\{ "([A-Z]+)", conversation', source, re.M))
for name in sorted({a or b for a, b in said} | set(before) | set(re.findall(r'\[[A-Z/-]+\]', source)) | {'LOGIN-DELAY'}):
    check(f'pop3d(7) has {name}', name in rows, sorted(rows))
for name, tests in sorted(rows.items()):
    files = [glob.glob(f'{TESTS}/*/{test}_test.*') for test in tests.split(', ')]
    text = ''.join(open(path).read() for found in files for path in found).lower()
    check(f'the tests of {name} have it', all(files) and name.split()[0].lower() in text, tests)
done()
