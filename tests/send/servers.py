"""servers - for the tests of send/: an authority and its certificates, servers
that speak SMTP well or badly, and a remote-send with its neighbours."""
import contextlib, os, re, shutil, socket, ssl, subprocess, tempfile, threading
from tap import wait_for
from net import *

TLS, AUTH, STS = 18, 66, 69
on_net()
with open('/dev/null') as nothing:
    os.dup2(nothing.fileno(), TLS)
    os.dup2(nothing.fileno(), AUTH)
    os.dup2(nothing.fileno(), STS)
for program in ('service/tlsd', 'send/remote-auth', 'send/sts'):
    shutil.copy(f'{os.environ["BUILD"]}/{program}', MTA + '/bin/')
CA = MTA + '/control/ca'
os.mkdir(CA)


def openssl(*arguments, **more):
    subprocess.run(['openssl', *arguments], check=True, capture_output=True, text=True, **more)


NEW = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
openssl('req', '-x509', *NEW, '-days', '2', '-subj', '/CN=Test CA', '-keyout', CA + '/ca.key', '-out', CA + '/ca.pem')


def certificate(name, days=2):
    """Files of a certificate of our authority's for that name, and its key."""
    base = f'{CA}/{name}{days}'
    openssl('req', *NEW, '-subj', '/CN=x', '-keyout', base + '.key', '-out', base + '.csr')
    openssl('x509', '-req', '-in', base + '.csr', '-CA', CA + '/ca.pem', '-CAkey', CA + '/ca.key', '-CAcreateserial',
            '-days', str(days), '-out', base + '.crt', '-extfile', '/dev/stdin', input=f'subjectAltName=DNS:{name}\n')
    return base + '.crt', base + '.key'


GOOD, OTHER, OLD = certificate('mx.example'), certificate('other.example'), certificate('mx.example', -1)
control('tlsca', CA + '/ca.pem\n')


class Server:
    """EHLO's keywords before and after TLS; starttls: its reply, and what
    follows it in the same packet; garbage: in place of a handshake."""
    used = 0

    def __init__(self, pair=GOOD, starttls=b'220 go\r\n', garbage=None, before=('STARTTLS',), after=(), port=25,
                 implicit=False, lmtp=None, auth=None, address=None, listening=True, replies={}):
        Server.used += 1
        self.address = address or f'127.0.3.{Server.used}'
        self.replies = replies  # by verb, without or with "tls " before it, in place of the usual one
        self.auth, self.peers = auth, []  # auth(say, hear, arguments): the reply to AUTH
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        self.context.sni_callback = lambda s, name, c: self.names.append(name)
        self.starttls, self.garbage = starttls, garbage
        self.before, self.after = before, after
        self.implicit, self.lmtp = implicit, lmtp  # TLS at once; replies after the text
        self.names, self.commands, self.messages, self.connections = [], [], [], 0
        self.listener = socket.create_server((self.address, port), family=socket.AF_INET6 if ':' in self.address
                                             else socket.AF_INET)
        if listening:
            threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, peer = self.listener.accept()
            self.peers.append(peer[0])
            self.connections += 1
            threading.Thread(target=self.session, args=(client,), daemon=True).start()

    def session(self, client):
        try:
            if self.implicit:
                with self.context.wrap_socket(client, server_side=True) as secure:
                    secure.sendall(b'220 mx.example\r\n')
                    self.talk(secure, self.after, 'tls ')
                return
            client.sendall(b'220 mx.example\r\n')
            self.talk(client, self.before, '')
        except OSError:
            pass
        client.close()

    def talk(self, client, words, prefix):
        lines = client.makefile('rb')
        while line := lines.readline():
            command = line.decode('latin-1').rstrip('\r\n')
            verb = command[:8].split(' ')[0].upper()
            self.commands.append(prefix + command)
            if prefix + verb in self.replies:
                client.sendall(self.replies[prefix + verb])
            elif verb in ('EHLO', 'LHLO'):
                client.sendall(''.join(f'250-{w}\r\n' for w in ('mx.example',) + words).encode() + b'250 8BITMIME\r\n')
            elif verb == 'STARTTLS':
                client.sendall(self.starttls)
                if self.starttls[:3] != b'220':
                    continue
                if self.garbage is not None:
                    client.sendall(self.garbage)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(4096):
                        pass
                    return
                with self.context.wrap_socket(client, server_side=True) as secure:
                    self.talk(secure, self.after, 'tls ')
                return
            elif verb == 'DATA':
                client.sendall(b'354 go\r\n')
                text = b''
                while (line := lines.readline()) not in (b'.\r\n', b''):
                    text += line
                self.messages.append(text)
                client.sendall(self.lmtp or b'250 2.0.0 kept\r\n')
                if self.lmtp and b'\r\n' not in self.lmtp[-2:]:
                    client.shutdown(socket.SHUT_RDWR)
            elif verb == 'RCPT' and 'refused' in command:
                client.sendall(b'550 5.1.1 no such user\r\n')
            elif verb == 'AUTH' and self.auth:
                reply = self.auth(lambda text: client.sendall(b'334 ' + text + b'\r\n'),
                                  lambda: lines.readline().rstrip(b'\r\n'), command.split(' ')[1:])
                client.sendall(reply + b'\r\n')
            elif verb == 'QUIT':
                client.sendall(b'221 bye\r\n')
                return
            else:
                client.sendall(b'250 2.0.0 ok\r\n')


