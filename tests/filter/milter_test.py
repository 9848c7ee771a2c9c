#!/usr/bin/env python3
"""milter_test - filter-milter behind the whole of smtpd, with milters that say
each verdict, make each edit, and fail in each way."""
import os, struct, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mail import *

on_host()
PLAIN = 'Subject: one\nX-Old: a\nX-Old: b\nX-Old: c\n\nbody\n'
number = lambda n: struct.pack('!I', n)

# ---- without filters ----
start()
check('no filter is listed: none lives', wait_for(lambda: not processes('filter-milter') + processes('filter-rspamd')))
check('and mail is taken', once(PLAIN)[:3] == '250')

control('filters', 'milter\n')
control('timeoutmilter', '2\n')
control('timeoutmiltermessage', '2\n')
control('milters', '')
check('a filter without milters', reload() and once(PLAIN)[:3] == '250')
check('lives', len(processes('filter-milter', 'smtpd')) == 1)
control('milters', 'inet:8890@127.0.0.1\n')
reload()


def with_milter(script=None, text_=PLAIN, **more):
    """The reply, what was kept, and the milter, for one message."""
    options = {k: more.pop(k) for k in ('actions', 'protocol', 'version', 'macros') if k in more}
    milter = Milter(script=script, **options)
    answer, message = kept(text_, **more)
    wait_for(lambda: not milter.open)
    milter.end()
    return answer, message, milter


def header_of(message):
    return message.split('\n\n')[0] if message else ''


# ---- what it is told ----
answer, message, milter = with_milter()
check('a milter that lets all pass', answer[:3] == '250' and message is not None, answer)
check('the steps, in order, each after its macros', milter.letters() == 'ODCDHDMDRDTLLLLDNBDEA', milter.letters())
offer = milter.told('O')[0]
check('version 6 is offered', struct.unpack('!III', offer) == (6, 0x1ff, 0x1ff7ff), offer)
connect = milter.told('C')[0]
check('connect: name, family, port, address', connect.startswith(b'[127.0.0.1]\x004') and connect.endswith(b'127.0.0.1\0'), connect)
check('helo', milter.told('H') == [b'client.example\0'])
check('mail', milter.told('M') == [b'<a@b.example>\0'])
check('rcpt', milter.told('R') == [b'<joe@example.org>\0'])
check('header fields, one space less', milter.told('L') == [b'Subject\0one\0', b'X-Old\0a\0', b'X-Old\0b\0', b'X-Old\0c\0'],
      milter.told('L'))
check('the body has CRLF', milter.told('B') == [b'body\r\n'], milter.told('B'))
for command, names in (('C', ['j', '_', 'v', '{client_addr}', '{client_name}', '{client_port}', '{daemon_name}']),
                       ('M', ['{mail_addr}', '{mail_host}', '{mail_mailer}']), ('R', ['{rcpt_addr}', '{rcpt_host}']),
                       ('E', ['i'])):
    check(f'macros of {command}', set(names) <= set(milter.macros(command)), milter.macros(command))
check('j is this host', milter.macros('C')['j'] == 'mx.example.org')
check('i is the queue id of the reply', milter.macros('E')['i'] in answer, (answer, milter.macros('E')))
check('our Received is above, and unseen', message.startswith('Return-Path') and b'Received' not in b''.join(milter.told('L')))

folded = 'Subject: a\n\tb\nFrom: x\n\n.dot\nlast\n'
_, message, milter = with_milter(text_=folded.replace('\n.', '\n..'), protocol=0x100000)
check('folds, dots and leading spaces', milter.told('L')[0] == b'Subject\0 a\n\tb\0' and milter.told('B') == [b'.dot\r\nlast\r\n'],
      (milter.told('L'), milter.told('B')))
