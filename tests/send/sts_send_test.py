#!/usr/bin/env python3
"""sts_send_test - MTA-STS (RFC 8461): sts, which fetches what domains publish,
and remote-send, which holds their mail hosts to it."""
import http.server, os, signal, ssl, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *
from servers import *

STORE = MTA + '/sts/'
os.mkdir(STORE)
os.chown(STORE, 65534, 65534)
os.chmod(STORE, 0o700)


class PolicyHost:
    """A domain's record and its web server."""
    used = 0

    def __init__(self, domain, mode='enforce', mx=('mx.example',), max_age=86400, record='v=STSv1; id=1;', body=None, status=200,
                 type='text/plain', name=None, delay=0, header=(), days=2, listening=True, drip=False):
        PolicyHost.used += 1
        self.domain, self.address, self.fetched = domain, f'127.0.4.{PolicyHost.used}', []
        self.status, self.type, self.delay, self.header, self.drip = status, type, delay, header, drip
        self.publish(mode, mx, max_age, record)
        if body is not None:
            self.body = body
        answers['mta-sts.' + domain] = pack(('S', 'ok'), ('M', f'0 mta-sts.{domain} {self.address}'))
        if not listening:
            return
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.fetched.append(self.path)
                time.sleep(outer.delay)
                self.send_response(outer.status)
                self.send_header('Content-Type', outer.type)
                for words in outer.header:
                    self.send_header(*words)
                self.end_headers()
                for at in range(0, len(outer.body), 1 if outer.drip else 1 << 20):
                    self.wfile.write(outer.body[at:at + (1 if outer.drip else 1 << 20)])
                    self.wfile.flush()
                    time.sleep(1 if outer.drip else 0)

            def log_message(self, *_):
                pass
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(name or 'mta-sts.' + domain, days))

        class Web(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass

            def finish_request(self, request, address):
                super().finish_request(context.wrap_socket(request, server_side=True), address)
        self.web = Web((self.address, 443), Handler)
        threading.Thread(target=self.web.serve_forever, daemon=True).start()

    def publish(self, mode='enforce', mx=('mx.example',), max_age=86400, record='v=STSv1; id=1;'):
        self.body = ''.join(f'{line}\r\n' for line in ('version: STSv1', f'mode: {mode}', *(f'mx: {m}' for m in mx),
                                                       f'max_age: {max_age}')).encode()
        self.say(record)

    def say(self, *records):
        answers['_mta-sts.' + self.domain] = pack(('S', 'ok'), *(('T', r) for r in records)) if records and records[0] \
            else pack(('S', 'noname'))

    def down(self):
        self.web.shutdown()
        self.web.server_close()


NO_TLS = dict(before=())
EVIL = dict(host='mx.evil.example', pair=certificate('mx.evil.example'))  # as good as any, but for the policy
control('stsrecheck', '0')
control('stsretry', '0')
control('ststimeout', '3')


def held(got, servers, wanted):
    """wanted: tls or clear, if it goes; else kind, code and words."""
    told = [x for s in servers for x in s.commands if 'MAIL' in x]
    if isinstance(wanted, str):
        return bool(got) and got[0] == 'K' and len(told) == 1 and told[0].startswith('tls') == (wanted == 'tls')
    return bool(got) and got[:2] == wanted[:2] and wanted[2] in got[2] and not told


def expect(label, domain, wanted, host='mx.example', message=b'Subject: x\n\nhello\n', flags=(), mark='0', **how):
    s = Server(**how)
    c = Channel(sender, s, domain=domain, host=host)
    got = c.send(message, flags=flags, mark=mark)
    check(label, held(got, [s], wanted), (got, s.commands))
    c.end.close()
    return s


sender = Sender(with_sts=True)

# ---- enforce ----
h = PolicyHost('enforce.example')
s = expect('enforce: a host of the policy, verified', 'enforce.example', 'tls')
check('... whose name was asked for', s.names == ['mx.example'], s.names)
check('the policy came from its place', h.fetched == ['/.well-known/mta-sts.txt'], h.fetched)
check('... and is kept', wait_for(lambda: os.listdir(STORE) == ['enforce.example'], 5), os.listdir(STORE))
check('... and told in the log', logged('domain=enforce.example policy=enforce id=1 max_age=86400'))
s = expect('enforce: another name than the policy has', 'enforce.example', ('Z', '4.7.5', 'MTA-STS'), **EVIL)
check('... is not even connected to', s.connections == 0, s.connections)
check('... is in the log', logged('sts=enforce domain=enforce.example host=mx.evil.example refused: '))
s = expect('enforce: not the right certificate', 'enforce.example', ('Z', '4.7.5', 'MTA-STS'), pair=OTHER)
check('... and QUIT was said', wait_for(lambda: s.commands[-1] == 'tls QUIT'), s.commands)
expect('enforce: out of date', 'enforce.example', ('Z', '4.7.5', 'expired'), pair=OLD)
expect('enforce: not offered', 'enforce.example', ('Z', '4.7.4', 'MTA-STS'), **NO_TLS)
expect('enforce: 454', 'enforce.example', ('Z', '4.7.4', 'MTA-STS'), starttls=b'454 4.7.0 no\r\n')
s = expect('enforce: a broken handshake', 'enforce.example', ('Z', '4.7.4', 'MTA-STS'), garbage=b'250 hello\r\n')
check('... and no second connection in clear', s.connections == 1, s.connections)
check('one fetch for all of them', len(h.fetched) == 1, h.fetched)
bad, good = Server(), Server()
c = Channel(sender, domain='enforce.example')
answers['enforce.example'] = pack(('S', 'ok'), ('M', f'5 mx.evil.example {bad.address}'), ('M', f'10 mx.example {good.address}'))
got = c.send()
check('enforce: a host that is not in the policy is passed over', got[0] == 'K' and bad.connections == 0 and len(good.messages) == 1,
      (got, bad.commands))
bad, good = Server(pair=OTHER), Server()
c = Channel(sender, domain='enforce.example')
answers['enforce.example'] = pack(('S', 'ok'), ('M', f'5 mx.example {bad.address}'), ('M', f'10 mx.example {good.address}'))
got = c.send()
check('enforce: the next one, where one is not verified', got[0] == 'K' and held(got, [bad, good], 'tls') and good.messages, got)
PolicyHost('wild.example', mx=('other.test', '*.mail.example'))
expect('*. is one label', 'wild.example', ('Z', '4.7.5', 'none of the policy'), host='a.b.mail.example', pair=certificate('a.b.mail.example'))
expect('*. is not none', 'wild.example', ('Z', '4.7.5', 'none of the policy'), host='mail.example', pair=certificate('mail.example'))
pair_of = certificate('a.mail.example')
expect('*. is any label', 'wild.example', 'tls', host='a.mail.example', pair=pair_of)
expect('... in either case, with a dot at the end', 'wild.example', 'tls', host='A.Mail.Example.', pair=pair_of)

# ---- testing, none ----
PolicyHost('testing.example', mode='testing')
expect('testing: in clear', 'testing.example', 'clear', **NO_TLS)
check('... but the log says', logged('sts=testing domain=testing.example host=mx.example would be refused: there is no TLS'))
expect('testing: not verified', 'testing.example', 'tls', pair=OLD)
check('... but the log says', logged('sts=testing domain=testing.example host=mx.example would be refused: .*expired'))
expect('testing: another host', 'testing.example', 'tls', host='mx.evil.example', pair=OTHER)
check('... but the log says', logged('sts=testing domain=testing.example host=mx.evil.example would be refused: it is none'))
h = PolicyHost('none.example', mode='none', mx=())
expect('none: as without', 'none.example', 'clear', host='mx.evil.example', **NO_TLS)
expect('... and again', 'none.example', 'clear', **NO_TLS)
check('... though it is kept', len(h.fetched) == 1 and os.path.exists(STORE + 'none.example'), h.fetched)

# ---- what is no policy ----
PLAIN = b'version: STSv1\nmode: enforce\nmx: mx.other.example\nmax_age: 86400\n'
for label, domain, how, log_words in (
        ('no policy host', 'down.example', dict(listening=False), 'no policy: '),
        ('a redirect', 'redirect.example', dict(status=302, header=(('Location', 'https://mta-sts.elsewhere.example/x'),)), 'HTTP status 302'),
        ('not found', 'missing.example', dict(status=404, body=PLAIN), 'HTTP status 404'),
        ('too large', 'large.example', dict(body=PLAIN + b'x: yyyyyyyyyyyyyyyyyyyyy\n' * 5000), 'over 64 KiB'),
        ('endless headers', 'headers.example', dict(header=[('X-Y', 'z' * 1000)] * 50, body=PLAIN), 'header is over 32 KiB'),
        ('HTML', 'html.example', dict(type='text/html', body=PLAIN), 'not text/plain'),
        ('nonsense', 'nonsense.example', dict(body=b'hello\n'), 'is no policy'),
        ('another version', 'version.example', dict(body=PLAIN.replace(b'STSv1', b'STSv2')), 'is no policy'),
        ('a NUL byte', 'nul.example', dict(body=PLAIN + b'mx: a\0b\n'), 'is no policy'),
        ('the wrong certificate', 'wrong.example', dict(name='www.wrong.example', mx=('x.example',)), 'no policy: SSL'),
        ('one out of date', 'old.example', dict(days=-1, mx=('x.example',)), 'no policy: SSL'),
        ('one that is slow', 'slow.example', dict(delay=30, mx=('x.example',)), 'no policy: '),
        ('one that drips', 'drip.example', dict(drip=True, mx=('x.example',)), 'no policy: '),
        ('no record', 'norecord.example', dict(record=None, mx=('x.example',)), None),
        ('two records', 'two.example', dict(mx=('x.example',)), None),
        ('a record without id', 'noid.example', dict(record='v=STSv1;', mx=('x.example',)), None)):
    h = PolicyHost(domain, **how)
    if label == 'two records':
        h.say('v=STSv1; id=1;', 'v=STSv1; id=2;')
    began = time.monotonic()
    expect(f'{label}: as without a policy', domain, 'clear', **NO_TLS)
    check('... in time, and nothing is kept', time.monotonic() - began < 8 and domain not in os.listdir(STORE), os.listdir(STORE))
    if log_words:
        check('... and the log says why', logged(f'domain={domain}.*{log_words}'))
    else:
        check('... and nothing was fetched', h.fetched == [], h.fetched)
    if label == 'a redirect':
        check('... nobody else was asked for', 'mta-sts.elsewhere.example' not in asked)
h = PolicyHost('texts.example')
h.say('v=spf1 -all', 'v=STSv1; id=1;')
expect('another text beside the record', 'texts.example', ('Z', '4.7.4', ''), **NO_TLS)

# ---- what is kept ----
h = PolicyHost('kept.example')
expect('a policy that is kept', 'kept.example', ('Z', '4.7.4', ''), **NO_TLS)
h.down()
h.say('v=STSv1; id=2;')
expect('... counts when a new one is not to be had', 'kept.example', ('Z', '4.7.4', ''), **NO_TLS)
h.say(None)
expect('... and without a record', 'kept.example', ('Z', '4.7.4', ''), **NO_TLS)
answers['_mta-sts.kept.example'] = pack(('S', 'later'))
expect('... and when the name server is away', 'kept.example', ('Z', '4.7.4', ''), **NO_TLS)
h = PolicyHost('changes.example')
expect('before the change', 'changes.example', ('Z', '4.7.5', 'none of the policy'), host='mx2.example', pair=certificate('mx2.example'))
h.publish(mx=('mx2.example',))
expect('the same id: the policy as it was', 'changes.example', ('Z', '4.7.5', 'none of the policy'), host='mx2.example', pair=certificate('mx2.example'))
check('... without a fetch', len(h.fetched) == 1, h.fetched)
h.say('v=STSv1; id=2;')
expect('another id: the new policy', 'changes.example', 'tls', host='mx2.example', pair=certificate('mx2.example'))
check('... after a fetch', len(h.fetched) == 2, h.fetched)
h = PolicyHost('expires.example', max_age=2)
expect('before it expires', 'expires.example', ('Z', '4.7.4', ''), **NO_TLS)
h.down()
time.sleep(2.2)
expect('after it has', 'expires.example', 'clear', **NO_TLS)
h = PolicyHost('refreshed.example', max_age=4)
expect('a policy of which half the time is over', 'refreshed.example', ('Z', '4.7.4', ''), **NO_TLS)
time.sleep(2.2)
h.delay = 2
began = time.monotonic()
expect('... counts', 'refreshed.example', ('Z', '4.7.4', ''), **NO_TLS)
check('... nobody waits for the new one', time.monotonic() - began < 1.5, time.monotonic() - began)
expect('... nor while it is on its way', 'refreshed.example', ('Z', '4.7.4', ''), **NO_TLS)
check('... which is fetched all the same', wait_for(lambda: len(h.fetched) == 2, 5), h.fetched)

# ---- who has the last word ----
REQUIRE, OFFERED = (('Q', ''),), dict(after=('REQUIRETLS',))
OPTIONAL = b'Subject: x\nTLS-Required: No\n\nhello\n'
expect('TLS-Required: No', 'enforce.example', 'clear', message=OPTIONAL, **NO_TLS)
expect('TLS-Required: No, to another host', 'enforce.example', 'tls', message=OPTIONAL, host='mx.evil.example')
s = Server(pair=OTHER)
c = Channel(sender, s, domain='enforce.example')
got = [c.send(OPTIONAL), c.send()]
check('the next message over that connection is held to the policy', [g[0] for g in got] == ['K', 'Z'] and s.connections == 2, got)
expect('REQUIRETLS: a host that MTA-STS vouches for', 'enforce.example', 'tls', flags=REQUIRE, **OFFERED)
expect('REQUIRETLS: not one that it does not', 'enforce.example', ('Z', '4.7.5', ''), flags=REQUIRE, **EVIL, **OFFERED)
expect('REQUIRETLS: mode testing vouches for nobody', 'testing.example', ('D', '5.7.10', 'mismatch'), flags=REQUIRE, **OFFERED)
check('all end', sender.end() == (0, 0, 0, 0))

for name, policy, domain in (('may', 'named.example may', 'named.example'), ('none', 'named.example none', 'named.example'),
                             ('* none', '* none', 'star.example')):
    PolicyHost(domain)
    control('tlspolicy', policy + '\n')
    sender = Sender(with_sts=True)
    expect(f'control/tlspolicy wins: {name}', domain, 'clear', host='mx.evil.example', **NO_TLS)
    sender.end()
PolicyHost('byhost.example')
control('tlspolicy', 'mx.example may\nmx.evil.example may\n')
sender = Sender(with_sts=True)
expect('control/tlspolicy wins for a host of the policy', 'byhost.example', 'clear', **NO_TLS)
expect('but makes no other host one of them', 'byhost.example', ('Z', '4.7.5', 'MTA-STS'), host='mx.evil.example', **NO_TLS)
sender.end()
control('tlspolicy', '* encrypt\n')
sender = Sender(with_sts=True)
expect('... but not * encrypt', 'star.example', ('Z', '4.7.5', ''), pair=OTHER)
sender.end()
control('tlspolicy', '')
route = Server(**NO_TLS)
control('smtproutes', f'enforce.example:[{route.address}]\n')
sender = Sender(with_sts=True)
got = Channel(sender, domain='enforce.example').send()
check('a route of control/smtproutes: no policy', held(got, [route], 'clear'), got)
sender.end()
control('smtproutes', '')
control('sts', '0')
sender = Sender(with_sts=True)
before = len(asked)
expect('control/sts 0: no policy counts', 'enforce.example', 'clear', **NO_TLS)
check('... and none is asked for', '_mta-sts.enforce.example' not in asked[before:], asked[before:])
sender.end()
control('sts', '1')

# ---- later ----
sender = Sender(with_sts=True)
before = len(asked)
expect('after a new start what was kept counts', 'kept.example', ('Z', '4.7.4', ''), **NO_TLS)
sender.end()
control('stsrecheck', '300')
control('stsretry', '300')
sender = Sender(with_sts=True)
h = PolicyHost('fails.example', listening=False)
for label in ('a fetch that fails', '... is left alone'):
    before = len(asked)
    expect(label, 'fails.example', 'clear', **NO_TLS)
    check('... for some minutes', ('mta-sts.fails.example' in asked[before:]) == (label[0] == 'a'), asked[before:])
before = len(asked)
expect('a domain without a record', 'plain.example', 'clear', **NO_TLS)
expect('... and again', 'plain.example', 'clear', **NO_TLS)
check('... is one question', asked[before:].count('_mta-sts.plain.example') == 1, asked[before:])

# ---- one that is slow holds up nobody else ----
control('stsconcurrency', '2')
control('ststimeout', '4')
sender.end()
sender = Sender(with_sts=True)
slow = [PolicyHost(f'slow{i}.example', delay=20) for i in range(2)]
first = [(Server(**NO_TLS), None) for _ in slow]
channels = [Channel(sender, s, domain=h.domain) for (s, _), h in zip(first, slow)]
results = []
threads = [threading.Thread(target=lambda c=c: results.append((time.monotonic(), c.send()))) for c in channels]
began = time.monotonic()
for t in threads:
    t.start()
check('two that are slow are asked', wait_for(lambda: all(h.fetched for h in slow)))
PolicyHost('third.example')
expect('others go meanwhile', 'plain.example', 'clear', **NO_TLS)
check('... at once', time.monotonic() - began < 3, time.monotonic() - began)
expect('... and what is kept counts', 'kept.example', ('Z', '4.7.4', ''), **NO_TLS)
check('... at once', time.monotonic() - began < 3, time.monotonic() - began)
expect('one more waits for its turn', 'third.example', ('Z', '4.7.4', ''), **NO_TLS)
for t in threads:
    t.join(20)
check('the slow ones took no longer than control/ststimeout', len(results) == 2 and
      all(t - began < 6 and got[0] == 'K' for t, got in results), results)

# ---- files ----
control('stspolicies', '3')
check('all end', sender.end() == (0, 0, 0, 0))
for name in os.listdir(STORE):
    os.unlink(STORE + name)
sender = Sender(with_sts=True)
for i in range(5):
    PolicyHost(f'many{i}.example')
    expect(f'policy {i} of at most three', f'many{i}.example', ('Z', '4.7.4', ''), **NO_TLS)
check('the oldest gives way', sorted(os.listdir(STORE)) == [f'many{i}.example' for i in (2, 3, 4)], os.listdir(STORE))


def command(*words):
    return subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', MTA + '/bin/sts', *words], capture_output=True, text=True)


got = command('-l').stdout.splitlines()
check('sts -l lists them', len(got) == 3 and all(' mode=enforce id=1 expires_s=86' in x and x.endswith(' mx.example') for x in got), got)
got = command('-d', 'many3.example')
check('sts -d drops one', got.returncode == 0 and 'many3.example' not in command('-l').stdout, got)
check('... once', command('-d', 'many3.example').returncode == 69)
check('... no other file', command('-d', '../control/me').returncode == 64)
expect('... which is fetched anew', 'many3.example', ('Z', '4.7.4', ''), **NO_TLS)
check('... and kept again', wait_for(lambda: 'many3.example' in os.listdir(STORE), 5))
days_ago = lambda name, days: os.utime(STORE + name, (time.time() - days * 86400,) * 2)
days_ago('many4.example', 3)
expect('one that was not used for days', 'many4.example', ('Z', '4.7.4', ''), **NO_TLS)
check('... is used today', os.stat(STORE + 'many4.example').st_mtime > time.time() - 600)
with open(STORE + 'many4.example', 'w') as f:
    f.write('version: STSv1\nmode: enf')
expect('a broken file is as none', 'many4.example', ('Z', '4.7.4', ''), **NO_TLS)
check('... and made anew', 'id: 1' in open(STORE + 'many4.example').read())
check('all end', sender.end() == (0, 0, 0, 0))

# ---- without mail ----
control('stspolicies', '10000')


def keep(domain, age, days):
    host = PolicyHost(domain, max_age=864000, record='v=STSv1; id=1;')
    with open(STORE + domain, 'wb') as f:
        f.write(host.body + b'id: 1\nfetched: %d\n' % (time.time() - age))
    os.chown(STORE + domain, 65534, 65534)
    days_ago(domain, days)
    return host


due, new, idle, gone = keep('due.example', 100000, 2), keep('new.example', 100, 2), keep('idle.example', 100000, 40), keep('gone.example', 864001, 2)
sender = Sender(with_sts=True)
check('one in use is fetched anew after a day', wait_for(lambda: due.fetched, 30), due.fetched)
check('... not one that is new, or used no more', not new.fetched + idle.fetched + gone.fetched, (new.fetched, idle.fetched, gone.fetched))
fetched = lambda: int(open(STORE + 'due.example').read().split('fetched: ')[1])
check('... which is no use of it', wait_for(lambda: fetched() > time.time() - 600, 5) and os.stat(STORE + 'due.example').st_mtime < time.time() - 86400,
      os.stat(STORE + 'due.example'))
check('one that is over is removed', wait_for(lambda: 'gone.example' not in os.listdir(STORE), 5), os.listdir(STORE))
check('... no other', all(os.path.exists(STORE + n) for n in ('due.example', 'new.example', 'idle.example')))
check('all end', sender.end() == (0, 0, 0, 0))

# ---- killed at any moment ----
whole = open(STORE + 'many4.example').read().split('fetched')[0]
broken, rounds = [], 25
hosts = [PolicyHost(f'kill{i}.example') for i in range(5)]
for i in range(rounds):
    ours, theirs = pair()
    sts = start('sts', fds={RESOLVE: resolve_theirs.fileno()}, stdin=theirs.fileno(), stderr=subprocess.DEVNULL)
    theirs.close()
    ends = []
    for h in hosts:
        h.publish(record=f'v=STSv1; id={i};')
        end, other = pair()
        socket.send_fds(ours, [b'S1\0'], [other.fileno()])
        other.close()
        end.send(pack(('D', h.domain), ('I', 1)))
        ends.append(end)
    if i == 0:
        wait_for(lambda: [n for n in os.listdir(STORE) if n.startswith('kill')])
    else:
        time.sleep(0.05 + i * 0.01)
    sts.kill()
    sts.wait()
    for name in os.listdir(STORE):
        text = open(STORE + name).read()
        if name.startswith('kill') and (not text.startswith(whole.split('id')[0]) or not text.endswith('\n') or 'fetched: ' not in text):
            broken.append((name, text))
    ours.close()
check(f'killed {rounds} times, each file is whole', not broken and any(n.startswith('kill') for n in os.listdir(STORE)),
      (broken, os.listdir(STORE)))
sender = Sender(with_sts=True)
expect('... and counts', 'kill0.example', ('Z', '4.7.4', ''), **NO_TLS)
check('... and nothing else is left', not [n for n in os.listdir(STORE) if n.startswith('.')], os.listdir(STORE))

# ---- what it does not know ----
ours, theirs = pair()
sts = start('sts', fds={RESOLVE: resolve_theirs.fileno()}, stdin=theirs.fileno(), stderr=log)
theirs.close()
for garbage in (b'x', b'D\0', b'Denforce.example\0', b'S1\0'):
    ours.send(garbage)


def open_session():
    end, other = pair()
    socket.send_fds(ours, [b'S1\0'], [other.fileno()])
    other.close()
    return end


for garbage in (b'x', b'D\0', b'Denforce.example\0', b'Denforce.example\0Ix\0'):
    end = open_session()
    end.send(garbage)
    check(f'{garbage!r}: the session ends', end.recv(100) == b'')
end = open_session()
for name in ('', '..', 'a/b', '../control/me', '.new', 'x' * 300, '[192.0.2.1]', '\u00e9.example'):
    end.send(pack(('D', name), ('I', 7)))
    check(f'{name[:20]!r} has no policy', end.recv(20000) == b'I7\0')
end.send(pack(('D', 'KILL0.example'), ('I', 4294967295)))
got = dict(unpack(end.recv(20000)))
check('a policy, as it was read', got == {'I': '4294967295', 'P': 'version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mx.example\n'}, got)
ours.close()
check('it ends with its asker', sts.wait(10) == 0)
check('all end', sender.end() == (0, 0, 0, 0))
done()
