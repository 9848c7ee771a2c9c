#!/usr/bin/env python3
"""dsn_test - RFC 3461 from the client to the report: who is told what, which
hosts are told instead, and what the report says (read with Python's email)."""
import email, email.policy, glob, os, pwd, quopri, re, shutil, socket, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from hop import Hop

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)


control('smtproutes', 'dsn.example:[127.0.0.1]:2525\nold.example:[127.0.0.1]:2526\nslow.example:[127.0.0.1]:2527\nno.example:[127.0.0.1]:2528\n'
        'box.example:lmtp:[127.0.0.1]:2529\n')
control('relayclients', '127.0.0.1\n')
control('retrymin', '1\n')
control('retrymax', '1\n')
control('delaywarning', '1\n')
control('doublebounceto', 'admin@dsn.example\n')
modern = Hop(2525, 'PIPELINING', 'SIZE', '8BITMIME', 'DSN', 'SMTPUTF8')
old = Hop(2526, 'PIPELINING', '8BITMIME')
slow = Hop(2527, rcpt='451 4.2.1 later')
box_host = Hop(2529, 'PIPELINING', '8BITMIME')
no = Hop(2528, rcpt='550 5.1.1 nobody of that name')
with open('/etc/aliases', 'a') as f:
    f.write('one: ann\nout: far@dsn.example\nmany: ann, far@dsn.example\nowned: far@old.example\nowner-owned: postmaster\n')
subprocess.run(['/var/mta/bin/newaliases'], check=True)
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)


def send(mark, rcpts, mail='', text='hello', sender='joe@example.org'):
    """Codes of MAIL and each RCPT; the message is sent if any was taken."""
    s = socket.create_connection(('127.0.0.1', 25), 10)
    f = s.makefile('rb')

    def ask(line):
        s.sendall(line.encode() + b'\r\n')
        while (reply := f.readline())[3:4] == b'-':
            pass
        return reply[:3].decode()
    f.readline()
    ask('EHLO client.example')
    codes = [ask(f'MAIL FROM:<{sender}>{mail}')] + [ask(f'RCPT TO:<{r}' if '>' in r else f'RCPT TO:<{r}>') for r in rcpts]
    if '250' in codes[1:]:
        ask('DATA')
        ask(f'Message-ID: <{mark}@client.example>\r\nSubject: {mark}\r\n\r\n{text}\r\n.')
    s.close()
    return codes


def box(user):
    return [open(n, 'rb').read() for n in glob.glob(pwd.getpwnam(user).pw_dir + '/Maildir/new/*')]


def reports(mark, user='joe'):
    return [m for m in map(lambda t: email.message_from_bytes(t, policy=email.policy.default), box(user))
            if m['In-Reply-To'] == f'<{mark}@client.example>']


def report(label, mark, count=1):
    """The blocks of the one report about mark."""
    found = wait_for(lambda: len(reports(mark)) >= count and reports(mark)) or []
    check(f'{label}: a report', len(found) == count, [str(m) for m in found])
    return found[-1] if found else email.message_from_string('')


def blocks(message):
    parts = message.get_payload() if message.is_multipart() else []
    return parts[1].get_payload() if len(parts) == 3 else [{}, {}, {}]


# ---- the commands ----
for mail, want in ((' RET=FULL ENVID=a+2Bb', '250'), (' ret=hdrs', '250'), (' RET=ALL', '501'), (' RET=HDRS RET=HDRS', '501'),
                   (' ENVID=', '501'), (' ENVID=a+2b', '501'), (' ENVID=a+', '501'), (' ENVID=' + 'x' * 101, '501')):
    check(f'MAIL{mail[:20]} gets {want}', send('x', [], mail)[0] == want)
for rcpt, want in (('NOTIFY=NEVER', '250'), ('NOTIFY=SUCCESS,FAILURE,DELAY', '250'), ('notify=delay', '250'),
                   ('NOTIFY=', '501'), ('NOTIFY=NEVER,DELAY', '501'), ('NOTIFY=SUCCESS,SUCCESS', '501'), ('NOTIFY=OFTEN', '501'),
                   ('NOTIFY=DELAY NOTIFY=DELAY', '501'), ('ORCPT=rfc822;a+40b', '250'), ('ORCPT=a+40b', '501'),
                   ('ORCPT=rfc822;a=b', '501'), ('ORCPT=rfc822;' + 'x' * 500, '501'), ('ORCPT=utf-8;a\\x{E9}@b', '250'),
                   ('ORCPT=utf-8;a\\x{D800}@b', '501'), ('ORCPT=utf-8;\u00e9@b', '501'), ('WHAT=1', '555')):
    s = socket.create_connection(('127.0.0.1', 25), 10)
    s.sendall(f'EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.org> {rcpt}\r\nQUIT\r\n'.encode())
    lines = s.makefile('rb').read().decode().splitlines()
    check(f'RCPT {rcpt[:40]} gets {want}', lines[-2][:3] == want, lines)
    check('DSN is offered', '250-DSN' in lines) if rcpt == 'NOTIFY=NEVER' else None

