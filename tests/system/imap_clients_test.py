#!/usr/bin/env python3
"""imap_clients_test - real clients on ports 143 and 993: curl, mbsync, each
skipped where it is not installed."""
import glob, os, pwd, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


def skip(label, program):
    if shutil.which(program):
        return False
    check(f'{label} # skip {program} is not installed', True)
    return True


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)
work = os.path.realpath('/var/tmp/imap_clients.%d' % os.getpid())
os.mkdir(work)
with open(work + '/message', 'w', newline='') as f:
    f.write('From: a@example.org\r\nSubject: by curl\r\n\r\nHello\r\n')

if not skip('curl', 'curl'):
    user = ['curl', '-sS', '-k', '-u', f'joe:{SECRET}']
    sent = run(*user, '-T', work + '/message', 'imap://127.0.0.1/Drafts')
    check('curl: APPEND', sent.returncode == 0, sent)
    got = run(*user, 'imap://127.0.0.1/Drafts;MAILINDEX=1')
    check('curl: FETCH', 'Subject: by curl' in got.stdout, got)
    got = run(*user, 'imaps://127.0.0.1/')
    check('curl: LIST with TLS on port 993', '"Drafts"' in got.stdout, got)
    got = run(*user, '--ssl-reqd', 'imap://127.0.0.1/Drafts?SUBJECT%20curl')
    check('curl: SEARCH after STARTTLS', '* SEARCH 1' in got.stdout, got)

if not skip('mbsync', 'mbsync'):
    os.mkdir(work + '/far')
    with open(work + '/mbsyncrc', 'w') as f:
        f.write(f'IMAPAccount far\nHost 127.0.0.1\nUser joe\nPassCmd "echo \'{SECRET}\'"\nSSLType None\nAuthMechs LOGIN\n\n'
                'IMAPStore far\nAccount far\n\n'
                f'MaildirStore near\nPath {work}/far/\nInbox {work}/far/INBOX\nSubFolders Verbatim\n\n'
                'Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n')
    got = run('mbsync', '-c', work + '/mbsyncrc', 'all')
    near = glob.glob(work + '/far/Drafts/*/*,*')
    check('mbsync: takes what is there', got.returncode == 0 and len(near) == 1, (got, near))
    for i in range(20):
        with open(f'{work}/far/INBOX/new/170000000{i}.1.host', 'w') as f:
            f.write(f'From: a@example.org\nSubject: {i}\nMessage-ID: <{i}@x>\n\n{i}\n')
    for path in near:
        os.unlink(path)
    got = run('mbsync', '-c', work + '/mbsyncrc', 'all')
    client = run('curl', '-sS', '-u', f'joe:{SECRET}', '-X', 'STATUS INBOX (MESSAGES)', 'imap://127.0.0.1/')
    check('mbsync: gives what is new', got.returncode == 0 and 'MESSAGES 20' in client.stdout, (got, client))
    client = run('curl', '-sS', '-u', f'joe:{SECRET}', '-X', 'STATUS Drafts (MESSAGES)', 'imap://127.0.0.1/')
    check('mbsync: removes what is gone', 'MESSAGES 0' in client.stdout, client)
    got = run('mbsync', '-c', work + '/mbsyncrc', 'all')
    check('mbsync: finds nothing to do then', got.returncode == 0 and len(glob.glob(work + '/far/INBOX/*/*')) >= 20, got)
shutil.rmtree(work)
done()
