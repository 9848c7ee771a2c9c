#!/usr/bin/env python3
"""sieve-deliver_test - deliveries by the recipient's Sieve script: folders,
flags, redirects, notices, notifications, and what goes wrong."""
import contextlib, email, email.policy, glob, hashlib, os, re, shutil, smtplib, ssl, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from hop import Hop

on_host()
HOME = {user: os.path.expanduser('~' + user) for user in ('joe', 'ann')}
MAILDIR = {user: home + '/Maildir' for user, home in HOME.items()}


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def as_user(user, command):
    return run('setpriv', '--reuid=' + user, '--regid=' + user, '--init-groups', 'sh', '-c', command)


def script(text, user='joe', name='main'):
    """The user's active script."""
    folder = MAILDIR[user] + '/sieve'
    as_user(user, f'mkdir -p {folder} {MAILDIR[user]}/cur {MAILDIR[user]}/new {MAILDIR[user]}/tmp')
    for file, content in ((name + '.sieve', text), ('active', name + '\n')):
        with open(f'{folder}/{file}', 'w') as f:
            f.write(content)
        shutil.chown(f'{folder}/{file}', user, user)


def found(user, folder=''):
    """Messages of a folder: (name, text)."""
    path = MAILDIR[user] + ('/.' + folder if folder else '')
    return [(os.path.relpath(p, path), open(p).read()) for p in
            sorted(glob.glob(path + '/new/*') + glob.glob(path + '/cur/*'))]


def with_subject(user, subject, folder=''):
    return [(name, text) for name, text in found(user, folder) if f'Subject: {subject}\n' in text]


number = 0


def send(headers='', body='hello\n', sender='ann@example.org', to='joe@example.org', requires_tls=False):
    """By SMTP; its subject, of which there is no other."""
    global number
    number += 1
    subject = f'message {number}'
    message = (f'From: {sender or "nobody@example.org"}\r\nTo: {to}\r\nSubject: {subject}\r\n'
               f'Message-ID: <{number}@test.example.org>\r\n' + headers.replace('\n', '\r\n') + '\r\n' + body.replace('\n', '\r\n'))
    with smtplib.SMTP('127.0.0.1', 25) as client:
        if requires_tls:
            client.starttls(context=ssl._create_unverified_context())
        client.sendmail(sender, [to], message, ['REQUIRETLS'] if requires_tls else [])
    return subject


def log():
    return ''.join(open(p, errors='replace').read() for p in glob.glob('/var/mta/log/queue/*') if os.path.isfile(p))


def logged(pattern):
    """s6-log takes its time."""
    return wait_for(lambda: re.search(pattern, log()))


def arrives(user, subject, folder=''):
    return wait_for(lambda: with_subject(user, subject, folder))


def queue_is_empty():
    return 'is empty' in run('/var/mta/bin/mailq').stdout or run('/var/mta/bin/mailq').stdout.strip() == ''


control('smtproutes', 'clear.example:[127.0.0.1]:2525\n')
clear = Hop(2525)      # without STARTTLS
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :25').stdout)

# ---- folders and flags ----
script('require ["fileinto", "mailbox", "imap4flags", "variables"];\n'
       'if header :contains "X-To" "lists" { fileinto :create "Lists/Unix"; }\n'
       'elsif header :contains "X-To" "seen" { keep :flags ["\\\\Seen", "\\\\Flagged"]; }\n'
       'elsif header :contains "X-To" "work" { fileinto :create :flags "$Work" "Work"; }\n'
       'elsif header :contains "X-To" "both" { keep; fileinto :create "Both"; }\n'
       'elsif header :contains "X-To" "gone" { fileinto "Nowhere"; }\n'
       'elsif header :contains "X-To" "drop" { discard; }\n')
subject = send()
check('what the script does not touch is kept', arrives('joe', subject))
subject = send('X-To: lists\n')
check('fileinto :create makes a folder, with levels', arrives('joe', subject, 'Lists.Unix') and
      not with_subject('joe', subject) and os.path.exists(MAILDIR['joe'] + '/.Lists.Unix/maildirfolder'))
name, text = arrives('joe', subject, 'Lists.Unix')[0]
check('it has Return-Path and Delivered-To as any', text.startswith(
    'Return-Path: <ann@example.org>\nDelivered-To: joe@example.org\n'), text[:200])
check('it is the user\'s and nobody else\'s', os.stat(MAILDIR['joe'] + '/.Lists.Unix/' + name).st_mode & 0o7 == 0 and
      os.stat(MAILDIR['joe'] + '/.Lists.Unix/' + name).st_uid == os.stat(HOME['joe']).st_uid)
