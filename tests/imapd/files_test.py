#!/usr/bin/env python3
"""files_test - what other programs put into a Maildir: letters that only they
know, long names, two files of one base name."""
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')


def maildir(name, files):
    """A Maildir of those files, each with its text."""
    for part in ('cur', 'new', 'tmp'):
        os.makedirs(f'{home}/{name}/{part}')
    for file, text in files.items():
        put(name, file, text)
    if os.geteuid() == 0:
        for folder, _, names in os.walk(f'{home}/{name}'):
            for path in [folder] + [os.path.join(folder, file) for file in names]:
                os.chown(path, UID, UID)


def put(name, file, text):
    with open(f'{home}/{name}/{file}', 'wb') as f:
        f.write(b'Subject: ' + text.encode() + b'\n\nthe body of ' + text.encode() + b'\n')
    if os.geteuid() == 0:
        os.chown(f'{home}/{name}/{file}', UID, UID)


def files(name):
    return sorted(f'{part}/{file}' for part in ('cur', 'new') for file in os.listdir(f'{home}/{name}/{part}'))


# Letters that only another program knows stay, in the order of their bytes.
maildir('Letters', {'cur/1.a:2,SSXq!': 'one', 'new/2.b:2,GS': 'two', 'cur/3.c:2,GS': 'three', 'cur/4.d:2,SF': 'four'})
w, other = Wire('Letters'), Wire('Letters')
w.say('SELECT INBOX')
other.say('SELECT INBOX')
check('out of new/', files('Letters')[1] == 'cur/2.b:2,GS', files('Letters'))
a = w.say('STORE 1:4 +FLAGS (\\Answered)')
check('STORE', ok(a) and files('Letters') == ['cur/1.a:2,!RSXq', 'cur/2.b:2,GRS', 'cur/3.c:2,GRS', 'cur/4.d:2,FRS'], files('Letters'))
a = other.say('STORE 3 -FLAGS (\\Seen)') + other.say('STORE 1 FLAGS ()')
check('another session', ok(a) and files('Letters') == ['cur/1.a:2,!X', 'cur/2.b:2,GRS', 'cur/3.c:2,GR', 'cur/4.d:2,FRS'], files('Letters'))
a = w.say('STORE 3 -FLAGS (\\Answered)') + w.say('UID FETCH 1:4 (FLAGS BODY.PEEK[TEXT])')
check('and back', ok(a) and has(a, 'the body of one') and has(a, 'the body of three') and 'cur/3.c:2,G' in files('Letters'), a)
third = Wire('Letters')
third.say('SELECT INBOX')
a = third.say('FETCH 1:4 (FLAGS BODY.PEEK[TEXT])')
check('a third one', sum('the body of' in line for line in a) == 4 and has(a, '* 3 FETCH (FLAGS ()'), a)
a = third.say('STORE 1:4 +FLAGS (\\Deleted)') + third.say('EXPUNGE')
check('EXPUNGE', ok(a) and files('Letters') == [], files('Letters'))
check('it ends well', [x.end() for x in (w, other, third)] == [0, 0, 0])

# What is gone is not remembered for ever, and the list not written anew again and again.
maildir('Gone', {'cur/1.a:2,S': 'one', 'cur/2.b:2,S': 'two'})
path = f'{home}/Gone/estafeta-uidlist'
w = Wire('Gone')
w.say('SELECT INBOX')
with open(path, 'a') as f:
    f.writelines(f'- {uid} {uid} {uid + 8}\n' for uid in range(10, 6010, 2))
    f.write('N 6020 6020\n')
w.say('NOOP')
lines = open(path).read().splitlines()
check('a list of too much that is gone is written anew', 900 < sum(line.startswith('- ') for line in lines) <= 1002, len(lines))
inode = os.stat(path).st_ino
for n in range(3):
    put('Gone', f'new/{n + 3}.c', 'more')
    a = w.say('NOOP')
