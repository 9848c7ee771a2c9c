#!/usr/bin/env python3
"""utf8_login_test - names and passwords that are not ASCII, on ports 110 and
143: however they are typed they are one account's (SASLprep, RFC 4013), and
UTF8 USER is announced (RFC 6856 section 2.2)."""
import base64, imaplib, os, socket, subprocess, sys, unicodedata
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from memory import *
import sasl

on_host()
NAME, SECRET = 'josé@example.net', 'contraseña Ⅳ ½'
NFD = lambda text: unicodedata.normalize('NFD', text)


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def talk(port, *lines):
    """What each line was answered with, the first greeting left out."""
    with socket.create_connection(('127.0.0.1', port), 30) as s, s.makefile('rwb') as f:
        f.readline()
        said = []
        for line in lines:
            f.write((line.encode() if isinstance(line, str) else line) + b'\r\n')
            f.flush()
            said.append(f.readline().decode('utf-8', 'replace').rstrip('\r\n'))
        return said


def pop(user, secret):
    line = lambda verb, text: verb + (text if isinstance(text, bytes) else text.encode())
    return talk(110, line(b'USER ', user), line(b'PASS ', secret), 'STAT')[1:]


def capabilities():
    with socket.create_connection(('127.0.0.1', 110), 30) as s, s.makefile('rwb') as f:
        f.readline()
        f.write(b'CAPA\r\nQUIT\r\n')
        f.flush()
        return f.read().decode().split('\r\n')


# The administrator types both decomposed; the tables have one form.
added = run('/var/mta/bin/mtactl', 'user', 'add', NFD(NAME), input=NFD(SECRET) + '\n')
check('mtactl user add', added.returncode == 0, added)
check('the name is prepared', run('/var/mta/bin/mtactl', 'user', 'list').stdout.strip() == NAME, run('/var/mta/bin/mtactl', 'user', 'list'))
check('a name that cannot be', run('/var/mta/bin/mtactl', 'user', 'add', 'a\u2028b@example.net', input='x\n').returncode == 65)
check('checkpw by hand', run('/var/mta/bin/checkpw', NAME, input=SECRET + '\n').stdout == 'right\n')
run('/var/mta/bin/mtactl', 'user', 'add', 'ann@example.net', input='plain\n')
with open('/var/mta/control/imapdaddresses', 'w') as f:
    f.write('127.0.0.1:143\n')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :110').stdout and run('ss', '-Hltn', 'sport = :143').stdout)

check('RFC 6856 section 2.2: UTF8 USER', 'UTF8 USER' in capabilities(), capabilities())
PREPARED = 'contraseña IV 1⁄2'
for label, user, secret in (('as it is stored', NAME, PREPARED), ('as it was typed', NAME, SECRET), ('decomposed', NFD(NAME), NFD(SECRET)),
                            ('in full width', NAME.replace('j', 'ｊ'), SECRET), ('with a soft hyphen', NAME, SECRET.replace('tra', 'tra\u00ad'))):
    said = pop(user, secret)
    check(f'USER and PASS, {label}', said == [said[0], '+OK 0 0'] and said[0].startswith('+OK'), said)
said = pop('ann@example.net', 'plain')
check('ASCII is as it was', said[1] == '+OK 0 0', said)
if not is_sanitized():
    left = [(name, pid) for name in ('pop3d', 'login', 'checkpw') for pid in processes(name)
            if holds(pid, SECRET.encode()) or holds(pid, PREPARED.encode())]
    check('the password is in no memory after the log-in', left == [], left)
for label, user, secret in (('a wrong password', NAME, 'contraseñas'), ('without the accent', 'jose@example.net', SECRET),
                            ('no UTF-8', NAME, b'contrase\xf1a'), ('no UTF-8 in the name', b'jos\xe9@example.net', SECRET),
                            ('a character that is forbidden', NAME, SECRET + '\u2028'), ('a password of another', 'ann@example.net', 'pláin')):
    said = pop(user, secret)
    check(f'refused: {label}', said[0].startswith('-ERR [AUTH]'), said)

