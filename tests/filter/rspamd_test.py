#!/usr/bin/env python3
"""rspamd_test - filter-rspamd before a server that answers as a test tells it,
and before Debian's Rspamd."""
import json, os, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mail import *

on_host()
PLAIN = 'Subject: one\nX-Spam: No\nX-Spam-Score: -9\nX-Old: a\nX-Old: b\n\nbody\n'


class Server:
    """Answers each request with what answer() gives: bytes, after the request was read whole."""

    def __init__(self, port=11333):
        self.answer, self.requests = b'', []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', port))
        self.listener.listen(20)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            f = s.makefile('rb')
            head = b''
            while not head.endswith(b'\r\n\r\n'):
                line = f.readline()
                if line == b'':
                    break
                head += line
            length = [int(l.split(b':')[1]) for l in head.split(b'\r\n') if l.lower().startswith(b'content-length')]
            body = f.read(length[0]) if length else b''
            self.requests.append((head.decode(), body.decode('latin-1')))
            if self.answer is not None:
                s.sendall(self.answer)
                f.close()
                s.close()
            else:
                self.held = s, f            # hangs

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def http(body, status='200 OK', length=True):
    head = f'HTTP/1.1 {status}\r\nServer: test\r\nContent-Type: application/json\r\n'
    head += f'Content-Length: {len(body)}\r\n' if length else ''
    return (head + '\r\n').encode() + body


def judged(action, text_=PLAIN, **answer):
    server.answer = http(json.dumps({'action': action, 'score': 1.5, 'required_score': 15, **answer}).encode())
    return kept(text_)


control('filters', 'rspamd\n')
control('timeoutrspamd', '2\n')
start()
check('Rspamd is not there: deferred', once(PLAIN).startswith('451 4.7.1 the filter rspamd'))
server = Server()

answer, m = judged('no action')
check('no action: accepted', answer[:3] == '250' and m, (answer, log()[-600:]))
head, body = server.requests[-1]
check('the request', head.startswith('POST /checkv2 HTTP/1.1\r\n') and body == PLAIN, (head, body))
for name, value in (('IP', '127.0.0.1'), ('Helo', 'client.example'), ('From', 'a@b.example'), ('Rcpt', 'joe@example.org'),
                    ('Queue-Id', answer.split()[-1]), ('MTA-Name', 'mx.example.org')):
    check(f'it has {name}', f'\r\n{name}: {value}\r\n' in head, head)
check('the score is told, what was forged is gone', 'X-Spam-Score: 1.50 / 15.00\n' in m and 'X-Spam:' not in m and '-9' not in m, m)
answer, m = judged('add header')
check('add header', 'X-Spam: Yes\n' in m and 'X-Spam: No' not in m, m)
answer, m = judged('rewrite subject', subject='[SPAM] one\r\nBcc: all')
check('rewrite subject, in one line', 'Subject: [SPAM] oneBcc: all\n' in m and 'Subject: one' not in m and 'X-Spam: Yes' in m, m)
for action, want in (('reject', '554 5.7.1 this looks like spam'), ('soft reject', '451 4.7.1 try again later'),
                     ('greylist', '451 4.7.1 try again later')):
    answer, m = judged(action)
    check(f'{action}', answer.startswith(want) and m is None, answer)
answer, m = judged('reject', messages={'smtp_message': 'Gtube\r\n250 pattern \u00fc'})
check('its words, in one line of ASCII', answer == '554 5.7.1 Gtube250 pattern ??\r\n', answer)
answer, m = judged('quarantine')
check('quarantine', answer[:3] == '250' and 'X-Estafeta-Quarantine: Rspamd: 1.50 / 15.00\n' in m and 'postmaster' in m, m)
answer, m = judged('discard')
check('discard', answer[:3] == '250' and m is None, answer)
answer, m = judged('no action', milter={'add_headers': {
    'X-A': 'one', 'X-B': {'value': 'two\r\n\tfolded', 'order': 0}, 'X-C': [{'value': 'x', 'order': -1}, 'y'], 'X-D': 7, 'Bad Name': 'v',
    'X-E': 'v\nBcc: all'}, 'remove_headers': {'X-Old': 1, 'X-None': 0}})
check('milter_headers: add', m and '\nX-A: one\n' in m and '\nX-B: two\n\tfolded\n' in m and '\nX-C: x\n\nbody' in m and '\nX-C: y\n' in m, m)
check('milter_headers: remove the first', 'X-Old: b' in m and 'X-Old: a' not in m, m)
check('what is no field is passed over', 'X-D' not in m and 'Bad' not in m and 'Bcc' not in m, m)
answer, m = judged('no action', milter={'remove_headers': {'X-Old': 0}})
check('remove all', 'X-Old' not in m, m)
answer, m = judged('no action', **{'dkim-signature': 'v=1; a=rsa-sha256'})
check('a DKIM signature of Rspamd', '\nDKIM-Signature: v=1; a=rsa-sha256\n' in m, m)
big = 'Subject: big\n\n' + ('x' * 76 + '\n') * 4000
answer, m = judged('no action', big)
check('a big message goes through whole', server.requests[-1][1] == big and m and big.split('\n\n')[1] in m)
body = json.dumps({'action': 'no action', 'score': 0, 'required_score': 15}).encode()
server.answer = b'HTTP/1.1 100 Continue\r\n\r\n' + http(body)
check('100 first', once(PLAIN)[:3] == '250')
server.answer = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + b''.join(
    b'%x;x=y\r\n%s\r\n' % (len(p), p) for p in (body[:5], body[5:])) + b'0\r\n\r\n'
