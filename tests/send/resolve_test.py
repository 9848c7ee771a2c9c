#!/usr/bin/env python3
"""resolve_test - resolve, asking a name server of this test's own."""
import os, shutil, socket, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from net import *

if shutil.which('dnsmasq') is None:
    print('1..0 # skip needs dnsmasq')
    sys.exit(0)
on_net()
with open(MTA + '/resolv.conf', 'w') as f:
    f.write('nameserver 127.0.0.53\n')
with open(MTA + '/hosts', 'w') as f:
    f.write('192.0.2.77 infile.example\n')
for name in ('resolv.conf', 'hosts'):
    os.chmod(f'{MTA}/{name}', 0o644)
    subprocess.run(['mount', '--bind', f'{MTA}/{name}', os.path.realpath('/etc/' + name)], check=True)

HOSTS = {'mx1': '192.0.2.1,2001:db8::1', 'mx2': '192.0.2.2', 'mx3': '192.0.2.3', 'bare': '192.0.2.9', 'me': '192.0.2.200'}
MX = [('many', 'mx3', 30), ('many', 'mx1', 10), ('many', 'mx2', 20), ('equal', 'mx1', 5), ('equal', 'mx2', 5),
      ('equal', 'mx3', 5), ('loop', 'me', 10), ('loop', 'mx1', 10), ('loop', 'mx2', 20), ('behind', 'mx1', 5),
      ('behind', 'me', 10), ('behind', 'mx2', 10), ('behind', 'mx3', 20), ('dead', 'nohost', 10), ('half', 'nohost', 5),
      ('half', 'mx2', 10), ('case', 'ME', 10)] + [('big', f'h{i}', 10 + i) for i in range(30)]
LONG = 'x' * 50 + '.' + 'y' * 50 + '.' + 'z' * 50 + '.' + 'w' * 50
arguments = ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--port=53',
             '--listen-address=127.0.0.53', '--bind-interfaces', '--local=/example/', '--user=root', '--pid-file=',
             '--edns-packet-max=4096', '--local-ttl=600', '--dns-rr=nullmx.example,15,000000',
             '--dns-rr=odd.example,15,000a03612062076578616d706c6500', '--mx-host=' + 'longs.example,' + LONG + '.example,9']
arguments += ['--txt-record=text.example,one,two', '--txt-record=odd.text.example,a\u00f6b', '--txt-record=long.example,' + ',' .join(['z' * 200] * 3),
              '--ptr-record=9.9.9.10.in-addr.arpa,named.example', '--ptr-record=9.9.9.10.in-addr.arpa,other.example',
              '--local=/in-addr.arpa/']
arguments += [f'--host-record={name}.example,{addresses}' for name, addresses in HOSTS.items()]
arguments += [f'--mx-host={domain}.example,{host}.example,{number}' for domain, host, number in MX]
arguments += [f'--host-record=h{i}.example,' + f'10.0.{i}.1' for i in range(30)]
arguments += [f'--host-record={LONG}.example,10.9.9.{i},2001:db8::{i}' for i in range(1, 20)]
server = subprocess.Popen(arguments)


def is_up():
    query = b'\0\1\1\0\0\1\0\0\0\0\0\0\3mx1\7example\0\0\1\0\1'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.1)
        try:
            s.sendto(query, ('127.0.0.53', 53))
            return len(s.recv(512)) > 0
        except OSError:
            return False


check('the name server is up', wait_for(is_up))


def start_resolve():
    ours, theirs = pair()
    program = start('resolve', stdin=theirs.fileno())
    theirs.close()
    return program, ours


def ask(end, question, domain):
    end.send(pack(('Q', question), ('D', domain)))
    records = unpack(end.recv(20000))
    if not records:
        return f'gone: {program.wait(5)}', []
    return records[0][1], [tuple(value.split(' ')) for tag, value in records[1:]]


def hosts(answer):
    """Hosts in their order, each once."""
    return answer[0], list(dict.fromkeys(host.removesuffix('.example') for _, host, _ in answer[1]))


program, control_end = start_resolve()
control_end.settimeout(40)
got = ask(control_end, 'route', 'many.example')
check('MX by preference', hosts(got) == ('ok', ['mx1', 'mx2', 'mx3']), got)
check('both families', {a for n, h, a in got[1] if h == 'mx1.example'} == {'192.0.2.1', '2001:db8::1'}, got)
check('preferences', [n for n, h, a in got[1]] == ['10', '10', '20', '30'], got)
orders = {tuple(hosts(ask(control_end, 'route', 'equal.example'))[1]) for _ in range(60)}
check('equal ones in every order', len(orders) == 6, orders)
texts = lambda question, name: (lambda got: (got[0], sorted(' '.join(t) for t in got[1])))(ask(control_end, question, name))
check('TXT, its strings joined', texts('text', 'text.example') == ('ok', ['onetwo']), texts('text', 'text.example'))
check('TXT, what is not visible', texts('text', 'odd.text.example') == ('ok', ['a??b']), texts('text', 'odd.text.example'))
check('TXT, too long: cut', [len(t) for t in texts('text', 'long.example')[1]] in ([200], [255]), texts('text', 'long.example'))
check('no TXT', texts('text', 'mx1.example')[0] == texts('text', 'nothing.example')[0] == 'noname')
check('PTR', texts('names', '9.9.9.10.in-addr.arpa') == ('ok', ['named.example', 'other.example']), texts('names', '9.9.9.10.in-addr.arpa'))
check('no PTR', texts('names', '200.9.9.10.in-addr.arpa')[0] == 'noname')
for number in range(1, 31):
    control_end.send(pack(('Q', 'addresses'), ('D', f'h{number % 30}.example'), ('I', number)))
