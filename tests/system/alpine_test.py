#!/usr/bin/env python3
"""alpine_test - alpine in a terminal, by IMAP on port 993: it reads, answers,
saves into a folder, deletes and expunges.  Skipped where it is not installed."""
import contextlib, glob, os, pty, pwd, re, select, shutil, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

if not shutil.which('alpine'):
    print('1..0 # skip alpine is not installed')
    sys.exit(0)
on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
HOME = '/var/mta/alpine'
SERVER = '{127.0.0.1:993/ssl/novalidate-cert/user=joe}'
MAILDIR = pwd.getpwnam('joe').pw_dir + '/Maildir'


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


class Terminal:
    """A program in a terminal of 80 x 24; what it wrote since the last key."""
    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM='xterm', HOME=HOME, LINES='24', COLUMNS='80', LC_ALL='C.UTF-8')
            os.execvp(command[0], command)
        self.said = ''

    def waits(self, what, limit=30):
        """Does it write that?"""
        end = time.monotonic() + limit
        while time.monotonic() < end and not re.search(what, self.text()):
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self.fd, 65536).decode(errors='replace')
                except OSError:
                    break
        return bool(re.search(what, self.text()))

    def text(self):
        return re.sub(r'\x1b\[[0-9;?]*[A-Za-z]|\x1b[()>=][0B]?|\x0f|\x0e', ' ', self.said)

    def keys(self, keys):
        """It drops what is typed while it draws: not before it is done."""
        with contextlib.suppress(OSError):
            while select.select([self.fd], [], [], 0.5)[0]:
                os.read(self.fd, 65536)
        self.said = ''
        os.write(self.fd, keys.encode())

    def ends(self, limit=30):
        """Its status; -1 if it had to be killed."""
        self.waits('$.', limit)  # to the end
        pid, status = wait_for(lambda: (found := os.waitpid(self.pid, os.WNOHANG))[0] and found) or (0, -1)
        if pid == 0:
            os.kill(self.pid, 9)
        return status

    def step(self, label, keys, what):
        self.keys(keys)
        check(label, self.waits(what), self.text()[-1500:])


def flags(folder):
    return sorted(os.path.basename(path).partition(':2,')[2] for path in glob.glob(f'{MAILDIR}{folder}/cur/*') + glob.glob(f'{MAILDIR}{folder}/new/*'))


os.mkdir(HOME)
with open(HOME + '/.pinerc', 'w') as f:
    f.write(f'inbox-path={SERVER}INBOX\nfolder-collections={SERVER}[]\ndefault-fcc=""\nsmtp-server=127.0.0.1\nuser-domain=example.org\n'
            'feature-list=disable-password-file-saving,expunge-without-confirm\n'
            'last-version-used=9.99\nsaved-msg-name-rule=default-folder\ndefault-saved-msg-folder=Kept\n')
run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :993').stdout)
for number in range(3):
    run('/var/mta/bin/sendmail', '-f', 'a@example.org', 'joe', input=f'From: a@example.org\nSubject: letter {number}\n\nwords {number}\n')
wait_for(lambda: len(flags('')) == 3)

alpine = Terminal('alpine', '-p', HOME + '/.pinerc', '-i')
check('it asks for the password', alpine.waits('PASSWORD'), alpine.text()[-1500:])
alpine.step('the folder is listed', SECRET + '\r', r'letter 2')
alpine.step('a message is read', '\r', 'words')
check('... and \\Seen then', wait_for(lambda: 'S' in flags('')), flags(''))
alpine.step('back', '<', 'letter')
alpine.step('saved', 's', r'SAVE')
alpine.step('... into a folder that is not there', '\r', r'reate')
alpine.keys('y')
check('... it is made, and has the message', wait_for(lambda: len(flags('/.Kept')) == 1), (glob.glob(MAILDIR + '/.*'), alpine.text()[-1500:]))
check('... which is \\Deleted here', wait_for(lambda: any('T' in one for one in flags(''))), flags(''))
alpine.keys('x')
check('expunged', wait_for(lambda: len(flags('')) == 2), (flags(''), alpine.text()[-1500:]))
alpine.step('which folder?', 'g', r'GOTO')
alpine.step('the other folder is opened', 'Kept\r', r'Folder "Kept" opened')
alpine.step('it ends', 'q', 'eally')
alpine.keys('y')
check('... with 0', alpine.ends() == 0)
with open('/var/mta/log/imapd/current', errors='replace') as f:
    log = ''.join(line for line in f if ' imapd: ' in line)     # a sanitizer has warnings of its own
check('no command of its was refused', 'error' not in log.lower() and 'BAD' not in log, log[-800:])
done()
