#!/usr/bin/env python3
"""dane_send_test - remote-send, tlsd and resolve against servers whose TLSA
records (RFC 7672) are in a zone that is signed, or not, or forged."""
import hashlib, os, re, subprocess, sys, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from zones import *

need_tools()
import servers
from servers import *

# ---- certificates: of an authority that tlsd does not know ----
TA = MTA + '/control/ta'
openssl('req', '-x509', *NEW, '-days', '2', '-subj', '/CN=TA', '-keyout', TA + '.key', '-out', TA + '.pem')


def by_ta(*names, days=2):
    """A chain with the authority, and its key."""
    base = f'{TA}-{names[0]}{days}'
    openssl('req', *NEW, '-subj', '/CN=x', '-keyout', base + '.key', '-out', base + '.csr')
    openssl('x509', '-req', '-in', base + '.csr', '-CA', TA + '.pem', '-CAkey', TA + '.key', '-CAcreateserial',
            '-days', str(days), '-out', base + '.crt', '-extfile', '/dev/stdin',
            input='subjectAltName=' + ','.join('DNS:' + n for n in names) + '\n')
    with open(base + '.crt', 'a') as f, open(TA + '.pem') as ta:
        f.write(ta.read())
    return base + '.crt', base + '.key'


def der(path, key=False):
    command = f'openssl x509 -in {path} ' + ('-noout -pubkey | openssl pkey -pubin -outform DER' if key else '-outform DER')
    return subprocess.run(command, shell=True, check=True, capture_output=True).stdout


def tlsa(usage, selector, matching, path):
    data = der(path, selector == 1)
    data = {0: data, 1: hashlib.sha256(data).digest(), 2: hashlib.sha512(data).digest()}[matching]
    return f'{usage} {selector} {matching} {data.hex()}'


ANY = by_ta('unknown.example')
EXPIRED = by_ta('unknown.example', days=-1)
WRONG = '3 1 1 ' + '0' * 64

# ---- the zone: host -> its address and records ----
hosts, addresses, lines, domains = {}, {}, [], {}


def host(name, *records, zone='sec.example', port=25):
    addresses[name] = f'127.0.9.{len(addresses) + 1}'
    lines.append((zone, f'{name} A {addresses[name]}'))
    lines.extend((zone, f'_{port}._tcp.{name} TLSA {r}') for r in records)


def domain(name, *hosts, zone='sec.example'):
    lines.extend((zone, f'{name} MX {10 * i + 10} {h}') for i, h in enumerate(hosts))


for s in (0, 1):
    for m in (0, 1, 2):
        host(f'ee{s}{m}', tlsa(3, s, m, ANY[0]))
        host(f'ta{s}{m}', tlsa(2, s, m, TA + '.pem'))
host('expired', tlsa(3, 1, 1, EXPIRED[0]))
host('wrong', WRONG)
host('both', WRONG, tlsa(3, 1, 1, ANY[0]))
host('ta', tlsa(2, 0, 1, TA + '.pem'))
host('pkix', tlsa(1, 1, 1, ANY[0]), tlsa(0, 0, 1, TA + '.pem'))
host('pkixbad', '1 1 1 ' + '0' * 64)
host('mixed', '1 1 1 ' + '0' * 64, WRONG)
host('odd', '3 1 1 00', '3 9 1 ' + '0' * 64, '3 1 9 ' + '0' * 64, '9 1 1 ' + '0' * 64, '2 0 0 00ff')
host('none')
host('bogus', WRONG)
host('backup')
host('plainmx', WRONG, zone='plain.example')
host('smtps', tlsa(3, 1, 1, ANY[0]), port=465)
host('lmtp', WRONG, port=24)
for name in list(addresses):
    domain('d-' + name, name if name != 'plainmx' else 'plainmx.plain.example.')
domain('insecure', 'wrong.sec.example.', zone='plain.example')
domain('next', 'bogus', 'backup')
domain('second', 'wrong', 'backup')
domain('later', 'ee11', 'wrong')
# Aliases: of a host, of a host into what is not secure, of a domain.
lines += [('sec.example', line) for line in (
    'alias CNAME ee11', 'late CNAME ta', f'_25._tcp.half TLSA {tlsa(3, 1, 1, ANY[0])}', 'half CNAME none2.plain.example.',
    'cname CNAME d-ta', f'_25._tcp.own TLSA {tlsa(3, 1, 1, ANY[0])}', 'own CNAME backup')]