check('but not each time', has(a, '* 5 EXISTS') and os.stat(path).st_ino == inode, a)
a = w.say('ENABLE QRESYNC') + w.say('CLOSE')
a = w.say('SELECT INBOX (QRESYNC (%s 6000))' % open(path).readline().split()[2])
check('and what went last is told of', has(a, 'VANISHED (EARLIER)'), a)
w.end()

# Names as long as there can be, with all flags.
bases = ['1.' + 'x' * 198, '2.' + 'x' * 199, '3.' + 'x' * 244]
maildir('Rest', {'cur/1.' + 'x' * 244 + ':2,DFPRST': 'one', 'cur/2.b:2,S': 'two'})
w = Wire('Rest')
w.say('SELECT INBOX')
a = w.say('UID STORE 1:2 +FLAGS (more)')
check('one that has no room for a keyword does not keep the rest from it',
      a[-1].startswith('NO [LIMIT]') and files('Rest') == ['cur/1.' + 'x' * 244 + ':2,DFPRST', 'cur/2.b:2,Sa'], (a, files('Rest')))
w.end()
maildir('Long', {f'cur/{bases[0]}:2,S': 'one', f'new/{bases[1]}': 'two', f'cur/{bases[2]}:2,PS': 'three', 'cur/4.' + 'x' * 245 + ':2,S': 'four'})
w, other = Wire('Long'), Wire('Long')
a = w.say('SELECT INBOX')
other.say('SELECT INBOX')
check('long names are there', has(a, '* 3 EXISTS'), a)
a = w.say('UID STORE 1:3 +FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)')
check('and flags of them', ok(a) and files('Long')[2] == f'cur/{bases[2]}:2,DFPRST', a)
a = w.say('UID STORE 3 +FLAGS (more)')
check('a keyword that has no room is refused', a[-1].startswith('NO [LIMIT]') and files('Long')[2] == f'cur/{bases[2]}:2,DFPRST', a)
a = w.say('UID STORE 1 +FLAGS (more)')
check('another one has room', ok(a) and files('Long')[0] == f'cur/{bases[0]}:2,DFRSTa', a)
third = Wire('Long')
a = third.say('SELECT INBOX')
check('the same for the next session', has(a, '* 3 EXISTS') and has(a, '[UIDNEXT 4]'), a)
for name, wire in (('this', w), ('other', other), ('third', third)):
    a = wire.say('UID FETCH 1:3 (FLAGS BODY.PEEK[TEXT])')
    check('are read: ' + name, ok(a) and sum('the body of' in line for line in a) == 3, a)
a = other.say('EXPUNGE')
check('and go', ok(a) and files('Long') == ['cur/4.' + 'x' * 245 + ':2,S'], a)
check('it ends well', [x.end() for x in (w, other, third)] == [0, 0, 0])

# Two files of one base are two messages; the one that is known keeps its UID.
maildir('Twins', {'cur/1.a:2,S': 'one', 'cur/1.a:2,F': 'one twin', 'cur/2.b:2,SF': 'two', 'new/2.b': 'two twin',
                  'new/3.c': 'three', 'new/3.c:2,T': 'three twin', 'cur/3.c:2,': 'three triplet', 'cur/5.e:2,S': 'five'})
subjects = lambda wire: sorted(line.removeprefix('Subject: ') for line in wire.say('UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]')
                               if line.startswith('Subject'))
flags = lambda wire, subject: wire.say(f'UID FETCH {uid(wire, subject)} FLAGS')[0].split('FLAGS ')[1]


def uid(wire, subject):
    a = wire.say('UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])')
    return a[a.index('Subject: ' + subject) - 1].split('UID ')[1].split()[0]


