#!/usr/bin/env python3
"""sieve_clients_test - sieve-connect (Perl) over TLS, and sievelib (Python) over TLS and without, keep scripts here.  Each is
skipped where it is not installed."""
import os, pwd, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
CA = '/var/mta/ca.pem'
SCRIPT = 'require ["fileinto"];\r\nif header :contains "subject" "ñ" {\r\n\tfileinto "Lists";\r\n}\r\n'
WRONG = 'require ["fileinto"];\r\nfileinto;\r\n'


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
os.rename('/var/mta/service/.sieved', '/var/mta/service/sieved')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :4190').stdout and os.path.exists('/var/mta/tls/self.pem'))
with open(CA, 'w') as f:
    f.write(run('openssl', 'x509', '-in', '/var/mta/tls/self.pem').stdout)
work = os.path.realpath('/var/tmp/sieve_clients.%d' % os.getpid())
os.mkdir(work)
home = pwd.getpwnam('joe').pw_dir


def put(name, text):
    with open(f'{work}/{name}', 'w', newline='') as f:
        f.write(text)
    return f.name


def read(path):
    with open(path, newline='') as f:
        return f.read()


def perl():
    """sieve-connect: SASL of Authen::SASL, TLS of IO::Socket::SSL, which checks the certificate."""
    def ask(*arguments, secret=SECRET):
        return run('sieve-connect', '--server', '127.0.0.1', '--user', 'joe', '--passwordfd', '0', '--tlscafile', CA,
                   '--tlshostname', 'mx.example.org', *arguments, input=secret + '\n')
    local, back = put('local.sieve', SCRIPT), work + '/back.sieve'
    for mechanism in 'PLAIN', 'LOGIN':
        way = '--authmech', mechanism
        got = ask('--localsieve', local, '--remotesieve', 'lists', '--upload', *way)
        check(f'sieve-connect, {mechanism}: upload', got.returncode == 0 and read(home + '/Maildir/sieve/lists.sieve').split() == SCRIPT.split(), got)
        got = ask('--remotesieve', 'lists', '--activate', *way)
        check(f'{mechanism}: activate', got.returncode == 0 and read(home + '/Maildir/sieve/active') == 'lists\n', got)
        got = ask('--list', *way)
        check(f'{mechanism}: list', got.returncode == 0 and '"lists" ACTIVE' in got.stdout, got)
        got = ask('--localsieve', back, '--remotesieve', 'lists', '--download', *way)
        check(f'{mechanism}: download', got.returncode == 0 and read(back).split() == SCRIPT.split(), got)
        got = ask('--deactivate', *way), ask('--remotesieve', 'lists', '--delete', *way), ask('--list', *way)
        check(f'{mechanism}: deactivate and delete', all(g.returncode == 0 for g in got) and 'lists' not in got[2].stdout, got)
    got = ask('--localsieve', put('wrong.sieve', WRONG), '--remotesieve', 'wrong', '--upload')
    check('what is no script is refused, with the line', got.returncode != 0 and 'line 2' in got.stdout + got.stderr, got)
    got = ask('--list', secret='wrong')
    check('a wrong password', got.returncode != 0 and 'lists' not in got.stdout, got)


STORY = f'''
import sys
from sievelib.managesieve import Client
SCRIPT, WRONG, SECRET = {SCRIPT!r}, {WRONG!r}, {SECRET!r}
for mechanism, starttls in (('PLAIN', False), ('LOGIN', False), ('PLAIN', True)):
    c = Client('127.0.0.1')
    assert c.connect('joe', SECRET, starttls=starttls, authmech=mechanism), mechanism
    assert c.get_implementation() == 'Estafeta'
    assert 'fileinto' in c.get_sieve_capabilities()
    assert b'VERSION' in c.capability() and b'OWNER' in c.capability()
    assert c.havespace('x', 1000) and not c.havespace('x', 1 << 20)
    assert c.putscript('lists', SCRIPT), c.errmsg
    assert not c.putscript('wrong', WRONG) and b'line 2' in c.errmsg, c.errmsg
    assert c.checkscript(SCRIPT) and not c.checkscript(WRONG)
    assert c.setactive('lists'), c.errmsg
    assert c.listscripts() == ('lists', []), c.listscripts()
    assert c.renamescript('lists', 'new name'), c.errmsg
    assert c.listscripts() == ('new name', []), c.listscripts()
    assert c.getscript('new name').split() == SCRIPT.split(), c.getscript('new name')
    assert not c.deletescript('new name') and c.setactive('') and c.deletescript('new name')
    assert not c.getscript('new name')
    c.logout()
c = Client('127.0.0.1')
assert not c.connect('joe', 'wrong', authmech='PLAIN')
print('done')
'''


def python():
    got = run('/usr/bin/python3', put('story.py', STORY))
    check('sievelib: PLAIN and LOGIN, in clear and over TLS', got.stdout == 'done\n', got)


if shutil.which('sieve-connect'):
    perl()
else:
    check('sieve-connect # skip it is not installed', True)
if run('/usr/bin/python3', '-c', 'import sievelib').returncode == 0:
    python()
else:
    check('sievelib # skip it is not installed', True)
run('/var/mta/bin/mtactl', 'stop')
shutil.rmtree(work)
done()