# ---- resolver, tlsd, remote-send ----
answers = {}
asked = []  # names


def resolver_session(end):
    with end, contextlib.suppress(ConnectionError):
        while packet := end.recv(20000):
            request = dict(unpack(packet))
            asked.append(request['D'])
            end.sendall(answers.get(request['D'], pack(('S', 'noname'))) + pack(('I', request['I'])))


def resolver(end):
    end.settimeout(None)
    while True:
        packet, fds, _, _ = socket.recv_fds(end, 20000, 4)
        if not packet:
            return
        threading.Thread(target=resolver_session, args=(socket.socket(fileno=fds[0]),), daemon=True).start()


resolve, resolve_theirs = pair()
threading.Thread(target=resolver, args=(resolve,), daemon=True).start()
log = tempfile.NamedTemporaryFile(dir='/var/mta')


class Sender:
    """remote-send and its tlsd, with the control files as they are now; with_sts: sts, too."""

    def __init__(self, with_sts=False):
        tls, tls_theirs = pair()
        tls.settimeout(None)
        self.manager, theirs = pair()
        auth, auth_theirs = pair()
        auth.settimeout(None)
        self.tlsd = start('tlsd', 'client', stdin=tls_theirs.fileno(), stderr=log)
        self.auth = start('remote-auth', stdin=auth_theirs.fileno(), stderr=log)
        fds = {RESOLVE: resolve_theirs.fileno(), TLS: tls.fileno(), AUTH: auth.fileno()}
        ends = [tls, tls_theirs, auth, auth_theirs, theirs]
        self.sts = None
        if with_sts:
            sts, sts_theirs = pair()
            sts.settimeout(None)
            self.sts = start('sts', fds={RESOLVE: resolve_theirs.fileno()}, stdin=sts_theirs.fileno(), stderr=log)
            fds[STS] = sts.fileno()
            ends += [sts, sts_theirs]
        self.remote = start('remote-send', fds=fds, stdin=theirs.fileno(), stderr=log)
        for end in ends:
            end.close()

    def end(self):
        self.manager.close()
        return tuple(p.wait(20) for p in (self.remote, self.tlsd, self.auth, self.sts) if p)


class Channel:
    domains = 0

    def __init__(self, sender, *servers, domain=None, host='mx.example'):
        Channel.domains += 1
        self.domain = domain or f'd{Channel.domains}.example'
        answers[self.domain] = pack(('S', 'ok'), *(('M', f'10 {host} {s.address}') for s in servers))
        self.end, other = pair()
        socket.send_fds(sender.manager, [pack(('H', self.domain))], [other.fileno()])
        other.close()

    def send(self, message=b'Subject: x\n\nhello\n', flags=(), mark='0', users=('joe',), sender='from@me.example'):
        with tempfile.TemporaryFile() as f:
            f.write(message)
            f.flush()
            socket.send_fds(self.end, [pack(('N', 0), ('I', mark * 23), ('O', 0), ('L', len(message)), *flags, ('F', sender),
                                            *(('T', u if '@' in u else f'{u}@{self.domain}') for u in users))], [f.fileno()])
        verdicts = {}
        while packet := self.end.recv(20000):
            records = dict(unpack(packet))
            if 'E' in records:
                return verdicts.get(0) if len(users) == 1 else [verdicts.get(i) for i in range(len(users))]
            verdicts[int(records['N'])] = records['V'], records['C'], records['R']


def logged(words):
    def look():
        with open(log.name, errors='replace') as f:
            return re.search(words, f.read())
    return wait_for(look, 10)
