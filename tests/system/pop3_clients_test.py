#!/usr/bin/env python3
"""pop3_clients_test - fetchmail, getmail and mpop fetch a Maildir and an mbox
while mail arrives by SMTP: each message comes once, whole, by whichever client;
two clients on one mailbox at once do no harm.  Each is skipped where it is not
installed."""
import collections, glob, os, re, shutil, smtplib, subprocess, sys, threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
COUNT = 40                                  # messages while a client runs
LINES = ('.', '..', 'From the beginning', '>From quoted', 'z' * 900, 'end')


def run(*command, timeout=120, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **more)


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
control('pop3drate', '0\n')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :110').stdout and run('ss', '-Hltn', 'sport = :25').stdout)
work = os.environ['host_dir'] + '/clients'
os.mkdir(work)
os.environ['HOME'] = work


def put(name, text, mode=0o600):
    with open(f'{work}/{name}', 'w') as f:
        f.write(text)
    os.chmod(f.name, mode)
    return f.name


# Each message that a client fetched is a file of its own.
taker = put('take', f'#!/bin/sh\n{{ echo "=====message"; cat; }} >$(mktemp {work}/got/XXXXXXXX)\n', 0o755)
fetchmailrc = put('fetchmailrc', f'poll 127.0.0.1 proto pop3 port 110 uidl user joe pass "{SECRET}" sslproto "" nokeep fetchall mda "{taker}"\n', 0o600)
os.mkdir(work + '/getmail')
getmailrc = put('getmail/getmailrc', f'[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nusername = joe\npassword = {SECRET}\n\n'
                f'[destination]\ntype = MDA_external\npath = {taker}\nallow_root_commands = true\nunixfrom = false\n\n'
                '[options]\ndelete = true\nread_all = false\ndelivered_to = false\nreceived = false\nverbose = 0\n')
mpoprc = put('mpoprc', f'account default\nhost 127.0.0.1\nport 110\nuser joe\npassword {SECRET}\nauth user\ntls off\nkeep off\n'
             f'delivery mda {taker}\nuidls_file {work}/mpop.uidls\nreceived_header off\n')
CLIENTS = {'fetchmail': ['fetchmail', '--nosyslog', '-N', '-f', fetchmailrc, '-i', work + '/fetchids', '--pidfile', work + '/fetchmail.pid'],
           'getmail': ['getmail', '--getmaildir', work + '/getmail', '--rcfile', getmailrc],
           'mpop': ['mpop', '-q', '-C', mpoprc]}
have = {name: argv for name, argv in CLIENTS.items() if shutil.which(argv[0])}
for name in set(CLIENTS) - set(have):
    check(f'{name} # skip it is not installed', True)


def send(first, count):
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
        for i in range(first, first + count):
            s.sendmail('a@b.example', ['joe@example.org'], f'Subject: mark-{i}-\r\n\r\n' + '\r\n'.join(LINES) + '\r\n')


def got():
    """How often each came, and whether all are whole."""
    times, torn = collections.Counter(), []
    for path in glob.glob(work + '/got/*'):
        for text in open(path, errors='replace').read().replace('\r', '').split('=====message\n')[1:]:
            mark = re.search(r'mark-(\d+)-', text)
            times[int(mark[1]) if mark else -1] += 1
            if not text.rstrip('\n').endswith('\n\n' + '\n'.join(LINES)):
                torn.append(text)
    return times, torn


sent = 0
for box in ('Maildir', 'mbox'):
    if box == 'mbox':
        control('defaultdelivery', 'mbox\n')
        run('s6-svc', '-t', '/var/mta/service/queue')
        wait_for(lambda: run('/var/mta/bin/mailq', '--json').returncode == 0)
        with smtplib.SMTP('127.0.0.1', 25, timeout=30) as s:
            s.sendmail('a@b.example', ['joe@example.org'], 'Subject: first\r\n\r\nx\r\n')
        check('mail goes to the mbox now', wait_for(lambda: os.path.exists('/var/mail/joe') and os.path.getsize('/var/mail/joe')))
        check('mpop or another takes it away', any(run(*argv).returncode == 0 for argv in have.values()) and
              os.path.getsize('/var/mail/joe') == 0)
    rounds = [(name,) for name in have] + ([tuple(have)] if len(have) > 1 else [])
    for names in rounds:
        shutil.rmtree(work + '/got', ignore_errors=True)
        os.mkdir(work + '/got')
        sender = threading.Thread(target=send, args=(sent, COUNT))
        sender.start()
        codes = collections.defaultdict(list)

        def poll(name):
            try:
                ran = run(*have[name], timeout=30)
            except subprocess.TimeoutExpired:
                # getmail may miss the SIGCHLD of its MDA: it waits for ever, and has deleted nothing.
                codes[name].append(('killed', ''))
                return
            codes[name].append((ran.returncode, ran.stdout[-200:] + ran.stderr[-300:]))

        def is_all_there():
            threads = [threading.Thread(target=poll, args=(name,)) for name in names]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return set(range(sent, sent + COUNT)) <= set(got()[0])
        arrived = wait_for(is_all_there, 100)
        sender.join()
        times, torn = got()
        who = f'{box}, {" and ".join(names)}'
        check(f'{who}: each message came', arrived, (sorted(times), {n: c[-2:] for n, c in codes.items()}))
        killed = sum(code == 'killed' for ran in codes.values() for code, _ in ran)
        check(f'{who}: each once', all(count <= 1 + killed for count in times.values()), {k: v for k, v in times.items() if v > 1})
        check(f'{who}: each whole', not torn, torn[:1])
        sent += COUNT
shutil.rmtree(work)
done()
