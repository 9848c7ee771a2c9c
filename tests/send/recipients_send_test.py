#!/usr/bin/env python3
"""recipients_send_test - a message to many at one host goes the whole way there
in as few transactions as there may be (RFC 5321 section 4.5.3.1.8)."""
import os, shutil, socket, subprocess, sys, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)


class Host:
    """Keeps the recipients of each transaction."""

    def __init__(self, port, words=('PIPELINING',)):
        self.words, self.transactions = words, []
        self.listener = socket.create_server(('127.0.0.1', port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=[client, client.makefile('rb')], daemon=True).start()

    def talk(self, client, lines):
        client.sendall(b'220 host\r\n')
        rcpts = []
        while line := lines.readline():
            verb, reply = line[:4].decode(), b'250 2.0.0 ok'
            if verb == 'EHLO':
                reply = b''.join(b'250-' + w.encode() + b'\r\n' for w in self.words) + b'250 HELP'
            elif verb == 'RCPT':
                rcpts.append(line.decode().split('<')[1].split('>')[0])
            elif verb == 'DATA':
                client.sendall(b'354 go\r\n')
                while lines.readline() not in (b'.\r\n', b''):
                    pass
                self.transactions.append(rcpts)
                rcpts = []
            client.sendall(reply + b'\r\n')


def send(domain, count, local='r'):
    rcpts = [f'{local}{i}@{domain}' for i in range(count)]
    sent = subprocess.run(['/var/mta/bin/sendmail', '-f', 'joe@example.org', *rcpts], input='Subject: x\n\nhello\n', text=True,
                          capture_output=True)
    check(f'{count} recipients are taken', sent.returncode == 0, sent.stderr)
    return sorted(rcpts)


many, old, wide = Host(2761), Host(2762, ()), Host(2763)
control('smtproutes', ''.join(f'{n}:[127.0.0.1]:{p}\n' for n, p in (('many.example', 2761), ('old.example', 2762), ('.wide.example', 2763))))
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)
for name, host in (('many', many), ('old', old)):
    rcpts = send(name + '.example', 100)
    check(f'{name}: a hundred go at once', wait_for(lambda: sum(map(len, host.transactions)) == 100, 30) and
          len(host.transactions) == 1 and sorted(host.transactions[0]) == rcpts, [len(t) for t in host.transactions])
many.transactions.clear()
send('many.example', 150)
check('of more, a hundred first', wait_for(lambda: sum(map(len, many.transactions)) == 150, 30) and
      sorted(map(len, many.transactions)) == [50, 100], [len(t) for t in many.transactions])
rcpts = send('.'.join(('x' * 60, 'y' * 60, 'z' * 50, 'wide.example')), 100, 'u' * 60)
check('a packet has its bytes', wait_for(lambda: sum(map(len, wide.transactions)) == 100, 30) and
      sorted(sum(wide.transactions, [])) == rcpts and max(map(len, wide.transactions)) < 70, [len(t) for t in wide.transactions])
subprocess.run(['/var/mta/bin/mtactl', 'stop'])
done()