_, message, milter = with_milter(protocol=0x1 | 0x2 | 0x8 | 0x10 | 0x20 | 0x40 | 0x200)
check('steps that it does not want', milter.letters() == 'ODMDEA', milter.letters())
_, message, milter = with_milter(protocol=0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x80 | 0x40000 | 0x80000)
check('steps that it does not answer', milter.letters() == 'ODCDHDMDRDTLLLLDNBDEA' and message, milter.letters())
_, message, milter = with_milter(version=2, actions=0x3f)
check('a milter of version 2 gets no data step', milter.letters() == 'ODCDHDMDRLLLLDNBDEA' and message, milter.letters())
_, _, milter = with_milter(macros=number(2) + b'{mail_addr} j\0' + number(5) + b'{client_addr}, i\0')
check('macros that it asks for', set(milter.macros('M')) == {'{mail_addr}', 'j'} and set(milter.macros('E')) == {'{client_addr}', 'i'})
big = 'Subject: big\n\n' + ('x' * 76 + '\n') * 4000
_, message, milter = with_milter(text_=big)
check('a big message comes in chunks, whole', len(milter.told('B')) == 5 and message and
      b''.join(milter.told('B')).replace(b'\r', b'').decode() == big.split('\n\n')[1] and big.split('\n\n')[1] in message)
_, message, milter = with_milter({'B': [packet('s')]}, text_=big)
check('skip: one chunk is enough', len(milter.told('B')) == 1 and message and milter.letters().endswith('BDEA'))
_, message, milter = with_milter({'E': [packet('p')] * 3 + [packet('c')]})
check('progress, then the end', message is not None)
answer, message, milter = with_milter(text_='no header\nat all\n')
check('a message without header', milter.told('B') == [b'no header\r\nat all\r\n'] and message.endswith('\n\nno header\nat all\n'),
      (milter.told('B'), message))

# ---- verdicts at each step ----
for letter, step in (('M', 'MAIL'), ('R', 'RCPT'), ('T', 'DATA'), ('L', 'a field'), ('N', 'the end of the header'),
                     ('B', 'the body'), ('E', 'the end')):
    for name, reply, want in (('reject', packet('r'), '550 5.7.1'), ('tempfail', packet('t'), '451 4.7.1'),
                              ('own reply', packet('y', text('554 5.6.7 no 100%% way')), '554 5.6.7 no 100% way'),
                              ('own tempfail', packet('y', text('452 4.2.2 full')), '452 4.2.2 full'),
                              ('shutdown', packet('4'), '421 4.7.1')):
        answer, message, milter = with_milter({letter: [reply]})
        check(f'{name} at {step}', answer.startswith(want) and message is None, answer)
    answer, message, milter = with_milter({letter: [packet('d')]})
    check(f'discard at {step}: 250, and nothing is kept', answer[:3] == '250' and message is None, answer)
    answer, message, milter = with_milter({letter: [packet('a')]})
    check(f'accept at {step} ends the questions', answer[:3] == '250' and message and milter.letters().rstrip('A')[-1] == letter,
          milter.letters())
answer, message, milter = with_milter({'E': [packet('y', text('550-5.7.1 two\r\n550 5.7.1 lines'))]})
check('a reply of two lines is one', answer == '550 5.7.1 two 5.7.1 lines\r\n', answer)

milter = Milter(script={'C': [packet('r')]})
c = Client()
check('reject at connect: 554 greets', c.greeting.startswith('554 5.7.1'), c.greeting)
check('and nothing but QUIT is left', c.hello()[:3] == '503' and c.ask('QUIT')[:3] == '221')
milter.end()
milter = Milter(script={'C': [packet('t')]})
check('tempfail at connect: 421 greets', Client().greeting.startswith('421 4.7.1'))
milter.end()
milter = Milter(script={'H': lambda data: [packet('r' if b'bad' in data else 'c')]})
c = Client()
check('reject at HELO', c.ask('EHLO bad.example').startswith('550 5.7.1'))
check('without HELO no MAIL', c.ask('MAIL FROM:<a@b.example>')[:3] == '503')
check('another HELO is taken', c.hello()[:3] == '250' and c.message(PLAIN)[:3] == '250')
c.close()
milter.end()
milter = Milter(script={'R': lambda data: [packet('r' if b'ann' in data else 'c')], 'C': [packet('c')]})
answer, message = kept(PLAIN, rcpts=('ann@example.org', 'joe@example.org'))
check('reject at RCPT: that one alone', message and 'Delivered-To: joe@example.org' in message, answer)
c = Client()
c.hello()
check('two messages in a session, one connection', c.message(PLAIN)[:3] == '250' and c.message(PLAIN)[:3] == '250' and
      milter.connections == 2, milter.connections)
