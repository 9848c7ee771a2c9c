#!/usr/bin/env python3
"""altered_test - REQUIRETLS of queued mail, which an administrator asks for or does without, and keeps through a
restart; and mailq shows who is given up while the report of that is not sent yet."""
import json, re, signal
from scene import *
from hop import Hop

on_host()


def queue(*words, user=None):
    argv = ['/var/mta/bin/queue', *words]
    if user:
        argv = ['setpriv', '--reuid', str(pwd.getpwnam(user).pw_uid), '--clear-groups', *argv]
    return subprocess.run(argv, capture_output=True, text=True)


def mail(mark, *recipients):
    """Its id."""
    known = set(listed())
    subprocess.run(['/var/mta/bin/sendmail', '-f', 'joe@example.org', *recipients], input=f'Subject: {mark}\n\nsecret\n', text=True, check=True)
    return wait_for(lambda: [id for id in listed() if id not in known])[0]


def listed():
    return {m['id']: m for m in map(json.loads, queue('list', '-j').stdout.splitlines())}


def needs_tls(id):
    return listed()[id].get('requires_tls', False)


def inject(mark, recipient):
    """What its sender wants to go over TLS only."""
    known, message, envelope = set(listed()), os.pipe(), os.pipe()
    os.write(message[1], f'Subject: {mark}\n\nsecret\n'.encode())
    os.write(envelope[1], b'Fjoe@example.org\0Q1\0T' + recipient.encode() + b'\0\0')
    os.close(message[1]), os.close(envelope[1])
    subprocess.run(['/var/mta/bin/queue-inject'], stdin=message[0], stdout=envelope[0], check=True)
    return wait_for(lambda: [id for id in listed() if id not in known])[0]


def reports(mark):
    found = []
    for path in glob.glob(pwd.getpwnam('joe').pw_dir + '/Maildir/new/*'):
        text = open(path).read()
        if f'\nSubject: {mark}\n' in text.partition('rfc822')[2]:
            found.append(text)
    return found


def process(name):
    for path in glob.glob('/proc/[0-9]*/comm'):
        if open(path).read() == name + '\n':
            yield int(path.split('/')[2])


def kill_manager():
    pid = manager()
    os.kill(pid, 9)
    return wait_for(lambda: manager() not in (None, pid) and queue('limits').returncode == 0)


control('smtproutes', 'clear.example:[127.0.0.1]:2601\nno.example:[127.0.0.1]:2602\ndead.example:[127.0.0.1]:2699\n')
control('retrymin', '3000\n')
check('mtactl start', mtactl('start').returncode == 0)

# ---- REQUIRETLS ----
yes, both, no = mail('yes', 'a@clear.example'), mail('both', 'b@clear.example'), inject('no', 'c@clear.example')
wait_for(lambda: queue('list').stdout.count('next try') == 3)
check('one asked for it', needs_tls(no) and not needs_tls(yes))
said = queue('requiretls', 'yes', yes, both)
check('asked for', said.stdout == 'requiretls: 2 messages\n' and needs_tls(yes) and needs_tls(both), said)
check('that is logged', wait_for(lambda: f'{yes} requiretls=yes by=0\n' in log()), log()[-900:])
check('not by a user', queue('requiretls', 'no', yes, user='joe').returncode == 77)
for words in ([], ['maybe', '-a'], ['yes']):
    check(f'not with {words}', queue('requiretls', *words).returncode == 64)
check('one that is held', queue('hold', both).returncode == 0 and queue('requiretls', '-', both).returncode == 0)
check('stays so', listed()[both]['held'] and not needs_tls(both))
check('the manager is killed', kill_manager())
check('it is kept', needs_tls(yes) and needs_tls(no) and not needs_tls(both))
queue('release', both)
check('another is let go without it', queue('requiretls', 'no', no).stdout == 'requiretls: 1 message\n' and not needs_tls(no))
clear = Hop(2601)
queue('retry', '-a')
check('those without go in the clear', wait_for(lambda: len(clear.messages) == 2), clear.commands)
check('the other does not', sorted(clear.pairs) == [('joe@example.org', 'b@clear.example'), ('joe@example.org', 'c@clear.example')], clear.pairs)
told = wait_for(lambda: reports('yes'))
check('it fails for want of it', len(told) == 1 and re.search(r'^Status: 5\.7\.', told[0], re.M), (told, log()[-900:]))
check('and its report has not its text', 'secret' not in told[0], told)

# ---- given up, and nobody told ----
refusing = Hop(2602, rcpt='550 5.1.1 nobody of that name')
for pid in (bounces := list(process('queue-bounce'))):
    os.kill(pid, signal.SIGSTOP)
id = mail('pending', 'x@no.example', 'y@no.example')
shown = wait_for(lambda: (m := listed()[id])['recipients'][0]['state'] == 'failed' and m['recipients'])
check('JSON shows whose report is to come', shown and [(r['address'], r['bounce_pending'], r['code']) for r in shown] ==
      [('x@no.example', True, '5.1.1'), ('y@no.example', True, '5.1.1')], shown)
shown = subprocess.run(['/var/mta/bin/mailq'], capture_output=True, text=True).stdout
check('mailq, too', shown.count('nobody of that name; failed, its report is not sent yet)\n') == 2 and 'next try' not in shown, shown)
waiting = mail('waits', 'z@dead.example')
check('one that waits is not that', [r['bounce_pending'] for r in listed()[waiting]['recipients']] == [False])
for pid in bounces:
    os.kill(pid, signal.SIGCONT)
check('then it is sent, and gone', wait_for(lambda: reports('pending')) and wait_for(lambda: id not in listed()))
done()
