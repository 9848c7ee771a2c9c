#!/usr/bin/env python3
"""port_test - garbage to every port that listens: random bytes, TLS where plain
text belongs and plain text where TLS does, half a command and a reset, a byte at
a time, a hundred at once.  No process dies of a signal, none is left over, and a
good client is served within five seconds, each time.  GARBAGE_SEED repeats a run."""
import contextlib, glob, imaplib, os, poplib, random, re, smtplib, socket, ssl, struct, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from managesieve import Broken, Sieve
from tap import *

on_host()
SEED = os.environ.get('GARBAGE_SEED', str(time.time_ns()))
rng = random.Random(SEED)
PROMPT_S, AT_ONCE = 30, 100
TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True)


def listening():
    """port -> does it begin with TLS, of every port that the run scripts name and that listens"""
    named = {}
    for path in glob.glob('/var/mta/service/*/run'):
        with open(path) as f:
            for words in re.findall(r'exec listen \w+ ((?:[\d.:]+(?:/tls)? ?)+)', f.read().replace('\\\n', ' ')):
                for word in words.split():
                    named[int(word.split('/')[0].split(':')[-1])] = word.endswith('/tls')
    found = {int(line.split()[3].rsplit(':', 1)[1]) for line in run('ss', '-ltnH').stdout.splitlines()}
    return named, found


@contextlib.contextmanager
def client(port):
    with socket.create_connection(('127.0.0.1', port), PROMPT_S) as s:
        yield s


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def send_all(s, data):
    with contextlib.suppress(OSError):
        s.sendall(data)


def served(port):
    """Does a good client get what it came for, and how long does that take?"""
    began = time.monotonic()
    try:
        if port in (110, 995):
            pop = poplib.POP3_SSL if NAMED[port] else poplib.POP3
            keys = {'context': TRUSTING} if NAMED[port] else {}
            good = pop('127.0.0.1', port, timeout=PROMPT_S, **keys)
            good.capa(), good.quit()
        elif port in (143, 993):
            keys = {'ssl_context': TRUSTING} if NAMED[port] else {}
            imap = imaplib.IMAP4_SSL if NAMED[port] else imaplib.IMAP4
            good = imap('127.0.0.1', port, timeout=PROMPT_S, **keys)
            good.noop(), good.logout()
        elif port == 4190:
            good = Sieve.connect()
            good.capabilities(), good.ask(b'LOGOUT'), good.close()
        else:
            smtp = smtplib.SMTP_SSL if NAMED[port] else smtplib.SMTP
            keys = {'context': TRUSTING} if NAMED[port] else {}
            with smtp('127.0.0.1', port, local_hostname='client.example.org', timeout=PROMPT_S, **keys) as good:
                greeting = good.docmd('LHLO', 'client.example.org') if port == 24 else good.ehlo()
                if greeting[0] != 250:
                    return greeting, 0
    except (OSError, smtplib.SMTPException, poplib.error_proto, imaplib.IMAP4.error, Broken, EOFError) as error:
        return repr(error), time.monotonic() - began
    return '', time.monotonic() - began


