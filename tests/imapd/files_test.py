#!/usr/bin/env python3
"""files_test - what other programs put into a Maildir: letters that only they
know, long names."""
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

# Names as long as there can be, with all flags.
bases = ['1.' + 'x' * 198, '2.' + 'x' * 199, '3.' + 'x' * 244]
maildir('Long', {f'cur/{bases[0]}:2,S': 'one', f'new/{bases[1]}': 'two', f'cur/{bases[2]}:2,PS': 'three', 'cur/4.' + 'x' * 245 + ':2,S': 'four'})
w, other = Wire('Long'), Wire('Long')
a = w.say('SELECT INBOX')
other.say('SELECT INBOX')
check('long names are there', has(a, '* 3 EXISTS'), a)
a = w.say('UID STORE 1:3 +FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)')
check('and flags of them', ok(a) and files('Long')[2] == f'cur/{bases[2]}:2,DFPRST', a)
a = w.say('UID STORE 3 +FLAGS (more)')
check('a keyword that has no room is refused', a[-1].startswith('NO [CANNOT]') and files('Long')[2] == f'cur/{bases[2]}:2,DFPRST', a)
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
done()
