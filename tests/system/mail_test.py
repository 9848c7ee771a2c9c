#!/usr/bin/env python3
"""mail_test - the whole way: in by SMTP and sendmail, through the queue, to
mailboxes, programs and another host, and back as a bounce."""
import email, glob, json, os, pwd, re, shutil, smtplib, socket, socketserver, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
if not os.path.exists('/var/mta/bin/pop3d'):
    shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
PREFIX = ['setpriv', '--reuid=joe', '--regid=joe', '--init-groups']


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, **more)


def box(user):
    """The texts of a user's Maildir."""
    names = sorted(glob.glob(pwd.getpwnam(user).pw_dir + '/Maildir/new/*'))
    return [open(n, errors='surrogateescape').read() for n in names]


def arrived(user, mark):
    return wait_for(lambda: [t for t in box(user) if mark in t])


def queue():
    out = run('/var/mta/bin/mailq', '--json').stdout
    return [json.loads(line) for line in out.splitlines()]


def log(name='queue'):
    try:
        with open(f'/var/mta/log/{name}/current', errors='replace') as f:
            return f.read()
    except FileNotFoundError:       # the logger has only just begun
        return ''


def smtp(rcpt, text, sender='a@b.example'):
    with smtplib.SMTP('127.0.0.1', 25) as s:
        s.sendmail(sender, rcpt, text)


class Sink(socketserver.StreamRequestHandler):
    """Another host: scripted by the recipient's name."""
    got, sessions, greeting = [], 0, b'220 sink ESMTP\r\n'

    def say(self, line):
        self.wfile.write(line.encode() + b'\r\n')

    def handle(self):
        Sink.sessions += 1
        self.wfile.write(Sink.greeting)
        if not Sink.greeting.startswith(b'220'):
            return
        rcpts = []
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b'EHLO':
                self.wfile.write(b'250-sink\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n')
            elif verb == b'RCPT':
                name = re.search(rb'<([^@>]*)', line)[1].decode()
                reply = {'bad': '550 5.1.1 no such user', 'later': '451 4.2.0 greylisted'}.get(name, '250 2.1.5 ok')
                rcpts += [name] if reply[0] == '2' else []
                self.say(reply)
            elif verb == b'DATA':
                self.say('354 go' if rcpts else '554 no recipients')
                if not rcpts:
                    continue
                data = b''
                for text in self.rfile:
                    if text == b'.\r\n':
                        break
                    data += text
                Sink.got.append((tuple(rcpts), data))
                rcpts = []
                self.say('250 2.0.0 taken')
            elif verb == b'QUIT':
                self.say('221 bye')
                return
            else:
                self.say('250 ok')


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True


