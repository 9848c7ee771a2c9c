#!/usr/bin/env python3
"""sharing_test - folders shared between accounts, RFC 4314, through the whole
chain: imapd, login, users/shares, a guest's imapd under the owner's uid."""
import glob, imaplib, os, pwd, shutil, socket, subprocess, sys, tempfile
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
import imapwire
from imapwire import MESSAGE, ok
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def Wire(user):
    return imapwire.Wire(user, SECRET)


def sessions_of(user):
    uid = pwd.getpwnam(user).pw_uid
    return [p for p in glob.glob('/proc/[0-9]*') if os.path.exists(p + '/exe') and os.stat(p).st_uid == uid]


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
control('imapdaddresses', '127.0.0.1:143\n')
control('imapdguests', '2\n')
control('imapdshares', '4\n')
run('/var/mta/bin/mtactl', 'start')
added = run('/var/mta/bin/mtactl', 'user', 'add', 'eve@new.example', input=SECRET + '\n')
check('a virtual account', added.returncode == 0, added)
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)

ann, joe = Wire('ann'), Wire('joe')
check('ACL is announced after the log-in', ' ACL RIGHTS=texk' in ann.answer[-1] and ' ACL' not in ann.greeting, ann.answer)
check('NAMESPACE', '* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL' in joe.say('NAMESPACE'))
ann.say('CREATE Team')
ann.append('Team')
check('before it is shared there is none', joe.say('SELECT "Other Users/ann/Team"')[-1].startswith('NO [NONEXISTENT]'))
check('and no process of the owner\'s was started for it', len(sessions_of('ann')) == 1, sessions_of('ann'))
check('nor is there one of nobody\'s', joe.say('SELECT "Other Users/nobody/Team"')[-1].startswith('NO [NONEXISTENT]'))
check('a name that no account can have', joe.say(b'SELECT "Other Users/a\x01/Team"')[-1].startswith('NO [') and
      joe.say('SELECT "Other Users/' + 'a' * 400 + '/Team"')[-1].startswith('NO [NONEXISTENT]'))
check('SETACL', ok(ann.say('SETACL Team joe lrs')))
with open('/var/mta/users/shares') as f:
    check('users/shares has it', f.read() == 'ann\tjoe\n')
check('GETACL', ann.say('GETACL Team')[0] == '* ACL "Team" "ann" lrswipkxteacd "joe" lrs', ann.say('GETACL Team'))

said = joe.say('LIST "" "*"')
check('LIST shows it, and what is above it', '* LIST (\\HasNoChildren) "/" "Other Users/ann/Team"' in said and
      any('"Other Users/ann"' in line and 'Noselect' in line for line in said) and
      any('"Other Users"' in line for line in said) and not any('ann/INBOX' in line for line in said) and ok(said), said)
said = joe.say('SELECT "Other Users/ann/Team"')
check('SELECT', '* 1 EXISTS' in said and '* OK [PERMANENTFLAGS (\\Seen)] these stay' in said and
      said[-1] == 'OK [READ-WRITE] done', said)
guest = [p for p in sessions_of('ann') if '-g' in open(p + '/cmdline').read().split('\0')]
check('the guest runs as the owner', len(guest) == 1, guest)
said = joe.say('FETCH 1 (BODY[] FLAGS)')
check('FETCH with its literal', 'Hello' in said and ok(said) and any('Seen' in line for line in said), said)
said = joe.say('CONVERT 1 (NIL ("charset" "utf-8")) BINARY[1]')
check('RFC 5259: so is CONVERT', any('CONVERTED (TAG "' in line and '(BINARY[1] {' in line for line in said) and 'Hello' in said and ok(said), said)
check('STORE of what may not be', joe.say('STORE 1 +FLAGS (\\Deleted)')[-1].startswith('NO [NOPERM]'))
check('EXPUNGE', joe.say('EXPUNGE')[-1].startswith('NO [NOPERM]'))
check('APPEND without the right', joe.append('"Other Users/ann/Team"')[-1].startswith('NO [NOPERM]'))
check('COPY without it', joe.say('COPY 1 "Other Users/ann/Team"')[-1].startswith('NO [NOPERM]'))
check('IDLE', ok(ann.say('SETACL Team joe +wit')))
joe.send('i IDLE\r\n')
check('the guest idles', joe.line() == '+ idling')
ann.append('Team')
check('what comes is told', wait_for(lambda: joe.line() == '* 2 EXISTS'))
joe.send('DONE\r\n')
check('and IDLE ends', joe.until('i')[-1] == 'OK done')
check('APPEND that waits', joe.append('"Other Users/ann/Team"', '(\\Seen \\Flagged)', plus='')[-1].startswith('OK [APPENDUID'))
said = joe.say('FETCH 3 FLAGS')
check('with its flags', any('\\Flagged' in line and '\\Seen' in line for line in said), said)
check('a message of our own stays our own', joe.append('INBOX')[-1].startswith('OK') and
      ok(joe.say('STATUS INBOX (MESSAGES)')) and '* STATUS "INBOX" (MESSAGES 1)' in joe.say('STATUS INBOX (MESSAGES)'))
