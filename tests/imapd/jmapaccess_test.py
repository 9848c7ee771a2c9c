#!/usr/bin/env python3
"""jmapaccess_test - JMAPACCESS, RFC 9698: where a JMAP server has the same mail,
control/jmapaccess, and nothing of it where there is none."""
import os, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from imapwire import *
from tap import *

on_host()
SECRET = 'Correct-Horse7'
URL = 'https://jmap.example.org/.s/mail?a=1&b=%20'


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def is_announced(lines):
    return any('JMAPACCESS' in line.split() for line in lines)


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)
wire = Wire('joe', SECRET)
check('section 4: no such server, not announced', not is_announced(wire.answer + wire.say('CAPABILITY')), wire.answer)
answer = wire.say('GETJMAPACCESS')
check('section 4: then the command is BAD', answer == ['BAD there is no JMAP server'], answer)

for value in ('http://jmap.example.org/', 'jmap.example.org', 'https://', 'https://jmap.example.org/"', 'https://jmap.example.org/\\',
              'https://jmap.example.org/ x', 'https:///session', 'https://jmap.example.org/#x', 'https://jmap.example.org/' + 300 * 'x', 'https://jmap.example.org/\xe9'):
    control('jmapaccess', value + '\n')
    got = run('/var/mta/bin/mtactl', 'check')
    check(f'{value}: mtactl check names the file and the mend', got.returncode != 0 and 'control/jmapaccess' in got.stderr and
          'begins with https://' in got.stderr, got)
control('jmapaccess', URL + '\n')
got = run('/var/mta/bin/mtactl', 'check')
check('a URL', 'jmapaccess' not in got.stderr, got)
run('s6-svc', '-wR', '-T', '20000', '-r', '/var/mta/service/imapd')
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)

with socket.create_connection(('127.0.0.1', 143)) as stranger:
    file = stranger.makefile('rwb')
    greeting = file.readline().decode()
    file.write(b'a CAPABILITY\r\n')
    file.flush()
    check('section 3: not before the log-in', not is_announced([greeting, file.readline().decode()]))
    file.readline()
    file.write(b'b GETJMAPACCESS\r\n')
    file.flush()
    check('and no command then', file.readline().startswith(b'b BAD'))
wire = Wire('joe', SECRET)
check('section 3: in the capabilities that the log-in answers', is_announced([wire.answer[-1].replace(']', ' ]')]), wire.answer)
answer = wire.say('CAPABILITY')
check('section 3: in each list after it, beside OBJECTID', is_announced(answer) and 'OBJECTID' in answer[0].split(), answer)
answer = wire.say('GETJMAPACCESS')
check('section 4: the URL, quoted', len(answer) == 2 and answer[0] == f'* JMAPACCESS "{URL}"' and ok(answer), answer)
check('section 4: with words', wire.say('GETJMAPACCESS INBOX')[-1].startswith('BAD'))
check('section 4: of a selected mailbox, too', ok(wire.say('SELECT INBOX')) and ok(wire.say('getjmapaccess')))
got = run('curl', '-s', '-v', '--user', 'joe:' + SECRET, 'imap://127.0.0.1/', '-X', 'GETJMAPACCESS')
check('curl', got.returncode == 0 and f'* JMAPACCESS "{URL}"' in got.stdout + got.stderr, got)
done()