check('an answer in chunks', once(PLAIN)[:3] == '250')
server.answer = http(body, length=False)
check('an answer that ends with the connection', once(PLAIN)[:3] == '250')

for label, bad in (('nothing', b''), ('no HTTP', b'220 mx ESMTP\r\n'), ('an error', http(b'{"error":"x"}', '500 no')),
                   ('no JSON', http(b'<html>')), ('no action in it', http(b'{"score":1}')), ('an unknown action', http(b'{"action":"dance"}')),
                   ('cut short', http(body)[:-3]), ('too long', http(b'{"action":"no action","x":"' + b'y' * (2 << 20) + b'"}')),
                   ('a deep one', http(b'[' * 100000)), ('a head without end', b'HTTP/1.1 200 OK\r\n' + b'X: y\r\n' * 20000),
                   ('bad chunks', b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n'), ('nothing at all, for long', None)):
    server.answer = bad
    answer, m = kept(PLAIN)
    check(f'{label}: deferred', answer.startswith('451 4.7.1 the filter rspamd') and m is None, answer)
server.answer = http(body)
out = subprocess.run(['/var/mta/bin/filter-rspamd', '-t', 'r@c.example'], input=PLAIN, capture_output=True, text=True)
check('by hand', out.returncode == 0 and 'X-Spam-Score: 0.00 / 15.00\nSubject: one\nX-Old: a\n' in out.stdout and
      'Rcpt: r@c.example' in server.requests[-1][0], out)
server.answer = b''
out = subprocess.run(['/var/mta/bin/filter-rspamd'], input=PLAIN, capture_output=True, text=True)
check('by hand, no answer: a failure to try again', out.returncode == 76 and out.stdout == '', out)
control('filters', 'rspamd open\n')
reload()
answer, m = kept(PLAIN)
check('control/filters says open: accepted as it is', answer[:3] == '250' and 'X-Spam-Score: -9' in (m or ''), answer)
control('filters', 'rspamd\n')
server.end()

# ---- Debian's ----
if not shutil.which('rspamd') or not shutil.which('dnsmasq'):
    check('Rspamd is not installed # skip', True)
    done()
WORK = os.environ['host_dir'] + '/rspamd'
for folder in ('', '/db', '/log', '/run'):
    os.makedirs(WORK + folder, exist_ok=True)
    shutil.chown(WORK + folder, '_rspamd', '_rspamd')
os.chmod(os.environ['host_dir'], 0o755)
for name, text_ in (('options.inc', 'dns { nameserver = ["127.0.0.1:53"]; timeout = 0.5s; retransmits = 1; }\nhs_cache_dir = "%s/db";\ndisable_hyperscan = true;\n' % WORK),
                    ('worker-proxy.inc', 'enabled = false;\n'), ('worker-fuzzy.inc', 'enabled = false;\n'),
                    ('worker-normal.inc', 'bind_socket = "127.0.0.1:11335";\n'), ('logging.inc', 'level = "warning";\n'),
                    ('milter_headers.conf', 'use = ["x-spamd-bar", "authentication-results"];\nskip_local = false;\nskip_authenticated = false;\n'
                     'routines { authentication-results { add_smtp_user = false; } }\n')):
    with open('/etc/rspamd/local.d/' + name, 'w') as f:
        f.write(text_)
with open('/etc/resolv.conf', 'w') as f:
    f.write('nameserver 127.0.0.1\n')
background = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for argv in (
    ['dnsmasq', '-k', '-C', '/dev/null', '--no-resolv', '--no-hosts', '-u', 'root', '--listen-address=127.0.0.1', '--bind-interfaces', '--local=/#/'],
    ['rspamd', '-f', '-u', '_rspamd', '-g', '_rspamd', '--var=DBDIR=' + WORK + '/db', '--var=LOGDIR=' + WORK + '/log',
     '--var=RUNDIR=' + WORK + '/run'])]
control('rspamd', '127.0.0.1:11335\n')
control('timeoutrspamd', '200\n')
reload()
MESSAGE = ('From: Joe <joe@example.org>\nTo: ann@example.org\nSubject: lunch\nDate: ' + time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime()) +
           '\nMessage-ID: <2@example.org>\nMIME-Version: 1.0\nContent-Type: text/plain\n\nShall we have lunch at noon?\n')


def is_up():
    try:
        socket.create_connection(('127.0.0.1', 11335)).close()
        return True
    except OSError:
        return False


# It listens, answers and starts anew while it reads and compiles its rules: a busy machine takes its time over that.
first = wait_for(lambda: is_up() and once(MESSAGE)[:3] == '250', 150)
check("Debian's Rspamd answers", first, log()[-500:])
answer, m = kept(MESSAGE)
check('a normal message gets its headers', answer[:3] == '250' and m and '\nX-Spam-Score: ' in m and '\nX-Spamd-Bar: ' in m and
      '\nAuthentication-Results: mx.example.org' in m, m)
GTUBE = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'
answer, m = kept(MESSAGE + GTUBE + '\n')
check('GTUBE is rejected', answer.startswith('554 5.7.1 Gtube pattern') and m is None, answer)
for process in background:
    process.terminate()
    process.wait()
check('no session died of its jail', 'died of signal' not in log(), [l for l in log().splitlines() if 'died' in l])
done()
