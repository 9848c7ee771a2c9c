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
for asked, named in (('"Sub\\"ject" From', '"Sub\\"ject" From'), ('{7+}\r\nSubject', 'Subject'), ('"To" ""', 'To ""'),
                     ('{4+}\r\na b\\', '"a b\\\\"'), ('{3+}\r\na\r\n', '{3}')):
    a = w.say(f'FETCH 2 body.peek[header.fields.not ({asked})]<2.5>')
    check('its name can be read: ' + repr(asked), ok(a) and has(a, f'BODY[HEADER.FIELDS.NOT ({named}'), a)
    check('to its end', named == '{3}' or has(a, f'({named})]<2> {{5}}'), a)
a = w.say('FETCH 2 (BODY.PEEK[1.MIME] BODY.PEEK[1]<0.1> BODY.PEEK[TEXT]<1.1>)')
check('names of parts', all(has(a, name) for name in ('BODY[1.MIME] ', 'BODY[1]<0> {1}', 'BODY[TEXT]<1> {1}')), a)
check('BODY[] sets Seen', has(w.say('FETCH 1 BODY[TEXT]'), 'FLAGS (\\Seen'))
check('a part that is not', has(w.say('FETCH 1 BODY.PEEK[7]'), 'BODY[7] NIL'))

words = '(' + ' '.join(f'word{i}' for i in range(65)) + ')'
a = w.append('Work', flags=words)
check('a keyword more than there can be: LIMIT', a[-1].startswith('NO [LIMIT]') and not has(a, 'EXISTS'), a)

# A keyword is there for good: none is made by what is refused.
w.say('CREATE Words')
w.append('Words')
w.say('SELECT Words')
many = lambda start, end: '(' + ' '.join(f'word{i}' for i in range(start, end)) + ')'
told = lambda: [line for line in w.say('SELECT Words') if line.startswith('* FLAGS')][0].split('\\Draft')[1]
a = [w.say(command)[-1].split()[0] for command in (
    'STORE 1 +FLAGS (bad a]b)', 'STORE 1 FLAGS (bad) x', 'STORE 1 +FLAGS (bad "x")', 'STORE 1 -FLAGS (bad)', 'UID STORE 9 +FLAGS (bad)')]
check('STORE that is BAD, takes away or names no message', a == ['BAD'] * 3 + ['OK'] * 2 and told() == ')', a)
w.say('EXAMINE Words')
a = w.say('STORE 1 +FLAGS (bad)')
check('STORE after EXAMINE', a[-1].startswith('NO [NOPERM]') and told() == ')', a)
a = w.say('STORE 1 +FLAGS ' + many(0, 65))
check('STORE of more than there can be', a[-1].startswith('NO [LIMIT]') and told() == ')', a)
w.append('Words', flags='(good a]b)')
w.append('Words', flags=many(0, 65))
w.append('Words', b'', '(good)')
check('APPEND, too', told() == ')', told())
a = w.say('STORE 1 +FLAGS (Word0 word0 WORD0 word1)')
check('one is one, whatever its case', ok(a) and told() == ' Word0 word1)', a)
a = w.append('Words', flags=many(1, 64))
check('as many as there can be', ok(a) and len(told().split()) == 64, a)
a = w.say('STORE 1 +FLAGS (\\Seen word63 word64)')
check('and not one more', a[-1].startswith('NO [LIMIT]') and ok(w.say('STORE 1 +FLAGS (word63 WORD1)')) and len(told().split()) == 64, a)
w.say('SELECT Work')

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

# what a client may make of sets: a folder of 4000, every second one flagged
w.say('CREATE Big')
for i in range(4000):
    with open(f'{home}/M/.Big/cur/{i}.x.host:2,{"F" if i % 2 else ""}', 'wb') as f:
        f.write(MESSAGE)
    os.chown(f.name, UID, UID) if os.geteuid() == 0 else None


def peak(wire):
    """KiB of memory that it had at most."""
    with open(f'/proc/{wire.child.pid}/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmHWM'))


