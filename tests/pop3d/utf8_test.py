#!/usr/bin/env python3
"""utf8_test - UTF8 (RFC 6856 section 2) through the whole chain on port 110:
who says it gets messages as they are, who does not gets headers in ASCII."""
import email, email.policy, os, poplib, pwd, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from pop import refused
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
JOE = pwd.getpwnam('joe')
MAILDIR = JOE.pw_dir + '/Maildir'
BIG = 'x' * 70 + '\n'
MESSAGES = (
    'Subject: plain\n\n' + BIG * 3000,
    'From: Zoë <zoë@bücher.example>\nTo: Joe <joe@bücher.example>\nSubject: café olé\nX-Other: a\n\nünïcode\n.dot\n',
    'Subject: parts\nContent-Type: multipart/mixed; boundary=b\n\n' + BIG * 2000 + '--b\nContent-Type: text/plain\n'
    'Content-Disposition: attachment; filename="naïf.txt"\n\nfilename="naïf.txt"\n--b--\n',
    'Subject: last line open: é\n\nno end',
)


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def connect(*before):
    pop = poplib.POP3('127.0.0.1', 110, timeout=30)
    for command in before:
        pop._shortcmd(command)
    pop.user('joe')
    pop.pass_(SECRET)
    return pop


def as_sent(text):
    lines = text.encode().split(b'\n')
    return lines[:-1] if lines[-1] == b'' else lines


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
for folder in ('', '/new', '/cur', '/tmp'):
    os.makedirs(MAILDIR + folder, exist_ok=True)
    os.chown(MAILDIR + folder, JOE.pw_uid, JOE.pw_gid)
for i, text in enumerate(MESSAGES):
    with open(f'{MAILDIR}/new/170000000{i}.M{i}.host', 'w') as f:
        f.write(text)
    os.chown(f.name, JOE.pw_uid, JOE.pw_gid)
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :110').stdout)

# ---- without UTF8 ----
pop = connect()
check('CAPA after the log-in', pop.capa().get('UTF8') == ['USER'], pop.capa())
check('RFC 6856 section 2: not after the log-in', '-ERR' in refused(pop._shortcmd, 'UTF8'))
check('ASCII is as it was', pop.retr(1)[1] == as_sent(MESSAGES[0]))
for n in (2, 3, 4):
    lines = pop.retr(n)[1]
    head = lines[:lines.index(b'')]
    check(f'RFC 6856 section 2.1: header {n} is ASCII', all(line.isascii() for line in head), head)
    check(f'and its lines are short', all(len(line) < 100 for line in head), head)
got = pop.retr(2)[1]
message = email.message_from_bytes(b'\r\n'.join(got), policy=email.policy.default)
check('the subject says the same', message['Subject'] == 'café olé', message['Subject'])
check('RFC 6858: an address without ASCII is an empty group', b'From: =?UTF-8?B?Wm/Dqw==?=:;' in got, got)
check('a domain is in A-labels', message['To'].addresses[0].addr_spec == 'joe@xn--bcher-kva.example', message['To'])
check('other fields are as they were', b'X-Other: a' in got)
check('the body is as it was', got[got.index(b'') + 1:] == ['ünïcode'.encode(), b'.dot'], got)
got = pop.retr(3)[1]
check('a part\'s header is ASCII, its body as it was', b"Content-Disposition: attachment; filename*=utf-8''na%C3%AFf.txt" in got and
      'filename="naïf.txt"'.encode() in got, got[-6:])
top = pop.top(2, 1)[1]
check('TOP', all(line.isascii() for line in top[:top.index(b'')]) and top[-1] == 'ünïcode'.encode() and len(top) == len(pop.retr(2)[1]) - 1, top)
check('the last line ends', pop.retr(4)[1][-1] == b'no end')
pop.quit()

# ---- with it ----
pop = poplib.POP3('127.0.0.1', 110, timeout=30)
check('CAPA before the log-in', pop.capa().get('UTF8') == ['USER'], pop.capa())
check('UTF8 takes no argument', '-ERR' in refused(pop._shortcmd, 'UTF8 now'))
check('UTF8', pop._shortcmd('UTF8').startswith(b'+OK'))
check('RFC 6856 section 2.1: no STLS behind it', '-ERR' in refused(pop._shortcmd, 'STLS'))
pop.close()
for before in (('UTF8',), ('LANG es', 'UTF8')):
    pop = connect(*before)
    for n, text in enumerate(MESSAGES, 1):
        reply, lines, octets = pop.retr(n)
        check(f'{before}: {n} is as it is', lines == as_sent(text), lines[:9])
        check('RFC 6856 section 2.1: LIST says how many octets', int(pop.list(n).split()[2]) == sum(len(line) + 2 for line in lines), pop.list(n))
    top = pop.top(2, 0)[1]
    check('TOP', 'Subject: café olé'.encode() in top, top)
    pop.quit()
run('/var/mta/bin/mtactl', 'stop')
done()
