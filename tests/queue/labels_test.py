#!/usr/bin/env python3
"""labels_test - a domain beyond ASCII may stand in every control file about
other hosts as people read it, and a route that nothing can take is named."""
import os, shutil, smtplib, socket, subprocess, sys, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
mtactl = lambda *words: subprocess.run(['/var/mta/bin/mtactl', *words], capture_output=True, text=True)
commands = []


def talk(listener):
    while True:
        client, peer = listener.accept()
        with client, client.makefile('rb') as lines:
            client.sendall(b'220 host\r\n')
            while line := lines.readline():
                commands.append((peer[0], line.decode().strip()))
                verb = line[:4].upper()
                if verb == b'BDAT':
                    lines.read(int(line.split()[1]))
                if verb == b'DATA':
                    client.sendall(b'354 go\r\n')
                    while lines.readline() not in (b'.\r\n', b''):
                        pass
                client.sendall(b'250-host\r\n250-SIZE\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 CHUNKING\r\n' if verb == b'EHLO' else b'250 2.0.0 ok\r\n')


threading.Thread(target=talk, args=[socket.create_server(('127.0.0.1', 2801))], daemon=True).start()
FILES = {'smtproutes': 'B\u00fccher.example:[127.0.0.1]:2801\n.b\u00fccher.example:[127.0.0.1]:2801\n',
         'limits': 'b\u00fccher.example 2\nmx:b\u00fccher.example 3\n', 'tlspolicy': 'b\u00fccher.example may\n.b\u00fccher.example verify k\u00f6ln.example\n',
         'sourceaddress': '@k\u00f6ln.example 127.0.0.7\nb\u00fccher.example 127.0.0.8\n', 'discardehlo': 'b\u00fccher.example CHUNKING\n',
         'odmrdomains': 'b\u00fccher2.example: j\u00f6rg\n'}
for name, text in FILES.items():
    control(name, text)
got = mtactl('check')
check('such files are in order', got.returncode == 0, got.stdout + got.stderr)
os.remove('/var/mta/control/odmrdomains')
control('limits', 'b\u00fccher.example 2\n')
started = mtactl('start')
check('mtactl start', started.returncode == 0, started.stderr)


def send(sender, recipient):
    commands.clear()
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
        s.ehlo()
        s.command_encoding = 'utf-8'
        said = s.mail(sender, ['SMTPUTF8']), s.rcpt(recipient), s.data('Subject: x\r\n\r\nhello\r\n')
        if any(code != 250 for code, _ in said):
            print('#', said)


for sender, recipient, source in (
        ('ann@example.org', 'x@xn--bcher-kva.example', '127.0.0.8'), ('ann@example.org', 'x@b\u00fccher.example', '127.0.0.8'),
        ('ann@k\u00f6ln.example', 'x@b\u00fccher.example', '127.0.0.7'), ('ann@xn--kln-sna.example', 'x@b\u00fccher.example', '127.0.0.7')):
    send(sender, recipient)
    check(f'{sender} to {recipient}', wait_for(lambda: (source, 'DATA') in commands), commands)
limits = subprocess.run(['/var/mta/bin/queue', 'limits'], capture_output=True, text=True).stdout
check('the limit is its', any(line.split()[3] == '2' and 'xn--bcher-kva.example' in line for line in limits.splitlines()), limits)
mtactl('stop')

# ---- what never fits ----
for name, text in [(name, 'b\u00fc\u2488cher.example' + text) for name, text in (
        ('smtproutes', ':'), ('limits', ' 2'), ('tlspolicy', ' may'), ('sourceaddress', ' 127.0.0.7'), ('discardehlo', ' SIZE'), ('odmrdomains', ': joe'))] + [
        ('smtproutes', line) for line in ('x.example:one.example,two.example', '@joe.example:one.example', 'joe@x.example:[127.0.0.1]:2801', '*:one.example',
                                          'x.example,y.example:one.example', 'x.example:one_two/three')]:
    control(name, text + '\n')
    got = mtactl('check')
    check(f'{name}: {text}', got.returncode == 78 and f'{name}' in got.stderr and '1 fault\n' in got.stdout, got.stdout + got.stderr)
    os.remove('/var/mta/control/' + name)
control('smtproutes', ':\nx.example:\n.x.example:lmtp:[IPv6:::1]:26\n:smtps:smart_1.example\nx.y:smart.example:26\n')
got = mtactl('check')
check('the others are in order', got.returncode == 0, got.stdout + got.stderr)
done()