# ---- what is sent ----
def hello():
    """The first bytes of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = TRUSTING.wrap_bio(incoming, outgoing, server_hostname='mx.example.org')
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def random_bytes(port):
    for size in (1, 2, 7, 100, 1000, 20000, 300000):
        with client(port) as s:
            send_all(s, rng.randbytes(size))


def nul_bytes_and_no_line_end(port):
    for data in (b'\0' * 10000, b'\r' * 10000, b'A' * 200000, b'\n' * 5000, b'\xff\xfe' * 3000, b'EHLO ' + b'\x80' * 600 + b'\r\n'):
        with client(port) as s:
            send_all(s, data)
            s.settimeout(0.1)
            with contextlib.suppress(OSError):
                s.recv(4096)


def tls_hello(port):
    data = hello()
    for part in (data, data[:20], data[:6], data[:-1], data * 20, data[:50] + rng.randbytes(500)):
        with client(port) as s:
            send_all(s, part)
    for _ in range(20):
        place = rng.randrange(len(data))
        with client(port) as s:
            send_all(s, data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1:])
            s.settimeout(0.05)
            with contextlib.suppress(OSError):
                s.recv(4096)


def plain_text(port):
    for text in (b'EHLO x\r\nMAIL FROM:<a@b>\r\n', b'USER joe\r\nPASS x\r\n', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'QUIT\r\n'):
        with client(port) as s:
            send_all(s, text)


def starttls_and_garbage(port):
    if NAMED[port]:
        return
    ask = b'STLS\r\n' if port == 110 else b'a STARTTLS\r\n' if port == 143 else b'STARTTLS\r\n' if port == 4190 else b'EHLO x\r\nSTARTTLS\r\n'
    for after in (b'', rng.randbytes(5000), b'EHLO x\r\n', hello()[:30]):
        with client(port) as s:
            send_all(s, ask)
            s.settimeout(0.3)
            with contextlib.suppress(OSError):
                while b'220 2' not in (got := s.recv(4096)) and b'egin' not in got and got:
                    pass
            send_all(s, after)


def garbage_inside_tls(port):
    if not NAMED[port]:
        return
    for data in (rng.randbytes(20000), b'\0' * 5000, b'EHLO x\r\n' * 2000):
        with contextlib.suppress(OSError), client(port) as s, TRUSTING.wrap_socket(s) as tls:
            tls.sendall(data)
            reset(s)
    with contextlib.suppress(OSError), client(port) as s:
        tls = TRUSTING.wrap_socket(s)
        raw = socket.socket(fileno=os.dup(tls.fileno()))
        raw.sendall(rng.randbytes(1000))      # records that are none
        raw.close(), tls.close()


def half_open_and_reset(port):
    for data in (b'', b'E', b'EHLO x', b'EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\nSubj', b'AUTH PLAIN\r\n'):
        with client(port) as s:
            send_all(s, data)
            with contextlib.suppress(OSError):      # the server may have gone
                s.shutdown(socket.SHUT_WR)
        with client(port) as s:
            send_all(s, data)
            reset(s)


def a_byte_at_a_time(port):
    with client(port) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in (hello() if NAMED[port] else b'EHLO client.example.org\r\nNOOP\r\nXXXX\r\n')[:150]:
            send_all(s, bytes([byte]))
            time.sleep(0.002)


def out_of_band(port):
    with client(port) as s:
        for _ in range(20):
            with contextlib.suppress(OSError):
                s.send(b'!', socket.MSG_OOB)


def many_at_once(port):
    """All are open together, each says something else, or nothing; most are reset."""
    held = []
    for number in range(AT_ONCE):
        with contextlib.suppress(OSError):
            s = socket.create_connection(('127.0.0.1', port), PROMPT_S)
            send_all(s, rng.choice([b'', rng.randbytes(200), b'EHLO x\r\n', hello()]))
            held.append(s)
    for s in held:
        if rng.random() < 0.7:
            reset(s)
        s.close()


ATTACKS = (random_bytes, nul_bytes_and_no_line_end, tls_hello, plain_text, starttls_and_garbage, garbage_inside_tls,
           half_open_and_reset, a_byte_at_a_time, out_of_band, many_at_once)


def log(name='*'):
    text = ''
    for path in glob.glob(f'/var/mta/log/{name}/*'):
        with open(path, errors='replace') as f:
            text += f.read()
    return text


def processes():
    names = {}
    for path in glob.glob('/proc/[0-9]*/comm'):
        with contextlib.suppress(OSError), open(path) as f, open(os.path.dirname(path) + '/stat') as state:
            name = f.read().strip()
            if state.read().rsplit(')', 1)[1].split()[0] != 'Z':
                names[name] = names.get(name, 0) + 1
    return names


for name in ('lmtp', 'sieved'):
    os.rename(f'/var/mta/service/.{name}', f'/var/mta/service/{name}')      # it is off, but it is a port
for name in ('timeoutsmtpd', 'timeoutpop3', 'timeoutimaplogin', 'timeoutsievelogin', 'timeouttls'):
    with open('/var/mta/control/' + name, 'w') as f:
        f.write('20\n')
started = run('/var/mta/bin/mtactl', 'start')
NAMED, FOUND = listening()
check('all ports of the run scripts listen, and no others', started.returncode == 0 and set(NAMED) == FOUND,
      (started.stderr, NAMED, FOUND))
for port in NAMED:                      # what waits until it is needed is there from now on
    served(port)
with smtplib.SMTP('127.0.0.1', 25, local_hostname='client.example.org') as s:
    s.starttls(context=TRUSTING)
good = Sieve.connect()
good.capabilities(), good.ask(b'STARTTLS')
with TRUSTING.wrap_socket(good.s) as s:
    s.recv(1)
wait_for(lambda: processes().get('tlsd', 0) == processes().get('keyd', -1))
idle = processes()
results = {}


def attack(port):
    faults, slowest = [], 0
    for one in ATTACKS:
        try:
            one(port)
        except OSError as error:      # only to connect may not fail
            faults.append(f'{one.__name__}: {error!r}')
        why, took = served(port)
        slowest = max(slowest, took)
        if why or took > PROMPT_S:
            faults.append(f'after {one.__name__}: {took:.1f} s {why}')
    results[port] = faults, slowest


threads = [threading.Thread(target=attack, args=[port]) for port in sorted(NAMED)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for port, (faults, slowest) in sorted(results.items()):
    check(f'port {port}: a good client was served after each of {len(ATTACKS)} attacks, in {slowest:.1f} s at most', not faults,
          (f'GARBAGE_SEED={SEED}', faults))
signals = [line for line in log().splitlines() if re.search(r'(died|ended) (of|by) signal', line)]
check('no process died of a signal', not signals, (SEED, signals[:5]))
again = [line for line in log().splitlines() if re.search(r'starting (it )?a(new|gain)|is gone|chain ended', line)]
check('no service started anew', not again, (SEED, again[:5]))
left = wait_for(lambda: {n: c for n, c in processes().items() if c > idle.get(n, 0) and n in ('smtpd', 'pop3d', 'imapd', 'sieved', 'tlsd', 'login', 'checkpw')} == {}, 120)
check('no session is left over', left, (SEED, idle, processes()))
done()
