#!/usr/bin/env python3
"""queue_test - queue(1): show what waits, by whatever tells it apart, and hold,
release, retry, remove or fail it, while mail flows."""
import contextlib, glob, json, os, pwd, re, shutil, smtplib, socket, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)
FILL = os.environ['BUILD'] + '/tests/load/fillqueue'


def queue(*words, user=None, ok=0):
    argv = ['/var/mta/bin/queue', *words]
    if user:
        argv = ['setpriv', '--reuid', str(pwd.getpwnam(user).pw_uid), '--clear-groups', *argv]
    done_ = subprocess.run(argv, capture_output=True, text=True)
    if ok is not None and done_.returncode != ok:
        print('# ' + ' '.join(argv) + ': ' + done_.stderr)
    return done_


def ids(*words, **more):
    return [json.loads(line)['id'] for line in queue('list', '-j', *words, **more).stdout.splitlines()]


def send(recipient, subject, sender='joe@example.org', more=''):
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
        s.ehlo(), s.mail(sender), s.rcpt(recipient)
        code, text = s.data(f'Subject: {subject}\r\nX-Kind: a\r\n folded one\r\n{more}\r\ntext of {subject}\r\n')
        return re.search(r'[0-9a-f]{23}', text.decode())[0]


def new(user):
    return [open(n, errors='replace').read() for n in glob.glob(pwd.getpwnam(user).pw_dir + '/Maildir/new/*')]


def log():
    with open('/var/mta/log/queue/current', errors='replace') as f:
        return f.read()


