#!/usr/bin/env python3
"""batches_test - UIDBATCHES (RFC 10022) on the wire of `imapd MAILBOX`: ranges
of UIDs that have so many messages each."""
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
w = Wire()
check('it is announced', has([w.greeting], ' UIDBATCHES'), w.greeting)
check('a folder is selected first', w.say('UIDBATCHES 500')[-1] == 'BAD no folder is selected')
w.say('SELECT INBOX')
a = w.say('UIDBATCHES 500')
check('an empty folder has none', a == [f'* UIDBATCHES (TAG "t{w.count}")', 'OK done'], a)

# 1300 messages, every third one gone: what stays are UIDs 2, 3, 5, 6 and so on.
message = b'Subject: x\r\n\r\nx\r\n'
one = b' {%d+}\r\n%s' % (len(message), message)
w.say(b'APPEND INBOX' + one * 1950)
w.say('NOOP')
w.say('STORE ' + ','.join(str(n) for n in range(1, 1951, 3)) + ' +FLAGS.SILENT (\\Deleted)')
w.say('EXPUNGE')
uids = [int(uid) for uid in w.say('UID SEARCH ALL')[0].split()[2:]]
check('1300 are there', len(uids) == 1300 and uids[-1] == 1950, uids[-1:])


def batches(command):
    """The ranges that the answer has."""
    answer = w.say(command)
    start = f'* UIDBATCHES (TAG "t{w.count}")'
    if len(answer) != 2 or not ok(answer) or not answer[0].startswith(start):
        return answer
    return [tuple(map(int, text.split(':'))) for text in answer[0][len(start) + 1:].split(',') if text]


all_of_them = batches('UIDBATCHES 500')
check('three', len(all_of_them) == 3 and all_of_them[0][0] == 1950 and all_of_them[-1][1] == 1, all_of_them)
check('without a gap', all(low == high + 1 for (_, low), (high, _) in zip(all_of_them, all_of_them[1:])), all_of_them)
sizes = [sum(low <= uid <= high for uid in uids) for high, low in all_of_them]
check('of 500 messages each', sizes == [500, 500, 300], sizes)
check('as UID FETCH counts', len(w.say('UID FETCH %d:%d (UID)' % all_of_them[1])) == 501)
for command, wanted in (('UIDBATCHES 500 1:1', all_of_them[:1]), ('UIDBATCHES 500 2:3', all_of_them[1:]), ('uidbatches 500 3:9', all_of_them[2:]),
                        ('UIDBATCHES 500 4:5', []), ('UIDBATCHES 1300', [(1950, 1)]), ('UIDBATCHES 4294967295', [(1950, 1)])):
    found = batches(command)
    check(command, found == wanted, found)
check('650 twice', [sum(low <= uid <= high for uid in uids) for high, low in batches('UIDBATCHES 650')] == [650, 650])
for command in 'UIDBATCHES 499', 'UIDBATCHES 1 1:2':
    check(command, w.say(command)[-1].startswith('NO [TOOFEW] '))
check('100000 messages may be asked for', batches('UIDBATCHES 500 1:200') == all_of_them)
for command in 'UIDBATCHES 500 1:201', 'UIDBATCHES 100001 7:7', 'UIDBATCHES 4294967295 1:4294967295':
    check(command, w.say(command)[-1].startswith('NO [TOOMANY] '))
check('not backwards', w.say('UIDBATCHES 500 2:1')[-1].startswith('BAD [CLIENTBUG] '))
for command in 'UIDBATCHES', 'UIDBATCHES 0', 'UIDBATCHES x', 'UIDBATCHES 500 1', 'UIDBATCHES 500 0:1', 'UIDBATCHES 500 1:*', 'UIDBATCHES 500 1:2 x', 'UID UIDBATCHES 500':
    check('BAD ' + command, w.say(command)[-1].startswith('BAD'))
w.say('SEARCH RETURN (SAVE) 1:2')
batches('UIDBATCHES 500')
check('what is saved stays', len(w.say('FETCH $ (UID)')) == 3)
w.say('ENABLE UIDONLY')
check('with UIDONLY', batches('UIDBATCHES 500') == all_of_them)

# What another session expunged is not counted.
other = Wire()
other.say('SELECT INBOX')
other.say('UID STORE 1949:1950 +FLAGS.SILENT (\\Deleted)')
other.say('EXPUNGE')
other.end()
w.say('NOOP')
check('the highest that is there', batches('UIDBATCHES 5000') == [(1947, 1)])
w.end()
if os.geteuid() == 0:
    control = work + '/control'
    os.mkdir(control)
    with open(control + '/imapdmessagelimit', 'w') as f:
        f.write('300\n')
    w = Wire(control=control)
    w.say('SELECT INBOX')
    check('as many as one command may work on', len(batches('UIDBATCHES 300')) == 5)
    check('not fewer', w.say('UIDBATCHES 299')[-1].startswith('NO [TOOFEW] '))
    w.end()
done()
