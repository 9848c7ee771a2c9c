#!/usr/bin/env python3
"""extensions_test - what CAPABILITY lists, RFC by RFC, on the wire of
`imapd MAILBOX`; two sessions where it matters."""
from mail import *

w = Wire()
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
two = MESSAGE.replace(b'One', b'Two').replace(b'Ana <ana@', b'Zoe <zoe@')

# LITERAL+ and sync literals, RFC 7888
w.send(b'x CREATE {4}\r\n')
check('RFC 7888: a literal is asked for', w.line() == '+ OK')
w.send(b'Work\r\n')
check('RFC 7888: and taken', w.until('x')[-1].startswith('x OK [MAILBOXID ('))
check('RFC 7888: without asking', ok(w.say(b'SUBSCRIBE {4+}\r\nWork')))
check('RFC 2971 ID', has(w.say('ID ("name" "x" "version" NIL)'), '* ID ("name" "Estafeta"'))
check('RFC 2342 NAMESPACE', has(w.say('NAMESPACE'), '* NAMESPACE (("" "/")) NIL NIL'))

# UIDPLUS, MULTIAPPEND, BINARY
a = w.append('Work')
check('RFC 4315 APPENDUID', a[-1].startswith('OK [APPENDUID ') and a[-1].split()[3] == '1]', a)
a = w.say(b'APPEND Work (\\Flagged) {%d+}\r\n%s (\\Seen $Label) "01-Feb-2024 10:20:30 +0100" ~{%d+}\r\n%s' %
          (len(two), two, len(MESSAGE), MESSAGE))
check('RFC 3502 two at once', '2:3]' in a[-1], a)
check('APPEND to nothing: TRYCREATE', '[TRYCREATE]' in w.append('Nowhere')[-1])
check('APPEND with nonsense', w.append('Work', flags='(\\Nonsense)')[-1].startswith('BAD'))
a = w.say('SELECT Work')
check('SELECT', has(a, '* 3 EXISTS') and has(a, '[UIDNEXT 4]') and has(a, '[HIGHESTMODSEQ ') and has(a, '[UNSEEN 1]') and
      has(a, '$Label'), a)
a = w.say('FETCH 3 (UID BINARY.SIZE[1] BINARY.PEEK[1] SAVEDATE EMAILID THREADID PREVIEW)')
check('RFC 3516 BINARY', has(a, 'BINARY.SIZE[1] 11') and has(a, 'BINARY[1] ~{11}'), a)
check('RFC 8514, 8474, 8970', has(a, 'SAVEDATE "') and has(a, 'EMAILID (') and has(a, 'THREADID (') and has(a, 'PREVIEW "Hello Bob'), a)
check('BODY[HEADER.FIELDS (...)]', has(w.say('FETCH 2 BODY.PEEK[HEADER.FIELDS (SUBJECT)]'), 'BODY[HEADER.FIELDS (SUBJECT)] {16}'))
check('BODY[] sets Seen', has(w.say('FETCH 1 BODY[TEXT]'), 'FLAGS (\\Seen'))
check('a part that is not', has(w.say('FETCH 1 BODY.PEEK[7]'), 'BODY[7] NIL'))

# ESEARCH, SEARCHRES, WITHIN, SORT
check('SEARCH', has(w.say('SEARCH FROM ana'), '* SEARCH 1 3'))
check('RFC 4731', has(w.say('SEARCH RETURN (MIN MAX COUNT ALL) FROM ana'), 'MIN 1 MAX 3 COUNT 2 ALL 1,3'))
check('RFC 5182 saves', ok(w.say('SEARCH RETURN (SAVE) FROM ana')))
check('RFC 5182 uses', has(w.say('SEARCH $ SUBJECT one'), '* SEARCH 1 3') and len(w.say('FETCH $ UID')) == 3)
check('RFC 5032', has(w.say('SEARCH YOUNGER 600'), '* SEARCH 1 2') and has(w.say('SEARCH OLDER 600'), '* SEARCH 3'))
check('OR, NOT, lists', has(w.say('SEARCH OR (FLAGGED) (NOT UNKEYWORD $Label)'), '* SEARCH 2 3'))
check('dates', has(w.say('SEARCH SENTON 1-Jan-2024 BEFORE 2-Feb-2024'), '* SEARCH 3'))
check('CHARSET', has(w.say('SEARCH CHARSET KOI8-R ALL'), '[BADCHARSET'))
check('RFC 5256', has(w.say('SORT (REVERSE FROM ARRIVAL) UTF-8 ALL'), '* SORT 2 3 1'))
check('RFC 5267 ESORT', has(w.say('UID SORT RETURN (MIN ALL COUNT) (REVERSE FROM ARRIVAL) UTF-8 ALL'), 'UID MIN 2 COUNT 3 ALL 2:3,1'))
check('UID SORT', has(w.say('UID SORT (SUBJECT) UTF-8 ALL'), '* SORT 1 3 2'))
deep = 'SEARCH ' + '(' * 30 + 'ALL' + ')' * 30
check('too deep', w.say(deep)[-1].startswith('BAD'))