c.ask('MAIL FROM:<a@b.example>')
c.ask('RSET')
wait_for(lambda: milter.letters().endswith('MA'))
check('RSET is abort', milter.letters().endswith('MA'), milter.letters())
c.close()
milter.end()
_, _, milter = with_milter({'C': [packet('a')]})
check('accept at connect: the session is not asked about', milter.letters() == 'ODC', milter.letters())

# ---- edits ----


def edited(*edits, **more):
    answer, message, milter = with_milter({'E': list(edits) + [packet('c')]}, **more)
    return message or answer


m = edited(packet('h', text('X-New', 'first\n\tsecond')))
check('add a field: below', header_of(m).endswith('X-Old: c\nX-New: first\n\tsecond'), m)
m = edited(packet('i', number(0) + text('X-Top', 'v')))
check('insert at 0: above all but our Received', '\nX-Top: v\nSubject: one\n' in m, m)
m = edited(packet('i', number(2) + text('X-Two', 'v')))
check('insert at 2', 'Subject: one\nX-Two: v\nX-Old: a' in m, m)
m = edited(packet('i', number(99) + text('X-Far', 'v')))
check('insert beyond the end', header_of(m).endswith('X-Old: c\nX-Far: v'), m)
m = edited(packet('m', number(2) + text('x-old', 'changed')))
check('change the second', 'X-Old: a\nx-old: changed\nX-Old: c' in m, m)
m = edited(packet('m', number(2) + text('X-Old', '')))
check('delete the second', 'X-Old: a\nX-Old: c' in m and 'X-Old: b' not in m, m)
m = edited(packet('m', number(9) + text('X-Old', 'd')))
check('change one that is not there: add', header_of(m).endswith('X-Old: c\nX-Old: d'), m)
m = edited(packet('b', b'new\r'), packet('b', b'\nbody\r\n'))
check('replace the body, CRLF cut in two', m.endswith('\n\nnew\nbody\n') and 'X-Old: c' in m, m)
m = edited(packet('b', b'z' * 65000 + b'\r\n'), *[packet('b', b'y' * 65000 + b'\r\n')] * 9)
check('by a big one', m.count('y') >= 585000 and len(m) > 650000)
m = edited(packet('+', text('<ann@example.org>')))
check('add a recipient', 'ann@example.org' in m and 'joe@example.org' in m, m[-300:])
m = edited(packet('+', text('<ann@example.org>')), packet('-', text('<joe@example.org>')))
check('delete a recipient', 'Tann@example.org' in m and 'Tjoe@' not in m, m[-300:])
answer, m, _ = with_milter({'E': [packet('-', text('<joe@example.org>')), packet('c')]})
check('delete the only one: accepted, and for nobody', answer[:3] == '250' and m is None)
m = edited(packet('+', text('root')))
check('a bare name is of this host', 'Troot@mx.example.org' in m, m[-300:])
m = edited(packet('2', text('<ann@example.org>', 'NOTIFY=NEVER')))
check('add a recipient with arguments', 'Tann@example.org' in m, m[-300:])
m = edited(packet('e', text('<new@b.example>')))
check('change the sender', m.startswith('Return-Path: <new@b.example>'), m[:100])
m = edited(packet('e', text('<>')))
check('to nobody', m.startswith('Return-Path: <>'), m[:100])
m = edited(packet('q', text('looks odd')))
check('quarantine: to the postmaster, from nobody, marked', 'X-Estafeta-Quarantine: looks odd\n' in m and
      'X-Estafeta-Envelope: from=<a@b.example>\n\tto=<joe@example.org>\n' in m and 'postmaster' in m and 'Tjoe@' not in m, m)