def spent(wire):
    """Seconds of CPU."""
    with open(f'/proc/{wire.child.pid}/stat') as f:
        return sum(map(int, f.read().rsplit(')')[-1].split()[11:13])) / os.sysconf('SC_CLK_TCK')


c = Wire()
check('SELECT Big', has(c.say('SELECT Big'), '* 4000 EXISTS'))
c.say('SEARCH RETURN (SAVE) FLAGGED')
before = peak(c)
a = c.say('SEARCH RETURN (COUNT) ' + ' '.join(['$'] * 990))
check('RFC 5182: $ many times is $', has(a, 'COUNT 2000'), a)
check('and takes its memory once', sanitized or peak(c) - before < 4000, peak(c) - before)
before = spent(c)
for i in range(4):
    a = c.say('SEARCH RETURN (COUNT) ' + ','.join(['1:*'] * 130000))
check('ranges that say the same', has(a, 'COUNT 4000'), a)
check('are looked at once', sanitized or spent(c) - before < 0.6, spent(c) - before)
check('it ends well', c.end() == 0)
w.say('DELETE Big')

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
modseqs = [int(l.split('MODSEQ (')[1].split(')')[0]) for l in other.say('FETCH 1:3 MODSEQ') if 'MODSEQ (' in l]
check('the second one has the highest', len(modseqs) == 3 and max(modseqs) == modseqs[1] and modseqs[0] != modseqs[2], modseqs)
for items, expected in (('MIN', modseqs[0]), ('MAX', modseqs[2]), ('MIN MAX', max(modseqs[0], modseqs[2])), ('MIN COUNT', modseqs[1]),
                        ('ALL MAX', modseqs[1]), ('PARTIAL 1:1', modseqs[0]), ('PARTIAL 2:3', modseqs[1]), ('', modseqs[1])):
    a = other.say(f'SEARCH RETURN ({items}) MODSEQ 1')
    check(f'RFC 4731 3.2: MODSEQ of what is told: {items}', a[0].endswith(f' MODSEQ {expected}'), a)
check('RFC 8514 4.3', has(other.say('SEARCH SAVEDATESUPPORTED'), '* SEARCH 1 2 3'))
w.say('STORE 1 +FLAGS.SILENT (\\Deleted)')
check('names of INBOX', has(w.say('STATUS inbox (UIDNEXT)'), '* STATUS "INBOX"'))
check('EXPUNGE', '* 1 EXPUNGE' in w.say('EXPUNGE'))
a = other.say('FETCH 1 FLAGS')
check('no news of it in FETCH', not has(a, 'VANISHED') and not has(a, 'EXPUNGE'), a)
check('RFC 7162 VANISHED', '* VANISHED 1' in other.say('NOOP'))
other.say('UNSELECT')
a = other.say(f'SELECT Work (QRESYNC ({validity} {modseq} 1:3))')
check('RFC 7162 QRESYNC', '* VANISHED (EARLIER) 1' in a and has(a, '* 1 FETCH (UID 2 MODSEQ ('), a)


def gone(name, ranges):
    """A folder of which every second UID is gone; its UIDVALIDITY."""
    w.say(f'CREATE {name}')
    with open(f'{home}/M/.{name}/estafeta-uidlist', 'a') as f:
        f.write('N 1000000 9\n' + ''.join(f'- {2 * i + 1} {2 * i + 1} 5\n' for i in range(ranges)))
    return next(l for l in w.say(f'STATUS {name} (UIDVALIDITY)') if 'UIDVALIDITY' in l).split()[-1].rstrip(')')


