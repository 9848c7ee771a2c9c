#!/usr/bin/env python3
"""verp_test - what goes on with a message.  XVERP and sendmail -XV: each recipient is sent the message from
a sender of its own, at the next host and in a mailbox here, and a report about
it goes there.  SOLICIT of NO-SOLICITING: to a next host that offers it, also
from an alias.  The clients are Python's smtplib, and sendmail."""
import glob, os, pwd, re, shutil, smtplib, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from hop import Hop

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)


control('nosoliciting', 'net.example:ADV\n')
with open('/etc/aliases', 'a') as f:
    f.write('away: two@far.example\n')
subprocess.run(['/var/mta/bin/newaliases'], check=True)
control('smtproutes', 'far.example:[127.0.0.1]:2525\n')
hop = Hop(2525, 'PIPELINING', 'NO-SOLICITING', 'DSN', nobody='no')
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)


def mail(user):
    """The texts in a user's mailbox."""
    return [open(name).read() for name in glob.glob(pwd.getpwnam(user).pw_dir + '/Maildir/new/*')]


def reports(mark):
    return sorted((re.search(r'^Delivered-To: (.*)$', text, re.M)[1], re.search(r'Final-Recipient: rfc822; (.*)', text)[1])
                  for text in mail('ann') if 'delivery-status' in text and mark in text)


# ---- by SMTP: Python's smtplib ----
far = ['one@far.example', 'two@far.example', 'nobody@far.example', 'nowhere@far.example']
with smtplib.SMTP('127.0.0.1', 25, 'client.example') as client:
    client.ehlo()
    check('XVERP is offered on this host', client.has_extn('xverp'))
    refused = client.sendmail('ann@example.org', far + ['joe@example.org'], 'Subject: verp\r\n\r\nhello\r\n', ['XVERP'])
check('all are taken', refused == {}, refused)
want = [('ann+one=far.example@example.org', 'one@far.example'), ('ann+two=far.example@example.org', 'two@far.example')]
check('each at the next host has a sender of its own', wait_for(lambda: sorted(hop.pairs) == want), hop.pairs)
check('and so has a mailbox', wait_for(lambda: [t for t in mail('joe') if t.startswith('Return-Path: <ann+joe=example.org@example.org>\n')]),
      mail('joe'))
want = [('ann+nobody=far.example@example.org', 'nobody@far.example'), ('ann+nowhere=far.example@example.org', 'nowhere@far.example')]
check('one report about each that failed, to its own sender', wait_for(lambda: reports('Subject: verp') == want), reports('Subject: verp'))
queue = lambda: [n for n in os.listdir('/var/mta/queue/cur') + os.listdir('/var/mta/queue/new') if len(n) > 20]
check('nothing is left', wait_for(lambda: not queue()), queue())

# ---- by sendmail -XV ----
hop.pairs.clear()
sent = lambda *words: subprocess.run(['/var/mta/bin/sendmail', '-f', 'ann@example.org', *words], input=b'Subject: command\n\nhello\n',
                                     stderr=subprocess.PIPE).returncode
check('sendmail -XV-=', sent('-XV-=', 'one@far.example', 'nobody@far.example') == 0)
check('its delimiters', wait_for(lambda: hop.pairs == [('ann-one=far.example@example.org', 'one@far.example')]), hop.pairs)
check('sendmail -XV', sent('-XV', 'two@far.example') == 0 and
      wait_for(lambda: ('ann+two=far.example@example.org', 'two@far.example') in hop.pairs), hop.pairs)
check('sendmail -X and a file is nothing', sent('-X', 'log', 'three@far.example') == 0 and
      wait_for(lambda: ('ann@example.org', 'three@far.example') in hop.pairs), hop.pairs)
check('bad delimiters', sent('-XVab', 'two@far.example') == 64)
check('no sender', sent('-f', '<>', '-XV', 'two@far.example') == 64)

# ---- SOLICIT, RFC 3865: on to the next host ----
hop.commands.clear()
with smtplib.SMTP('127.0.0.1', 25, 'client.example') as client:
    client.ehlo()
    check('NO-SOLICITING is offered', client.has_extn('no-soliciting') and client.esmtp_features['no-soliciting'] == 'net.example:ADV')
    client.sendmail('ann@example.org', ['one@far.example', 'away@example.org'], 'Subject: buy\r\n\r\nhello\r\n', ['SOLICIT=a,b.example:ADV'])
check('the classes go on, also from an alias', wait_for(lambda: len([c for c in hop.commands if ' SOLICIT=a,b.example:ADV' in c]) == 2), hop.commands)
done()