check('quarantine is in the log', wait_for(lambda: 'quarantined client=127.0.0.1 reason=looks odd' in log()))
for label, edit in (('a field name with a space', packet('h', text('X Y', 'v'))),
                    ('a value that ends its field', packet('h', text('X', 'v\nBcc: all'))),
                    ('a value that is too long', packet('h', text('X', 'v' * 17000))),
                    ('an address that is none', packet('+', text('<a b@c d>'))),
                    ('a field without an end', packet('h', b'X\0v'))):
    answer, m, _ = with_milter({'E': [packet('h', text('X-Before', 'v')), edit, packet('c')]})
    check(f'{label}: the milter has failed', answer.startswith('451 4.7.1') and m is None, answer)
answer, m, _ = with_milter({'E': [packet('h', text('X', 'v')), packet('c')]}, actions=0x10)
check('an edit that was not announced', answer.startswith('451 4.7.1'), answer)
answer, m, _ = with_milter({'L': [packet('h', text('X', 'v')), packet('c')]})
check('an edit before the end', answer.startswith('451 4.7.1'), answer)
answer, m, _ = with_milter({'E': [packet('h', text('X', 'v')), packet('r')]})
check('edits and a reject', answer.startswith('550') and m is None)

# ---- faults, and each default action ----
HUGE = struct.pack('!I', 1 << 30) + b'c'
for label, script in (('dies at the end', {'E': [None]}), ('dies at once', {'O': [b'']}), ('dies amid an edit', {'E': [packet('h', text('X-Half', 'v')), packet('h', text('X', 'v'))[:7], None]}),
                      ('talks garbage', {'M': [b'HTTP/1.1 200 OK\r\n\r\n' * 9]}), ('an unknown letter', {'R': [packet('?')]}),
                      ('a length beyond all', {'N': [HUGE]}), ('no length at all', {'N': [struct.pack('!I', 0)]}),
                      ('a reply that is none', {'M': [packet('y', text('whatever'))]}),
                      ('hangs', {'L': []}), ('hangs at the end', {'E': [packet('h', text('X-Half', 'v'))]}),
                      ('wants what was not offered', {'O': [packet('O', struct.pack('!III', 6, 0x1000, 0))]})):
    answer, m, _ = with_milter(script)
    check(f'{label}: deferred', answer.startswith('451 4.7.1') and 'control/milters' in answer and m is None, answer)
answer, m, _ = with_milter({'E': [packet('b', b'half'), None]})
check('dies in the middle of a new body: deferred', answer.startswith('451 4.7.1') and m is None, answer)
check('a milter that is not there: deferred', once(PLAIN).startswith('451 4.7.1'))
check('but HELO is answered', Client().hello()[:3] == '250')
for action, want in (('accept', '250'), ('reject', '550 5.7.1'), ('shutdown', '421 4.7.1')):
    control('milters', f'inet:8890@127.0.0.1 {action}\n')
    reload()
    if action == 'shutdown':
        check('default shutdown: at once', Client().greeting.startswith(want))
    else:
        check(f'default {action}: not there', once(PLAIN).startswith(want))
    answer, m, _ = with_milter({'E': [packet('h', text('X-Half', 'v')), None]})
    check(f'default {action}: dies at the end', answer.startswith(want) and (m is None) == (action != 'accept') and
          'X-Half' not in (m or ''), answer)
    if action == 'accept':
        answer, m, _ = with_milter({'E': [packet('b', b'half'), None]})
        check('default accept, but half a body: deferred', answer.startswith('451 4.7.1') and m is None, answer)