lines.append(('plain.example', 'none2 A 127.0.9.200'))
domain('d-alias', 'alias')
domain('d-half', 'half')
domain('d-late', 'late')
domain('d-own', 'own')
key = key_for('sec.example')
for zone in ('sec.example', 'plain.example'):
    write_zone(zone, '\n'.join(line for z, line in lines if z == zone) + '\n', key if zone == 'sec.example' else None,
               [(r'(?m)^(_25\._tcp\.bogus\.\S+\s\d+\sIN\sTLSA\s3 1 1 )0', r'\g<1>1')] if zone == 'sec.example' else ())
nsd = serve_zones('sec.example', 'plain.example')
control('nameservers', SERVER + '\n')
trust(key)

# ---- between remote-send and resolve: what is asked ----
resolve_program, resolve_control = start_resolve()
asked = []


def relay(end):
    ours, theirs = pair()
    socket.send_fds(resolve_control, [b'S1\0'], [theirs.fileno()])
    theirs.close()
    with end, ours:
        while packet := end.recv(20000):
            request = dict(unpack(packet))
            asked.append((request['Q'], request['D']))
            ours.send(packet)
            end.sendall(ours.recv(20000))


servers.resolver_session = relay
control('tlspolicy', '''
d-none.sec.example dane
d-ee10.sec.example dane
d-pkix.sec.example dane
insecure.plain.example dane
wrong.sec.example may
enc.example encrypt
ver.example verify other.example
clear.example none
''')
sender = Sender()
listening = {}
threading.excepthook = lambda _: None
SIMPLE = b'Subject: x\n\nhello\n'


def server(name, **how):
    """The one at that host, as it has to be now."""
    if name in listening:
        listening[name].listener.shutdown(socket.SHUT_RDWR)  # its thread ends
        listening[name].listener.close()
    how.setdefault('pair', ANY)
    listening[name] = Server(address=addresses.get(name, '127.0.9.200'), **how)
    return listening[name]


def expect(label, name, wanted, domain=None, message=SIMPLE, flags=(), use=None, mark='0', told=False, **how):
    """wanted: tls or clear, if it goes; else kind, code and words."""
    s = use or server(name, **how)
    del asked[:]
    c = Channel(sender, domain=domain or f'd-{name}.sec.example')
    answers.pop(c.domain, None)
    got = c.send(message, flags=flags, mark=mark)
    c.end.close()
    if isinstance(wanted, str):
        held = got and got[0] == 'K' and len(s.messages) == 1 and \
            any(x.startswith('tls MAIL') for x in s.commands) == (wanted == 'tls')
    else:
        held = got and got[:2] == wanted[:2] and wanted[2] in got[2] and any('MAIL' in x for x in s.commands) == told
    check(label, held, (got, s.commands, asked))
    return s


def questions():
    return [name for question, name in asked if question == 'tlsa']


# ---- DANE-EE and DANE-TA, in each form ----
for selector in (0, 1):
    for matching in (0, 1, 2):
        s = expect(f'3 {selector} {matching}', f'ee{selector}{matching}', 'tls', mark='1')
check('the log', logged(r'1{23} tls=TLSv1\.3 cipher=\w+ verified=dane server=ee00\.sec\.example\['))
check('SNI is the base domain', s.names == ['ee12.sec.example'], s.names)
check('asked once', questions() == ['_25._tcp.ee12.sec.example'], asked)
for selector in (0, 1):
    for matching in (0, 1, 2):
        name = f'ta{selector}{matching}'
        expect(f'2 {selector} {matching}', name, 'tls', pair=by_ta(name + '.sec.example'), mark='2')
