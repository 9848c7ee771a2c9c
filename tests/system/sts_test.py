#!/usr/bin/env python3
"""sts_test - a whole host, its run scripts and its name server: a domain's
MTA-STS policy keeps mail from a host without TLS."""
import http.server, os, pwd, re, shutil, socketserver, ssl, subprocess, sys, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

if shutil.which('dnsmasq') is None:
    print('1..0 # skip needs dnsmasq')
    sys.exit(0)
on_host()
PREFIX = ['setpriv', '--reuid=joe', '--regid=joe', '--init-groups']
CA = '/var/mta/control/'


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, **more)


def log():
    with open('/var/mta/log/queue/current', errors='replace') as f:
        return f.read()


def logged(words):
    return wait_for(lambda: re.search(words, log()), 20)


class Sink(socketserver.StreamRequestHandler):
    """Another host, without TLS."""
    got = []

    def handle(self):
        self.wfile.write(b'220 sink\r\n')
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b'DATA':
                self.wfile.write(b'354 go\r\n')
                text = b''
                while (line := self.rfile.readline()) not in (b'.\r\n', b''):
                    text += line
                Sink.got.append(text)
            self.wfile.write(b'221 bye\r\n' if verb == b'QUIT' else b'250 ok\r\n')
            if verb == b'QUIT':
                return


class Policy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain')
        self.end_headers()
        self.wfile.write(b'version: STSv1\nmode: enforce\nmx: mx.strict.example\nmax_age: 86400\n')

    def log_message(self, *_):
        pass


def openssl(*arguments, **more):
    subprocess.run(['openssl', *arguments], check=True, capture_output=True, text=True, **more)


NEW = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
KEPT = os.environ['host_dir'] + '/ca'
os.mkdir(KEPT)
openssl('req', '-x509', *NEW, '-days', '2', '-subj', '/CN=Test CA', '-keyout', KEPT + '/ca.key', '-out', CA + 'ca.pem')
openssl('req', *NEW, '-subj', '/CN=x', '-keyout', KEPT + '/key', '-out', KEPT + '/csr')
openssl('x509', '-req', '-in', KEPT + '/csr', '-CA', CA + 'ca.pem', '-CAkey', KEPT + '/ca.key', '-CAcreateserial', '-days', '2', '-out',
        KEPT + '/crt', '-extfile', '/dev/stdin', input='subjectAltName=DNS:mta-sts.strict.example\n')
os.chmod(CA + 'ca.pem', 0o644)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(KEPT + '/crt', KEPT + '/key')
web = http.server.ThreadingHTTPServer(('127.0.0.62', 443), Policy)
web.socket = context.wrap_socket(web.socket, server_side=True)
threading.Thread(target=web.serve_forever, daemon=True).start()
socketserver.ThreadingTCPServer.allow_reuse_address = True
sink = socketserver.ThreadingTCPServer(('127.0.0.61', 25), Sink)
threading.Thread(target=sink.serve_forever, daemon=True).start()
dns = subprocess.Popen(['dnsmasq', '-k', '-C', '/dev/null', '--no-resolv', '--no-hosts', '--listen-address=127.0.0.53', '--bind-interfaces',
                        '--local=/#/', '--user=root', '--mx-host=strict.example,mx.strict.example,10', '--host-record=mx.strict.example,127.0.0.61',
                        '--host-record=mta-sts.strict.example,127.0.0.62', '--txt-record=_mta-sts.strict.example,v=STSv1; id=7;',
                        '--mx-host=plain.example,mx.strict.example,10'])
for name, text in (('nameservers', '127.0.0.53'), ('tlsca', CA + 'ca.pem'), ('smtpdaddresses', '127.0.0.1')):
    with open(CA + name, 'w') as f:
        f.write(text + '\n')
check('mtactl start', run('/var/mta/bin/mtactl', 'start').returncode == 0)
found = run('/var/mta/bin/mtactl', 'check')
check('mtactl check', found.returncode == 0, found.stdout)
check('nothing is asked yet: no sts', run('pgrep', '-x', 'sts').returncode == 1)


def send(domain):
    sent = run(*PREFIX, '/var/mta/bin/sendmail', 'x@' + domain, input='Subject: x\n\nto ' + domain + '\n')
    check(f'sendmail to {domain}', sent.returncode == 0, sent.stderr)


send('plain.example')
check('a domain without a policy gets its mail in clear', wait_for(lambda: any(b'to plain' in t for t in Sink.got), 20), log()[-800:])
send('strict.example')
check('one with a policy does not', logged(r'deferred to=<x@strict\.example>.*4\.7\.4.*MTA-STS'), log()[-800:])
check('... which is told', logged(r'sts: domain=strict\.example policy=enforce id=7 max_age=86400') and
      logged(r'sts=enforce domain=strict\.example host=mx\.strict\.example refused'))
check('... nothing of the message', not any(b'to strict' in t for t in Sink.got), Sink.got)
pid = run('pgrep', '-x', 'sts').stdout.split()
with open(f'/proc/{pid[0] if pid else "self"}/status') as f:
    status = {name: value.strip() for name, _, value in (line.partition(':') for line in f)}
user = str(pwd.getpwnam('mta-sts').pw_uid)
check('sts runs as mta-sts, in its jail', len(pid) == 1 and set(status['Uid'].split()) == {user} and status['Seccomp'] == '2' and
      status['NoNewPrivs'] == '1' and set(status['CapEff']) == {'0'}, status)
got = run('/var/mta/bin/sts', '-l')
check('root lists the policies', got.returncode == 0 and got.stdout.startswith('strict.example mode=enforce id=7 expires_s=86') and
      got.stdout.endswith(' mx.strict.example\n'), (got.stdout, got.stderr))
check('root drops one', run('/var/mta/bin/sts', '-d', 'strict.example').returncode == 0 and os.listdir('/var/mta/sts') == [])
got = run(*PREFIX, '/var/mta/bin/sts', '-l')
check('others do not', 'strict' not in got.stdout, got)
run('/var/mta/bin/mtactl', 'stop')
dns.kill()
done()