# ---- delivered ----
send('local', ['ann@example.org> NOTIFY=SUCCESS ORCPT=rfc822;ann+2Bx+40example.org'], ' ENVID=env+2B1 RET=FULL')
got = report('local delivery', 'local')
head, about = blocks(got)[:2]
check('it is a report', got.get_content_type() == 'multipart/report' and got.get_param('report-type') == 'delivery-status')
check('delivered, and its fields', about.get('Action') == 'delivered' and about.get('Status', '').startswith('2.') and
      about.get('Final-Recipient') == 'rfc822; ann@example.org', str(about))
check('Original-Recipient is decoded', about.get('Original-Recipient') == 'rfc822; ann+x@example.org', str(about))
check('Original-Envelope-Id too', head.get('Original-Envelope-Id') == 'env+1', str(head))
check('not where the mailbox lies', 'Maildir' not in str(got), str(got))
check('threads to the original', got['References'] == '<local@client.example>')
part = lambda m: m.get_payload()[2] if m.is_multipart() and len(m.get_payload()) == 3 else email.message_from_string('')
check('a success returns the header alone', part(got).get_content_type() == 'text/rfc822-headers')
check('from nobody, to the sender', b'Return-Path: <>' in got.as_bytes() and 'joe@example.org' in got['To'])

send('quiet', ['ann@example.org'])
send('single', ['one@example.org> NOTIFY=SUCCESS'])
about = blocks(report('an alias of one local member', 'single'))[1]
check('is delivered', about.get('Action') == 'delivered' and about.get('Final-Recipient') == 'rfc822; one@example.org', str(about))

# ---- to the next host ----
send('passed', ['far@dsn.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;orig+40x'], ' ENVID=e2 RET=HDRS')
line = modern.saw('RCPT TO:<far@dsn.example>')
check('a host with DSN is told', line and line[0] == 'RCPT TO:<far@dsn.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;orig+40x', line)
check('with RET and ENVID', [c for c in modern.commands if c.startswith('MAIL') and ' RET=HDRS ENVID=e2' in c], modern.commands)
send('never', ['far@dsn.example> NOTIFY=NEVER'])
check('NEVER is passed on', modern.saw('NOTIFY=NEVER'))
send('relayed', ['far@old.example> NOTIFY=SUCCESS'])
about = blocks(report('a host without DSN', 'relayed'))[1]
check('is relayed', about.get('Action') == 'relayed' and about.get('Diagnostic-Code', '').startswith('smtp; 250') and
      about.get('Remote-MTA') == 'dns; [127.0.0.1]', str(about))
send('bylmtp', ['far@box.example> NOTIFY=SUCCESS'])
about = blocks(report('by LMTP', 'bylmtp'))[1]
check('is delivered', about.get('Action') == 'delivered', str(about))
check('and told nothing', old.saw('RCPT TO:<far@old.example>') == ['RCPT TO:<far@old.example>'], old.commands)

# ---- aliases: RFC 3461 section 5.2.7 ----
del modern.commands[:]
send('alias1', ['out@example.org> NOTIFY=SUCCESS ORCPT=rfc822;o@x'], ' ENVID=e3')
line = modern.saw('RCPT TO:<far@dsn.example>')
check('an alias of one member passes all on', line == ['RCPT TO:<far@dsn.example> NOTIFY=SUCCESS ORCPT=rfc822;o@x'] and
      modern.saw(' ENVID=e3'), modern.commands)
del modern.commands[:]
send('alias2', ['many@example.org> NOTIFY=SUCCESS,FAILURE'])
about = blocks(report('an alias of two', 'alias2'))[1]
check('is expanded', about.get('Action') == 'expanded', str(about))
check('its members get no SUCCESS', modern.saw('RCPT') == ['RCPT TO:<far@dsn.example> NOTIFY=FAILURE'], modern.commands)
del old.commands[:]
send('list', ['owned@example.org> NOTIFY=SUCCESS ORCPT=rfc822;o@x'], ' ENVID=e4')
about = blocks(report('a list with an owner', 'list'))[1]
check('is delivered', about.get('Action') == 'delivered', str(about))
check('its members are told nothing of it', old.saw('RCPT') == ['RCPT TO:<far@old.example>'], old.commands)

# ---- failed ----
modern.rcpt = '550 5.1.1 no'
send('failure', ['gone@dsn.example> NOTIFY=FAILURE ORCPT=rfc822;g+40x', 'other@dsn.example> NOTIFY=NEVER'], ' RET=FULL', 'all of it')
got = report('a failure', 'failure')
about = blocks(got)
check('names one recipient', len(about) == 2 and about[1].get('Action') == 'failed' and about[1].get('Status') == '5.1.1' and
      about[1].get('Original-Recipient') == 'rfc822; g@x', str(got))