check('the log of these', logged(r'2{23} tls=TLSv1\.3 cipher=\w+ verified=dane server=ta00\.sec\.example\['))
expect('2 0 1: the name of the domain', 'ta', 'tls', pair=by_ta('d-ta.sec.example'))
expect('2 0 1: another name', 'ta', ('Z', '4.7.5', 'mismatch'), pair=by_ta('x.sec.example'))
expect('2 0 1: expired', 'ta', ('Z', '4.7.5', 'expired'), pair=by_ta('ta.sec.example', days=-1))
expect('2 0 1: another authority', 'ta', ('Z', '4.7.5', ''), pair=certificate('ta.sec.example'))
expect('3 1 1: expired, of no name: as good as any', 'expired', 'tls', pair=EXPIRED)
expect('one of two', 'both', 'tls')
s = expect('none is like it', 'wrong', ('Z', '4.7.5', 'DANE'))
check('... and nobody tried in clear', s.connections == 1, s.commands)
expect('no STARTTLS', 'ee11', ('Z', '4.7.4', 'not to be had'), before=())
s = expect('a handshake that breaks', 'ee11', ('Z', '4.7.4', 'not to be had'), garbage=b'')
check('... and no second connection in clear', s.connections == 1, s.commands)
expect('STARTTLS is refused', 'ee11', ('Z', '4.7.4', 'not to be had'), starttls=b'454 4.7.0 not now\r\n')
s = server('wrong')
expect('the next host, if the first is not right', 'backup', 'tls', domain='second.sec.example')
check('... the first got nothing', not any('MAIL' in x for x in s.commands), s.commands)

w = server('wrong')
expect('the first puts it off, the next is not right', 'ee11', ('Z', '4.7.1', 'ee11'), domain='later.sec.example',
       replies={'tls EHLO': b'250 x\r\n', 'tls MAIL': b'451 4.7.1 later\r\n'}, told=True)
check('... it was tried, and told nothing', w.connections == 1 and not any('MAIL' in x for x in w.commands), w.commands)

# ---- records that are of no use, or none ----
expect('PKIX usages: encrypted, unverified', 'pkixbad', 'tls', mark='3')
check('... and so in the log', logged(r'3{23} tls=TLSv1\.3 cipher=\w+ verified=\S*certificate\S* dane=unusable server='))
expect('PKIX usages: not in clear', 'pkixbad', ('Z', '4.7.4', 'not to be had'), before=())
expect('PKIX beside one that counts', 'mixed', ('Z', '4.7.5', 'DANE'))
expect('broken and unknown ones: encrypted', 'odd', 'tls')
expect('broken and unknown ones: not in clear', 'odd', ('Z', '4.7.4', 'not to be had'), before=())
expect('no records: in clear', 'backup', 'clear', before=())
expect('a host that is not secure', 'plainmx', 'clear', before=())
check('... is not asked about', questions() == [], asked)
s = server('wrong')
expect('MX that are not secure', 'wrong', ('Z', '4.7.5', 'TLSA'), domain='insecure.plain.example', use=s)
check('... is not asked about, either', questions() == [] and s.connections == 0, asked)
s = expect('forged records', 'bogus', ('Z', '4.4.3', 'TLSA'))
check('... and no connection', s.connections == 0, s.commands)
expect('forged records: the next host', 'backup', 'tls', domain='next.sec.example')
check('... the first got nothing', listening['bogus'].connections == 0)

# ---- aliases: section 2.2 ----
s = expect('a host that is an alias: below the last name', 'ee11', 'tls', domain='d-alias.sec.example')
check('... whose name is asked for', s.names == ['ee11.sec.example'] and questions() == ['_25._tcp.ee11.sec.example'], (s.names, asked))
s = expect('... else below its own', 'backup', 'tls', domain='d-own.sec.example')
check('... after the other', questions() == ['_25._tcp.backup.sec.example', '_25._tcp.own.sec.example'] and
      s.names == ['own.sec.example'], (s.names, asked))
s = expect('an alias into what is not secure', 'half', 'tls')
check('... its own name', questions() == ['_25._tcp.half.sec.example'] and s.names == ['half.sec.example'], (s.names, asked))
expect('... and not in clear', 'half', ('Z', '4.7.4', ''), before=())
expect('2 0 1: the alias is no name of it', 'ta', ('Z', '4.7.5', 'mismatch'), domain='d-late.sec.example', pair=by_ta('late.sec.example'))
expect('2 0 1: a domain that is an alias', 'ta', 'tls', domain='cname.sec.example', pair=by_ta('cname.sec.example'))
expect('2 0 1: the name it is an alias for', 'ta', 'tls', domain='cname.sec.example', pair=by_ta('d-ta.sec.example'))

