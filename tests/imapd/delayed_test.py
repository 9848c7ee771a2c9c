#!/usr/bin/env python3
"""delayed_test - what is told of expunges that another session makes, when it
may be told, and what a client that is cut off then knows (RFC 7162 section
3.2), on the wire of `imapd MAILBOX`."""
import re, time
from mail import *

w, q, n, o = Wire(), Wire(), Wire(), Wire()
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
told = lambda answer: [line for line in answer if re.search('EXISTS|EXPUNGE|VANISHED', line)]


def expunge(what):
    """By the other session; the flag is told before it."""
    o.say(f'STORE {what} +FLAGS.SILENT (\\Deleted)')
    for wire in (w, q, n):
        wire.say('NOOP')
    o.say('EXPUNGE')


[o.append('INBOX') for _ in range(2)]
q.say('ENABLE QRESYNC')
for wire in (w, q, n, o):
    wire.say('SELECT INBOX')
n.say('NOTIFY SET (selected-delayed (MessageNew (UID) MessageExpunge FlagChange))')

# RFC 9051 section 7.5.1, RFC 7162 section 3.2.10.2: what was never announced
o.append('INBOX')
o.say('STORE 3 +FLAGS.SILENT (\\Deleted)')
o.say('EXPUNGE')
for name, wire in (('EXPUNGE', w), ('VANISHED', q)):
    a = wire.say('NOOP')
    check(f'no {name} of a message that came and went', not told(a) and ok(a), a)
o.append('INBOX')
o.append('INBOX')
o.say('STORE 1,3 +FLAGS.SILENT (\\Deleted)')
o.say('EXPUNGE')
a = w.say('NOOP')
check('one that was told of, one that was not: EXPUNGE', told(a) == ['* 1 EXPUNGE', '* 2 EXISTS'], a)
a = q.say('NOOP')
check('one that was told of, one that was not: VANISHED', told(a) == ['* VANISHED 1', '* 2 EXISTS'], a)
a = n.say('NOOP')
check('the count after both is right', ok(a) and has(w.say('FETCH 2 UID'), 'UID 5)') and has(q.say('FETCH 1 UID'), 'UID 2)'), a)

for wire in (w, q, n, o):
    wire.end()
done()