def serve(address):
    server = Server((address, 25), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


# ---- set up ----
control('smtpdaddresses', '127.0.0.1\n')
control('retrymin', '2\n')
control('retrymax', '2\n')
control('nameservers', '127.0.0.53\n')
with open('/etc/aliases', 'w') as f:
    f.write('postmaster: joe\nroot: postmaster\nteam: joe, ann\naway: far@far.example\n'
            'file: /var/mail/filed\nprog: "|cat >/var/mail/prog.$$; exit 0"\n')
subprocess.run(['touch', '/var/mail/filed'])
shutil.chown('/var/mail/filed', 'mta-alias', 'mta-alias')
os.chmod('/var/mail', 0o777)
check('newaliases', run('/var/mta/bin/newaliases').returncode == 0)
dns = subprocess.Popen(['dnsmasq', '-k', '-C', '/dev/null', '--no-resolv', '--no-hosts', '--listen-address=127.0.0.53',
    '--bind-interfaces', '--local=/#/', '--user=root', '--mx-host=far.example,mx1.far.example,10',
    '--mx-host=far.example,mx2.far.example,20', '--host-record=mx1.far.example,127.0.0.60',
    '--host-record=mx2.far.example,127.0.0.61', '--host-record=implicit.example,127.0.0.61',
    '--mx-host=loop.example,mx.example.org,5', '--mx-host=down.example,mx.down.example,5',
    '--host-record=mx.down.example,127.0.0.62', '--host-record=mx.example.org,127.0.0.1'])
second = serve('127.0.0.61')
started = run('/var/mta/bin/mtactl', 'start')
check('mtactl start', started.returncode == 0, started.stderr)
check('mtactl check', run('/var/mta/bin/mtactl', 'check').returncode == 0)

# ---- local ----
smtp('joe@example.org', 'Subject: one\r\n\r\nfirst message\r\n')
text = arrived('joe', 'first message')
check('by SMTP to a Maildir', text)
check('with one Return-Path and one Delivered-To', text and text[0].count('Return-Path: <a@b.example>') == 1
      and text[0].count('Delivered-To: joe@example.org') == 1)
name = glob.glob(pwd.getpwnam('joe').pw_dir + '/Maildir/new/*')[0]
info = os.stat(name)
check("it is joe's, and his alone", (info.st_uid, info.st_mode & 0o777) == (pwd.getpwnam('joe').pw_uid, 0o600))
check('one link: the queue has let it go', wait_for(lambda: os.stat(name).st_nlink == 1))
sent = run(*PREFIX, '/var/mta/bin/sendmail', '-t', '-i', input='To: ann\nBcc: joe\nSubject: two\n\nsecond message\n.\nafter the dot\n')
check('sendmail -t as an ordinary user', sent.returncode == 0, sent.stderr)
text = arrived('ann', 'second message')
check('reaches ann, whole, completed', text and 'after the dot' in text[0] and '\nFrom: <joe@mx.example.org>\n' in text[0]
      and '\nDate: ' in text[0] and '\nMessage-ID: <' in text[0], text)
check('and joe, who is not named in it', arrived('joe', 'second message') and 'Bcc' not in text[0])
smtp(['team@example.org'], 'Subject: three\r\n\r\nto the team\r\n')
check('an alias reaches all its members', arrived('joe', 'to the team') and arrived('ann', 'to the team'))
smtp(['joe+list@example.org'], 'Subject: ext\r\n\r\nwith extension\r\n')
check('user+extension', arrived('joe', 'with extension'))
smtp(['prog@example.org'], 'Subject: prog\r\n\r\nfor the program\r\n')
check('an alias to a program', wait_for(lambda: any('for the program' in open(n).read() for n in glob.glob('/var/mail/prog.*'))), log()[-600:])
smtp(['file@example.org'], 'Subject: file\r\n\r\nfor the file\r\n')
check('an alias to a file', wait_for(lambda: 'for the file' in open('/var/mail/filed').read()), log()[-600:])
big = 'Subject: big\r\n\r\n' + ('y' * 70 + '\r\n') * 20000 + 'end of it\r\n'
smtp('joe@example.org', big)
text = arrived('joe', 'end of it')
check('1.4 MB arrive whole', text and text[0].endswith(big.split('\r\n\r\n')[1].replace('\r\n', '\n')))
check('the queue is empty', wait_for(lambda: queue() == []), queue())
check('mailq says so', run('/var/mta/bin/mailq').stdout == 'Mail queue is empty\n')

# ---- a bounce ----
sent = run(*PREFIX, '/var/mta/bin/sendmail', 'nobody-there@example.org', input='Subject: lost\nMessage-ID: <lost@x>\n\nlost\n')
text = arrived('joe', 'multipart/report')
check('an unknown recipient yields one bounce', text and len(text) == 1)
report = email.message_from_string(text[0]) if text else email.message.Message()
parts = report.get_payload() if report.is_multipart() else []
check('multipart/report of three parts', report.get_content_type() == 'multipart/report' and
      [p.get_content_type() for p in parts] == ['text/plain', 'message/delivery-status', 'message/rfc822'], report.keys())
check('from the null sender, threaded, automatic', report['Return-Path'] == '<>' and report['In-Reply-To'] == '<lost@x>'
      and report['Auto-Submitted'] == 'auto-replied')
fields = parts[1].get_payload()[1] if len(parts) == 3 else {}
check('its fields', fields and fields['Final-Recipient'] == 'rfc822; nobody-there@example.org' and
      fields['Action'] == 'failed' and fields['Status'] == '5.1.1', str(fields))
smtp('nobody-there+x@example.org'.replace('nobody-there+x', 'joe'), 'Subject: null\r\n\r\nfrom nobody\r\n', sender='')
check('the null sender may write', arrived('joe', 'from nobody'))

# ---- to another host ----
smtp(['x@far.example', 'y@far.example', 'bad@far.example'], 'Subject: far\r\n\r\n.dot\r\nfar away\r\n', sender='joe@example.org')
check('the second MX takes what the first does not answer', wait_for(lambda: Sink.got), log()[-800:])
check('both recipients in one transaction, dots as they were', Sink.got and Sink.got[0][0] == ('x', 'y')
      and Sink.got[0][1].endswith(b'\r\n\r\n..dot\r\nfar away\r\n'), Sink.got[:1])
text = wait_for(lambda: [t for t in box('joe') if 'bad@far.example' in t])
check('the third bounces with the words of the other side', text and 'mx2.far.example[127.0.0.61] said: 550 5.1.1 no such user' in text[0], text)
Sink.got.clear()
smtp('z@implicit.example', 'Subject: i\r\n\r\nimplicit\r\n')
check('a domain without MX', wait_for(lambda: Sink.got and b'implicit' in Sink.got[-1][1]), log()[-500:])
smtp('away@example.org', 'Subject: f\r\n\r\nforwarded\r\n')
check('an alias to another host', wait_for(lambda: any(b'forwarded' in d and r == ('far',) for r, d in Sink.got)), log()[-800:])
smtp('q@loop.example', 'Subject: l\r\n\r\nloop\r\n', sender='ann@example.org')
check('a domain that points at us', wait_for(lambda: [t for t in box('ann') if 'q@loop.example' in t and '5.4.6' in t]), log()[-500:])
smtp('q@no-such.example', 'Subject: n\r\n\r\nno name\r\n', sender='ann@example.org')
check('a domain that does not exist', wait_for(lambda: [t for t in box('ann') if 'q@no-such.example' in t and '5.1.2' in t]), log()[-500:])

# ---- later ----
smtp('w@down.example', 'Subject: w\r\n\r\nwaits\r\n')
def waits():
    q = queue()
    return q and q[0]['recipients'][0]['state'] == 'deferred' and q
entry = wait_for(waits)
check('a host that is down: deferred', entry, queue())
check('mailq has the reason and the next try', entry and 'mx.down.example[127.0.0.62]: Connection refused' in entry[0]['recipients'][0]['reason']
      and entry[0]['recipients'][0]['next_try'] > time.time() - 5, entry)
check('as text too', 'Connection refused; next try' in run('/var/mta/bin/mailq').stdout)
check('others do not see it', 'w@down' not in run(*PREFIX, '/var/mta/bin/mailq').stdout)
serve('127.0.0.62')
check('sendmail -q', run('/var/mta/bin/sendmail', '-q').returncode == 0)
check('it is delivered', wait_for(lambda: any(b'waits' in d for _, d in Sink.got)), log()[-800:])
smtp('later@far.example', 'Subject: g\r\n\r\ngreylisted\r\n')
check('4xx: deferred', wait_for(waits), queue())
run('/var/mta/bin/mtactl', 'stop')
check('stopped: the queue keeps it', len(queue()) == 1)
started = run('/var/mta/bin/mtactl', 'start')
check('started again', started.returncode == 0, started.stderr)
tried = log().count('deferred to=<later@far.example>')
check('and it is tried again', wait_for(lambda: log().count('deferred to=<later@far.example>') > tried))
check('no process died of its jail', 'signal 31' not in log() + log('smtpd'))
trace = run('/var/mta/bin/mtactl', 'trace', queue()[0]['id']).stdout if queue() else ''
check('mtactl trace tells its life', ' accepted client=' in trace and ' deferred to=<later@far.example>' in trace, trace)
smtp('joe@example.org', 'Message-ID: <one@trace.example>\r\n\r\nx\r\n')
run('/var/mta/bin/sendmail', '-f', 'joe', 'nobody-here@example.org', input='Message-ID: <two@trace.example>\n\nx\n')


def trace_of(mark):
    return run('/var/mta/bin/mtactl', 'trace', mark).stdout


check('trace by Message-ID, of what came by SMTP',
      wait_for(lambda: all(w in trace_of('<one@trace.example>') for w in (' accepted ', ' delivered ', ' done'))),
      trace_of('<one@trace.example>'))
check('of what came by sendmail, with its report',
      wait_for(lambda: all(w in trace_of('<two@trace.example>') for w in (' failed ', ' reported ', ' delivered to=<joe@'))),
      trace_of('<two@trace.example>'))
lost = run('/var/mta/bin/mtactl', 'trace', '<no@where>')
check('an unknown one is said to be unknown', lost.returncode == 65 and 'no line' in lost.stderr, lost)
done()
