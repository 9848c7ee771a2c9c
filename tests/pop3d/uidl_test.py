#!/usr/bin/env python3
"""uidl_test - a mailbox that comes from another POP3 server keeps its unique
ids (control/pop3uidl): those that Dovecot, if it is installed, and pop3d give
are the same, on the same Maildir and mbox."""
import os, shutil, subprocess, sys, tempfile
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
DOVECOT = '/usr/lib/dovecot/pop3'
UID = 54321
work = tempfile.mkdtemp(prefix='uidl_test.')
os.chmod(work, 0o755)
os.environ['ASAN_OPTIONS'] = 'detect_leaks=0'
AS_USER = ['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups']
FROM = 'From a@b Tue Nov 24 11:00:00 2026\n'
# As Dovecot 2.3.19 wrote it: with a saved id, with "it is the name", with neither, with a GUID.
RECORDED = ('3 V1795912264 N9 G8e835c2448720b6b8c15000083ecc375\n1 W17 P1795912264.1 :1.a.host\n2 W17 P :2.b.host\n'
            '3 W17 :3.c.host\n4 W17 G0011223344556677 :4.d.host\n7 :5.gone.host\n')


def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', newline='') as f:
        f.write(text)


def own():
    for folder, folders, files in os.walk(work):
        for name in [folder] + [os.path.join(folder, file) for file in files]:
            os.chown(name, UID, UID)


def formats(*lines):
    put('/var/mta/control/pop3uidl', ''.join(line + '\n' for line in lines))


def ask(argv, **more):
    own()
    ran = subprocess.run(AS_USER + argv, input='UIDL\r\nQUIT\r\n', capture_output=True, text=True, timeout=60, **more)
    lines = ran.stdout.replace('\r', '').split('\n')
    lines = lines[lines.index('+OK') + 1:] if '+OK' in lines else []
    return [line.split()[1] for line in lines[:lines.index('.')]] if '.' in lines else ran


def ours(mailbox):
    return ask(['/var/mta/bin/pop3d', f'{work}/{mailbox}'])


def dovecot(location, *settings):
    options = ['mail_location=' + location, 'ssl=no'] + list(settings)
    return ask(['env', 'HOME=' + work, 'USER=joe', DOVECOT, '-O'] + [x for option in options for x in ('-o', option)])


def maildir(name, count):
    for folder in ('new', 'cur', 'tmp'):
        os.makedirs(f'{work}/{name}/{folder}')
    for i in range(count):
        add(name, i)


def add(name, i):
    put(f'{work}/{name}/' + (f'cur/{i + 1}.{chr(97 + i)}.host:2,S' if i % 2 else f'new/{i + 1}.{chr(97 + i)}.host'), f'Subject: {i}\n\nx\n')


# ---- by what Dovecot wrote ----
maildir('M', 6)
put(work + '/M/dovecot-uidlist', RECORDED)
NAMES = ['1.a.host', '2.b.host', '3.c.host', '4.d.host', '5.e.host', '6.f.host']
check('without the setting all are as they were', ours('M') == NAMES, ours('M'))
formats('%08Xu%08Xv')
want = ['1795912264.1', '2.b.host', '000000036b0b7248', '000000046b0b7248', '5.e.host', '6.f.host']
check('what is saved, then the format; younger ones have their name', ours('M') == want, ours('M'))
os.rename(work + '/M/new/3.c.host', work + '/M/cur/3.c.host:2,RS')
check('a rename changes none', ours('M') == want, ours('M'))
for format, third, fourth in (('%u.%v', '3.1795912264', '4.1795912264'), ('%v-%u', '1795912264-3', '1795912264-4'),
                              ('UID%05u%%', 'UID00003%', 'UID00004%'), ('%f', '3.c.host', '4.d.host'),
                              ('%g', '3.c.host', '0011223344556677'), ('%v', None, None), ('%m', None, None),
                              ('%08Q', None, None), ('%', None, None), ('name', None, None), ('%99999u', None, None)):
    formats(format)
    if third:
        check(format, ours('M')[2:4] == [third, fourth], ours('M'))
        continue
    ran = ours('M')
    check(f'{format} is refused with file and line', not isinstance(ran, list) and ran.returncode == 75 and
          'control/pop3uidl' in ran.stderr and 'line 1' in ran.stderr.replace(':1:', 'line 1'), ran)
    checked = subprocess.run(['/var/mta/bin/mtactl', 'check'], capture_output=True, text=True)
    check(f'and mtactl check finds it', 'pop3uidl' in checked.stdout + checked.stderr, checked)
formats('X-UIDL', '%08Xu')
check('a list of formats: the first that a message has', ours('M')[2] == '00000003', ours('M'))
put(work + '/M/dovecot-uidlist', '3 V1795912264 N9\n1 Psame :1.a.host\n2 Psame :2.b.host\n3 P' + 'x' * 71 + ' :3.c.host\n4 P5.e.host :4.d.host\n')
check('doubles, what is too long, what is another\'s: our own', ours('M') == ['same', '00000002'.replace('00000002', '2.b.host'), '00000003', '4.d.host', '5.e.host', '6.f.host'], ours('M'))