subject = send('X-To: seen\n')
check('keep :flags', [re.sub('.*:', ':', name) for name, _ in arrives('joe', subject)] == [':2,FS'], found('joe'))
subject = send('X-To: work\n')
name = arrives('joe', subject, 'Work')[0][0]
keywords = open(MAILDIR['joe'] + '/.Work/dovecot-keywords').read()
check('a keyword, as other programs know it', re.match(r'cur/.*:2,a$', name) and keywords == '0 $Work\n', (name, keywords))
subject = send('X-To: both\n')
check('keep and fileinto: two messages', arrives('joe', subject, 'Both') and with_subject('joe', subject))
subject = send('X-To: gone\n')
check('a folder that is not there: kept in INBOX, and the log says so', arrives('joe', subject) and
      logged('error=no folder Nowhere, kept in INBOX') and not os.path.exists(MAILDIR['joe'] + '/.Nowhere'))
subject = send('X-To: drop\n')
after = send()
check('discard', arrives('joe', after) and wait_for(queue_is_empty) and
      not any(with_subject('joe', subject, folder) for folder in ('', 'Work', 'Both')))
check('the log says what became of it', logged('discarded by the script main'), log()[-2000:])

script('require ["fileinto", "imap4flags", "editheader"];\nfileinto :flags "\\\\Seen" "Nowhere"; fileinto "Nor/here";\n'
       'addheader "X-A" "b"; keep;\n')
subject = send()
check('several that all end in INBOX are one', arrives('joe', subject) and wait_for(queue_is_empty) and
      len(with_subject('joe', subject)) == 1, with_subject('joe', subject))
as_user('joe', f'mv {MAILDIR["joe"]}/cur/* {MAILDIR["joe"]}/new/')   # as if nobody had read them
unread = len(glob.glob(MAILDIR['joe'] + '/new/*'))
script('require "imap4flags";\nkeep :flags "$Work";\n')
subject = send()
check('a keyword takes nothing of what is new', arrives('joe', subject)[0][0].startswith('cur/') and
      len(glob.glob(MAILDIR['joe'] + '/new/*')) == unread)

# ---- faults of scripts ----
script('require "fileinto";\nfileinto "A";\nif true { filinto "B"; }\n')
subject = send()
check('a script that is wrong: kept, and the line is told', arrives('joe', subject) and
      logged(r'sieve to=<joe@example\.org> script=main error=line 3: .*filinto'), log()[-1500:])
script('require "variables";\nset "x" "${y}";\nredirect "${x}";\n')
subject = send()
check('one that fails as it runs: kept', arrives('joe', subject) and logged(r'script=main error=line 3: .*address'), log()[-1500:])
as_user('joe', f'echo other >{MAILDIR["joe"]}/sieve/active')
subject = send()
check('an active one that is not there: kept', arrives('joe', subject) and logged('script=other error=there is no such script'))
as_user('joe', f'ln -sf /etc/passwd {MAILDIR["joe"]}/sieve/other.sieve')
subject = send()
check('no link is followed, the message waits or is kept', wait_for(
    lambda: with_subject('joe', subject) or 'sieve' in run('/var/mta/bin/mailq').stdout) and 'root:x:' not in log())
os.unlink(MAILDIR['joe'] + '/sieve/other.sieve')
script('keep;')
run('/var/mta/bin/sendmail', '-q')
check('and comes when the script is mended', arrives('joe', subject))
as_user('joe', f'printf "a\nb\n" >{MAILDIR["joe"]}/sieve/active')
subject = send()
check('a file "active" that names nothing: kept, and told', arrives('joe', subject) and logged('error=sieve/active is not one line'))
as_user('joe', f'cd {MAILDIR["joe"]} && mv sieve dot && ln -s dot sieve')
subject = send()
check('a folder that is a link is none: kept', arrives('joe', subject))
as_user('joe', f'cd {MAILDIR["joe"]} && rm sieve && mv dot sieve')

# ---- redirect ----
script('require ["copy", "editheader"];\naddheader "X-Seen-By" "joe";\n'
       'if header :contains "X-To" "both" { redirect :copy "ann@example.org"; } else { redirect "ann@example.org"; }\n')
subject = send(sender='bob@example.org')
name, text = arrives('ann', subject)[0]
check('redirect: the sender stays, Delivered-To tells where it was', text.startswith('Return-Path: <bob@example.org>\n') and
      'Delivered-To: joe@example.org\nReceived: by mx.example.org with local id ' in text and not with_subject('joe', subject), text)