validity = gone('Gaps', 300)
vanished = lambda answer: next((l.split()[-1] for l in answer if l.startswith('* VANISHED (EARLIER) ')), '')
odd = ','.join(str(2 * i + 1) for i in range(300))
a = other.say(f'SELECT Gaps (QRESYNC ({validity} 1 {",".join(["1:*"] * 3000)}))')
check('RFC 7162: a UID that vanished is said once', vanished(a) == odd, len(vanished(a)))
a = other.say(f'SELECT Gaps (QRESYNC ({validity} 1 90:100,9:3,*:598,5,7:20))')
check('of those that were asked for', vanished(a) == '3,5,7,9,11,13,15,17,19,91,93,95,97,99,599', a)
check('of none', vanished(other.say(f'SELECT Gaps (QRESYNC ({validity} 1 2,4,6))')) == '')
check('of all', vanished(other.say(f'SELECT Gaps (QRESYNC ({validity} 1))')) == odd)
check('QRESYNC once', other.say(f'SELECT Gaps (QRESYNC ({validity} 1 1:9) QRESYNC ({validity} 1 1:9))')[-1].startswith('BAD'))
w.say('CREATE Matched')
[w.append('Matched') for _ in range(30)]
w.say('SELECT Matched')
w.say('STORE 1:9,11:19,21:24 +FLAGS.SILENT (\\Deleted)')
w.say('EXPUNGE')
validity = next(l for l in w.say('STATUS Matched (UIDVALIDITY)') if 'UIDVALIDITY' in l).split()[-1].rstrip(')')
for pairs, answer in (('1 10', '11:19,21:24'), ('1,2 10,20', '21:24'), ('1:2 10,20', '21:24'), ('1,3:4 10,25:26', ''), ('2 20', '21:24'),
                      ('1,2 10,19', '11:19,21:24'), ('1 9', '1:9,11:19,21:24'), ('1,2,3 10,21,25', '11:19,21:24'), ('1,20 10,30', '11:19,21:24'),
                      ('2,1 20,10', '21:24'), ('* 30', '1:9,11:19,21:24'), ('1:2 10', '11:19,21:24'), ('4294967295 30', '1:9,11:19,21:24')):
    a = other.say(f'SELECT Matched (QRESYNC ({validity} 1 1:30 ({pairs})))')
    check(f'RFC 7162 section 3.2.5.2: what the client knows of ({pairs}) is not told', vanished(a) == answer and ok(a), a)
a = other.say(f'SELECT Matched (QRESYNC ({validity} 1 (1 10)))')
check('without known UIDs', vanished(a) == '11:19,21:24' and ok(a), a)
w.say('SELECT Work')
validity = gone('Many', 1900)
a = other.say(f'SELECT Many (QRESYNC ({validity} 1 1:*))')
check('none of many is left out', vanished(a).count(',') == 1899, len(vanished(a)))
validity = gone('More', 19000)
a = other.say(f'SELECT More (QRESYNC ({validity} 1 1:*))')
check('nor where a folder does not remember them all: no UID is there', vanished(a) == '1:999999', vanished(a))
other.say('SELECT Work')

# what turns CONDSTORE on says where it starts, once
w.say('CREATE Seen')
for i in range(6):
    w.append('Seen')
w.say('CREATE Empty')
for command in ('ENABLE CONDSTORE', 'ENABLE QRESYNC', 'FETCH 1 MODSEQ', 'FETCH 1 (FLAGS) (CHANGEDSINCE 1)', 'SEARCH MODSEQ 1',
                'STORE 1 (UNCHANGEDSINCE 99999) +FLAGS.SILENT (\\Draft)', 'STATUS Work (HIGHESTMODSEQ)'):
    c = Wire()
    c.say('SELECT Seen')
    a, again = c.say(command), c.say(command)
    check('RFC 7162 3.1: ' + command.split(' (\\')[0], ok(a) and has(a, '* OK [HIGHESTMODSEQ ') and not has(again, '* OK [HIGHESTMODSEQ '), a)
    check('it ends', c.end() == 0)
