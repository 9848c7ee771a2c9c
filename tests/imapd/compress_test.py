#!/usr/bin/env python3
"""compress_test - COMPRESS=DEFLATE (RFC 4978) on the wire of `imapd MAILBOX`."""
import random, select, zlib
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')


class Squeezed:
    """As mail.Wire's file, through DEFLATE both ways."""
    def __init__(self, sock, level=6):
        self.sock, self.plain, self.sent, self.got = sock, b'', 0, 0
        self.out = zlib.compressobj(level, zlib.DEFLATED, -15)
        self.into = zlib.decompressobj(-15)

    def write(self, data):
        data = self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH)
        self.sent += len(data)
        self.sock.sendall(data)

    def flush(self):
        pass

    def more(self):
        data = self.sock.recv(65536)
        self.got += len(data)
        self.plain += self.into.decompress(data)
        return data

    def readline(self):
        while b'\n' not in self.plain and self.more():
            pass
        line, self.plain = self.plain[:self.plain.find(b'\n') + 1], self.plain[self.plain.find(b'\n') + 1:]
        return line

    def read(self, count):
        while len(self.plain) < count and self.more():
            pass
        data, self.plain = self.plain[:count], self.plain[count:]
        return data

    def peek(self, count):
        while not self.plain and self.more():
            pass
        return self.plain[:count]


def squeeze(wire, **how):
    answer = wire.say('COMPRESS DEFLATE')
    wire.file = Squeezed(wire.sock, **how)
    return answer


w = Wire()
check('RFC 4978: it is announced', has([w.greeting], ' COMPRESS=DEFLATE'), w.greeting)
check('with nothing, with another, with more', all(w.say(c)[-1].startswith('BAD') for c in (
    'COMPRESS', 'COMPRESS LZ4', 'COMPRESS DEFLATE now')))
w.say('CREATE Work')
w.send(b'a NOOP\r\nb STATUS Work (MESSAGES)\r\nt4 NOOP\r\n')  # what came before is answered before
w.count = 10
a = w.until('t4')
check('plain until then', has(a, 'a OK') and has(a, '* STATUS "Work"'), a)
check('COMPRESS', ok(squeeze(w)))
check('a command', has(w.say('STATUS Work (MESSAGES)'), 'MESSAGES 0'))
a = w.say('COMPRESS DEFLATE')
check('RFC 4978: only once', a == ['BAD [COMPRESSIONACTIVE] DEFLATE is on already'], a)
large = MESSAGE + b'All work and no play makes Jack a dull boy.\r\n' * 20000
w.file.sent = 0
check('a large message', ok(w.append('Work', large)))
check('was sent in little', w.file.sent < len(large) // 50, w.file.sent)
noise = b'Subject: noise\r\n\r\n' + bytes(random.Random(1).choices(range(32, 127), k=300000)) + b'\r\n'
check('one that nothing makes smaller', ok(w.append('Work', noise)))
w.say('SELECT Work')


def body(wire, uid):
    wire.send(f'b UID FETCH {uid} BODY.PEEK[]\r\n')
    text = wire.file.read(int(wire.line().rsplit('{', 1)[1].rstrip('}')))
    wire.until('b')
    return text


w.file.got = 0
check('comes back', body(w, 1) == large)
check('in little', w.file.got < len(large) // 20, w.file.got)
check('the other too', body(w, 2) == noise)
w.send(b''.join(b'p%d NOOP\r\n' % i for i in range(5000)))
a = w.until('p4999')
check('pipelined', len(a) == 5000 and a[-1].startswith('p4999 OK'))
w.send(b'x APPEND Work {%d}\r\n' % len(MESSAGE))
check('a literal is asked for', w.line().startswith('+ '))
w.send(MESSAGE + b'\r\n')
check('and taken', w.until('x')[-1].startswith('x OK'))

# IDLE: what another session does is told at once; DONE may come with the next
other = Wire()
w.send(b'i IDLE\r\n')
check('IDLE', w.line().startswith('+ '))
other.append('Work')
check('has news', w.line() == '* 4 EXISTS')
w.send(b'DONE\r\nj NOOP\r\n')
check('DONE and what follows', w.until('j')[-1].startswith('j OK'))
w.send(b'i IDLE\r\nDONE\r\nj NOOP\r\n' + b'k NOOP\r\n' * 3000)  # more than one buffer
check('IDLE that is over already', w.until('j')[-1].startswith('j OK'))
for i in range(3000):
    w.line()
with open(f'/proc/{w.child.pid}/status') as f:
    memory = next(int(line.split()[1]) for line in f if line.startswith('VmHWM'))
check('it ends well', w.end() == 0)

# what is compressed a thousandfold costs no memory
w = Wire()
squeeze(w, level=9)
bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
data = b''.join(bomb.compress(b'x' * (1 << 20)) for i in range(64)) + bomb.flush(zlib.Z_SYNC_FLUSH)
w.sock.sendall(data)
w.file.out = bomb
w.send(b'\r\nz NOOP\r\n')
check('64 MiB in one line', w.until('z')[-1].startswith('z OK'))
with open(f'/proc/{w.child.pid}/status') as f:
    peak = next(int(line.split()[1]) for line in f if line.startswith('VmHWM'))
check('of bounded memory', sanitized or peak < memory + 4000, (peak, memory))
w.end()

# what a client may send with COMPRESS, though it should wait
w = Wire()
out = zlib.compressobj(6, zlib.DEFLATED, -15)
w.send(b'c COMPRESS DEFLATE\r\n' + out.compress(b'd NOOP\r\n') + out.flush(zlib.Z_SYNC_FLUSH))
line = b''
while not line.endswith(b'\n') and (byte := w.sock.recv(1)):  # no more: what follows is compressed
    line += byte
check('OK is plain', line.startswith(b'c OK'))
w.file = Squeezed(w.sock)
check('behind it all is compressed', w.line().startswith('d OK'))
w.file.out = out
w.file.write(b'e LOGOUT\r\n')
check('and goes on', w.until('e')[-1].startswith('e OK') and w.child.wait(20) == 0)

for what, data in (('what is none', b'a NOOP\r\n' * 10), ('noise', bytes(random.Random(2).randbytes(5000)))):
    w = Wire()
    w.child.kill()
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    command = ['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups'] if os.geteuid() == 0 else []
    child = subprocess.Popen(command + [program, f'maildir:{home}/M'], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    theirs.close()
    plain = ours.makefile('rb', buffering=0)
    plain.readline()
    ours.sendall(b'a COMPRESS DEFLATE\r\n')
    plain.readline()
    ours.sendall(data)
    answer = Squeezed(ours).readline()
    check(what + ' ends the session, which says why', answer == b'* BYE what you sent is not DEFLATE\r\n', answer)
    log = child.stderr.read()
    check('and logs it', b'reason=corrupt-deflate' in log and child.wait(20) == 0, log)
w = Wire()
squeeze(w)
w.sock.sendall(zlib.compressobj(6, zlib.DEFLATED, -15).flush())  # the last block
check('a stream that ends is the end', w.line() == '' and w.child.wait(20) == 0)
done()
