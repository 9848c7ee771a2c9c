#!/usr/bin/env python3
"""opendkim_test - Debian's OpenDKIM as a milter: what is submitted is signed,
the signature stands verification, and a broken one does not."""
import os, re, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mail import *

on_host()
if not shutil.which('opendkim') or not shutil.which('opendkim-genkey') or not shutil.which('dnsmasq'):
    print('1..0 # skip needs opendkim, opendkim-tools and dnsmasq-base')
    sys.exit(0)
WORK = os.environ['host_dir'] + '/dkim'
os.mkdir(WORK)
subprocess.run(['opendkim-genkey', '-b', '2048', '-s', 'test', '-d', 'example.org', '-D', WORK], check=True)
strings = re.findall(r'"([^"]*)"', open(WORK + '/test.txt').read())
processes_ = []


def background(*argv):
    processes_.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


background('dnsmasq', '-k', '-C', '/dev/null', '--no-resolv', '--no-hosts', '-u', 'root', '-p', '53', '--listen-address=127.0.0.1',
           '--bind-interfaces', '--local=/#/', '--txt-record=test._domainkey.example.org,' + ','.join(strings))
with open('/etc/resolv.conf', 'w') as f:
    f.write('nameserver 127.0.0.1\n')


def opendkim(port, mode):
    path = f'{WORK}/{mode}.conf'
    with open(path, 'w') as f:
        f.write(f'''Socket inet:{port}@127.0.0.1
Mode {mode}
Domain example.org
Selector test
KeyFile {WORK}/test.private
Canonicalization relaxed/simple
OversignHeaders From
InternalHosts 127.0.0.1
AuthservID mx.example.org
Nameservers 127.0.0.1
RequireSafeKeys no
Background no
UserID root
Syslog no
''')
    background('opendkim', '-f', '-x', path)

    def is_up():
        try:
            socket.create_connection(('127.0.0.1', port)).close()
            return True
        except OSError:
            return False
    return wait_for(is_up)


control('relayclients', '127.0.0.1\n')
control('filters', 'milter\n')
control('milters', 'inet:8891@127.0.0.1\n')
check('a signer', opendkim(8891, 's'))
check('a verifier', opendkim(8892, 'v'))
start()

LONG = 'From: Joe <joe@example.org>\nTo: ann@example.org\nSubject: signed\n\tand folded\nDate: Wed, 25 Nov 2026 03:00:00 +0000\n' \
       'Message-ID: <1@example.org>\n\nbody  with  spaces \n..dot\n\n\n'
for label, message in (('a message', LONG), ('a big one', LONG + ('x' * 70 + '\n') * 5000)):
    control('milters', 'inet:8891@127.0.0.1\n')
    reload()
    answer, signed = kept(message, sender='joe@example.org')
    check(f'{label} is accepted and signed', answer[:3] == '250' and 'DKIM-Signature: v=1; a=rsa-sha256' in (signed or '') and
          's=test' in signed, (answer, (signed or '')[:600]))
    start_ = signed.index('DKIM-Signature') if signed else 0
    text_ = (signed or '')[start_:].replace('\n.', '\n..')
    testmsg = subprocess.run(['opendkim-testmsg'], input=(signed or '')[start_:].replace('\n', '\r\n'), capture_output=True, text=True)
    check(f'{label}: opendkim-testmsg says it is good', testmsg.returncode == 0, testmsg)

    control('milters', 'inet:8892@127.0.0.1\n')
    reload()
    answer, verified = kept(text_, sender='joe@example.org', source='127.0.0.2')
    check(f'{label}: the verifier says pass', answer[:3] == '250' and re.search(r'Authentication-Results: mx\.example\.org;\s+dkim=pass', verified or ''),
          (answer, (verified or '')[:600]))
    answer, verified = kept(text_.replace('signed', 'forged', 1), sender='joe@example.org', source='127.0.0.2')
    check(f'{label}: changed on the way, fail', re.search(r'dkim=fail', verified or ''), (answer, (verified or '')[:600]))
for process in processes_:
    process.terminate()
control('milters', 'inet:8891@127.0.0.1 accept\n')
reload()
answer, plain = kept(LONG, sender='joe@example.org')
check('it is down, "accept": unsigned', answer[:3] == '250' and 'DKIM-Signature' not in (plain or ''))
check('no session died of its jail', 'died of signal' not in log())
done()