class Host:
    """Takes everything; may be told to wait before it answers the end of data."""

    def __init__(self, port):
        self.subjects, self.go = [], threading.Event()
        self.go.set()
        self.waiting = 0
        self.listener = socket.create_server(('127.0.0.1', port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=[client], daemon=True).start()

    def talk(self, client):
        client.sendall(b'220 host\r\n')
        lines = client.makefile('rb')
        while line := lines.readline():
            if line[:4].upper() == b'DATA':
                client.sendall(b'354 go\r\n')
                while (line := lines.readline()) not in (b'.\r\n', b''):
                    if line.startswith(b'Subject: '):
                        subject = line[9:].strip().decode()
                self.waiting += 1
                self.go.wait()
                self.waiting -= 1
                self.subjects.append(subject)
            client.sendall(b'250 ok\r\n')


control('smtproutes', 'dead.example:[127.0.0.1]:2700\nlive.example:[127.0.0.1]:2701\n')
started = subprocess.run(['/var/mta/bin/mtactl', 'start'], capture_output=True, text=True)
check('mtactl start', started.returncode == 0, started.stderr)
a = send('x@dead.example', 'first')
b = send('y@dead.example', 'second', sender='ann@example.org')
c = send('z@sub.dead.example', 'third')
check('three wait', wait_for(lambda: sorted(ids()) == sorted([a, b, c])), ids())
wait_for(lambda: 'refused' in queue('list', '-r', 'x@*').stdout)

# ---- list: by whatever tells them apart ----
check('by id', ids(a) == [a] and sorted(ids(a, b)) == sorted([a, b]))
check('by sender', ids('-f', 'ANN@*') == [b])
check('by recipient', ids('-r', 'z@*') == [c])
check('by domain', sorted(ids('-d', 'dead.example')) == sorted([a, b]) and ids('-d', '*.dead.example') == [c])
check('by a header field, unfolded', ids('-H', 'subject: sec*') == [b] and len(ids('-H', 'X-Kind: a folded one')) == 3)
encoded = send('w@sub.dead.example', '=?utf-8?B?R3LDvMOfZSBh?= =?iso-8859-1?Q?us_K=F6ln?=', more='X-Kind: =?utf-8?Q?odd?=\r\n')
check('by encoded words, as they are read', wait_for(lambda: ids('-H', 'subject: Gr\u00fc\u00dfe aus*')) == [encoded] and
      ids('-H', 'X-Kind: odd') == [encoded], queue('show', encoded).stdout)
check('and as they stand', ids('-H', 'subject: =[?]utf-8[?]B[?]*') == [encoded])
queue('remove', encoded)
check('by age', len(ids('-y', '5m')) == 3 and ids('-o', '1h') == [])
check('several must all fit', ids('-f', 'joe@*', '-d', 'dead.example') == [a])
check('as text, with the reason', 'refused' in queue('list', a).stdout and '-- 0 KiB in 1 message\n' in queue('list', a).stdout)
check('show: with its text', 'text of first' in queue('show', a).stdout and 'x@dead.example' in queue('show', a).stdout)
check('a user sees his own only', ids(user='joe') == [] and queue('show', a, user='joe', ok=66).returncode == 66)
shape = [json.loads(line) for line in queue('shape', '-j').stdout.splitlines()]
check('shape: by domain and age', [(r['domain'], r['total'], r['ages'][0]) for r in shape] == [('dead.example', 2, 2), ('sub.dead.example', 1, 1)], shape)
check('shape: by sender', '(all)' in queue('shape', '-s').stdout and re.search(r'\b2 .* example\.org', queue('shape', '-s').stdout) is None and
      re.search(r' 3 .* example\.org\n', queue('shape', '-s').stdout), queue('shape', '-s').stdout)
limits = queue('limits').stdout
check('limits: each destination', re.search(r'2 +0 +1 +20 +[1-9]\d* +\d+ +all by \[127\.0\.0\.1\]:2700\n', limits), limits)
check('limits are not for everybody', queue('limits', user='joe', ok=77).returncode == 77)

# ---- what changes something says which ----
for words in (['hold'], ['remove', '-j'], ['fail', 'nonsense'], ['list', '-o', 'yesterday'], ['list', '-H', 'x'], ['dance'], ['show']):
    check('usage: ' + ' '.join(words), queue(*words, ok=64).returncode == 64)
check('nothing fits', queue('remove', '-d', 'nobody.example', ok=66).returncode == 66)
for verb in ('hold', 'release'):
    check(f'{verb} is not for everybody', queue(verb, '-a', user='joe', ok=77).returncode == 77)
check("another's cannot be handled", queue('remove', a, user='joe', ok=66).returncode == 66 and a in ids())

# ---- hold and release ----
held = queue('hold', '-d', 'dead.example')
check('hold', held.stdout == 'hold: 2 messages\n', held)
check('they are apart', sorted(n[:23] for n in os.listdir('/var/mta/queue/hold')) == sorted([a, b]))
check('and listed as held', sorted(ids('-w')) == sorted([a, b]) and '(held)' in queue('list', a).stdout)
subprocess.run(['/var/mta/bin/sendmail', '-q'])
control('smtproutes', 'dead.example:[127.0.0.1]:2701\nlive.example:[127.0.0.1]:2701\n')
host = Host(2701)
subprocess.run(['/var/mta/bin/mtactl', 'stop'])
subprocess.run(['/var/mta/bin/mtactl', 'start'])
send('v@live.example', 'free')
check('nothing lets them go, not even a restart', wait_for(lambda: 'free' in host.subjects) and host.subjects == ['free'], host.subjects)
check('release one', queue('release', a).stdout == 'release: 1 message\n')
check('it goes', wait_for(lambda: 'first' in host.subjects) and 'second' not in host.subjects)
check('and the log has it all', wait_for(lambda: all(f'{a} {what}' in log() for what in ('held', 'released', 'delivered', 'done'))), log())

# ---- fail and remove ----
check('fail a held one', queue('fail', b).stdout == 'fail: 1 message\n')
check('its sender is told', wait_for(lambda: any('given up by an administrator' in t and 'Subject: second' in t for t in new('ann'))), new('ann'))
check('and nobody else got it', 'second' not in host.subjects and wait_for(lambda: ids(b) == []))
check('remove', queue('remove', c).stdout == 'remove: 1 message\n' and ids(c) == [])
check('is logged', wait_for(lambda: f'{c} removed' in log()), log())

# ---- retry ----
control('limits', ''.join(f'back{n}.example 20\n' for n in ('', 2, 3)))  # each by itself, though their host is one
control('retrymin', '3000\n')
control('smtproutes', 'dead.example:[127.0.0.1]:2700\nlive.example:[127.0.0.1]:2701\n' +
        ''.join(f'back{n}.example:[127.0.0.1]:2702\n' for n in ('', 2, 3)))
subprocess.run(['/var/mta/bin/mtactl', 'stop'])
subprocess.run(['/var/mta/bin/mtactl', 'start'])
d = send('w@back.example', 'again')
by_recipient, by_sender = send('r*w@back2.example', 'by recipient'), send('x@back3.example', 'by sender', sender='ann@example.org')
wait_for(lambda: all('refused' in queue('list', one).stdout for one in (d, by_recipient, by_sender)))
back = Host(2702)
sendmail = lambda *words: subprocess.run(['/var/mta/bin/sendmail', *words], capture_output=True, text=True)
check('sendmail -qR: a part of a recipient, no pattern', sendmail('-qR?*w').returncode == 66 and sendmail('-qRR*w@back').stdout == 'retry: 1 message\n')
check('... goes', wait_for(lambda: back.subjects == ['by recipient']), back.subjects)
check('sendmail -qS: a part of a sender', sendmail('-qSann@').stdout == 'retry: 1 message\n' and sendmail('-qS').returncode == 64)
check('... goes', wait_for(lambda: back.subjects == ['by recipient', 'by sender']), back.subjects)
back.subjects.clear()
check('retry', queue('retry', '-d', 'back.example').stdout == 'retry: 1 message\n')
check('it goes at once', wait_for(lambda: back.subjects == ['again']), back.subjects)

# ---- another way ----
other = Host(2703)
control('smtproutes', 'dead.example:[127.0.0.1]:2700\nlive.example:[127.0.0.1]:2701\ndead2.example:[127.0.0.1]:2709\ndead3.example:[127.0.0.1]:2709\n')
subprocess.run(['/var/mta/bin/mtactl', 'stop'])
subprocess.run(['/var/mta/bin/mtactl', 'start'])
f, g, h = (send(f'w@{d}', s) for d, s in (('dead2.example', 'routed'), ('dead3.example', 'routed held'), ('dead3.example', 'not routed')))
check('three wait for a dead host', wait_for(lambda: queue('list').stdout.count('next try') == 3), queue('list').stdout)
for words in (['route'], ['route', 'a b', '-a'], ['route', ':25', '-a'], ['route', 'host:x', '-a'], ['route', 'h\te', '-a'], ['route', 'host']):
    check('usage: ' + ' '.join(words), queue(*words, ok=64).returncode == 64)
check('route is not for everybody', queue('route', '[127.0.0.1]:2703', f, user='joe', ok=77).returncode == 77)
queue('hold', g)
said = queue('route', '[127.0.0.1]:2703', f, g)
check('route', said.stdout == 'route: 2 messages\n', (said.stdout, said.stderr, log()[-500:]))
check('it goes there, at once', wait_for(lambda: other.subjects == ['routed'] and f not in ids()), (other.subjects, log()[-900:]))
check('the log has it', wait_for(lambda: f'{f} route=[127.0.0.1]:2703' in log()), log()[-900:])
check('the one that is held has it and stays', '(by [127.0.0.1]:2703)  (held)' in queue('list', g).stdout and ids('-w') == [g], queue('list').stdout)
check('JSON, too', sorted(json.loads(l)['route'] for l in queue('list', '-j', g, h).stdout.splitlines()) ==
      ['', '[127.0.0.1]:2703'])
told = json.loads(queue('list', '-j', h).stdout)
check('it says whence it came, and nothing of what it has not', told['client'] and not
      {'envid', 'priority', 'verp', 'requires_tls'} & set(told), told)
check('others of the domain are not meant', h in ids() and 'not routed' not in other.subjects)
subprocess.run(['/var/mta/bin/mtactl', 'stop'])
subprocess.run(['/var/mta/bin/mtactl', 'start'])
queue('release', g)
check('a restart does not forget it', wait_for(lambda: other.subjects == ['routed', 'routed held']), (other.subjects, log()[-900:]))
queue('route', 'lmtp:[127.0.0.1]:2710', h)
check('one that is not there either', wait_for(lambda: 'by lmtp:[127.0.0.1]:2710' in queue('limits').stdout), queue('limits').stdout)
attempts = lambda: json.loads(queue('list', '-j', h).stdout)['recipients'][0]['attempts']
wait_for(lambda: attempts() >= 2)
was = attempts()
check('as usual again', queue('route', '-', h).stdout == 'route: 1 message\n' and '(by' not in queue('list', h).stdout, queue('list', h).stdout)
check('which is tried at once', wait_for(lambda: attempts() > was), (was, attempts(), queue('limits').stdout))
queue('remove', h)

subprocess.run(['/var/mta/bin/sendmail', '-f', 'joe@example.org', '-XV-=', '-N', 'delay', '-R', 'hdrs', '-V', 'one+2Btwo', 'v@dead.example'],
               input='Subject: extras\nMessage-ID: <extras@x>\n\n', text=True, check=True)
told = json.loads(wait_for(lambda: queue('list', '-j', '-r', 'v@dead.example').stdout))
check('what a message came with is in JSON', [told.get(word) for word in ('verp', 'envid', 'ret', 'message_id')] ==
      ['-=', 'one+2Btwo', 'H', '<extras@x>'] and told['uid'] == 0, told)
queue('remove', told['id'])

# ---- words of others ----
def refuse(listener):
    while True:
        client, _ = listener.accept()
        with client, client.makefile('rb') as lines:
            client.sendall(b'220 host\r\n')
            while line := lines.readline():
                client.sendall(b'450 4.2.2 bo\xeete "pleine"\r\n' if line[:4] == b'RCPT' else b'250 ok\r\n')


threading.Thread(target=refuse, args=[socket.create_server(('127.0.0.1', 2700))], daemon=True).start()
latin = send('u@dead.example', 'latin')
queue('retry', latin)
told = wait_for(lambda: re.search(rb'.* said: 450 .*', subprocess.run(['/var/mta/bin/mailq', '-j'], capture_output=True).stdout))
reason = told and json.loads(told[0].decode(errors='surrogateescape'))['recipients'][0]['reason']
check('JSON is UTF-8, whatever a host says', reason and reason.endswith('450 4.2.2 bo\ufffdte "pleine"'), told)
queue('remove', latin)

# ---- one that is on its way ----
host.go.clear()
e = send('v@live.example', 'on its way')
wait_for(lambda: host.waiting == 1)
gone = subprocess.Popen(['/var/mta/bin/queue', 'remove', e], stdout=subprocess.PIPE, text=True)
time.sleep(0.2)
host.go.set()
check('it arrives, and then there is nothing to remove', gone.communicate()[0] == 'remove: 1 message\n' and
      wait_for(lambda: 'on its way' in host.subjects) and ids(e) == [])

# ---- many, while mail flows ----
subprocess.run(['/var/mta/bin/mtactl', 'stop'])
subprocess.run([FILL, '3000', 'joe@example.org', 'x@h%.dead.example'], check=True, stdout=subprocess.DEVNULL)
subprocess.run(['/var/mta/bin/mtactl', 'start'])
stop, sent = threading.Event(), []


def flow():
    while not stop.is_set():
        sent.append(f'flow{len(sent)}')
        send('ann@example.org', sent[-1])


thread = threading.Thread(target=flow)
thread.start()
for verb, which in (('hold', ('-d', 'h*.dead.example')), ('remove', ('-w',))):
    said = queue(verb, *which)
    check(f'{verb} 3000', said.stdout == f'{verb}: 3000 messages\n', (said.stdout, said.stderr, log()[-1000:]))
stop.set()
thread.join()
check('all that came meanwhile arrived', wait_for(lambda: all(any(f'Subject: {m}\n' in t for t in new('ann')) for m in sent)), len(sent))
check('the queue is empty', wait_for(lambda: ids() == []), ids())


def removed():
    """Removed files that the manager has open still."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError), open(f'/proc/{pid}/comm') as comm:
            if comm.read() == 'queue-manager\n':
                found += [link for fd in os.listdir(f'/proc/{pid}/fd') if (link := os.readlink(f'/proc/{pid}/fd/{fd}')).endswith('(deleted)')]
    return found


check('the manager lets go of what is removed', wait_for(lambda: not removed()), removed())
done()
