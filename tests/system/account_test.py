#!/usr/bin/env python3
"""account_test - an account made while all runs: mail to it by SMTP at once,
read and deleted by poplib and curl, and refused again when it is gone."""
import glob, os, poplib, smtplib, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, **more)


def send(to, mark):
    try:
        with smtplib.SMTP('127.0.0.1', 25, timeout=20) as s:
            s.sendmail('a@b.example', [to], f'Subject: {mark}\n\nhello {mark}\n')
            return 250
    except smtplib.SMTPRecipientsRefused as e:
        return next(iter(e.recipients.values()))[0]


def pop():
    client = poplib.POP3('127.0.0.1', 110, timeout=20)
    client.user('alice@new.example')
    client.pass_('a secret')
    return client


def count():
    client = pop()
    messages = client.stat()[0]
    client.quit()
    return messages


with open('/var/mta/control/relayclients', 'w') as f:
    f.write('192.0.2.0/24\n')                           # we are a stranger here
started = run('/var/mta/bin/mtactl', 'start')
check('the system is up', started.returncode == 0, started.stderr)
check('no such domain yet', send('alice@new.example', 'early') == 550, send('alice@new.example', 'early'))
made = run('/var/mta/bin/mtactl', 'user', 'add', 'alice@new.example', input='a secret\n')
check('the account is made', made.returncode == 0, made)
check('mail to it is taken at once', send('alice@new.example', 'first') == 250)
check('to an extension of it too', send('alice+lists@new.example', 'second') == 250)
check('but to nobody else there', send('bob@new.example', 'third') == 550)
check('both arrive', wait_for(lambda: count() == 2), count())
uids = {os.stat(n).st_uid for n in glob.glob('/var/mta/mail/new.example/alice/Maildir/new/*')}
check('under a uid of its own', len(uids) == 1 and min(uids) > 1000, uids)
curl = run('curl', '-s', 'pop3://127.0.0.1/1', '-u', 'alice@new.example:a secret')
check('curl reads one', 'hello ' in curl.stdout and 'Delivered-To: alice' in curl.stdout, curl)
client = pop()
client.dele(1)
client.dele(2)
client.quit()
check('deleted', count() == 0)
gone = run('/var/mta/bin/mtactl', 'user', 'del', 'alice@new.example')
check('the account goes', gone.returncode == 0, gone)
check('and mail to it is refused', send('alice@new.example', 'late') == 550)
done()
