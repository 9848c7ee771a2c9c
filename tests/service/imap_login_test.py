#!/usr/bin/env python3
"""imap_login_test - IMAP log-in through the whole chain on ports 143 and 993:
listen, imapd, login, lookup, checkpw, PAM; and what is left of the password."""
import base64, contextlib, ctypes, glob, imaplib, os, pwd, re, socket, ssl, subprocess, sys, zlib
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from memory import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
sanitized = is_sanitized()


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def raw(data, limit=30, until=None, source='127.0.0.1'):
    """Send everything at once, read to the end or to a line with until."""
    with socket.create_connection(('127.0.0.1', 143), limit, (source, 0)) as s:
        s.sendall(data)
        got = b''
        while more := s.recv(4096):
            got += more
            if until and until in got:
                break
        return got.decode('latin-1').split('\r\n')


def plain(client, user, password):
    return client.authenticate('PLAIN', lambda _: f'\0{user}\0{password}'.encode())


def refusal(attempt):
    try:
        attempt()
        return ''
    except imaplib.IMAP4.error as error:
        return str(error)


def holders(secret):
    """Which processes have it in memory."""
    return [(name, pid) for name in ('imapd', 'login', 'checkpw', 'lookup', 'listen') for pid in processes(name)
            if holds(pid, secret.encode())]


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
with open('/var/mta/control/imapdaddresses', 'w') as f:
    f.write('127.0.0.1:143\n')
run('/var/mta/bin/mtactl', 'start')
check('port 143 is served', wait_for(lambda: refusal(lambda: imaplib.IMAP4('127.0.0.1', 143, 10).logout()) == '' if
                                     run('ss', '-Hltn', 'sport = :143').stdout else False))

client = imaplib.IMAP4('127.0.0.1', 143, 30)
check('the greeting has the capabilities', b'IMAP4rev2' in client.welcome and b'AUTH=PLAIN' in client.welcome, client.welcome)
check('a wrong password', 'AUTHENTICATIONFAILED' in refusal(lambda: client.login('joe', 'Wrong')))
check('LOGIN', client.login('joe', SECRET)[0] == 'OK')
check('the folders are there', client.select('INBOX')[0] == 'OK', client.list())
joe = [p for p in glob.glob('/proc/[0-9]*') if os.path.exists(p + '/exe') and os.stat(p).st_uid == pwd.getpwnam('joe').pw_uid]
check('the process is joe\'s', len(joe) == 1, joe)
if not sanitized:
    left = holders(SECRET)
    check('the password is in no memory after the log-in', left == [], left)
with open(joe[0] + '/smaps_rollup') as f:
    pss = int(re.search(r'^Pss: +(\d+)', f.read(), re.M)[1])
print(f'# an idle session that shares no page with another: {pss} KiB')
client.logout()

# LANGUAGE, RFC 5255 section 3: valid in all states
said = raw(b'a LANGUAGE\r\nb LANGUAGE FR\r\nc LANGUAGE es-MX en\r\nd NONSENSE\r\ne LOGIN joe ' + SECRET.encode().join((b'"', b'"')) +
           b'\r\nf NOOP\r\ng LOGOUT\r\n')
said = [line.encode('latin-1').decode('utf-8') for line in said]
check('LANGUAGE before the log-in', said[0].find(' LANGUAGE') > 0 and said[1:4] == ['* LANGUAGE (i-default en es)', 'a OK done',
      'b NO there is no such language'] and said[4:7] == ['* LANGUAGE (es)', 'c OK ahora se habla este idioma', 'd BAD no existe esa orden aquí'], said)
check('and it is kept over the log-in', 'f OK hecho' in said and '* BYE hasta luego' in said, said)

client = imaplib.IMAP4('127.0.0.1', 143, 30)
check('AUTHENTICATE PLAIN', plain(client, 'ann', SECRET)[0] == 'OK')
check('APPEND', client.append('INBOX', None, None, b'Subject: x\r\n\r\nx\r\n')[0] == 'OK')
client.logout()

# COMPRESS after STARTTLS, RFC 4978 section 3: what is compressed is encrypted then
trusting = ssl.create_default_context()
trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
client = imaplib.IMAP4('127.0.0.1', 143, 30)
client.starttls(trusting)
client.login('ann', SECRET)
client.send(b'c COMPRESS DEFLATE\r\n')
check('COMPRESS after STARTTLS', client.readline().startswith(b'c OK'))
out, into = zlib.compressobj(6, zlib.DEFLATED, -15), zlib.decompressobj(-15)
client.send(out.compress(b'd SELECT INBOX\r\ne LOGOUT\r\n') + out.flush(zlib.Z_SYNC_FLUSH))
answer = into.decompress(client.read(1 << 20))
check('both ways', b'* 1 EXISTS\r\n' in answer and answer.endswith(b'e OK bye\r\n'), answer)
client.shutdown()