check('MYRIGHTS', '* MYRIGHTS "Other Users/ann/Team" lrswitd' in joe.say('MYRIGHTS "Other Users/ann/Team"'))
check('SELECT of our own closes it', '* OK [CLOSED] the other one' in joe.say('SELECT INBOX') and ok(joe.say('FETCH 1 FLAGS')))
check('ENABLE reaches a guest', ok(joe.say('ENABLE IMAP4rev2')) and
      not any('RECENT' in line for line in joe.say('SELECT "Other Users/ann/Team"')))
check('UNSELECT', ok(joe.say('UNSELECT')) and joe.say('FETCH 1 FLAGS')[-1].startswith('BAD'))
check('CREATE needs k', joe.say('CREATE "Other Users/ann/Team/x"')[-1].startswith('NO [NOPERM]') and
      joe.say('CREATE "Other Users/ann/x"')[-1].startswith('NO') and
      joe.say('CREATE "Other Users/nobody/x"')[-1].startswith('NO') and joe.say('CREATE "Other Users"')[-1].startswith('NO [CANNOT]'))
check('with it the new one inherits', ok(ann.say('SETACL Team joe +k')) and ok(joe.say('CREATE "Other Users/ann/Team/x"')) and
      '* MYRIGHTS "Other Users/ann/Team/x" lrswiktcd' in joe.say('MYRIGHTS "Other Users/ann/Team/x"'))
check('RENAME from one to another is none', joe.say('RENAME "Other Users/ann/Team" Mine')[-1].startswith('NO [') and
      joe.say('RENAME INBOX "Other Users/ann/Team/y"')[-1].startswith('NO [CANNOT]'))
check('GETQUOTAROOT', '* QUOTAROOT "Other Users/ann/Team"' in joe.say('GETQUOTAROOT "Other Users/ann/Team"'))
check('LIST-MYRIGHTS', '* MYRIGHTS "Other Users/ann/Team/x" lrswiktcd' in joe.say('LIST "" "*" RETURN (MYRIGHTS)') and
      '* MYRIGHTS "INBOX" lrswipkxteacd' in joe.say('LIST "" "*" RETURN (MYRIGHTS)'))
check('SUBSCRIBE', ok(joe.say('SUBSCRIBE "Other Users/ann/Team"')) and
      any('"Other Users/ann/Team"' in line for line in joe.say('LSUB "" "*"')) and
      '* LIST (\\Subscribed \\HasNoChildren) "/" "Other Users/ann/Team"' in joe.say('LIST (SUBSCRIBED) "" "*"'))

check('LIST RETURN (SUBSCRIBED)', '* LIST (\\Subscribed \\HasChildren) "/" "Other Users/ann/Team"' in
      joe.say('LIST "" "*" RETURN (SUBSCRIBED)') and
      '* LIST (\\HasNoChildren) "/" "Other Users/ann/Team/x"' in joe.say('LIST "" "*" RETURN (SUBSCRIBED)'))
eve = Wire('eve@new.example')
check('a virtual account is a user like others', ok(eve.say('CREATE Box')) and ok(eve.say('SETACL Box joe lr')) and
      ok(joe.say('STATUS "Other Users/eve@new.example/Box" (MESSAGES)')), [added, eve.answer, eve.say('CREATE Box2')])
check('anyone', ok(ann.say('SETACL INBOX anyone l')) and
      any('"Other Users/ann/INBOX"' in line for line in eve.say('LIST "" "*"')))
