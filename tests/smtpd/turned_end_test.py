#!/usr/bin/env python3
"""turned_end_test - smtpd turned, for an odmr-fetch of the test's own: it serves
a connection that was turned, and ends with who asked for it, as its neighbours
do."""
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/../filter')
from mail import *

FETCH = '''
import os, signal, socket
turned = socket.socket(fileno=68)
ours, session = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
socket.send_fds(turned, [b"S1\\0"], [session.fileno()])
session.close()
socket.send_fds(ours, [b"A192.0.2.9\\0TTLSv1.3\\0CTLS_AES_256_GCM_SHA384\\0"], [0])
signal.pause()
'''
RUN = '''exec 2>&1
export PATH=/var/mta/bin:$PATH
exec neighbour turned { \
        neighbour inject { confine -u mta-inject -w /var/mta/queue queue-inject -s } \
        neighbour lookup { confine -u mta-lookup -r /etc -r /var/mta/users -r /var/mta/tables lookup } \
        confine -u mta-smtpd smtpd turned } \
    python3 -c "$FETCH"'''

on_host()
ours, theirs = socket.socketpair()
ours.settimeout(60)
fetch = subprocess.Popen(['sh', '-c', RUN], env=os.environ | {'FETCH': FETCH}, stdin=theirs, stdout=subprocess.PIPE)
theirs.close()
lines = ours.makefile('rb')
greeting = read_reply(lines)
check('the provider is greeted', greeting.startswith(b'220 '), greeting)
ours.sendall(b'EHLO mx.provider.example\r\n')
check('and served, as one that came by TLS', b'250-REQUIRETLS' in (answer := read_reply(lines)) and b'STARTTLS' not in answer, answer)
check('by a process of its own', len(processes('smtpd')) == 2, processes('smtpd'))
fetch.kill()
check('which ends when odmr-fetch has', wait_for(lambda: not processes('smtpd')), processes('smtpd'))
check('and the provider knows', wait_for(lambda: lines.read() == b''))
done()