# CONDSTORE, QRESYNC with another session
other = Wire()
other.say('ENABLE QRESYNC')
a = other.say('SELECT Work')
modseq = int(next(l for l in a if 'HIGHESTMODSEQ' in l).split('HIGHESTMODSEQ ')[1].split(']')[0])
validity = next(l for l in a if 'UIDVALIDITY' in l).split('UIDVALIDITY ')[1].split(']')[0]
check('RFC 7162 STORE', has(w.say('STORE 2 +FLAGS.SILENT (\\Answered)'), 'OK') and has(other.say('NOOP'), '\\Answered'))
a = other.say(f'UID STORE 2 (UNCHANGEDSINCE {modseq}) +FLAGS (\\Draft)')
check('RFC 7162 MODIFIED', has(a, '[MODIFIED 2]'), a)
check('RFC 7162 CHANGEDSINCE', len(other.say(f'UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})')) == 2)
check('RFC 7162 SEARCH MODSEQ', has(other.say(f'SEARCH MODSEQ {modseq + 1}'), '* SEARCH 2 (MODSEQ '))
w.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
check('names of INBOX', has(w.say('STATUS inbox (UIDNEXT)'), '* STATUS "INBOX"'))
check('EXPUNGE', '* 1 EXPUNGE' in w.say('EXPUNGE'))
a = other.say('FETCH 1 FLAGS')
check('no news of it in FETCH', not has(a, 'VANISHED') and not has(a, 'EXPUNGE'), a)
check('RFC 7162 VANISHED', '* VANISHED 1' in other.say('NOOP'))
other.say('UNSELECT')
a = other.say(f'SELECT Work (QRESYNC ({validity} {modseq} 1:3))')
check('RFC 7162 QRESYNC', '* VANISHED (EARLIER) 1' in a and has(a, '* 1 FETCH (UID 2 MODSEQ ('), a)

# MOVE, UID EXPUNGE, IDLE
a = w.say('MOVE 1 Trash')
check('RFC 6851', has(a, '* OK [COPYUID ') and '* 1 EXPUNGE' in a and a.index('* 1 EXPUNGE') > 0, a)
other.send('i IDLE\r\n')
while other.line() != '+ idling':
    pass
w.append('Work')
while (line := other.line()) != '* 2 EXISTS':
    pass
check('RFC 2177: IDLE sees it', line == '* 2 EXISTS')
other.send('DONE\r\n')
check('RFC 2177: DONE', other.until('i')[-1].startswith('i OK'))
w.say('STORE 1:* +FLAGS.SILENT (\\Deleted)')
check('RFC 4315 UID EXPUNGE', len(w.say('UID EXPUNGE 4')) == 2)
check('RFC 4315 COPYUID', has(w.say('COPY 1 INBOX'), 'OK [COPYUID '))

# LIST and its family
w.say('CREATE Work/Sub')
a = w.say('LIST "" "&!!-"')
check('RFC 3501 5.1.3: bad modified UTF-7 matches nothing', ok(a) and len(a) == 1, a)
check('RFC 3501 6.3.8: an empty pattern asks what parts the levels', has(w.say('LIST "" ""'), '* LIST (\\Noselect) "/" ""'))
check('RFC 3348', has(w.say('LIST "" Work'), '(\\HasChildren) "/" "Work"'))
check('RFC 5258', has(w.say('LIST (SUBSCRIBED) "" (Work Trash) RETURN (CHILDREN)'), '\\Subscribed'))
w.say('SUBSCRIBE Work/Sub')
w.say('UNSUBSCRIBE Work')
check('RFC 5258 RECURSIVEMATCH', has(w.say('LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"'), '"Work" ("CHILDINFO" ("SUBSCRIBED"))'))
check('RFC 5819, 8438', has(w.say('LIST "" Work RETURN (STATUS (MESSAGES SIZE))'), '* STATUS "Work" (MESSAGES 1 SIZE '))
check('RFC 6154', ok(w.say('CREATE Old (USE (\\Archive))')))
check('RFC 6154 LIST', has(w.say('LIST (SPECIAL-USE) "" *'), '\\Sent'))
check('percent', not has(w.say('LIST "" %'), 'Work/Sub'))
check('"" says what parts levels', w.say('LIST "" ""')[0] == '* LIST (\\Noselect) "/" ""')
check('RFC 9208', has(w.say('GETQUOTAROOT INBOX'), '* QUOTAROOT "INBOX" ""'))

# names
check('modified UTF-7', ok(w.say('CREATE "Entw&APw-rfe"')) and has(w.say('LIST "" Entw*'), '"Entw&APw-rfe"'))
check('bad modified UTF-7', '[CANNOT]' in w.say('CREATE "a&b"')[-1])
w.say('CREATE ../x')
check('no name leads out', os.listdir(home) == ['M'], os.listdir(home))
v = Wire()
check('RFC 5161, 6855', has(v.say('ENABLE UTF8=ACCEPT CONDSTORE X'), '* ENABLED CONDSTORE UTF8=ACCEPT'))
check('UTF-8 names', has(v.say('LIST "" "Entwü*"'), '"Entwürfe"'))
r = Wire()
r.say('ENABLE IMAP4rev2')
a = r.say('SELECT INBOX')
check('RFC 9051 SELECT', has(a, '* LIST () "/" "INBOX"') and not has(a, 'RECENT') and not has(a, 'UNSEEN'), a)
check('RFC 9051 SEARCH', has(r.say('SEARCH ALL'), '* ESEARCH (TAG "t3") ALL 1'))

# what is no command
check('no command', w.say('FROB')[-1].startswith('BAD'))
check('a number that is none', w.say('FETCH 99 FLAGS')[-1].startswith('BAD'))
w.send(b'\r\n')
check('an empty line', w.line().startswith('* BAD'))
check('a command that is too long', has(w.say('NOOP ' + 'x' * (1 << 20)), '[TOOBIG]'))
check('it goes on after that', ok(w.say('NOOP')))
check('all end well', [x.end() for x in (w, other, v, r)] == [0, 0, 0, 0])
finish()