c = Wire()
check('nothing to say of no folder', not has(c.say('ENABLE CONDSTORE'), 'HIGHESTMODSEQ'))
c.say('SELECT Seen')
a = c.say('FETCH 2 BODY[TEXT]')
check('RFC 7162 3.2.4: \\Seen by FETCH has its MODSEQ', has(a, 'UID 2 MODSEQ (') and has(a, 'FLAGS (\\Seen'), a)
c.say('UNSELECT')
c.say('SELECT Empty (CONDSTORE)')
c.end()
c = Wire()
c.say('SELECT Seen')
check('without CONDSTORE it has not', not has(c.say('FETCH 3 BODY[TEXT]'), 'MODSEQ'))
a = c.say('SELECT Empty (CONDSTORE)')
check('SELECT says that of its own folder, once', sum('HIGHESTMODSEQ' in l for l in a) == 1, a)
c.end()

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
a = w.say('UID EXPUNGE 4')
check('RFC 4315 UID EXPUNGE', len([line for line in a if 'EXPUNGE' in line]) == 1 and ok(a), a)
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
for name in 'Tree/a', 'Tree/b/c', 'Tree-x/y', 'Void/a/b':
    w.say(f'SUBSCRIBE {name}')
w.say('CREATE Tree/b')
lsub = lambda pattern: [l[7:] for l in w.say(f'LSUB "" {pattern}') if 'Tree' in l or 'Void' in l]
a = lsub('%')
check('RFC 3501 6.3.9: LSUB % shows what is above', a == ['(\\Noselect \\HasChildren) "/" "Tree"',
      '(\\Noselect \\HasChildren) "/" "Tree-x"', '(\\Noselect \\HasChildren) "/" "Void"'], a)
a = lsub('%/%')
check('below that, too', len(a) == 4 and '(\\Noselect \\HasChildren) "/" "Tree/b"' in a and
      '(\\Noselect \\HasChildren) "/" "Void/a"' in a, a)
a = lsub('*')
check('* needs none, and says of what is not there that it cannot be selected',
      a == [f'(\\Noselect \\HasNoChildren) "/" "{name}"' for name in ('Tree/a', 'Tree/b/c', 'Tree-x/y', 'Void/a/b')], a)
check('RFC 5258: LIST says more', has(w.say('LIST (SUBSCRIBED) "" Void/*'), '* LIST (\\NonExistent \\Subscribed) "/" "Void/a/b"'))
w.say('CREATE Tree')
w.say('SUBSCRIBE Tree')
a = lsub('%')
check('one that is subscribed is told once, as it is', len(a) == 3 and sum('Noselect' in l for l in a) == 2, a)
a = [l[7:] for l in w.say('LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"') if 'Tree' in l or 'Void' in l]
INFO = ' ("CHILDINFO" ("SUBSCRIBED"))'
check('RFC 5258 3.5: parents that are not there', a == ['(\\HasChildren \\Subscribed) "/" "Tree"' + INFO, '(\\NonExistent) "/" "Tree-x"' + INFO,
      '(\\NonExistent) "/" "Void"' + INFO], a)
a = w.say('LIST (SUBSCRIBED RECURSIVEMATCH) "" Void/%')
check('at any level', a[:-1] == ['* LIST (\\NonExistent) "/" "Void/a"' + INFO], a)
check('none for what is told itself', w.say('LIST (SUBSCRIBED RECURSIVEMATCH) "" Void*')[:-1] == ['* LIST (\\NonExistent \\Subscribed) "/" "Void/a/b"'])
for i in range(30):
    w.say(f'CREATE Many{i}/Sub')
    w.say(f'CREATE Many{i}')
w.say('SUBSCRIBE Many7/Sub')
w.say('SUBSCRIBE Many7-')
w.say('CREATE Bin/Old (USE (\\Trash))')
w.say('CREATE Case/Draft (USE (\\Drafts))')
for name in 'Bin/Old', 'Case/Letter', 'Cellar/Sub':
    w.say(f'SUBSCRIBE {name}')