check('with the header that the script gave it', 'X-Seen-By: joe\n' in text, text)
check('the log names the new message', logged(r'sieve to=<joe@example\.org> script=main redirected as [0-9a-f]{23}'))
subject = send('X-To: both\n')
check('redirect :copy', arrives('ann', subject) and arrives('joe', subject))
script('redirect "ann@clear.example";\n')
subject = send()
check('redirect to another host', clear.saw('RCPT TO:<ann@clear.example>') and
      wait_for(lambda: [m for m in clear.messages if subject.encode() + b'\r\n' in m]), clear.messages)
subject = send(requires_tls=True)
text = wait_for(lambda: [t for _, t in found('ann') if f'Subject: {subject}\n' in t and 'Action: failed' in t and '5.7.10' in t])
check('REQUIRETLS goes with it: not in clear', text and wait_for(queue_is_empty) and
      not [m for m in clear.messages if subject.encode() + b'\r\n' in m], (text, clear.messages))
script('redirect "joe+x@example.org";\n')
subject = send(sender='bob@example.org')
check('a circle through another detail of the address ends', arrives('joe', subject) and wait_for(queue_is_empty) and
      len(with_subject('joe', subject)) == 1 and logged('not redirected, it runs in a circle: joe\\+x@example.org'), log()[-800:])
script('require "copy";\n' + ''.join(f'redirect :copy "far{i}@far.example";\n' for i in range(5)))
subject = send()
check('control/sieveredirects: four, and no fifth', arrives('joe', subject) and logged('error=line 6: too many redirects') and
      'far1@far.example' not in log())
control('databytes', '2000\n')
run('s6-svc', '-wR', '-T', '20000', '-r', '/var/mta/service/smtpd')
run('s6-svc', '-wR', '-T', '20000', '-r', '/var/mta/service/queue')
wait_for(lambda: run('ss', '-Hltn', 'sport = :25').stdout)
script('redirect "ann@example.org";\n')
subject = send(body='x' * 60 + '\n', headers='X-Fill: ' + 'y' * 900 + '\nX-Fill: ' + 'y' * 690 + '\n')
check('what the queue refuses is kept', arrives('joe', subject) and logged('error=not sent: '), log()[-600:])
os.unlink('/var/mta/control/databytes')
run('s6-svc', '-wR', '-T', '20000', '-r', '/var/mta/service/smtpd')
run('s6-svc', '-wR', '-T', '20000', '-r', '/var/mta/service/queue')
wait_for(lambda: run('ss', '-Hltn', 'sport = :25').stdout)
script('require ["copy", "editheader"];\naddheader "X-Seen-By" "joe";\n'
       'if header :contains "X-To" "both" { redirect :copy "ann@example.org"; } else { redirect "ann@example.org"; }\n')
script('redirect "joe@example.org";\n', 'ann')
subject = send(sender='bob@example.org')
check('a circle ends', wait_for(lambda: re.search(r'5\.4\.6.*mail loop', log())) and wait_for(queue_is_empty), log()[-800:])
shutil.rmtree(MAILDIR['ann'] + '/sieve')

# ---- reject ----
script('require "reject";\nreject text:\nNo thanks.\nReally.\n.\n;\n')
subject = send(sender='ann@example.org')
text = wait_for(lambda: [t for _, t in found('ann') if subject in t and 'report' in t])
check('reject: the sender gets a report with the reason', text and 'No thanks. Really.' in text[0] and '5.7.1' in text[0] and
      not with_subject('joe', subject), text)

before = len(found('ann'))
subject = send(sender='')
check('reject of the null sender: no report', logged('refused, without a report, by the script main') and wait_for(queue_is_empty) and
      len(found('ann')) == before)

# ---- vacation, RFC 5230, RFC 3834 ----
script('require "vacation";\nvacation :subject "Crowd" "All at once.";\n')
with smtplib.SMTP('127.0.0.1', 25) as client:
    for i in range(8):
        client.sendmail('ann@example.org', ['joe@example.org'], f'From: ann@example.org\nTo: joe@example.org\nSubject: crowd {i}\n\n')
check('one notice for several messages that come together', wait_for(lambda: all(with_subject('joe', f'crowd {i}') for i in range(8))) and
      arrives('ann', 'Crowd') and wait_for(queue_is_empty) and len(with_subject('ann', 'Crowd')) == 1, len(with_subject('ann', 'Crowd')))