# IMAP: LOGIN takes them too, in a literal or a quoted string.
for user, secret in (NAME, SECRET), (NFD(NAME), NFD(SECRET)):
    said = talk(143, f'a LOGIN "{user}" "{secret}"', 'b NOOP', 'c LOGOUT')
    check('LOGIN', said[0].startswith('a OK [CAPABILITY') and said[1] == 'b OK done', said)
literal = NAME.encode()
said = talk(143, b'a LOGIN {%d+}\r\n%s {%d+}\r\n%s' % (len(literal), literal, len(SECRET.encode()), SECRET.encode()), 'b NOOP')
check('LOGIN with literals', said[1] == 'b OK done', said)
said = talk(143, f'a LOGIN "{NAME}" "contraseñas"')
check('LOGIN is refused', said[0].startswith('a NO [AUTHENTICATIONFAILED]'), said)
client = imaplib.IMAP4('127.0.0.1', 143, 30)
check('AUTHENTICATE PLAIN', client.authenticate('PLAIN', lambda _: f'\0{NFD(NAME)}\0{SECRET}'.encode())[0] == 'OK')
client.logout()

# Unicode 3.2 had no such characters; passwords have.
EMOJI = 'ª\U0001f600 secreto'
check('a password with an emoji', run('/var/mta/bin/mtactl', 'user', 'add', 'eva@example.net', input=EMOJI + '\n').stderr == '')
check('checkpw by hand with it', run('/var/mta/bin/checkpw', 'eva@example.net', input=EMOJI + '\n').stdout == 'right\n')
check('PASS with it', pop('eva@example.net', EMOJI)[1:] == ['+OK 0 0'])
said = talk(143, f'a LOGIN eva@example.net "{EMOJI}"', 'b NOOP')
check('LOGIN with it', said[1] == 'b OK done', said)
for label, secret, want in (('with it', EMOJI, True), ('normalised', EMOJI.replace('ª', 'a'), True), ('without it', 'ª secreto', False)):
    client = imaplib.IMAP4('127.0.0.1', 143, 30)
    try:
        is_in = client.authenticate('PLAIN', lambda _: f'\0eva@example.net\0{secret}'.encode())[0] == 'OK'
    except imaplib.IMAP4.error:
        is_in = False
    check(f'AUTHENTICATE PLAIN {label}', is_in == want)
with socket.create_connection(('127.0.0.1', 143), 30) as s, s.makefile('rwb') as f:
    f.readline()
    f.write(b'a AUTHENTICATE SCRAM-SHA-256\r\n')
    client, said = sasl.Scram('eva@example.net', unicodedata.normalize('NFKC', EMOJI)), b''
    for step in (lambda _: client.first(), client.final, lambda _: b''):
        f.flush()
        said = f.readline()
        if said[:1] == b'+':
            f.write(base64.b64encode(step(base64.b64decode(said[2:]))) + b'\r\n')
    f.flush()
    said = f.readline() if said[:1] == b'+' else said
    check('SCRAM with it', said.startswith(b'a OK'), said)
for label, message in (('no NUL', b'eva@example.net'), ('one', b'eva@example.net\0x'), ('three', b'\0eva@example.net\0x\0y'),
                       ('no name', b'\0\0x'), ('no password', b'\0eva@example.net\0'), ('nothing', b'')):
    said = talk(143, 'a AUTHENTICATE PLAIN', base64.b64encode(message))
    check(f'RFC 4616 section 2, {label}', said[0] == '+ ' and said[1].startswith('a NO'), said)

# Without PLAIN there is nobody to prepare them.
with open('/var/mta/control/authmechanisms', 'w') as f:
    f.write('SCRAM-SHA-256\n')
run('/var/mta/bin/mtactl', 'stop')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :110').stdout)
check('without PLAIN', 'UTF8' in capabilities() and 'UTF8 USER' not in capabilities(), capabilities())
check('they are refused', pop(NAME, SECRET)[0].startswith('-ERR [AUTH]'))
check('and ASCII is not', pop('ann@example.net', 'plain')[1] == '+OK 0 0')
run('/var/mta/bin/mtactl', 'stop')
done()
