#!/usr/bin/env python3
"""files_test - what other programs put into a Maildir: letters that only they
know."""
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
done()