secret = SECRET.encode()


def running(name):
    """The processes of a program."""
    for path in glob.glob('/proc/[0-9]*/exe'):
        with contextlib.suppress(OSError):
            if os.path.basename(os.readlink(path)) == name:
                yield int(path.split('/')[2])


def listening_socket(port):
    """The one that listen holds for it, of either family."""
    libc = ctypes.CDLL(None)
    for pid in running('listen'):
        pidfd = os.pidfd_open(pid)
        for fd in os.listdir(f'/proc/{pid}/fd'):
            copy = libc.syscall(438, pidfd, int(fd), 0)  # pidfd_getfd(2)
            if copy == -1:
                continue
            with contextlib.suppress(OSError):
                s = socket.socket(fileno=copy)
                if s.family in (socket.AF_INET, socket.AF_INET6) and s.getsockname()[1] == port:
                    return s


check('answers do not wait for acknowledgements', listening_socket(143).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)
check('PAM\'s modules are loaded once', any('pam_unix.so' in open(f'/proc/{pid}/maps').read() for pid in running('checkpw')))

answer = raw(b'a LOGIN {3}\r\njoe {%d}\r\n%s\r\nb SELECT INBOX\r\nc LOGOUT\r\n' % (len(secret), secret))
check('literals, and commands behind the log-in', any(l.startswith('c OK') for l in answer) and
      any(l.startswith('b OK') for l in answer), answer)
answer = raw(b'a LOGIN "joe" "' + secret.replace(b'"', b'\\"') + b'"\r\nb LOGOUT\r\n')
check('the answer has the tag and what can be done now', any(l.startswith('a OK [CAPABILITY IMAP4rev1') for l in answer), answer)
answer = raw(b'a LOGIN joe x\r\n' + b'b NOOP\r\n' * 1000 + b'c LOGOUT\r\n')
check('over 4 KiB before the log-in is answered', any('a NO' in l for l in answer), answer[:5])
answer = raw(b'a LOGIN {99999+}\r\n')
check('a literal that is too large', any('* BYE' in l for l in answer), answer)
answer = raw(b'a FETCH 1 FLAGS\r\nb LOGOUT\r\n')
check('no folders before the log-in', any(l.startswith('a BAD') for l in answer), answer)

# SASL-IR, RFC 4959 section 3: the initial response with the command
joes = base64.b64encode(f'\0joe\0{SECRET}'.encode())
answer = raw(b'a CAPABILITY\r\nb AUTHENTICATE PLAIN ' + joes + b'\r\nc LOGOUT\r\n')
check('RFC 4959 3: SASL-IR is announced', any(l.startswith('* CAPABILITY ') and ' SASL-IR ' in l + ' ' for l in answer), answer)
check('RFC 4959 3: and takes the response with the command', any(l.startswith('b OK') for l in answer) and
      not any(l.startswith('+') for l in answer) and any(l.startswith('c OK') for l in answer), answer)
answer = raw(b'a AUTHENTICATE PLAIN\r\n' + joes + b'\r\nc LOGOUT\r\n')
check('RFC 4959 3: without one it is asked for', any(l.startswith('+ ') for l in answer) and any(l.startswith('a OK') for l in answer), answer)
answer = raw(b'a AUTHENTICATE PLAIN =\r\nc LOGOUT\r\n')
check('RFC 4959 3: "=" is an empty response, none that is missing', not any(l.startswith('+') for l in answer) and
      any(l.startswith(('a NO', 'a BAD')) for l in answer), answer)
answer = raw(b'a AUTHENTICATE PLAIN ****\r\nc LOGOUT\r\n')
check('RFC 4959 3: what is no base64 is BAD', any(l.startswith('a BAD') for l in answer), answer)

# Who may be listened to: RFC 9051 sections 6.2.3 and 7.1, RFC 5530 section 3
run('ip', 'address', 'add', '192.0.2.1/32', 'dev', 'lo')
for command in b'LOGIN joe x', b'AUTHENTICATE PLAIN ' + joes:
    answer = raw(b'a CAPABILITY\r\nb %s\r\nc LOGOUT\r\n' % command, source='192.0.2.1')
    check('6.2.3: LOGINDISABLED, and no AUTH=', any(l.startswith('* CAPABILITY') and 'LOGINDISABLED' in l and 'AUTH=' not in l for l in answer), answer)
    check('7.1: PRIVACYREQUIRED', any(l.startswith('b NO [PRIVACYREQUIRED]') for l in answer), answer)
log = open('/var/mta/log/imapd/current', errors='replace').read()
check('the log tells of it', 'login user=joe' in log and SECRET not in log, log[-500:])
done()
