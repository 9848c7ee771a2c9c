#!/usr/bin/env python3
"""shared_delay_test - failures to log in by SMTP, POP3 and IMAP count in one place, for the client's network, whatever name was
tried; and no name is locked out for a client of another network."""
import imaplib, os, poplib, smtplib, ssl, struct, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def smtp(source, user, password):
    with smtplib.SMTP_SSL('192.0.2.1', 465, timeout=60, context=CONTEXT, source_address=(source, 0), local_hostname='c') as s:
        s.ehlo()
        s.user, s.password = user, password     # login() would try every mechanism, a failure each
        s.auth('PLAIN', s.auth_plain)


def imap(_, user, password):
    s = imaplib.IMAP4_SSL('192.0.2.1', 993, ssl_context=CONTEXT, timeout=60)
    s.login(user, password)


def pop(_, user, password):
    s = poplib.POP3_SSL('192.0.2.1', 995, timeout=60, context=CONTEXT)
    s.user(user)
    s.pass_(password)


def is_let_in(log_in, *words):
    try:
        log_in(*words)
        return True
    except (smtplib.SMTPAuthenticationError, imaplib.IMAP4.error, poplib.error_proto):
        return False


def failures():
    """What each network is charged with: users/penalty has a key, a time and a count for each."""
    if not os.path.exists('/var/mta/users/penalty'):     # made by the first login that lives
        return []
    with open('/var/mta/users/penalty', 'rb') as f:
        data = f.read()
    return sorted(count for key, _, count in struct.iter_unpack('QqQ', data) if key)


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
for address in ('192.0.2.1/24', '198.51.100.1/32'):
    run('ip', 'address', 'add', address, 'dev', 'lo')
with open('/var/mta/control/logindelaymax', 'w') as f:
    f.write('2\n')
started = run('/var/mta/bin/mtactl', 'start')
check('mtactl start', started.returncode == 0, started.stderr)
for port in (465, 993, 995):
    wait_for(lambda: run('ss', '-Hltn', f'sport = :{port}').stdout)
check('no failure yet', failures() == [], failures())
for count, (name, log_in, user) in enumerate((('SMTP', smtp, 'joe'), ('IMAP', imap, 'ann'), ('POP3', pop, 'mallory')), 1):
    check(f'{name}: a wrong password is refused', not is_let_in(log_in, '192.0.2.1', user, 'wrong'))
    check(f'... and is failure {count} of that network', wait_for(lambda: failures() == [count]), failures())
check('another network fails for itself', not is_let_in(smtp, '198.51.100.1', 'joe', 'wrong') and wait_for(lambda: failures() == [1, 3]), failures())
for name, log_in in (('SMTP', smtp), ('IMAP', imap), ('POP3', pop)):
    check(f'{name}: the right password is never locked out', is_let_in(log_in, '192.0.2.1', 'joe', SECRET))
done()
