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

# RFC 7162 section 3.2: who is cut off meanwhile asks from before the expunge
[o.append('INBOX') for _ in range(4)]
c = Wire()
c.say('SELECT INBOX (CONDSTORE)')
w.say('ENABLE CONDSTORE')
highest = lambda answer: [int(number) for number in re.findall(r'OK \[HIGHESTMODSEQ (\d+)', '\n'.join(answer))]
modseqs = lambda answer: [int(number) for number in re.findall(r'FETCH .*MODSEQ \((\d+)', '\n'.join(answer))]
folder_modseq = lambda: int(re.search(r'HIGHESTMODSEQ (\d+)\)', '\n'.join(o.say('STATUS INBOX (HIGHESTMODSEQ)')))[1])
validity = re.search(r'UIDVALIDITY (\d+)', '\n'.join(o.say('STATUS INBOX (UIDVALIDITY)')))[1]
expunge(3)
before = folder_modseq() - 1
a = q.say('FETCH 1 (UID)')
check('an expunge waits: no lower HIGHESTMODSEQ while no MODSEQ is told', not highest(a) and not told(a), a)
o.say('STORE 1 +FLAGS.SILENT (\\Flagged)')
for name, wire in (('QRESYNC', q), ('CONDSTORE', c)):
    a = wire.say('FETCH 2 (FLAGS)')
    check(f'{name}: news with a MODSEQ: HIGHESTMODSEQ from before the expunge',
          modseqs(a) == [before + 2] and highest(a) == [before] and not told(a) and ok(a), a)
for command in ('STORE 2 +FLAGS (\\Seen)', 'STORE 2 -FLAGS.SILENT (\\Seen)', 'FETCH 2 (MODSEQ)', 'FETCH 2 (FLAGS) (CHANGEDSINCE 1)'):
    a = q.say(command)
    check(f'{command}: again', max(modseqs(a)) > before and highest(a) == [before] and a[-2].startswith('* OK ['), a)
a = q.say('FETCH 4 (MODSEQ)')
check('not with a MODSEQ from before it', len(modseqs(a)) == 1 and not highest(a), a)
fresh = Wire()
fresh.say('ENABLE QRESYNC')
check('so it learns of it after a new connection', has(fresh.say(f'SELECT INBOX (QRESYNC ({validity} {before}))'), 'VANISHED (EARLIER) 6'))
fresh.end()
a = q.say('NOOP')
check('when it may be told, how far it is now', told(a) == ['* VANISHED 6'] and highest(a) == [folder_modseq()], a)
a = q.say('NOOP')
check('once', not highest(a), a)
n.say('ENABLE QRESYNC')
n.say('NOOP')
expunge(2)
before = folder_modseq() - 1
o.say('STORE 1 -FLAGS.SILENT (\\Flagged)')
lines = [n.line(), n.line()]
check('NOTIFY SELECTED-DELAYED: the same between two commands', modseqs(lines) == [before + 2] and highest(lines) == [before], lines)
fresh = Wire()
fresh.say('SELECT INBOX')
expunge(2)
before = folder_modseq() - 1
fresh.say('FETCH 1 (UID)')
a = fresh.say('FETCH 1 (MODSEQ)')
check('one that begins to count while an expunge waits', highest(a) == [before], a)
a = q.say('UID FETCH 2:3 (MODSEQ)')
check('with UID it is told', len(told(a)) == 1 and not highest(a), a)

# RFC 7162 section 3.1.3, example 11: some gone, some changed by others
[o.append('INBOX') for _ in range(3)]
q.say('NOOP')
a = q.say('FETCH 1:* (UID FLAGS)')
uids = [int(uid) for uid in re.findall(r'UID (\d+)', '\n'.join(a))]
for prefix, names in (('', [1, 2]), ('UID ', uids[:2])):
    o.append('INBOX')
    q.say('NOOP')
    since = folder_modseq()
    o.say('STORE 1:2 +FLAGS.SILENT (\\Answered)')
    o.say('STORE * +FLAGS.SILENT (\\Deleted)')
    q.say('NOOP')
    o.say('EXPUNGE')
    o.say('STORE 1:2 -FLAGS.SILENT (\\Answered)')
    a = q.say(f'{prefix}STORE 1:{"*" if prefix else len(uids) + 1} (UNCHANGEDSINCE {since}) +FLAGS.SILENT ($Done)')
    check(f'{prefix}STORE: MODIFIED though one is gone', a[-1].startswith(f'NO [MODIFIED {names[0]}{"," if names[1] > names[0] + 1 else ":"}{names[1]}]'), a)
    check(f'{prefix}STORE: those are told of, and the others', len(modseqs(a)) == len(uids), a)
    q.say('NOOP')
    q.say('STORE 1:* -FLAGS.SILENT ($Done)')
    o.say('NOOP')
a = q.say('UID FETCH 1:* (FLAGS)')
check('none of those was changed', ok(a) and not has(a, '$Done'), a)

# RFC 7162 section 3.2.10.2: UID SEARCH with message numbers
q.say('SETMETADATA "" (/private/filters/values/numbers "1:2")')
for command in ('SEARCH 1:3', 'SEARCH NOT (SEEN 2)', 'SEARCH FILTER numbers', 'SEARCH RETURN (COUNT) *', 'SEARCH 1 FILTER none',
                'SORT (SUBJECT) UTF-8 1:3', 'THREAD REFERENCES UTF-8 OR 1 2'):
    o.append('INBOX')
    q.say('NOOP')
    expunge(1)
    a = q.say('UID ' + command)
    check(f'UID {command}: an expunge waits', not told(a) and ok(a) == ('none' not in command), a)
    a = q.say('UID SEARCH UID 1:* ALL')
    check('without a number it is told', len(told(a)) == 1 and ok(a), a)

for wire in (w, q, n, o, c, fresh):
    wire.end()
done()