found = [dict(unpack(control_end.recv(20000))) for _ in range(30)]
check('thirty at once, told apart by their numbers', all(f['M'].split()[2] == f'10.0.{int(f["I"]) % 30}.1' for f in found) and
      len({f['I'] for f in found}) == 30, found)
check('the implicit MX', ask(control_end, 'route', 'bare.example') == ('ok', [('0', 'bare.example', '192.0.2.9')]))
for domain, status in (('nullmx', 'nullmx'), ('no.such', 'noname'), ('loop', 'loop'), ('me', 'loop'), ('case', 'loop'),
                       ('dead', 'noname'), ('odd', 'later')):
    got = ask(control_end, 'route', domain + '.example')
    check(f'{domain}: {status}', got == (status, []), got)
got = ask(control_end, 'route', 'behind.example')
check('only those better than ourselves', hosts(got) == ('ok', ['mx1']), got)
got = ask(control_end, 'route', 'half.example')
check('a host that does not exist is passed over', hosts(got) == ('ok', ['mx2']), got)
got = ask(control_end, 'route', 'big.example')
check('twenty hosts of thirty', got[0] == 'ok' and len(hosts(got)[1]) == 20, got)
got = ask(control_end, 'route', 'longs.example')
check('eight addresses of a host', got[0] == 'ok' and len(got[1]) == 8, got)
got = ask(control_end, 'addresses', 'mx1.example')
check('addresses of a host', got[0] == 'ok' and {a for _, _, a in got[1]} == {'192.0.2.1', '2001:db8::1'}, got)
check('our own too', ask(control_end, 'addresses', 'me.example')[1] == [('0', 'me.example', '192.0.2.200')])
check('addresses: no MX counts', ask(control_end, 'addresses', 'many.example') == ('noname', []))
check('/etc/hosts', ask(control_end, 'addresses', 'infile.example')[1] == [('0', 'infile.example', '192.0.2.77')])

# ---- sessions ----
sessions = []
for i in range(20):
    end, other = pair()
    socket.send_fds(control_end, [b'S1\0'], [other.fileno()])
    other.close()
    sessions.append(end)
for i, end in enumerate(sessions):
    end.send(pack(('Q', 'addresses'), ('D', f'h{i}.example')))
check('twenty sessions, each its own answer', all(
    unpack(end.recv(20000))[1] == ('M', f'0 h{i}.example 10.0.{i}.1') for i, end in enumerate(sessions)))
sessions[0].send(pack(('Q', 'route'), ('D', 'many.example')))
for end in sessions:
    end.close()
for garbage in (b'garbage', b'Qroute\0', b'Qwhat\0Dx\0', b'Qroute\0D\0', b'Qroute\0D' + b'x' * 300 + b'\0', b'\0' * 100):
    control_end.send(garbage)
check('garbage is passed over', ask(control_end, 'addresses', 'mx2.example')[0] == 'ok')
for name in ('a b.example', 'x' * 64 + '.example', '..', 'ä.example'):
    got = ask(control_end, 'route', name)
    check(f'{name[:10]}: an answer', got[0] in ('noname', 'later'), got)

got = ask(control_end, 'route', 'refused.elsewhere')
check('the name server refuses: later', got == ('later', []), got)
server.kill()
server.wait()
check('what is known is still known', ask(control_end, 'route', 'bare.example')[0] == 'ok')
control_end.close()
check('it exits 0 at the end', program.wait(10) == 0, program.returncode)

# ---- control/nameservers ----
arguments[arguments.index('--listen-address=127.0.0.53')] = '--listen-address=127.0.0.54'
server = subprocess.Popen(arguments)
control('nameservers', '127.0.0.54\n')
program, control_end = start_resolve()
got = wait_for(lambda: (lambda a: a if a[0] == 'ok' else None)(ask(control_end, 'route', 'many.example')))
check('control/nameservers', got and hosts(got)[1] == ['mx1', 'mx2', 'mx3'], got)
control_end.send(pack(('Q', 'route'), ('D', 'fresh.example')))
control_end.close()
check('it exits 0 with a question open', program.wait(10) == 0, program.returncode)
server.kill()
control('nameservers', 'not an address\n')
p = start('resolve', stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
error = p.communicate(timeout=10)[1]
check('a broken control file', p.returncode == 75 and 'nameservers' in error, error)
p = start('resolve', '-h', stdout=subprocess.PIPE, text=True)
check('-h', p.communicate(timeout=10)[0].startswith('usage: resolve') and p.returncode == 0)
check('wrong usage', start('resolve', 'x', stderr=subprocess.DEVNULL).wait(10) == 64)
done()
