#!/usr/bin/env python3
"""metadata_test - METADATA (RFC 5464) on the wire of `imapd MAILBOX`."""
import re
from mail import *

w = Wire()
has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
file = home + '/M/estafeta-metadata'
check('RFC 5464: it is announced', has([w.greeting], ' METADATA'), w.greeting)
for name in ('Work', 'Work/Sub', 'A/B', 'Plain'):
    w.say(f'CREATE {name}')

# one entry of the account, of INBOX, of a folder
a = w.say('GETMETADATA "" /shared/comment')
check('what is not there is NIL', a == ['* METADATA "" (/shared/comment NIL)', 'OK done'], a)
check('asking makes no file', not os.path.exists(file))
for place in ('""', 'inbox', 'Work'):
    check(f'SETMETADATA {place}', ok(w.say(f'SETMETADATA {place} (/shared/comment "of {place[1:-1]}" /private/comment "mine")')))
a = w.say('GETMETADATA "" /shared/comment')
check('of the account', a[0] == '* METADATA "" (/shared/comment "of ")', a)
a = w.say('GETMETADATA Work (/private/comment /SHARED/Comment)')
check('two entries, in any case', has(a, '/shared/comment "of or"') and has(a, '/private/comment "mine"'), a)
a = w.say('GETMETADATA INBOX /private/comment')
check('of INBOX in any case', a[0] == '* METADATA "INBOX" (/private/comment "mine")', a)
other = Wire()
check('another session sees it', has(other.say('GETMETADATA Work /shared/comment'), '"of or"'))
w.say('SETMETADATA Work (/shared/COMMENT "new" /private/comment NIL)')
a = other.say('GETMETADATA Work (/shared/comment /private/comment)')
check('changed, and gone', has(a, '"new"') and has(a, '/private/comment NIL'), a)
a = w.say('SETMETADATA Work (/shared/comment "" /private/x {9+}\r\ntwo\r\nline /private/y ~{3+}\r\na\0b)'.encode())
check('empty, lines, NUL', ok(a), a)
w.send(b'x GETMETADATA Work (/shared/comment /private/x /private/y)\r\n')
a = w.until('x')
check('come back', a[:4] == ['* METADATA "Work" (/shared/comment "" /private/x {9}', 'two', 'line /private/y ~{3}', 'a\0b)'], a)
for entry in ('/shared/comment/', '/shared//x', 'shared/x', '/other/x', '/shared/a*', '/shared/a%', '""', '/privates/x', '{10+}\r\n/shared/\xe9'):
    check(f'BAD {entry!r}', w.say(f'GETMETADATA "" ({entry})'.encode())[-1].startswith('BAD'))
for entry in ('/shared', '/private', '/private/vendor/x', '/shared/vendor'):
    check(f'no value of {entry}', w.say(f'SETMETADATA "" ({entry} "x")')[-1].startswith('BAD'))

# What a folder is for, RFC 6154 section 4
USE = '/private/specialuse'
a = w.say(f'GETMETADATA Trash {USE}')
check('RFC 6154 4: the use that it has', a[0] == '* METADATA "Trash" (/private/specialuse "\\\\Trash")', a)
check('or none', has(w.say(f'GETMETADATA Work {USE}'), '/private/specialuse NIL') and has(w.say(f'GETMETADATA INBOX {USE}'), ' NIL'))
for value in '\\\\Bogus', 'Sent', '\\\\Sent \\\\Junk', '\\\\':
    a = w.say(f'SETMETADATA Work (/shared/used "x" {USE} "{value}")')
    check(f'no use: {value}', a[-1].startswith('NO [USEATTR]') and has(w.say('GETMETADATA Work /shared/used'), ' NIL'), a)
check('nor of INBOX, nor of the account', all(w.say(f'SETMETADATA {name} ({USE} "\\\\Sent")')[-1].startswith('NO [USEATTR]') for name in ('INBOX', '""')))
check('it is set', ok(w.say(f'SETMETADATA Work (/shared/used "x" /Private/SpecialUse "\\\\flagged")')) and
      has(w.say('LIST "" Work'), '\\Flagged') and has(w.say(f'GETMETADATA Work ({USE} /shared/used)'), '"\\\\Flagged" /shared/used "x"'))
check('and listed with the others', has(w.say('GETMETADATA (DEPTH infinity) Work /private'), USE))
check('and taken away', ok(w.say(f'SETMETADATA Work ({USE} NIL /shared/used NIL)')) and not has(w.say('LIST "" Work'), '\\Flagged') and
      has(w.say('LIST "" Trash'), '\\Trash'))

# LIST RETURN (METADATA ...), RFC 9590
a = w.say('LIST "" "*" RETURN (METADATA (/shared/comment /private/y) STATUS (MESSAGES))')
lines = [line for line in a if line.startswith('* ')]
check('RFC 9590: it is announced', has([w.greeting], ' LIST-METADATA'), w.greeting)
check('RFC 9590 section 3: each LIST is followed by its METADATA',
      lines[lines.index(next(line for line in lines if line.startswith('* METADATA "Work" '))) - 2].endswith(' "Work"') and ok(a), a)