run('/var/mta/bin/mtactl', 'user', 'add', 'max@new.example', input=SECRET + '\n')
max_ = Wire('max@new.example')
check('more owners than a session may have open', ok(max_.say('CREATE Bin')) and ok(max_.say('SETACL Bin joe lr')) and
      ok(joe.say('SELECT "Other Users/ann/Team"')) and
      all(any(name in line for line in joe.say('LIST "" "*"')) for name in ('ann/Team"', 'example/Box"', 'example/Bin"') * 2) and
      ok(joe.say('FETCH 1 FLAGS')) and ok(joe.say('STATUS "Other Users/max@new.example/Bin" (MESSAGES)')) and ok(joe.say('UNSELECT')))
max_.say('DELETE Bin')
max_.say('LOGOUT')
run('groupadd', 'crew')
run('usermod', '-a', '-G', 'crew', 'joe')
check('a group', ok(ann.say('CREATE Crew')) and ok(ann.say('SETACL Crew $crew lr')) and ok(eve.say('CREATE Crew')) and
      ok(eve.say('SETACL Crew $crew lr')) and '$crew' in open('/var/mta/users/shares').read())
aboard = Wire('joe')
check('its member', any('"Other Users/ann/Crew"' in line for line in aboard.say('LIST "" "*"')) and
      '* 0 EXISTS' in aboard.say('SELECT "Other Users/ann/Crew"') and ok(aboard.say('STATUS "Other Users/eve@new.example/Crew" (MESSAGES)')),
      aboard.say('LIST "" "*"'))
check('who is none', not any('"Other Users/ann/Crew"' in line for line in eve.say('LIST "" "*"')) and
      eve.say('SELECT "Other Users/ann/Crew"')[-1].startswith('NO [NONEXISTENT]'))
run('gpasswd', '-d', 'joe', 'crew')
aboard.say('LOGOUT')
aboard = Wire('joe')
check('who is none any more', not any('"Other Users/ann/Crew"' in line for line in aboard.say('LIST "" "*"')) and
      aboard.say('SELECT "Other Users/ann/Crew"')[-1].startswith('NO [NONEXISTENT]'))
aboard.say('LOGOUT')
ok(ann.say('DELETE Crew')), ok(eve.say('DELETE Crew'))
check('negative rights', ok(ann.say('SETACL INBOX -eve@new.example l')) and
      not any('"Other Users/ann/INBOX"' in line for line in eve.say('LIST "" "*"')))