# ---- by what imapd noted of it, when it is gone ----
put(work + '/M/dovecot-uidlist', RECORDED)
formats('%08Xu%08Xv')
before = ours('M')
subprocess.run(AS_USER + ['/var/mta/bin/imapd', work + '/M'], input='a SELECT INBOX\r\nb LOGOUT\r\n', capture_output=True, text=True, timeout=60)
os.rename(work + '/M/dovecot-uidlist', work + '/dovecot-uidlist')
check('uidlist(5): P lines keep the unique ids of a list that is gone', before == want and ours('M') == want, ours('M'))
formats('%u.%g')
check('with UID and GUID', ours('M') == ['1795912264.1', '2.b.host', '3.3.c.host', '4.0011223344556677'] + NAMES[4:], ours('M'))
formats('%08Xu%08Xv')
with open(work + '/M/estafeta-uidlist') as f:
    lines = f.read()
put(work + '/M/estafeta-uidlist', lines.replace('P 1 1795912264.1\n', '') + 'P 1 cut-off')
check('a line without its end counts for nothing', ours('M') == NAMES[:1] + want[1:], ours('M'))
put(work + '/M/estafeta-uidlist', 'garbage\nP 1 garbage\n+ 1 1 1 - 0 1.a.host\n')
check('garbage is no list', ours('M') == NAMES, ours('M'))
os.unlink(work + '/M/estafeta-uidlist')
put(work + '/M/dovecot-uidlist', 'no list\n')
check('what is no list counts for nothing', ours('M') == NAMES, ours('M'))
os.unlink(work + '/M/dovecot-uidlist')
put(work + '/M/courierimapuiddb', '1 777 9\n5 3.c.host\n')
formats('%v-%u')
check('Courier\'s list', ours('M') == NAMES[:2] + ['777-5'] + NAMES[3:], ours('M'))

# ---- an mbox ----
BOX = (FROM + 'Subject: 1\nX-UIDL: ab"c!/d\nX-IMAPbase: 1795912264 0000000002\nX-UID: 1   \n\nx\n\n' + FROM + 'Subject: 2\nX-UID: 12\n\ny\n\n' +
       FROM + 'Subject: 3\nX-UIDL: ab"c!/d\n\nz\n\n' + FROM + 'Subject: 4\nx-uidl:' + 'x' * 71 + '\n\nz\n\n' +
       FROM + 'Subject: 5\n\nX-UIDL: in-the-body\n\n' + FROM + 'Subject: 6\nX-UIDL: has a space\nX-UIDL: second\n\n\n')
put(work + '/box', BOX)
os.unlink('/var/mta/control/pop3uidl')
plain = ours('box')
check('mbox: without the setting a hash', all(len(uidl) == 32 for uidl in plain) and len(set(plain)) == 6, plain)
formats('X-UIDL', '%08Xu%08Xv')
got = ours('box')
check('X-UIDL; else X-UID and X-IMAPbase; a double, a bad one and the body\'s count for nothing',
      got == ['ab"c!/d', '0000000c6b0b7248'] + plain[2:5] + ['second'], got)
gone = subprocess.run(AS_USER + ['/var/mta/bin/pop3d', work + '/box'], input='DELE 1\r\nQUIT\r\n', capture_output=True, text=True)
check('what has another\'s id is deleted all the same', '+OK bye' in gone.stdout and open(work + '/box').read().startswith(FROM + 'Subject: 2\n'), gone)

# ---- beside Dovecot ----
if os.path.exists(DOVECOT):
    maildir('D', 5)
    put(work + '/box', FROM + 'Subject: 1\nX-UIDL: q!x\n\nx\n\n' + FROM + 'Subject: 2\n\ny\n\n')
    MAILDIR, MBOX = f'maildir:{work}/D', f'mbox:{work}/folders:INBOX={work}/box'
    for format in ('%08Xu%08Xv', '%u.%v', '%v-%u', '%f', '%g'):
        theirs = dovecot(MAILDIR, 'pop3_uidl_format=' + format)
        formats(format)
        check(f'{format}: a Maildir has the same from both', isinstance(theirs, list) and ours('D') == theirs, (theirs, ours('D')))
    saved = dovecot(MAILDIR, 'pop3_uidl_format=old-%u', 'pop3_save_uidl=yes')
    add('D', 5)
    formats('%08Xu%08Xv')
    theirs = dovecot(MAILDIR)
    check('saved ids before the format', theirs[:5] == saved and ours('D') == theirs, (theirs, ours('D')))
    for options, lines in ((['pop3_reuse_xuidl=yes'], ['X-UIDL', '%08Xu%08Xv']), ([], ['%08Xu%08Xv'])):
        theirs = dovecot(MBOX, *options)
        formats(*lines)
        check(f'{lines}: an mbox has the same from both', isinstance(theirs, list) and len(theirs) == 2 and ours('box') == theirs, (theirs, ours('box')))
else:
    print('# Dovecot is not installed: its own answers are not asked')
shutil.rmtree(work)
done()