check('what is there', has(a, '* METADATA "INBOX" (/shared/comment "of inbox" /private/y NIL)'.replace('inbox', 'nbo')) and
      has(a, '* METADATA "Work" (/shared/comment "" /private/y ~{3}'), a)
check('NIL for what is not', has(a, '* METADATA "Plain" (/shared/comment NIL /private/y NIL)'), a)
check('none of what is no folder', has(a, ' "A"') and not has(a, '* METADATA "A" '), a)
a = w.say('LIST (SUBSCRIBED) "" "*" RETURN (METADATA (/shared/comment))')
check('none of what is not listed', has(a, '* METADATA "Trash" ') and not has(a, '"Work"') and ok(a), a)
for option in ('METADATA', 'METADATA ()', 'METADATA (shared/x)', 'METADATA (/shared/x', 'METADATA (/shared/x) METADATA (/shared/y)'):
    check(f'BAD RETURN ({option})', w.say(f'LIST "" "*" RETURN ({option})')[-1].startswith('BAD'))
w.end()
w = Wire()
check('the administrator\'s', w.say('SETMETADATA "" (/shared/admin "x")')[-1].startswith('NO [NOPERM]'))
w.end()
w = Wire()
for command in ('GETMETADATA', 'GETMETADATA ""', 'GETMETADATA "" ()', 'GETMETADATA (DEPTH 2) "" /shared/x', 'GETMETADATA "" (MAXSIZE x) /shared/x',
                'SETMETADATA ""', 'SETMETADATA "" ()', 'SETMETADATA "" (/shared/x)', 'SETMETADATA "" /shared/x "y"'):
    check('BAD ' + command, w.say(command)[-1].startswith('BAD'))
w.end()
w = Wire()
check('no such folder', w.say('GETMETADATA Nowhere /shared/x')[-1].startswith('NO [NONEXISTENT]') and
      w.say('SETMETADATA Nowhere (/shared/x "y")')[-1].startswith('NO [NONEXISTENT]'))

# MAXSIZE, DEPTH
w.say('SETMETADATA Plain (/private/a "1" /private/a/b "22" /private/a/b/c "333" /private/ab "4444" /shared/vendor/v/x "55555")')
a = w.say('GETMETADATA (DEPTH 1) Plain /private/a')
check('RFC 5464 DEPTH 1', has(a, '(/private/a "1" /private/a/b "22")'), a)
a = w.say('GETMETADATA Plain (DEPTH infinity) (/private)')
check('DEPTH infinity, behind the name', has(a, '/private/a/b/c "333"') and has(a, '/private/ab "4444"') and not has(a, 'vendor'), a)
a = w.say('GETMETADATA (MAXSIZE 2 DEPTH infinity) Plain (/private /shared)')
check('RFC 5464 MAXSIZE', has(a, '(/private/a "1" /private/a/b "22")') and a[-1].startswith('OK [METADATA LONGENTRIES 5]'), a)
a = w.say('GETMETADATA (DEPTH 1) Plain /private/none')
check('of nothing no response', a == ['OK done'], a)

# limits
a = w.say(b'SETMETADATA Plain (/private/big {65537+}\r\n%s /private/a "other")' % (b'x' * 65537))
check('RFC 5464 SETMETADATA MAXSIZE', a == ['NO [METADATA MAXSIZE 65536] the value is too large'], a)
check('then nothing is changed', has(w.say('GETMETADATA Plain /private/a'), '"1"'))
check('what is as large as may be', ok(w.say(b'SETMETADATA Plain (/private/big {65536+}\r\n%s)' % (b'x' * 65536))))
w.say('SETMETADATA Plain (/private/big NIL)')
check('a hundred entries', all(ok(w.say(f'SETMETADATA Plain (/private/n{i} "x")')) for i in range(95)))
a = w.say('SETMETADATA Plain (/private/more "x")')
check('RFC 5464 TOOMANY', a == ['NO [METADATA TOOMANY] no more'], a)
check('one for another', ok(w.say('SETMETADATA Plain (/private/n1 NIL /private/more "x")')))
a = w.say('SETMETADATA Plain (' + ' '.join(f'/private/m{i} "x"' for i in range(101)) + ')')
check('too many at one time', a[-1].startswith('NO [METADATA TOOMANY]'), a)
value = b'\xff' * 60000
sets = [w.say(b'SETMETADATA "" (/private/f%d ~{60000+}\r\n%s)' % (i, value))[-1] for i in range(8)]
check('all of the account are bounded', sets[0].startswith('OK') and sets[-1].startswith('NO [METADATA TOOMANY]') and
      os.path.getsize(file) < 1 << 20, sets)