# What every account can open is nothing that SETACL waits for
holder = subprocess.Popen(['setpriv', '--reuid', 'joe', '--clear-groups', sys.executable, '-c', """
import fcntl, os, sys
for name in os.listdir('/var/mta/users') + ['.']:
    try:
        fd = os.open('/var/mta/users/' + name, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
    except PermissionError:
        print('not', name)
print('held', flush=True)
sys.stdin.read()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
lines = [line.rstrip() for line in iter(holder.stdout.readline, 'held\n')]
check('locks of another user\'s', 'not shares.lock' in lines and 'not shares' in lines and 'not .' not in lines and
      ok(ann.say('SETACL INBOX joe l')) and ok(ann.say('DELETEACL INBOX joe')), lines)
holder.communicate()

# COPY and MOVE between two users' folders
ann.say('CREATE Shelf')
ann.say('SETACL Shelf joe lrswit')
ann.say('SETACL Shelf carl l')
joe.say('CREATE Own')
joe.append('Own', '(\\Flagged work) " 1-Feb-2024 10:20:30 +0000"')
joe.append('Own', '(\\Seen)')
joe.say('SELECT Own')
said = joe.say('COPY 1:2 "Other Users/ann/Shelf"')
check('COPY to another user', said[-1].startswith('OK [COPYUID ') and said[-1].endswith(' 1:2 1:2] done'), said)
ann.say('SELECT Shelf')
said = ann.say('FETCH 1:2 (FLAGS INTERNALDATE)')
check('with flags and date', 'work' in said[0] and 'Flagged' in said[0] and '" 1-Feb-2024 10:20:30 +0000"' in said[0] and
      '\\Seen' in said[1], said)
said = joe.say('UID MOVE 2 "Other Users/ann/Shelf"')
check('MOVE to another user', said[0].startswith('* OK [COPYUID ') and '* 2 EXPUNGE' in said or '* VANISHED 2' in said, said)
check('a folder that is not there', joe.say('COPY 1 "Other Users/ann/None"')[-1].startswith('NO [') and
      joe.say('COPY 1 "Other Users/nobody/None"')[-1].startswith('NO ['))
check('and its guest is a new one then', ok(joe.say('STATUS "Other Users/ann/Shelf" (MESSAGES)')))
joe.say('SELECT "Other Users/ann/Shelf"')
said = joe.say('COPY 1,3 Own')
check('COPY from another user', said[-1].startswith('OK [COPYUID ') and said[-1].endswith(' 1,3 3:4] done'), said)
check('MOVE without the right to expunge', joe.say('MOVE 1 Own')[-1].startswith('NO [NOPERM]'))
ann.say('SETACL Shelf joe +e')
said = joe.say('MOVE 1 Own')
check('MOVE from another user', said[0].startswith('* OK [COPYUID ') and '* 1 EXPUNGE' in said and said[-1] == 'OK done', said)
check('it is gone there', ok(joe.say('NOOP')) and '* 2 EXISTS' in joe.say('SELECT "Other Users/ann/Shelf"'))
check('to none', joe.say('COPY 1 None')[-1].startswith('NO [TRYCREATE]'))
ok(eve.say('SETACL Box joe +i'))
said = joe.say('COPY 1:2 "Other Users/eve@new.example/Box"')
check('COPY from another user to a third', said[-1].startswith('OK [COPYUID '), said)
check('what came there', '* STATUS "Other Users/eve@new.example/Box" (MESSAGES 2)' in
      joe.say('STATUS "Other Users/eve@new.example/Box" (MESSAGES)'))
check('COPY within one user', joe.say('COPY 1 "Other Users/ann/Shelf"')[-1].startswith('OK [COPYUID '))
check('a set that is none', joe.say('COPY {3+}\r\n1\r\n Own')[-1].startswith('BAD'))
joe.say('SELECT Own')
said = joe.say('FETCH 2 (FLAGS INTERNALDATE BODY[TEXT])')
check('what was copied is whole', 'work' in said[0] and '" 1-Feb-2024 10:20:30 +0000"' in said[0] and 'Hello' in said, said)
ann.say('SELECT INBOX')
ann.say('DELETE Shelf')
with open('/var/mta/users/shares') as f:
    check('users/shares after DELETE', 'carl' not in f.read())
check('a folder that is deleted is shared no more', joe.say('SELECT "Other Users/ann/Shelf"')[-1].startswith('NO [NONEXISTENT]'))

# NOTIFY, for which an owner's process waits
watcher = Wire('joe')
for owner in ann, eve:
    owner.say('CREATE Watched')
    owner.say('SETACL Watched joe lr')
asked = 'NOTIFY SET (mailboxes ("Other Users/ann/Watched" "Other Users/eve@new.example/Watched") (MessageNew MessageExpunge MailboxName))'
before = set(sessions_of('ann'))
check('RFC 5465: NOTIFY of two users\' folders', ok(watcher.say(asked)) and len(set(sessions_of('ann')) - before) == 1)
ann.append('Watched')
check('a message', watcher.line().startswith('* STATUS "Other Users/ann/Watched" (MESSAGES 1 '))
eve.append('Watched')
check('and one of the other\'s', watcher.line().startswith('* STATUS "Other Users/eve@new.example/Watched" (MESSAGES 1 '))
ann.say('SETACL Watched joe -lr')
said = watcher.line()
check('the right that is taken', said == '* LIST (\\NonExistent) "/" "Other Users/ann/Watched"', said)
ann.append('Watched')
check('and nothing after it', watcher.say('NOOP') == ['OK done'])
ann.say('SETACL Watched joe lr')
said = [watcher.line(), watcher.line()]
check('until it is given again', said[0] == '* LIST (\\HasNoChildren) "/" "Other Users/ann/Watched"' and
      said[1].startswith('* STATUS "Other Users/ann/Watched" (MESSAGES 2 '), said)
watcher.say('LOGOUT')
check('the process ends with the session', wait_for(lambda: set(sessions_of('ann')) <= before))
for owner in ann, eve:
    owner.say('DELETE Watched')

client = imaplib.IMAP4('127.0.0.1', 143, 30)
client.login('joe', SECRET)
check('imaplib', client.myrights('"Other Users/ann/Team"')[0] == 'OK' and client.select('"Other Users/ann/Team"')[0] == 'OK' and
      b'Hello' in client.fetch('1', '(BODY[TEXT])')[1][0][1])
client.logout()
sync = tempfile.mkdtemp(prefix='sharing_test.')
with open(sync + '/rc', 'w') as f:
    f.write(f"""IMAPAccount joe
Host 127.0.0.1
Port 143
User joe
Pass "{SECRET}"
SSLType None
AuthMechs LOGIN

IMAPStore there
Account joe

MaildirStore here
Path {sync}/
Inbox {sync}/INBOX
SubFolders Verbatim

Channel both
Far :there:
Near :here:
Patterns "Other Users/ann/Team"
Create Near
SyncState *
""")
synced = run('mbsync', '-c', sync + '/rc', 'both')
texts = [open(path).read() for path in glob.glob(sync + '/Other Users/ann/Team/*/*') if os.path.isfile(path)]
check('mbsync', synced.returncode == 0 and len(texts) == 3 and all('Hello' in text for text in texts), [synced, texts])
got = run('curl', '-sS', '--max-time', '60', '-u', 'joe:' + SECRET,
          'imap://127.0.0.1/Other%20Users%2Fann%2FTeam;MAILINDEX=1')
check('curl', 'Hello' in got.stdout, got)



def shares(owner):
    with open('/var/mta/users/shares') as f:
        return sorted(line.split('\t')[1] for line in f.read().splitlines() if line.startswith(owner + '\t'))


check('as many as one may share with', ok(ann.say('SETACL Team u1 l')) and ok(ann.say('SETACL Team u2 l')) and
      shares('ann') == ['anyone', 'joe', 'u1', 'u2'], shares('ann'))
said = ann.say('SETACL Team u3 lr')
check('one more', said[-1] == 'NO [LIMIT] you share with as many as you may' and shares('ann') == ['anyone', 'joe', 'u1', 'u2'] and
      'u3' not in ann.say('GETACL Team')[0] and ok(joe.say('STATUS "Other Users/ann/Team" (MESSAGES)')), said)
check('another right of one that is known, a negative one, another folder', ok(ann.say('SETACL Team u1 +r')) and
      ok(ann.say('SETACL Team -u4 l')) and ok(ann.say('SETACL INBOX u2 lr')) and ok(ann.say('DELETEACL Team -u4')))
check('and with one less there is room', ok(ann.say('DELETEACL Team u1')) and ok(ann.say('SETACL Team u3 l')) and
      ok(ann.say('DELETEACL Team u3')) and ok(ann.say('DELETEACL Team u2')) and ok(ann.say('DELETEACL INBOX u2')) and
      shares('ann') == ['anyone', 'joe'], shares('ann'))

# Its owner can stop a guest
other = Wire('joe')
before = sessions_of('ann')
other.say('SELECT "Other Users/ann/Team"')
stopped, = [int(p[6:]) for p in sessions_of('ann') if p not in before]
os.kill(stopped, 19)
other.sock.shutdown(socket.SHUT_RDWR)
check('a guest that is stopped ends with its session all the same', wait_for(lambda: not os.path.exists(f'/proc/{stopped}'), 60))
joe.say('SELECT "Other Users/ann/Team"')
check('DELETEACL', ok(ann.say('DELETEACL Team joe')) and ann.say('GETACL Team')[0] == '* ACL "Team" "ann" lrswipkxteacd')
check('what is selected can be read no more', joe.say('FETCH 1 FLAGS')[-1].startswith('NO [NOPERM]'))
check('and is not to be found', joe.say('SELECT "Other Users/ann/Team"')[-1].startswith('NO [NONEXISTENT]'))
ann.say('DELETEACL Team/x joe')
ann.say('DELETEACL INBOX anyone')
with open('/var/mta/users/shares') as f:
    check('users/shares has the other account alone', f.read() == 'eve@new.example\tjoe\n')
ok(ann.say('SETACL Team eve@new.example l'))
deleted = run('/var/mta/bin/mtactl', 'user', 'del', 'eve@new.example')
check('mtactl user del forgets what it shared', deleted.returncode == 0 and shares('eve@new.example') == [], deleted)
check('and tells who shares with it', 'ann still shares folders with that name' in deleted.stdout and 'joe' not in deleted.stdout, deleted)
for one in (ann, joe, eve):
    one.say('LOGOUT')
check('guests end with their sessions', wait_for(lambda: not sessions_of('ann') and not sessions_of('joe')))
shutil.rmtree(sync)
done()