BOTH = ' ("CHILDINFO" ("SUBSCRIBED" "SPECIAL-USE"))'
listed = lambda options, patterns: [line[7:] for line in w.say(f'LIST ({options}) "" {patterns}') if line.startswith('*')]
a = listed('SUBSCRIBED SPECIAL-USE RECURSIVEMATCH', '(Bin Case Cellar Work)')
check('RFC 6154, 5258 3: parents of what both options select', a == ['(\\Noselect \\HasChildren) "/" "Bin"' + BOTH], a)
a = listed('SPECIAL-USE SUBSCRIBED RECURSIVEMATCH', '(Bin% B*)')
check('not of what is told itself', a == ['(\\Subscribed \\Trash \\HasNoChildren) "/" "Bin/Old"'], a)
a = listed('RECURSIVEMATCH SPECIAL-USE', '(Bin Case Cellar Work)')
check('of what one of them selects', a == [f'(\\Noselect \\HasChildren) "/" "{name}" ("CHILDINFO" ("SPECIAL-USE"))' for name in ('Bin', 'Case')], a)
a = listed('SUBSCRIBED RECURSIVEMATCH', '(Bin Case Cellar)')
check('and the other', [line.split('"')[3] for line in a] == ['Bin', 'Case', 'Cellar'] and all(line.endswith(INFO) for line in a), a)
check('RFC 5258 3.1: RECURSIVEMATCH is not alone, nor with REMOTE', all(w.say(f'LIST ({options}) "" *')[0].startswith('BAD')
      for options in ('RECURSIVEMATCH', 'REMOTE RECURSIVEMATCH')))
for name in 'Bin/Old', 'Case/Letter', 'Cellar/Sub':
    w.say(f'UNSUBSCRIBE {name}')
for name in 'Bin/Old', 'Case/Draft':
    w.say(f'DELETE {name}')
look = Opened(home + '/M/.Many7.Sub/new')
a = w.say('LIST (SUBSCRIBED RECURSIVEMATCH) "" (Work M%)')
check('RECURSIVEMATCH: only parents', a[:-1] == ['* LIST (\\HasChildren) "/" "Many7" ("CHILDINFO" ("SUBSCRIBED"))',
      '* LIST (\\NonExistent \\Subscribed) "/" "Many7-"', '* LIST (\\HasChildren) "/" "Work" ("CHILDINFO" ("SUBSCRIBED"))'], a)
check('RECURSIVEMATCH: the folders are not read for each of them', look.count() <= 2)
check('CREATE', ok(w.say('CREATE Lots')))
check('CREATE does not look for mail in the others', look.count() == 0)
check('RFC 5819, 8438', has(w.say('LIST "" Work RETURN (STATUS (MESSAGES SIZE))'), '* STATUS "Work" (MESSAGES 1 SIZE '))
check('RFC 6154', ok(w.say('CREATE Old (USE (\\Archive))')))
check('RFC 6154 LIST', has(w.say('LIST (SPECIAL-USE) "" *'), '\\Sent'))
check('percent', not has(w.say('LIST "" %'), 'Work/Sub'))
check('"" says what parts levels', w.say('LIST "" ""')[0] == '* LIST (\\Noselect) "/" ""')
a = w.say('GETQUOTAROOT INBOX')
check('RFC 9208: no limit, no root', a[:-1] == ['* QUOTAROOT "INBOX"'] and ok(a), a)
check('and no quota of it', (a := w.say('GETQUOTA ""'))[-1].startswith('NO [NONEXISTENT]') and len(a) == 1, a)
w.say('CREATE INBOX/Kid')
w.say('CREATE I')
a = w.say('LIST "" %')
check('RFC 5258 4: INBOX has children, too', a[0] == '* LIST (\\HasChildren) "/" "INBOX"' and has(a, '(\\HasNoChildren) "/" "I"'), a)
w.say('DELETE INBOX/Kid')
check('or none', has(w.say('LIST "" INBOX'), '(\\HasNoChildren) "/" "INBOX"'))