# ---- control/tlspolicy ----
expect('dane: with records', 'ee10', 'tls')
s = expect('dane: without', 'none', ('Z', '4.7.5', 'no TLSA records'))
check('... no connection', s.connections == 0)
expect('dane: none of use', 'pkix', ('Z', '4.7.5', 'usable'))
OPTIONAL = b'Subject: x\nTLS-Required: No\n\nhello\n'
expect('TLS-Required: No, to a host that is not right', 'wrong', 'tls', message=OPTIONAL)
expect('TLS-Required: No, in clear', 'wrong', 'clear', message=OPTIONAL, before=())
expect('TLS-Required: No, where dane is asked for', 'none', 'clear', message=OPTIONAL, before=())
expect('TLS-Required: No, forged records', 'bogus', 'tls', message=OPTIONAL)
REQUIRE, OFFERED = (('Q', ''),), dict(after=('REQUIRETLS',))
expect('REQUIRETLS: by DANE', 'ee11', 'tls', flags=REQUIRE, **OFFERED)
expect('REQUIRETLS: where dane is asked for', 'ee10', 'tls', flags=REQUIRE, **OFFERED)
expect('REQUIRETLS: not right', 'wrong', ('D', '5.7.10', 'DANE'), flags=REQUIRE, **OFFERED)
expect('REQUIRETLS: of no use', 'pkix', ('D', '5.7.10', 'usable'), flags=REQUIRE, **OFFERED)
expect('REQUIRETLS: of no use, and no certificate', 'pkixbad', ('D', '5.7.10', 'certificate'), flags=REQUIRE, **OFFERED)
expect('REQUIRETLS: dane without records', 'none', ('D', '5.7.10', 'no TLSA records'), flags=REQUIRE, **OFFERED)
expect('REQUIRETLS: records that nobody knows now', 'bogus', ('Z', '4.4.3', 'TLSA'), flags=REQUIRE, **OFFERED)
check('it ends', sender.end() == (0, 0, 0))

# ---- routes, and policies that count more ----
control('smtproutes', f'''
route.example:ta.sec.example
smtps.example:smtps:smtps.sec.example
lmtp.example:lmtp:lmtp.sec.example
port.example:ee11.sec.example:2525
enc.example:wrong.sec.example
ver.example:wrong.sec.example
clear.example:ee11.sec.example
literal.example:[{addresses['wrong']}]
''')
sender = Sender()
expect('a route: its name', 'ta', 'tls', domain='route.example', pair=by_ta('ta.sec.example'))
check('... the port', questions() == ['_25._tcp.ta.sec.example'], asked)
expect('a route: not the domain', 'ta', ('Z', '4.7.5', 'mismatch'), domain='route.example', pair=by_ta('route.example'))
expect('smtps', 'smtps', 'tls', domain='smtps.example', implicit=True, port=465, mark='4')
check('... by its port', questions() == ['_465._tcp.smtps.sec.example'] and logged('4{23} .* verified=dane '), asked)
expect('another port has its own', 'ee11', 'clear', domain='port.example', port=2525, before=())
check('... records', questions() == ['_2525._tcp.ee11.sec.example'], asked)
expect('LMTP: it is about SMTP', 'lmtp', 'clear', domain='lmtp.example', before=(), port=24)
check('... nothing is asked', questions() == [], asked)
expect('encrypt counts more', 'wrong', 'tls', domain='enc.example')
expect('verify counts more', 'wrong', ('Z', '4.7.5', 'mismatch'), domain='ver.example', pair=certificate('x.example'))
expect('verify, by an authority', 'wrong', 'tls', domain='ver.example', pair=OTHER)
expect('none counts more', 'ee11', 'clear', domain='clear.example')
check('... nothing is asked', questions() == [], asked)
expect('an address: nothing is asked', 'wrong', 'clear', domain='literal.example', before=())
check('... indeed', questions() == [], asked)
check('it ends, too', sender.end() == (0, 0, 0))
resolve_control.close()
check('resolve ends', resolve_program.wait(10) == 0)
nsd.kill()
done()
