#!/usr/bin/env python3
"""relay_test - what open relays were ever fooled with, from a stranger: every spelling of a foreign address with every
sender, and what is accepted looked at in the queue.  None goes anywhere but to this host and the domains of rcpthosts."""
import glob, os, re, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from sasl import *

on_host()
SENDERS = ('<a@b.example>', '<>', '<joe@example.org>', '<joe@mx.example.org>', '<postmaster>', '<joe@[127.0.0.1]>',
           '<victim@elsewhere.example>', '<@example.org:a@b.example>')
# E is a foreign domain, H this host's, R one that it relays for, I the host's address; a list of them:
RECIPIENTS = '''
<v@E> <v@E.> <V@E> <v@[192.0.2.77]> <v@[IPv6:2001:db8::77]> <v@[E]> <v@192.0.2.77> <v@#3221226061> <v@sub.E>
<v%E@H> <v%E@[I]> <v%E@mx.H> <v%E@localhost> <v%E@> <v%E> <v%E%E@H> <v%E@H%H> <v%H@E> <v%E@H.> <"v%E"@H> <"v%E">
<E!v> <E!v@H> <E!v@[I]> <H!E!v> <H!v@E> <E!H!v@H> <"E!v"@H> <E!v@mx.H>
<"v@E"> <"v@E"@H> <"v@E"@[I]> <"v@E"@mx.H> <"v\\@E"@H> <v\\@E@H> <v@E@H> <v@E@[I]> <v@H@E> <"v"@E> <"v@E"@> <v@E@>
<@H:v@E> <@[I]:v@E> <@mx.H:v@E> <@H,@E:v@E> <@H:@H:v@E> <@H:v%E@H> <@H:E!v@H> <@E:v@E> <@H:"v@E"@H> <@E,@H:v@E> <@H:v@E@H>
<v%E@R> <E!v@R> <"v@E"@R> <"v%E"@R> <"E!v"@R> <@R:v@E> <v@E@R> <v%E@sub.R> <"v\\@E"@R> <\\v%E@R> <v%25E@R> <E%v@R>
<v@E,joe@H> <v@E;joe@H> <v@E><joe@H> <joe@H,v@E> <joe@H> <v@E>,<joe@H> v@E joe@H,v@E <v@E>@H <joe@H\tv@E> <joe@H v@E>
<joe@H>v@E <joe(v@E)@H> <joe@H(@E)> <v(joe@H)@E> <joe+v@E> <joe+v%E@H> <v@E+H> <joe@H#@E> <v@E?H> <v@E/H> <v@E:25> <v@E|H>
<v@\xe9.E> <v\xe9@E> <joe@H\xff.E> <v@E\xa0> <v\xff%E@H> <v@xn--E> <v@E\xe3\x80\x82> <v@H\xef\xbc\x8eE> <joe@E.H> <v@E.H>
<ROUTED:v@E> <smtp:v@E> <mailto:v@E> <|v@E> </v@E> <:include:/etc/passwd> <"|/bin/true"@H> <"/etc/passwd"@H> <../v@E> <=v@E>
<v@E SIZE=1> <v@=45> <v@E=> <v=40E@H> <v+40E@H> <SRS0=AAAA=AA=E=v@H> <SRS1=AAAA=H==AAAA=AA=E=v@H> <prvs=0123456789=v@E> <v--E@H> <v=E@H>
'''


def expanded(text):
    for word, value in (('E', 'elsewhere.example'), ('H', 'example.org'), ('R', 'relay.example'), ('I', '127.0.0.1')):
        text = re.sub(rf'(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])', value, text)
    return text


for name in ('queue', 'pop3d', 'imapd', 'submission'):
    shutil.rmtree('/var/mta/service/' + name, ignore_errors=True)
control('relayclients', '127.0.0.1\n')
control('rcpthosts', 'relay.example\n.relay.example\n')
control('maxerrors', '1000\n')
control('maxjunk', '100000\n')
control('smtpdrate', '0\n')
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)


def connect():
    c = Wire(25, source='127.0.0.2')
    c.reply()
    c.ask('EHLO client.example')
    return c


def recipients_of(reply):
    """Where what a 250 accepted will go."""
    path = glob.glob('/var/mta/queue/new/' + re.search(r'accepted ([0-9a-f]{23})', reply)[1] + '*')[0]
    with open(path, 'rb') as f:
        whole = f.read()
    if path.count('.') == 2:                # the plain form, for one mailbox of this host
        return re.findall(r'^Delivered-To: (.*)$', whole.split(b'\n\n')[0].decode('latin-1'), re.M)
    words = whole[-128:].split()
    envelope = whole[int(words[4], 16):][:int(words[5], 16)]
    return [r[1:].decode('latin-1') for r in envelope.split(b'\0') if r[:1] == b'T']


corpus = sorted({expanded(word) for word in RECIPIENTS.replace('\\t', '\t').split()})
tried, accepted, relayed = 0, set(), []
for sender in SENDERS:
    for utf8 in ('', ' SMTPUTF8'):
        c = connect()
        for rcpt in corpus:
            tried += 1
            c.ask('RSET')
            if not c.ask(f'MAIL FROM:{sender}{utf8}').startswith('250'):
                relayed.append((sender, 'MAIL refused'))
                break
            if not c.ask('RCPT TO:' + rcpt).startswith('250'):
                continue
            c.ask('DATA')
            for address in recipients_of(c.ask('Subject: x\r\n\r\nx\r\n.')):
                accepted.add((rcpt, address))
                if not re.fullmatch(r'(joe(\+.*)?@(example\.org|\[127\.0\.0\.1\]|localhost)|[^%!@]*@(sub\.)?relay\.example)', address):
                    relayed.append((sender, rcpt, address))
        c.close()
check(f'{len(corpus)} recipients, {tried} tried: {len(relayed)} relayed', tried > 1500 and not relayed, relayed[:10])
print('# accepted:', sorted(accepted))
check('what is for this host is accepted', ('<joe@example.org>', 'joe@example.org') in accepted, accepted)
c = connect()
c.ask('MAIL FROM:<a@b.example>')
got = c.ask('RCPT TO:<v%elsewhere.example@relay.example>')
check('a route behind a relayed domain is refused, with the file', got.startswith('550 5.7.1') and 'control/rcpthosts' in got, got)
check('a plain address there is accepted', c.ask('RCPT TO:<v@relay.example>').startswith('250'))
c.close()
c = Wire(25, source='127.0.0.1')
c.reply(), c.ask('EHLO x'), c.ask('MAIL FROM:<a@b.example>')
check('a relay client may say where it likes', c.ask('RCPT TO:<v%elsewhere.example@relay.example>').startswith('250'))
log = open('/var/mta/log/smtpd/current', errors='replace').read()
check('no session died', 'died' not in log, log[-300:])
done()