# ---- several, and a path ----
path = '/var/mta/test.sock'
control('milters', f'inet:8890@localhost\nunix:{path}\ninet6:8891@::1\n')
first = Milter(script={'E': [packet('h', text('X-One', '1')), packet('q', text('first'))][:1] + [packet('c')]})
second = Milter(path, script={'E': [packet('m', number(1) + text('X-One', 'seen')), packet('b', b'by two\r\n'), packet('c')]})
os.chmod(path, 0o666)
reload()
first6 = socket.socket(socket.AF_INET6)
first6.bind(('::1', 8891))
first6.listen(5)
third = Milter(('127.0.0.1', 8892))
third.listener.close()
third.listener = first6
threading.Thread(target=third.accept, daemon=True).start()
answer, m = kept(PLAIN)
check('the second sees what the first did', b'X-One\x001\0' in second.told('L'), second.told('L'))
check('the third what the second did', b'X-One\0seen\0' in third.told('L') and third.told('B') == [b'by two\r\n'], third.events)
check('and it is kept so', m and header_of(m).endswith('X-One: seen') and m.endswith('\n\nby two\n'), m)
first.script['E'] = [packet('q', text('one')), packet('c')]
third.script['E'] = [packet('q', text('three')), packet('c')]
answer, m = kept(PLAIN)
check('quarantine by the first: the others edit, its reason counts', m and 'X-Estafeta-Quarantine: one\n' in m and 'by two' in m, m)
second.script['E'] = [packet('r')]
third.events.clear()
check('reject by the second', once(PLAIN)[:3] == '550' and 'E' not in third.letters())
for milter in (first, second, third):
    milter.end()

# ---- the filter itself fails ----
control('milters', 'inet:8890@127.0.0.1\n')
for rule, want in (('', '451 4.7.1'), ('closed', '451 4.7.1'), ('open', '250')):
    control('filters', f'milter {rule}\n')
    reload()
    milter = Milter(script={'E': []})
    c = Client()
    c.hello()
    kill_all(processes('filter-milter', 'filter-milter'))
    answer = c.message(PLAIN)
    check(f'its process is killed, control/filters says "{rule}"', answer.startswith(want) and
          (want == '250' or 'control/filters' in answer), answer)
    c.close()
    milter.end()
control('filters', 'milter\n')
control('timeoutfilter', '1\n')
control('timeoutmiltermessage', '60\n')
reload()
milter = Milter(script={'E': []})
check('slower than control/timeoutfilter: deferred', 'control/filters' in once(PLAIN))
milter.end()
os.unlink(CONTROL + 'timeoutfilter')
control('filters', 'nonsense\n')
subprocess.run(['s6-svc', '-h', '/var/mta/service/smtpd'])
check('a fault in control/filters is told, by line', wait_for(lambda: 'control/filters:1: ' in log() or 'filters' in log().splitlines()[-1], 5), log()[-300:])
check('mtactl check too', subprocess.run(['/var/mta/bin/mtactl', 'check'], capture_output=True).returncode == 78)
control('filters', 'milter\n')
check('and mended', wait_for(is_served))

# ---- nothing stays ----
check('nothing is left in tmp/', wait_for(lambda: os.listdir('/var/mta/queue/tmp') == []))
check('no session died of its jail', 'died of signal 31' not in log(), [l for l in log().splitlines() if 'died' in l])

# ---- by hand ----
milter = Milter(script={'E': [packet('h', text('X-Hand', 'yes')), packet('c')]})


def hand(*argv, message=PLAIN):
    return subprocess.run(['/var/mta/bin/filter-milter', *argv], input=message, capture_output=True, text=True)


out = hand('-c', '192.0.2.9', '-h', 'h.example', '-f', 's@b.example', '-t', 'r@c.example')
check('by hand: edited', out.returncode == 0 and out.stdout == PLAIN.replace('\n\n', '\nX-Hand: yes\n\n'), out)
check('by hand: facts from arguments', b'192.0.2.9' in milter.told('C')[0] and milter.told('R') == [b'<r@c.example>\0'])
milter.script['E'] = [packet('b', b'n' * 65000)] * 3 + [packet('c')]
out = hand()
check('by hand: a new body', out.stdout == PLAIN.replace('body\n', 'n' * 195000 + '\n'), out.stdout[:200])
for reply, code in (('r', 69), ('t', 75), ('d', 0)):
    milter.script['E'] = [packet(reply)]
    out = hand()
    check(f'by hand: {reply} exits {code}', out.returncode == code and out.stdout == '', out)
milter.script['E'] = [packet('q', text('odd')), packet('c')]
check('by hand: quarantine', hand().returncode == 77)
done()
