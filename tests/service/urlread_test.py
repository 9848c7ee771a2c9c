#!/usr/bin/env python3
"""urlread_test - URLFETCH of another user's URL, RFC 4467, through the whole
chain: imapd, login, an imapd -u under the owner's uid that ends with the
command.  tests/imapd/urlauth_test.py has the rules."""
import glob, os, pwd, re, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
import imapwire
from imapwire import MESSAGE, ok
from tap import *

on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


class Wire(imapwire.Wire):
    def __init__(self, user):
        super().__init__(user, SECRET)

    def made(self, *rumps):
        said = self.say('GENURLAUTH ' + ' '.join(f'"{rump}" INTERNAL' for rump in rumps))
        return re.findall('"([^"]*)"', said[0]) if ok(said) else said

    def nil(self, *urls):
        """Each is NIL, and the command is OK."""
        return self.say('URLFETCH ' + ' '.join(f'"{url}"' for url in urls)) == [f'* URLFETCH "{url}" NIL' for url in urls] + ['OK done']

    def gets(self, *urls):
        """Each is the text of Ann's message."""
        said = self.say('URLFETCH ' + ' '.join(f'"{url}"' for url in urls))
        return said == [line for url in urls for line in (f'* URLFETCH "{url}" {{7}}', 'Hello', '')] + ['OK done']


def readers():
    """What runs as ann for URLs."""
    uid = pwd.getpwnam('ann').pw_uid
    found = []
    for path in glob.glob('/proc/[0-9]*'):
        try:
            with open(path + '/cmdline') as f:
                if os.stat(path).st_uid == uid and '-u' in f.read().split('\0'):
                    found.append(path)
        except OSError:
            pass
    return found


def log():
    text = ''
    for path in glob.glob('/var/mta/log/imapd/*'):
        with open(path, errors='replace') as f:
            text += f.read() if os.path.basename(path) == 'current' or path.endswith('.s') else ''
    return text


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
control('imapdaddresses', '127.0.0.1:143\n')
control('imapdguests', '1\n')
control('imapdsubmitters', 'eve@new.example\n')
run('/var/mta/bin/mtactl', 'start')
for account in ('eve@new.example', 'max@new.example', 'zoe@new.example'):
    run('/var/mta/bin/mtactl', 'user', 'add', account, input=SECRET + '\n')
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)

ann, joe, eve = Wire('ann'), Wire('joe'), Wire('eve@new.example')
check('URLAUTH is announced after the log-in', ' URLAUTH ' in ann.answer[-1] and ' URLAUTH=BINARY ' in ann.answer[-1], ann.answer)
ann.say('CREATE Drafts')
ann.append('Drafts')
eve.append('INBOX', message=MESSAGE + b'of Eve\r\n')
BASE = 'imap://ann@example.org/Drafts/;UID=1/;SECTION=TEXT;URLAUTH='
anyone, of_users, of_joe, of_ann, of_submission = ann.made(*(BASE + access for access in (
    'anonymous', 'authuser', 'user+joe', 'user+ann', 'submit+ann')))
check('her own', ann.gets(anyone, of_users, of_ann))
check('another user\'s, who shares nothing with him', joe.gets(anyone))
check('nothing else came of it', joe.say('SELECT "Other Users/ann/Drafts"')[-1].startswith('NO [NONEXISTENT]') and
      not os.path.exists('/var/mta/users/shares'))
check('the process is the owner\'s', wait_for(lambda: re.search(r'url-reader user=joe account=ann uid=%d pid=' % pwd.getpwnam('ann').pw_uid, log())),
      log()[-2000:])
check('and ends with the command', wait_for(lambda: not readers()), readers())
check('authuser, user+', joe.gets(of_users, of_joe))
check('not who is not meant', joe.nil(of_ann, of_submission) and eve.nil(of_joe) and ann.nil(of_joe, of_submission))
check('submit+ for control/imapdsubmitters', eve.gets(of_submission))
check('a token of one bit less', joe.nil(anyone[:-1] + ('0' if anyone[-1] != '0' else '1')))
check('no such account, no mailbox, no user of mail', joe.nil(*(anyone.replace('//ann@', f'//{name}@') for name in (
    'nobody', 'root', 'mta-imap', 'zoe%40new.example', 'ANN', '%01x', 'a' * 400, '..%2Fann', 'ann%2F..%2Fann'))))
