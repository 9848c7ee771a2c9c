#!/usr/bin/env python3
"""limit_test - MESSAGELIMIT and SAVELIMIT (RFC 9738) on the wire of `imapd
MAILBOX`: what one command leaves out, and how it says so."""
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
w = Wire()
check('by default none is announced', not has(w.say('CAPABILITY'), 'LIMIT='))
for number in range(1, 6):
    w.append('INBOX', MESSAGE.replace(b'One', b'Number %d' % number))
w.append('INBOX', flags='(\\Deleted)')
w.say('CREATE Other')
w.say('SELECT INBOX')
w.say('STORE 6 +FLAGS (\\Deleted)')
w.say('EXPUNGE')
check('and none holds', len(w.say('FETCH 1:* UID')) == 6 and w.say('SEARCH ALL')[0] == '* SEARCH 1 2 3 4 5')
for key, found in (('UIDAFTER 3', '4 5'), ('UIDBEFORE 3', '1 2'), ('UIDBEFORE 1', ''), ('UIDAFTER 4294967295', ''), ('UIDAFTER 1 NOT UIDAFTER 3', '2 3')):
    a = w.say(f'UID SEARCH {key}')
    check(f'RFC 9738 section 3.3: {key}', ok(a) and a[0] == f'* SEARCH {found}'.rstrip(), a)
for key in 'UIDAFTER 0', 'UIDAFTER', 'UIDBEFORE 1:2', 'UIDBEFORE *':
    check(f'BAD {key}', w.say(f'UID SEARCH {key}')[-1].startswith('BAD'))
w.end()
if os.geteuid() != 0:
    done()
    sys.exit()


def limited(**limits):
    control = work + '/control.' + '.'.join(limits)
    os.mkdir(control)
    for name, limit in limits.items():
        with open(f'{control}/{name}', 'w') as f:
            f.write(f'{limit}\n')
    return Wire(control=control)


# MESSAGELIMIT: the highest UIDs
w = limited(imapdmessagelimit=2, imapdsavelimit=3)
a = w.say('CAPABILITY')
check('RFC 9738 section 3.1: MESSAGELIMIT', has(a, ' MESSAGELIMIT=2') and not has(a, 'SAVELIMIT'), a)
w.say('SELECT INBOX')
a = w.say('FETCH 1:* (UID)')
check('FETCH', a == ['* 4 FETCH (UID 4)', '* 5 FETCH (UID 5)', 'OK [MESSAGELIMIT 2 4] done'], a)
a = w.say('UID FETCH 1:3 (UID)')
check('UID FETCH', a == ['* 2 FETCH (UID 2)', '* 3 FETCH (UID 3)', 'OK [MESSAGELIMIT 2 2] done'], a)
check('as many', w.say('UID FETCH 1:2 (UID)')[-1] == 'OK done')
check('the next command is another', w.say('NOOP') == ['OK done'])
a = w.say('UID FETCH 1:* (UID) (PARTIAL 1:3)')
check('PARTIAL', a == ['NO [MESSAGELIMIT 2] too many messages: try fewer'], a)
check('PARTIAL that fits', w.say('UID FETCH 1:* (UID) (PARTIAL 1:2)')[-1] == 'OK done')
a = w.say('STORE 1:5 +FLAGS (\\Flagged)')
check('STORE', len(a) == 3 and a[-1] == 'OK [MESSAGELIMIT 2 4] done', a)
w.say('STORE 1:2 +FLAGS (\\Answered)')
a = w.say('UID STORE 1:5 (UNCHANGEDSINCE 1) +FLAGS (\\Draft)')
check('beside another code', '* NO [MESSAGELIMIT 2 4] only these' in a and has(a, 'OK [MODIFIED 4:5]'), a)
check('SEARCH counts what it looks at', w.say('SEARCH ANSWERED') == ['* SEARCH', 'OK [MESSAGELIMIT 2 4] done'])
check('SEARCH of a set', w.say('SEARCH 1:3 ANSWERED') == ['* SEARCH 2', 'OK [MESSAGELIMIT 2 2] done'])
check('SEARCH below what was told', w.say('UID SEARCH UIDBEFORE 3 ANSWERED') == ['* SEARCH 1 2', 'OK done'])
a = w.say('SEARCH RETURN (SAVE COUNT) ALL')
check('SEARCH RETURN (SAVE)', has(a, 'COUNT 2') and a[-1] == 'OK [MESSAGELIMIT 2 4] done', a)
check('what is saved is what was found', len(w.say('FETCH $ (UID)')) == 3)
a = w.say('UID SEARCH RETURN (UPDATE) ALL')
check('a part is not kept up to date', has(a, '[NOUPDATE') and a[-1] == 'OK [MESSAGELIMIT 2 4] done', a)
a = w.say('SORT (SUBJECT) UTF-8 ALL')
check('SORT is whole', len(a[0].split()) == 7 and a[-1] == 'OK done', a)
for command in 'COPY 1:3 Other', 'UID COPY 1:* Other':
    a = w.say(command)
    check(f'all or none: {command}', a == ['NO [MESSAGELIMIT 2] too many messages: try fewer'], a)