check('RET=FULL returns all', part(got).get_content_type() == 'message/rfc822' and 'all of it' in str(got))
send('headers', ['gone@dsn.example'], ' RET=HDRS', 'not this')
got = report('RET=HDRS', 'headers')
check('returns the header', part(got).get_content_type() == 'text/rfc822-headers' and 'not this' not in str(got))
send('silent', ['gone@dsn.example> NOTIFY=NEVER', 'gone2@dsn.example> NOTIFY=SUCCESS'])
send('bounced', ['gone@dsn.example> NOTIFY=SUCCESS,FAILURE'], sender='')

# ---- delayed ----
send('delayed', ['x@slow.example> NOTIFY=DELAY', 'y@slow.example> NOTIFY=FAILURE', 'z@slow.example'])
got = report('a delay', 'delayed')
about = blocks(got)
check('of those who want to know', [b.get('Final-Recipient') for b in about[1:]] == ['rfc822; x@slow.example', 'rfc822; z@slow.example'],
      str(got))
check('until when', about[1].get('Action') == 'delayed' and about[1].get('Will-Retry-Until') and
      about[1].get('Status') == '4.2.1', str(about[1]))

# ---- UTF-8: RFC 6533 ----
send('utf8', ['g\u00e4st@dsn.example> ORCPT=utf-8;a\\x{E9}@x.example'], ' SMTPUTF8')
got = report('SMTPUTF8', 'utf8')
parts = got.get_payload() if got.is_multipart() else []
check('its report is a global one', [p.get_content_type() for p in parts[1:]] == ['message/global-delivery-status', 'message/global'],
      [p.get_content_type() for p in parts])
text = quopri.decodestring(got.as_bytes()).decode('utf-8', 'replace')
check('with its addresses', 'Final-Recipient: utf-8; g\u00e4st@dsn.example' in text and
      'Original-Recipient: utf-8; a\u00e9@x.example' in text, text)

# ---- one domain in two forms: RFC 5890 ----
control('locals', 'example.org\nmx.example.org\nlocalhost\nm\u00fcnchen.example\n')
send('idn-a', ['ann@xn--mnchen-3ya.example'])
send('idn-u', ['ann@M\u00dcNCHEN.example'], ' SMTPUTF8')
for mark in ('idn-a', 'idn-u'):
    check(f'{mark}: a local domain by its other name', wait_for(lambda: [t for t in box('ann') if mark.encode() in t]))
subprocess.run(['/var/mta/bin/mtactl', 'user', 'add', 'eva@k\u00f6ln.example'], input='secret\n', text=True, capture_output=True)
send('idn-v', ['eva@k\u00f6ln.example', 'eva@xn--kln-sna.example'], ' SMTPUTF8')
check('an account of such a domain', wait_for(lambda: len(glob.glob('/var/mta/mail/xn--kln-sna.example/eva/Maildir/new/*')) == 2),
      glob.glob('/var/mta/mail/*/*'))

# ---- a report that nobody takes ----
modern.rcpt = '250 ok'
del modern.commands[:]
send('twice', ['x@no.example'], sender='y@no.example')
check('goes to another host as a report does', wait_for(lambda: modern.saw('RCPT TO:<admin@dsn.example>')) and modern.saw('MAIL FROM:<>'), modern.commands)

# ---- sendmail ----
modern.rcpt = '250 ok'
del modern.commands[:]
run = lambda *a: subprocess.run(['setpriv', '--reuid=joe', '--regid=joe', '--init-groups', '/var/mta/bin/sendmail', *a],
                                input='Subject: x\n\nx\n', capture_output=True, text=True)
check('sendmail -N -R -V', run('-N', 'success,DELAY', '-R', 'hdrs', '-V', 'my id', 'far@dsn.example').returncode == 0)
check('reach the next host', modern.saw('NOTIFY=SUCCESS,DELAY') and modern.saw(' RET=HDRS ENVID=my+20id'), modern.commands)
for option in (('-N', 'often'), ('-N', 'never,delay'), ('-R', 'some'), ('-V', 'x' * 101)):
    check(f'sendmail {option[0]} {option[1][:12]}: 64', run(*option, 'far@dsn.example').returncode == 64)

time.sleep(1.5)
for mark in ('quiet', 'passed', 'never', 'alias1', 'silent'):
    check(f'{mark}: nobody was told', not reports(mark), [str(m) for m in reports(mark)])
check('one report each', all(len(reports(m)) == 1 for m in ('local', 'single', 'relayed', 'alias2', 'failure', 'delayed')))
done()