# A quota, which is asked before a literal is
if os.geteuid() == 0:
    control = work + '/control'
    os.mkdir(control)
    with open(control + '/quota', 'w') as quota:
        quota.write(f'{3 * len(MESSAGE)}\n')
    q = Wire('Q', control)
    check('APPEND of more than the quota: no "+"', q.say('APPEND INBOX {1000000}')[-1].startswith('NO [OVERQUOTA]'))
    a = q.say(b'APPEND INBOX {%d+}\r\n%s {%d+}\r\n%s {%d}' % (len(two), two, len(MESSAGE), MESSAGE, 2 * len(MESSAGE)))
    check('MULTIAPPEND of more than the quota: the same', a[-1].startswith('NO [OVERQUOTA]'), a)
    check('APPEND within the quota', q.append('INBOX')[-1].startswith('OK') and not os.listdir(home + '/Q/tmp'))
    check('RFC 9208 limits', has(q.say('GETQUOTA ""'), '* QUOTA "" (STORAGE 0 ' + str(3 * len(MESSAGE) // 1024) + ')'))
    check('that one ends well', q.end() == 0)
    shutil.rmtree(home + '/Q')

# names
check('modified UTF-7', ok(w.say('CREATE "Entw&APw-rfe"')) and has(w.say('LIST "" Entw*'), '"Entw&APw-rfe"'))
check('bad modified UTF-7', '[CANNOT]' in w.say('CREATE "a&b"')[-1])
w.say('CREATE ../x')
check('no name leads out', os.listdir(home) == ['M'], os.listdir(home))
v = Wire()
check('RFC 5161, 6855', has(v.say('ENABLE UTF8=ACCEPT CONDSTORE X'), '* ENABLED CONDSTORE UTF8=ACCEPT'))
v.say('SELECT INBOX')
for command in 'SEARCH CHARSET UTF-8 ALL', 'UID SEARCH RETURN (COUNT) CHARSET US-ASCII ALL', 'SEARCH CHARSET X ALL':
    a = v.say(command)
    check(f'RFC 6855 3: no {command}', len(a) == 1 and a[0].startswith('BAD SEARCH'), a)
check('all else says its character set still', ok(v.say('SEARCH SUBJECT "\xfc"')) and ok(v.say('SORT (DATE) UTF-8 ALL')) and
      ok(v.say('ESEARCH IN (PERSONAL) CHARSET UTF-8 ALL')))
check('UTF-8 names', has(v.say('LIST "" "Entwü*"'), '"Entwürfe"'))
r = Wire()
r.say('ENABLE IMAP4rev2')
a = r.say('SELECT INBOX')
check('RFC 9051 SELECT', has(a, '* LIST () "/" "INBOX"') and not has(a, 'RECENT') and not has(a, 'UNSEEN'), a)
check('RFC 9051 SEARCH', has(r.say('SEARCH ALL'), '* ESEARCH (TAG "t3") ALL 1'))

# what is no command
w.say('CREATE Plain')
w.append('Plain')
check('FLAGS of a folder without keywords', has(w.say('SELECT Plain'), '* FLAGS ('))
a = w.say('STORE 1 +FLAGS (\\Flagged)') + w.say('STORE 1 -FLAGS (\\Flagged)')
check('are told once', has(a, 'FETCH (') and not has(a, '* FLAGS'), a)
check('and again when there is one', has(w.say('STORE 1 +FLAGS ($Fresh)'), '* FLAGS (') and not has(w.say('STORE 1 -FLAGS ($Fresh)'), '* FLAGS ('))
w.say('SELECT Work')
check('no command', w.say('FROB')[-1].startswith('BAD'))
check('a number that is none', w.say('FETCH 99 FLAGS')[-1].startswith('BAD'))
w.send(b'\r\n')
check('an empty line', w.line().startswith('* BAD'))
w.send(b' foo\r\n')
check('a line without a tag', w.line().startswith('* BAD'))
w.send(b' ' + b'x' * (1 << 20) + b'\r\n')
check('a long one', w.line().startswith('* BAD [TOOBIG]'))
check('a command that is too long', has(w.say('NOOP ' + 'x' * (1 << 20)), '[TOOBIG]'))
check('it goes on after that', ok(w.say('NOOP')))
check('all end well', [x.end() for x in (w, other, v, r)] == [0, 0, 0, 0])
done()