script('require "vacation";\nvacation :days 7 :subject "Away" "I am at the sea.";\n')
subject = send()
check('the message itself is kept', arrives('joe', subject))
notice = email.message_from_string(arrives('ann', 'Away')[0][1], policy=email.policy.default)
check('a notice, as RFC 3834 wants it', notice['Return-Path'] == '<>' and notice['To'].strip('<>') == 'ann@example.org' and
      'joe@example.org' in notice['From'] and notice['Auto-Submitted'].startswith('auto-replied') and
      notice['In-Reply-To'] == f'<{number}@test.example.org>' and 'I am at the sea.' in notice.get_content(), str(notice))
before = len(with_subject('ann', 'Away'))
for headers in ('', 'Precedence: list\n', 'List-Id: <x.example.org>\n', 'Auto-Submitted: auto-generated\n'):
    subject = send(headers)
    arrives('joe', subject)
wait_for(queue_is_empty)
check('once in seven days; never to lists and machines', len(with_subject('ann', 'Away')) == before)
subject = send(sender='')
check('nor to the null sender', arrives('joe', subject) and wait_for(queue_is_empty) and len(with_subject('ann', 'Away')) == before)
script('require "vacation";\nvacation :subject "Away" "Gone fishing.";\n')
send()
check('another text is another notice', wait_for(lambda: len(with_subject('ann', 'Away')) == before + 1))

# ---- notify, RFC 5435, 5436 ----
script('require ["enotify"];\nnotify :message "You have mail" "mailto:ann@example.org?body=Look";\n')
subject = send(sender='bob@example.org')
text = arrives('ann', 'You have mail')
check('notify by mail', text and 'Auto-Submitted: auto-notified' in text[0][1] and 'Look' in text[0][1] and
      arrives('joe', subject), text)

script('require ["enotify"];\nnotify :message "first" "mailto:ann@example.org";\nnotify :message "second" "mailto:ann@example.org";\n')
send(sender='bob@example.org')
check('two of them to one address', arrives('ann', 'first') and arrives('ann', 'second'))

# ---- duplicate, RFC 7352 ----
script('require ["duplicate", "fileinto", "mailbox"];\nif duplicate { fileinto :create "Twice"; }\n')
subject = send()
arrives('joe', subject)
number -= 1
check('duplicate', send() == subject and arrives('joe', subject, 'Twice') and len(with_subject('joe', subject)) == 1)

# ---- include, RFC 6609 ----
with open('/var/mta/sieve/all.sieve', 'w') as f:
    f.write('require ["fileinto", "mailbox"];\nfileinto :create "Global";\n')
script('keep;', name='mine')
script('require "include";\ninclude :personal "mine";\ninclude :global "all";\n')
subject = send()
check('scripts of one\'s own and of all', arrives('joe', subject, 'Global') and with_subject('joe', subject))

# ---- names that are too long for a file's ----
long = 'n' * 400
script('keep;')
with open(HOME['joe'] + '/long', 'w') as f:
    f.write(f'# estafeta-name 1 {long}\nrequire ["fileinto", "mailbox"];\nfileinto :create "Long";\n')
as_user('joe', f'mv {HOME["joe"]}/long {MAILDIR["joe"]}/sieve/{hashlib.sha256(long.encode()).hexdigest()}.sieve.long; echo {long} >{MAILDIR["joe"]}/sieve/active')
subject = send()
check('the active script has a long name', arrives('joe', subject, 'Long'))
script(f'require "include";\ninclude :personal "{long}";\ninclude :global :optional "{long}";\n')
subject = send()
check('it is included, and where there can be none it is none', arrives('joe', subject, 'Long'))

# ---- its process ----
script('keep;')
send()


def state():
    """What the kernel says of it: for a moment it is on its way into the jail."""
    for path in glob.glob('/proc/[0-9]*/status'):
        with contextlib.suppress(OSError):
            if (text := open(path).read()).startswith('Name:\tsieve-deliver\n'):
                return text
    return ''


jailed = wait_for(lambda: re.search(rf'^Uid:\t{os.stat(HOME["joe"]).st_uid}\t.*^NoNewPrivs:\s1$.*^Seccomp:\s2$', state(), re.M | re.S))
check('it is the user\'s, in a jail', jailed or is_sanitized(), state())
check('it is gone a moment later', wait_for(lambda: not state()))
check('nothing waits in the end', wait_for(queue_is_empty), run('/var/mta/bin/mailq').stdout)
done()