check('COPY that fits', has(w.say('COPY 1:2 Other'), 'COPYUID'))
literal = b' {%d+}\r\n%s' % (len(MESSAGE), MESSAGE)
a = w.say(b'APPEND Other' + literal * 3)
check('MULTIAPPEND', a == ['NO [MESSAGELIMIT 2] too many messages: try fewer'], a)
check('MULTIAPPEND that fits', has(w.say(b'APPEND Other' + literal * 2), 'APPENDUID'))
check('nothing else came', has(w.say('STATUS Other (MESSAGES)'), 'MESSAGES 4'))
check('BAD says no such thing', w.say('UID MOVE 1:5') == ['BAD a folder\'s name is missing'])
a = w.say('UID MOVE 1:5 Other')
check('MOVE of a part', has(a, '* OK [COPYUID') and a[-1] == 'OK [MESSAGELIMIT 2 4] done' and w.say('UID SEARCH ALL')[0] == '* SEARCH 2 3', a)
w.say('SELECT Other')
w.say('STORE 1:2 +FLAGS.SILENT (\\Deleted)')
w.say('STORE 3:4 +FLAGS.SILENT (\\Deleted)')
w.say('ENABLE QRESYNC')
a = w.say('UID EXPUNGE 1:4')
check('UID EXPUNGE', has(a, '* VANISHED 3:4') and has(a, '* NO [MESSAGELIMIT 2 3] only these') and has(a, 'OK [HIGHESTMODSEQ'), a)
w.say('UID STORE 5:6 +FLAGS.SILENT (\\Deleted)')
a = w.say('EXPUNGE')
check('not EXPUNGE', has(a, '* VANISHED 1:2,5:6') and not has(a, 'MESSAGELIMIT'), a)
w.say('LANGUAGE es')
for folder in 'Other', 'INBOX':
    w.say(f'APPEND {folder}'.encode() + literal)
    w.say(f'APPEND {folder}'.encode() + literal)
w.say('SELECT INBOX')
check('in another language', w.say('FETCH 1:* (UID)')[-1].endswith('] hecho'))
w.end()

# SAVELIMIT: of what comes in alone
w = limited(imapdsavelimit=3)
check('RFC 9738 section 3.2: SAVELIMIT', has(w.say('CAPABILITY'), ' SAVELIMIT=3') and not has(w.say('CAPABILITY'), 'MESSAGELIMIT'))
w.say('SELECT INBOX')
count = len(w.say('FETCH 1:* (UID)')) - 1
check('FETCH is as it was', count > 3 and len(w.say('SEARCH ALL')[0].split()) == count + 2, count)
check('COPY', w.say('COPY 1:4 Other') == ['NO [MESSAGELIMIT 3] too many messages: try fewer'])
check('COPY of three', has(w.say('COPY 1:3 Other'), 'COPYUID'))
check('APPEND', w.say(b'APPEND Other' + literal * 4) == ['NO [MESSAGELIMIT 3] too many messages: try fewer'])
both = limited(imapdsavelimit=3, imapdmessagelimit=100)
both.say('SELECT INBOX')
check('the lower of both is told', both.say('COPY 1:4 Other') == ['NO [MESSAGELIMIT 3] too many messages: try fewer'])
both.end()
check('MOVE brings all', w.say('MOVE 1:4 Other')[-1] == 'OK done')
w.end()
done()