everything = ['five', 'one', 'one twin', 'three', 'three triplet', 'three twin', 'two', 'two twin']
w = Wire('Twins')
a = w.say('SELECT INBOX')
check('all are there', has(a, '* 8 EXISTS') and subjects(w) == everything, (a, files('Twins')))
a = [flags(w, name).split(')')[0].removesuffix(' \\Recent').replace('\\Recent', '') for name in ('one', 'one twin', 'two', 'three twin')]
check('with their flags', a == ['(\\Seen', '(\\Flagged', '(\\Flagged \\Seen', '(\\Deleted'], (a, files('Twins')))
before = files('Twins')
a = w.say('NOOP') + w.say('NOOP')
check('once', a == ['OK done'] * 2 and files('Twins') == before and len({file.split(':')[0] for file in before}) == 8, before)
other = Wire('Twins')
other.say('SELECT INBOX')
five = uid(w, 'five')
for file, known in (('cur/5.e:2,', 'cur/5.e:2,S'), ('new/5.e', 'cur/5.e:2,S'), ('cur/5.e:2,F', 'cur/5.e:2,S'), ('cur/5.e', 'cur/5.e:2,S')):
    put('Twins', file, file.replace(':', ';'))
    w.say('NOOP')
    a = [x.say(f'UID FETCH {five} (FLAGS BODY.PEEK[TEXT])') for x in (w, other)]
    check('while it is open: ' + file, all(has(x, 'the body of five') and has(x, 'FLAGS (\\Seen)') for x in a) and known in files('Twins') and
          file not in files('Twins') and file.replace(':', ';') in subjects(w), a)
os.rename(f'{home}/Twins/cur/5.e:2,S', f'{home}/Twins/cur/5.e:2,FS')
a = w.say('NOOP')
check('a change of flags is one', has(a, f'FETCH (FLAGS (\\Flagged \\Seen)') and not has(a, 'EXISTS') and uid(w, 'five') == five, a)
os.link(f'{home}/Twins/cur/5.e:2,FS', f'{home}/Twins/cur/5.e:2,R')
a = w.say('NOOP') + other.say('NOOP') + w.say('NOOP')
check('one more link of it is nothing', not has(a, 'Answered') and 'cur/5.e:2,R' in files('Twins'), a)
os.remove(f'{home}/Twins/cur/5.e:2,FS')
a = w.say('NOOP')
check('until it is alone', has(a, 'FETCH (FLAGS (\\Answered))') and not has(a, 'EXISTS') and uid(w, 'five') == five, a)
n = len(subjects(w))
a = w.say(f'UID STORE {five} +FLAGS (\\Deleted)') + w.say(f'UID EXPUNGE {five}') + w.say('NOOP')
check('what goes does not come again', has(a, 'EXPUNGE') and not has(a, 'EXISTS') and len(subjects(w)) == n - 1 and 'five' not in subjects(w), a)
third = Wire('Twins')
third.say('SELECT INBOX')
other.say('NOOP')
check('all see the same', subjects(third) == subjects(w) == subjects(other))
check('it ends well', [x.end() for x in (w, other, third)] == [0, 0, 0])

# Another program changes flags all the time, by renaming: nobody takes one message for two.
COUNT = 200
maildir('Busy', {f'cur/{i}.x:2,': str(i) for i in range(COUNT)})
w = Wire('Busy')
w.say('SELECT INBOX')
busy = subprocess.Popen([sys.executable, '-c', f"""
import os
os.chdir({home + '/Busy/cur'!r})
for n in range(40):
    for i in range({COUNT}):
        old, new = ('S', 'F', 'FS', '')[n % 4], ('S', 'F', 'FS', '')[(n + 1) % 4]
        old = '' if n == 0 else old
        os.rename(f'{{i}}.x:2,{{old}}', f'{{i}}.x:2,{{new}}')
        if i % 50 == 0:
            os.link(f'{{i}}.x:2,{{new}}', f'{{i}}.x:2,T')
            os.rename(f'{{i}}.x:2,T', f'{{i}}.x:2,T{{new}}')
            os.unlink(f'{{i}}.x:2,T{{new}}')
"""])
rounds = 0
while busy.poll() is None:
    w.say('NOOP')
    rounds += 1
check('all its renames went well', busy.returncode == 0, busy.returncode)
check('each has its base still', sorted(file.split(':')[0] for file in files('Busy')) == sorted(f'cur/{i}.x' for i in range(COUNT)) and rounds > 3,
      (rounds, files('Busy')))
check('it ends well', w.end() == 0)
done()