w.say('SETMETADATA "" (' + ' '.join(f'/private/f{i} NIL' for i in range(8)) + ')')

# folders come, go and get other names
get = lambda folder: w.say(f'GETMETADATA {folder} /shared/comment')[0]
w.say('SETMETADATA Work/Sub (/shared/comment "sub")')
check('RENAME takes them along', ok(w.say('RENAME Work Job')) and '""' in get('Job') and '"sub"' in get('Job/Sub'))
w.say('CREATE Work')
check('the old name has none', get('Work').endswith('NIL)'), get('Work'))
check('INBOX keeps its own', ok(w.say('RENAME INBOX Old')) and '"of nbo"' in get('Old') and '"of nbo"' in get('INBOX'))
w.say('DELETE Old')
w.say('CREATE Old')
check('DELETE ends them', get('Old').endswith('NIL)'), get('Old'))
check('a parent that is no folder may have some', ok(w.say('SETMETADATA A (/shared/comment "parent")')) and '"parent"' in get('A'))
w.say('DELETE A/B')
check('until it is nobody\'s', w.say('GETMETADATA A /shared/comment')[-1].startswith('NO [NONEXISTENT]'))
w.say('CREATE A')
check('then they are gone', get('A').endswith('NIL)'), get('A'))
w.say('CREATE "R&AOk-sum&AOk- x"')
check('any name', ok(w.say('SETMETADATA "R&AOk-sum&AOk- x" (/shared/comment "\\"q\\"")')) and '"\\"q\\""' in get('"R&AOk-sum&AOk- x"'))
with open(file) as f:
    lines = f.read().split('\n')
check('the file, mailfolders(5)', lines[0] == 'estafeta-metadata 1' and '/shared/comment "q" R+C3+A9sum+C3+A9+20x' in lines and
      '/shared/comment of+20' in lines, lines)


def modseq(folder):
    """HIGHESTMODSEQ, as one who has it open and as one who has not."""
    asked = [re.search(r'HIGHESTMODSEQ (\d+)', '\n'.join(wire.say(f'STATUS {folder} (HIGHESTMODSEQ)')[-2:])) for wire in (w, other)]
    return len({int(found[1]) for found in asked}) == 1 and int(asked[0][1])


# RFC 7162 section 3.2: an annotation counts as a change of its folder
w.say('CREATE Counted')
w.append('Counted')
w.say('CREATE Parent/Child')
for folder, entry in (('Counted', '/shared/comment "a"'), ('INBOX', '/private/comment "b"'), ('Counted', '/shared/comment NIL'),
                      ('Counted', '/private/specialuse "\\\\Archive"')):
    w.say(f'SELECT {folder} (CONDSTORE)')
    before, untouched = modseq(folder), modseq('Work')
    a = w.say(f'SETMETADATA {folder} ({entry})')
    check(f'RFC 7162 section 3.2: {folder} ({entry}) is a change of it', ok(a) and 0 < before < modseq(folder) and modseq('Work') == untouched, a)
    w.say('STORE 1 +FLAGS (\\Seen)')
    a = [w.say(f'STORE 1 {sign}FLAGS (\\Draft)')[0] for sign in '+-']
    check('the next one is above that', folder == 'INBOX' or f'MODSEQ ({modseq(folder)})' in a[1], a)
before = modseq('Counted')
check('of the account it is none', ok(w.say('SETMETADATA "" (/shared/comment "c")')) and modseq('Counted') == before)
check('nor is one that is refused', not ok(w.say('SETMETADATA Counted (/wrong "c")')) and modseq('Counted') == before)
check('a folder that is only a parent has no number', ok(w.say('SETMETADATA Parent (/shared/comment "c")')))
check('it ends well', w.end() == 0 and other.end() == 0)
w = Wire()
a = w.say('SELECT Counted')
check('it is durable', has(a, f'[HIGHESTMODSEQ {before}]') and has(a, '* 1 EXISTS'), a)
w.end()
if os.geteuid() == 0:
    control = work + '/control'
    os.mkdir(control)
    w = Wire()
    w.append('Work')
    w.end()
    with open(control + '/quota', 'w') as f:
        f.write('400\n')
    w = Wire(control=control)
    a = w.say('SETMETADATA Work (/shared/comment "%s")' % ('x' * 1000))
    check('the quota bounds them', a[-1].startswith('NO [OVERQUOTA]'), a)
    check('less is always taken', ok(w.say('SETMETADATA Plain (/private/n2 NIL)')))
    w.end()
with open(file, 'w') as f:
    f.write('something else\n')
w = Wire()
check('a file of another version is left alone', w.say('SETMETADATA Work (/shared/x "y")')[-1].startswith('NO [UNAVAILABLE]') and
      ok(w.say('RENAME Work Other')) and open(file).read() == 'something else\n')
w.end()
done()
