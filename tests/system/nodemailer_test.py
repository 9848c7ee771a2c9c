#!/usr/bin/env python3
"""nodemailer_test - Node's mail library at ports 587 (STARTTLS) and 465 with each mechanism that it knows, right and wrong."""
import glob, json, os, pwd, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

need_node_module('nodemailer')


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=90, **more)


on_host()
SECRET, TOKEN = 'Correct-Horse 7%s' % os.getpid(), 'tokentoken.%s' % os.getpid()
CHECKER, CA = '/var/mta/tokens', '/var/mta/ca.pem'
MAILDIR = pwd.getpwnam('joe').pw_dir + '/Maildir/new/*'
SEND = '''
const [port, method, secret, ca, subject] = process.argv.slice(1);
const auth = method === 'XOAUTH2' ? { type: 'OAuth2', accessToken: secret } : { pass: secret };
auth.user = 'alice@example.net';
require('nodemailer').createTransport({
  host: '127.0.0.1', port: Number(port), secure: port === '465', requireTLS: true, auth, authMethod: method,
  name: 'client.example', tls: { ca: require('fs').readFileSync(ca), servername: 'mx.example.org' } })
.sendMail({ from: 'alice@example.net', to: 'joe@example.org', subject, text: 'Gr\\u00fc\\u00dfe\\n.\\n' })
.then((info) => console.log(JSON.stringify({ response: info.response })),
      (error) => console.log(JSON.stringify({ code: error.code, response: error.response, command: error.command })));
'''


def send(port, method, secret, subject):
    got = run('node', '-e', SEND, str(port), method, secret, CA, subject)
    return json.loads(got.stdout) if got.stdout else got.stderr


def message(subject):
    for path in glob.glob(MAILDIR):
        text = open(path, errors='replace').read()
        if f'\nSubject: {subject}\n' in text:
            return text
    return ''


def log():
    with open('/var/mta/log/submission/current', errors='replace') as f:
        return f.read()


added = run('/var/mta/bin/mtactl', 'user', 'add', 'alice@example.net', input=f'{SECRET}\n{SECRET}\n')
check('mtactl user add', added.returncode == 0, added)
with open(CHECKER, 'w') as f:
    f.write(f'#!/usr/bin/env python3\nimport os, sys\n'
            f'sys.exit(os.fdopen(3, "rb").read().split(b"\\0")[:2] != [b"alice@example.net", {TOKEN.encode()!r}])\n')
os.chmod(CHECKER, 0o755)
control('oauthchecker', CHECKER + '\n')
control('authmechanisms', 'PLAIN\nLOGIN\nSCRAM-SHA-256\nCRAM-MD5\nOAUTHBEARER\nXOAUTH2\n')
control('logindelaymax', '1\n')
started = run('/var/mta/bin/mtactl', 'start')
check('mtactl start', started.returncode == 0, started.stderr)
for port in (465, 587):
    wait_for(lambda: run('ss', '-Hltn', f'sport = :{port}').stdout)
with open(CA, 'w') as f:
    f.write(run('openssl', 'x509', '-in', '/var/mta/tls/self.pem').stdout)
for port in (587, 465):
    for method in ('PLAIN', 'LOGIN', 'CRAM-MD5', 'XOAUTH2'):
        subject = f'{method} by {port}'
        got = send(port, method, TOKEN if method == 'XOAUTH2' else SECRET, subject)
        text = wait_for(lambda: message(subject))
        check(f'nodemailer sends by {port} with {method}', text and 'with ESMTPSA id' in text and
              got['response'].startswith('250 2.0.0'), (got, text, log()[-500:]))
        check('... by that mechanism', wait_for(lambda: log().count(f'method={method} account=alice@example.net') == 1 + (port == 465)),
              log()[-500:])
        got = send(port, method, 'wrong', 'wrong')
        check('... and not with what is wrong', got['code'] == 'EAUTH' and got['response'].startswith('535 5.7.8'), got)
check('nothing else came', len(glob.glob(MAILDIR)) == 8 and not message('wrong'), glob.glob(MAILDIR))
done()
