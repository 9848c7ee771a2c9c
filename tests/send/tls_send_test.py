#!/usr/bin/env python3
"""tls_send_test - remote-send with tlsd's client mode against servers that
offer STARTTLS, well or badly."""
import hashlib, os, ssl, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from servers import *

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

# ---- in clear, where TLS was tried in vain, no is not for good ----
BROKEN = dict(garbage=b'250 hello?\r\n')
for label, reply, how, kind, code in (
        ('530 after a broken handshake', b'530 5.7.0 Must issue a STARTTLS command first', BROKEN, 'Z', '4.7.0'),
        ('530 without a status', b'530 STARTTLS first', BROKEN, 'Z', '4.7.0'),
        ('5.7.x after a broken handshake', b'550 5.7.1 encryption is needed', BROKEN, 'Z', '4.7.0'),
        ('530 after a 454', b'530 5.7.0 Must issue a STARTTLS command first', dict(starttls=b'454 4.7.0 not now\r\n'), 'Z', '4.7.0'),
        ('another no after a broken handshake', b'550 5.1.8 no such sender', BROKEN, 'D', '5.1.8'),
        ('530 where TLS is not offered', b'530 5.7.0 no', dict(before=()), 'D', '5.7.0'),
        ('5.7.x where TLS is not offered', b'550 5.7.1 no', dict(before=()), 'D', '5.7.1')):
    s = Server(replies={'MAIL': reply + b'\r\n'}, **how)
    got = Channel(sender, s).send()
    check(label, got and got[:2] == (kind, code) and reply.decode() in got[2], (got, s.commands))
s = Server(replies={'tls MAIL': b'550 5.7.1 never\r\n'})
got = Channel(sender, s).send()
check('5.7.x by TLS', got and got[:2] == ('D', '5.7.1'), (got, s.commands))
check('both end with the manager', sender.end() == (0, 0, 0))

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
bad, good = Server(garbage=b''), Server()
c = Channel(sender, bad, domain='enc.example')
answers['enc.example'] = pack(('S', 'ok'), ('M', f'5 mx1.example {bad.address}'), ('M', f'10 mx2.example {good.address}'))
got = c.send()
check('encrypt: the next host, after a handshake that ended', got and got[0] == 'K' and len(good.messages) == 1, (got, bad.commands))
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
check('both end', sender.end() == (0, 0, 0))

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
check('these end, too', sender.end() == (0, 0, 0))

# ---- control/discardehlo ----
control('discardehlo', 'old.example CHUNKING DSN\n.mx.example 8bitmime\n* MT-PRIORITY\n')
sender = Sender()
words = ('CHUNKING', 'DSN', 'SIZE 1000000', 'MT-PRIORITY')
s = Server(before=words)
c = Channel(sender, s, domain='old.example')
check('a keyword is not believed', c.send(flags=[('E', 'x1'), ('Y', '3')])[0] == 'K' and 'DATA' in s.commands and
      not any(w in c for c in s.commands for w in ('ENVID', 'MT-PRIORITY')) and any(' SIZE=' in c for c in s.commands), s.commands)
s = Server(before=words[1:])
c = Channel(sender, s, domain='new.example', host='a.mx.example')
check('another host keeps it, but what all lose', c.send(b'Subject: x\n\n\xc3\xa9\n', flags=[('E', 'x1'), ('Y', '3')])[0] == 'K' and
      any('ENVID=x1' in c for c in s.commands) and not any('MT-PRIORITY' in c or '8BITMIME' in c for c in s.commands) and
      b'=C3=A9' in s.messages[0], (s.commands, s.messages))
sender.end()
control('discardehlo', '')
done()
