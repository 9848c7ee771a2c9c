#!/usr/bin/env python3
"""dnssec_test - resolve, asking a name server whose zones are signed, or not,
or forged."""
import os, shutil, subprocess, sys, tempfile
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from net import *
from zones import *

need_tools()
on_net()
A, B = 'a' * 64, 'b' * 64
key, root_key = key_for('sec.example'), key_for('.')
FORGED = [(r'(?m)^(forged-host\.\S+\s\d+\sIN\sA\s).*$', r'\g<1>192.0.2.66'),
          (r'(?m)^(forgedmx\.\S+\s\d+\sIN\sMX\s).*$', r'\g<1>10 mx1.sec.example.'),
          (r'(?m)^(_25\._tcp\.mx2\.\S+\s\d+\sIN\sTLSA\s3 1 1 ).*$', r'\g<1>' + B)]
write_zone('sec.example', f'''
mx1 A 192.0.2.1
mx1 AAAA 2001:db8::1
_25._tcp.mx1 TLSA 3 1 1 {A}
_25._tcp.mx1 TLSA 2 0 1 {B}
_25._tcp.mx1 TLSA 0 0 0 {'cd' * 3100}
mx2 A 192.0.2.2
_25._tcp.mx2 TLSA 3 1 1 {A}
alias CNAME mx1
half CNAME mx.plain.example.
forged-host A 192.0.2.5
good MX 10 mx1
good MX 20 mx2
aliased MX 10 alias
halved MX 10 half
other MX 10 mx.plain.example.
domain CNAME good
bare A 192.0.2.9
forgedmx MX 10 mx2
behind MX 10 forged-host
behind MX 20 mx1
odd CNAME forged-host
outer CNAME two.plain.example.
*.wild MX 10 mx1
text TXT "hello"
''', key, FORGED)
write_zone('plain.example', f'''
mx A 192.0.2.7
_25._tcp.mx TLSA 3 1 1 {A}
two CNAME mx
in MX 10 mx1.sec.example.
''')
write_zone('lan', 'mail A 10.0.0.1\n')
with open(f'{FOLDER}/{key}.ds') as f:
    write_zone('.', f'sec.example NS ns.sec.example.\nns.sec.example A {SERVER}\nplain.example NS ns.plain.example.\n'
               f'ns.plain.example A {SERVER}\n' + f.read(), root_key)
server = serve_zones('sec.example', 'plain.example', 'lan', '.')
control('nameservers', SERVER + '\n')
trust(key)
program, end = start_resolve()


def ask(question, name):
    end.send(pack(('Q', question), ('D', name)))
    records = unpack(end.recv(20000))
    return records[0][1], records[1:]


def secure(question, name):
    """Each host with its secure name, and the alias."""
    status, records = ask(question, name)
    hops = [v.split(' ') for t, v in records if t == 'M']
    return status, {h[1].removesuffix('.example'): h[3].removesuffix('.example') if len(h) > 3 else None for h in hops}, \
        [v for t, v in records if t == 'C']


for label, question, name, wanted in (
        ('MX and addresses that are secure', 'route', 'good.sec.example',
         ('ok', {'mx1.sec': 'mx1.sec', 'mx2.sec': 'mx2.sec'}, [])),
        ('addresses alone', 'addresses', 'mx1.sec.example', ('ok', {'mx1.sec': 'mx1.sec'}, [])),
        ('a domain without MX', 'route', 'bare.sec.example', ('ok', {'bare.sec': 'bare.sec'}, [])),
        ('MX that a wildcard makes', 'route', 'x.wild.sec.example', ('ok', {'mx1.sec': 'mx1.sec'}, [])),
        ('a host that is an alias', 'route', 'aliased.sec.example', ('ok', {'alias.sec': 'mx1.sec'}, [])),
        ('an alias into what is not secure', 'route', 'halved.sec.example', ('ok', {'half.sec': 'half.sec'}, [])),
        ('... through two', 'addresses', 'outer.sec.example', ('ok', {'outer.sec': 'outer.sec'}, [])),
        ('a host that is not secure', 'route', 'other.sec.example', ('ok', {'mx.plain': None}, [])),
        ('a domain that is an alias', 'route', 'domain.sec.example',
         ('ok', {'mx1.sec': 'mx1.sec', 'mx2.sec': 'mx2.sec'}, ['good.sec.example'])),
        ('MX that are not secure', 'route', 'in.plain.example', ('ok', {'mx1.sec': None}, [])),
        ('addresses that are not', 'addresses', 'two.plain.example', ('ok', {'two.plain': None}, [])),
        ('forged MX', 'route', 'forgedmx.sec.example', ('later', {}, [])),
        ('forged addresses: the next host', 'route', 'behind.sec.example', ('ok', {'mx1.sec': 'mx1.sec'}, [])),
        ('an alias for what is forged', 'addresses', 'odd.sec.example', ('later', {}, [])),
        ('no such name', 'route', 'nothing.sec.example', ('noname', {}, []))):
    got = secure(question, name)
    check(label, got == wanted, got)