folders = [path for path, names, _ in os.walk('/var/mta') if 'cur' in names]
check('nobody\'s mailbox was made for it', any('eve' in path for path in folders) and not any('zoe' in path for path in folders), folders)
his = eve.made('imap://eve%40new.example@h/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=authuser')[0]
other = Wire('max@new.example')
other.append('INBOX', message=b'Subject: x\r\n\r\nof Max')
third = other.made('imap://max%40new.example@h/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=authuser')[0]
said = joe.say('URLFETCH ' + ' '.join(f'"{url}"' for url in (third, anyone, his, third)))
check('of three owners in one command, one process at a time', said == [
    f'* URLFETCH "{third}" {{6}}', 'of Max', f'* URLFETCH "{anyone}" {{7}}', 'Hello', '', f'* URLFETCH "{his}" {{15}}', 'Hello', 'of Eve', '',
    f'* URLFETCH "{third}" {{6}}', 'of Max', 'OK done'], said)
said = joe.say(f'URLFETCH ("{anyone}" BODYPARTSTRUCTURE BINARY)')
check('RFC 5524', said[0].startswith(f'* URLFETCH "{anyone}" (BODYPARTSTRUCTURE ("text" "plain" ') and said[0].endswith(' (BINARY {7}') and
      said[1:] == ['Hello', ')', 'OK done'], said)
check('300 in one command', joe.gets(*[anyone] * 300))

# An owner is named as he logs in
run('/var/mta/bin/mtactl', 'user', 'add', 'ann@new.example', input=SECRET + '\n')
named, elsewhere, virtual = ann.made(*(f'imap://ann%40{domain}@h/Drafts/;UID=1/;SECTION=TEXT;URLAUTH=authuser' for domain in (
    'example.org', 'elsewhere.example', 'new.example')))
check('with a domain of this host', joe.gets(named, anyone) and ann.gets(named))
check('another domain\'s is not she', joe.nil(elsewhere) and joe.nil(virtual))
namesake = Wire('ann@new.example')
namesake.append('INBOX')
hers = namesake.made('imap://ann%40new.example@h/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=authuser')[0]
check('her namesake has a mailbox of her own', joe.gets(hers) and ann.gets(hers) and namesake.nil(virtual) and namesake.gets(named))
check('and no URL of hers', namesake.made('imap://ann@h/INBOX/;UID=1;URLAUTH=authuser')[-1].startswith('BAD [BADURL'))

# The room for guests
ann.say('SETACL Drafts joe lr')
check('the one guest has the selected folder', ok(joe.say('SELECT "Other Users/ann/Drafts"')))
said = joe.say(f'URLFETCH "{anyone}"')
check('then there is no room: NO, for later', said == [f'* URLFETCH "{anyone}" NIL', 'NO [UNAVAILABLE] some of them cannot be had now'], said)
check('the selected one is still there', ok(joe.say('FETCH 1 UID')))
check('and after it there is room', ok(joe.say('UNSELECT')) and joe.gets(anyone))
check('a guest of hers opened before is not that process', ok(joe.say('STATUS "Other Users/ann/Drafts" (MESSAGES)')) and joe.nil(of_ann))

check('RESETKEY', ok(ann.say('RESETKEY Drafts')) and joe.nil(anyone, of_users, of_joe))
again = ann.made(BASE + 'authuser')[0]
check('expunged', joe.gets(again) and ok(ann.say('SELECT Drafts')) and
      ok(ann.say('STORE 1 +FLAGS (\\Deleted)')) and ok(ann.say('CLOSE')) and joe.nil(again))
for wire in (ann, joe, eve, other):
    wire.say('LOGOUT')
check('no process is left', wait_for(lambda: not readers()))
done()
