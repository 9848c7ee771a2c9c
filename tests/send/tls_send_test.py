#!/usr/bin/env python3
"""tls_send_test - remote-send with tlsd's client mode against servers that
offer STARTTLS, well or badly."""
import hashlib, os, re, shutil, socket, ssl, subprocess, sys, tempfile, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from net import *

TLS = 18
on_net()
with open('/dev/null') as nothing:
    os.dup2(nothing.fileno(), TLS)
shutil.copy(f'{os.environ["BUILD"]}/service/tlsd', MTA + '/bin/')
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
                 implicit=False, lmtp=None):
        Server.used += 1
        self.address = f'127.0.3.{Server.used}'
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        self.context.sni_callback = lambda s, name, c: self.names.append(name)
        self.starttls, self.garbage = starttls, garbage
        self.before, self.after = before, after
        self.implicit, self.lmtp = implicit, lmtp  # TLS at once; replies after the text
        self.names, self.commands, self.messages, self.connections = [], [], [], 0
        self.listener = socket.create_server((self.address, port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
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
            if verb in ('EHLO', 'LHLO'):
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
            elif verb == 'QUIT':
                client.sendall(b'221 bye\r\n')
                return
            else:
                client.sendall(b'250 2.0.0 ok\r\n')


# ---- resolver, tlsd, remote-send ----
answers = {}


def resolver_session(end):
    with end:
        while packet := end.recv(20000):
            end.sendall(answers.get(dict(unpack(packet))['D'], pack(('S', 'noname'))))


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
    """remote-send and its tlsd, with the control files as they are now."""

    def __init__(self):
        tls, tls_theirs = pair()
        tls.settimeout(None)
        self.manager, theirs = pair()
        self.tlsd = start('tlsd', 'client', stdin=tls_theirs.fileno(), stderr=log)
        self.remote = start('remote-send', fds={RESOLVE: resolve_theirs.fileno(), TLS: tls.fileno()},
                            stdin=theirs.fileno(), stderr=log)
        for end in (tls, tls_theirs, theirs):
            end.close()

    def end(self):
        self.manager.close()
        return self.remote.wait(20), self.tlsd.wait(20)


class Channel:
    domains = 0

    def __init__(self, sender, *servers, domain=None, host='mx.example'):
        Channel.domains += 1
        self.domain = domain or f'd{Channel.domains}.example'
        answers[self.domain] = pack(('S', 'ok'), *(('M', f'10 {host} {s.address}') for s in servers))
        self.end, other = pair()
        socket.send_fds(sender.manager, [pack(('H', self.domain))], [other.fileno()])
        other.close()

    def send(self, message=b'Subject: x\n\nhello\n', flags=(), mark='0', users=('joe',)):
        with tempfile.TemporaryFile() as f:
            f.write(message)
            f.flush()
            socket.send_fds(self.end, [pack(('N', 0), ('I', mark * 23), ('O', 0), ('L', len(message)), *flags,
                                            ('F', 'from@me.example'), *(('T', f'{u}@{self.domain}') for u in users))], [f.fileno()])
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


# ---- opportunistic ----
sender = Sender()
s = Server(after=('SIZE 1000',))
c = Channel(sender, s)
got = c.send(mark='1')
check('a message by TLS', got and got[:2] == ('K', '2.0.0') and s.messages == [b'Subject: x\r\n\r\nhello\r\n'], got)
check('hello again, and what that says counts', s.commands[:4] == [
    'EHLO me.example', 'STARTTLS', 'tls EHLO me.example', 'tls MAIL FROM:<from@me.example> SIZE=18'], s.commands)
check('the name of the MX was asked for', s.names == ['mx.example'], s.names)
check('the log tells how it went', logged(r'1{23} tls=TLSv1\.3 cipher=TLS_\w+ verified=yes server=mx\.example\['))
check('a second one over the same', c.send()[0] == 'K' and s.connections == 1)
c.end.close()
check('QUIT, by TLS', wait_for(lambda: s.commands[-1] == 'tls QUIT'), s.commands)

for label, words, how in (
        ('another name', 'hostname_mismatch', dict(pair=OTHER)), ('one out of date', 'expired', dict(pair=OLD))):
    s = Server(**how)
    got = Channel(sender, s).send(mark='2')
    check(f'{label}: encrypted all the same', got and got[0] == 'K' and s.commands[-1].startswith('tls'), got)
    check(f'{label}: said in the log', logged(r'2{23} tls=TLSv1.3 \S+ verified=\S*' + words))
for label, how, connections in (
        ('not offered', dict(before=()), 1), ('454', dict(starttls=b'454 4.7.0 not now\r\n'), 1),
        ('501', dict(starttls=b'501 5.5.4 what?\r\n'), 1), ('a broken handshake', dict(garbage=b'250 hello?\r\n'), 2),
        ('a handshake that ends', dict(garbage=b''), 2),
        ('bytes after 220', dict(starttls=b'220 go\r\n250 injected\r\n'), 2)):
    s = Server(**how)
    got = Channel(sender, s).send(mark='3')
    check(f'{label}: in clear', got and got[0] == 'K' and len(s.messages) == 1 and s.connections == connections and
          not any(x.startswith('tls') for x in s.commands), (got, s.commands, s.connections))
check('and that is in the log', logged('3{23} tls=none server='))
check('both end with the manager', sender.end() == (0, 0))

# ---- control/tlspolicy ----


def digests(pair):
    der = ssl.PEM_cert_to_DER_cert(open(pair[0]).read())
    key = subprocess.run(f'openssl x509 -in {pair[0]} -noout -pubkey | openssl pkey -pubin -outform DER', shell=True,
                         check=True, capture_output=True).stdout
    return hashlib.sha256(der).hexdigest(), hashlib.sha256(key).hexdigest()


GOOD_CERT, GOOD_KEY = digests(GOOD)
control('tlspolicy', f'''
clear.example none
enc.example encrypt
ver.example verify
named.example verify .example other.host
below.example verify other.example
.pin.example fingerprint {'0' * 64} {GOOD_CERT.upper()}
key.example fingerprint {":".join(GOOD_KEY[i:i + 2] for i in range(0, 64, 2))}
strict.mx.example encrypt
''')
sender = Sender()
NO_TLS = dict(before=())


def expect(label, domain, wanted, host='mx.example', message=b'Subject: x\n\nhello\n', flags=(), **how):
    """wanted: tls or clear, if it goes; else kind, code and words."""
    s = Server(**how)
    got = Channel(sender, s, domain=domain, host=host).send(message, flags=flags)
    if isinstance(wanted, str):
        held = got and got[0] == 'K' and len(s.messages) == 1 and \
            any(x.startswith('tls MAIL') for x in s.commands) == (wanted == 'tls')
    else:
        held = got and got[:2] == wanted[:2] and wanted[2] in got[2] and not any('MAIL' in x for x in s.commands)
    check(label, held, (got, s.commands))
    return s


expect('none: in clear', 'clear.example', 'clear')
expect('encrypt', 'enc.example', 'tls')
expect('encrypt: any certificate', 'enc.example', 'tls', pair=OLD)
s = expect('encrypt: not offered', 'enc.example', ('Z', '4.7.4', 'not to be had'), **NO_TLS)
check('... and QUIT was said', wait_for(lambda: s.commands[-1] == 'QUIT'), s.commands)
expect('encrypt: 454', 'enc.example', ('Z', '4.7.4', 'not to be had'), starttls=b'454 4.7.0 no\r\n')
expect('encrypt: bytes after 220', 'enc.example', ('Z', '4.7.4', 'bytes after the 220'),
       starttls=b'220 go\r\n250 injected\r\n')
s = expect('encrypt: a broken handshake', 'enc.example', ('Z', '4.7.4', 'not to be had'), garbage=b'250 hello\r\n')
check('... and no second connection in clear', s.connections == 1, s.connections)
expect('encrypt by the host', 'any.example', ('Z', '4.7.4', ''), host='strict.mx.example', **NO_TLS)
expect('verify', 'ver.example', 'tls')
expect('verify: out of date', 'ver.example', ('Z', '4.7.5', 'expired'), pair=OLD)
expect('verify: another name', 'ver.example', ('Z', '4.7.5', 'mismatch'), pair=OTHER)
expect('verify: one of the names', 'below.example', 'tls', pair=OTHER)
expect('verify: all below a name', 'named.example', 'tls')
expect('verify: not the host, if there are names', 'below.example', ('Z', '4.7.5', 'mismatch'))
expect('fingerprint: of the certificate', 'a.pin.example', 'tls')
expect('fingerprint: of the key', 'key.example', 'tls')
expect('fingerprint: another', 'a.pin.example', ('Z', '4.7.5', 'fingerprint'), pair=OTHER)
expect('fingerprint: no TLS', 'a.pin.example', ('Z', '4.7.4', ''), **NO_TLS)

# ---- RFC 8689 ----
OPTIONAL = b'Subject: x\nTLS-Required: No\n\nhello\n'
expect('TLS-Required: No, in clear', 'enc.example', 'clear', message=OPTIONAL, **NO_TLS)
expect('TLS-Required: No, without the right name', 'ver.example', 'tls', message=OPTIONAL, pair=OTHER)
expect('TLS-Required: No in the body', 'enc.example', ('Z', '4.7.4', ''), message=b'Subject: x\n\nTLS-Required: No\n',
       **NO_TLS)
s = Server(pair=OTHER)
c = Channel(sender, s, domain='ver.example')
got = [c.send(OPTIONAL), c.send()]
check('the next message over that connection is held to the policy', [g[0] for g in got] == ['K', 'Z'] and
      s.connections == 2, (got, s.commands))

REQUIRE, OFFERED = (('Q', ''),), dict(after=('REQUIRETLS',))
s = expect('REQUIRETLS', 'named.example', 'tls', flags=REQUIRE, **OFFERED)
check('... is passed on', any('MAIL' in x and x.endswith(' REQUIRETLS') for x in s.commands), s.commands)
expect('REQUIRETLS beats TLS-Required', 'named.example', ('D', '5.7.30', 'not offered'), flags=REQUIRE, message=OPTIONAL)
expect('REQUIRETLS: not offered after TLS', 'named.example', ('D', '5.7.30', 'not offered'), flags=REQUIRE,
       before=('STARTTLS', 'REQUIRETLS'))
expect('REQUIRETLS: no TLS', 'named.example', ('D', '5.7.10', ''), flags=REQUIRE, before=('REQUIRETLS',))
expect('REQUIRETLS: not verified', 'named.example', ('D', '5.7.10', 'expired'), flags=REQUIRE, pair=OLD, **OFFERED)
expect('REQUIRETLS: an MX that only the DNS names', 'any.example', ('D', '5.7.10', 'mismatch'), flags=REQUIRE, **OFFERED)
expect('REQUIRETLS: the certificate has the domain', 'other.example', 'tls', flags=REQUIRE, pair=OTHER, **OFFERED)
expect('without REQUIRETLS to the same', 'any.example', 'tls', **OFFERED)
check('both end', sender.end() == (0, 0))

# ---- routes with another protocol ----
implicit = Server(implicit=True, port=465)
wrong = Server(port=465)
unverified = Server(implicit=True, port=2465, pair=OTHER)
local = Server(before=(), port=24, lmtp=b'250 2.1.5 kept\r\n452 4.2.2 full\r\n554 5.6.0 not this\r\n')
cut = Server(before=(), port=2424, lmtp=b'250 2.1.5 kept\r\n452')
control('smtproutes', f'''smtps.example:smtps:[{implicit.address}]
wrong.example:smtps:[{wrong.address}]
ver.example:smtps:mx.example:2465
local.example:lmtp:[{local.address}]
cut.example:lmtp:[{cut.address}]:2424
smtps:[{implicit.address}]:25
''')
sender = Sender()
got = Channel(sender, domain='smtps.example').send()
check('smtps: TLS from the first byte', got and got[0] == 'K' and implicit.commands[:2] == [
    'tls EHLO me.example', 'tls MAIL FROM:<from@me.example>'], (got, implicit.commands))
got = Channel(sender, domain='wrong.example').send()
check('smtps: never in clear', got and got[:2] == ('Z', '4.7.4') and 'wrong version' in got[2] and
      not wrong.messages and wrong.connections == 1, got)
answers['mx.example'] = pack(('S', 'ok'), ('M', f'0 mx.example {unverified.address}'))
got = Channel(sender, domain='ver.example').send()
check('smtps: the policy counts', got and got[:2] == ('Z', '4.7.5') and not any('MAIL' in x for x in unverified.commands), got)
got = Channel(sender, domain='local.example').send(users=('a', 'b', 'refused', 'c'))
check('lmtp: a verdict for each', got and [v and v[:2] for v in got] == [
    ('K', '2.1.5'), ('Z', '4.2.2'), ('D', '5.1.1'), ('D', '5.6.0')], got)
check('lmtp: LHLO', local.commands[0] == 'LHLO me.example', local.commands)
got = Channel(sender, domain='cut.example').send(users=('a', 'b', 'c'))
check('lmtp: lost among the replies', got and [v and v[0] for v in got] == ['K', 'Z', 'Z'], got)
check('these end, too', sender.end() == (0, 0))
done()