got = ask('tlsa', '_25._tcp.mx1.sec.example')
check('TLSA records', got[0] == 'ok' and sorted(got[1]) == [('R', '0 0 0 '), ('R', f'2 0 1 {B}'), ('R', f'3 1 1 {A}')], got)
check('none', ask('tlsa', '_25._tcp.bare.sec.example') == ('noname', []))
check('none that is secure', ask('tlsa', '_25._tcp.mx.plain.example') == ('noname', []))
check('forged ones', ask('tlsa', '_25._tcp.mx2.sec.example') == ('later', []))
check('a text, all the same', ask('text', 'text.sec.example') == ('ok', [('T', 'hello')]))
end.close()
check('it ends', program.wait(10) == 0)

# ---- without keys, and with those of the root that this name server lacks ----
for label, setting in (('no validation', 'none\n'), ('the default', '')):
    control('trustanchor', setting)
    with tempfile.TemporaryFile() as log:
        program, end = start_resolve(stderr=log)
        check(f'{label}: what is forged goes as ever', ask('addresses', 'forged-host.sec.example') ==
              ('ok', [('M', '0 forged-host.sec.example 192.0.2.66')]))
        check(f'{label}: nothing is secure', secure('route', 'good.sec.example') ==
              ('ok', {'mx1.sec': None, 'mx2.sec': None}, []) and ask('tlsa', '_25._tcp.mx1.sec.example') == ('noname', []))
        end.close()
        program.wait(10)
        log.seek(0)
        text = log.read()
    check(f'{label}: the log', (b'no DNSSEC so far' in text) == (setting == ''), text)

# ---- with those of the root, which has signatures ----
if os.path.exists('/usr/share/dns/root.key'):
    subprocess.run(['mount', '--bind', f'{FOLDER}/{root_key}.key', '/usr/share/dns/root.key'], check=True)
    os.chmod(FOLDER, 0o755)
    shutil.copy(f'{os.environ["BUILD"]}/service/confine', MTA + '/bin/')
    with tempfile.TemporaryFile() as log:
        end, theirs = pair()  # as in service/queue/run: it reads the keys in its outer jail
        program = subprocess.Popen([MTA + '/bin/confine', '-u', 'nobody', '-N', '-r', '/etc/resolv.conf', '-r', '/etc/hosts', '-r',
                                    '/usr/share/dns', MTA + '/bin/resolve'], stdin=theirs.fileno(), stderr=log)
        theirs.close()
        end.settimeout(40)
        check('the root: forged is forged, from the first question on',
              ask('addresses', 'forged-host.sec.example') == ('later', []))
        check('the root: secure, by DS', secure('route', 'good.sec.example')[1] == {'mx1.sec': 'mx1.sec', 'mx2.sec': 'mx2.sec'})
        check('the root: a domain without DS', secure('addresses', 'two.plain.example') == ('ok', {'two.plain': None}, []))
        check('the root: no such name', ask('route', 'no.such')[0] == 'noname')
        check('the root: a name of the site', secure('addresses', 'mail.lan') == ('ok', {'mail.lan': None}, []))
        end.close()
        program.wait(10)
        log.seek(0)
        check('the root: nothing to say', log.read() == b'')

# ---- domains that are not looked at ----
trust(key)
control('insecuredomains', 'forged-host.sec.example\n')
program, end = start_resolve()
check('control/insecuredomains', secure('addresses', 'forged-host.sec.example') == ('ok', {'forged-host.sec': None}, []) and
      secure('addresses', 'mx1.sec.example') == ('ok', {'mx1.sec': 'mx1.sec'}, []))
end.close()
program.wait(10)
control('insecuredomains', '')
for label, setting, words in (
        ('no path', 'root.key\n', 'trustanchor:1: write a whole path'), ('no file', '/nothing\n', 'No such file'),
        ('no keys', CONTROL + 'me\n', 'DS or DNSKEY'), ('broken keys', CONTROL + 'broken.key\n', 'broken keys')):
    control('broken.key', 'sec.example. IN DS 1 2 3 xyz\n')
    control('trustanchor', setting)
    p = start('resolve', stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    error = p.communicate(timeout=10)[1]
    check(f'trustanchor: {label}', p.returncode == 75 and words in error, error)
server.kill()
done()
