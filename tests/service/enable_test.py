#!/usr/bin/env python3
"""enable_test - mtactl enable and disable: services that not every host wants,
switched while all runs, while nothing does, and as an older installation has
them."""
import os, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
SERVICE = '/var/mta/service/'


def mtactl(*words):
    return subprocess.run(['/var/mta/bin/mtactl', *words], capture_output=True, text=True)


def listens(port=4190):
    return subprocess.run(['ss', '-Hltn', f'sport = :{port}'], capture_output=True, text=True).stdout != ''


def processes(name):
    """Their command lines."""
    found = subprocess.run(['ps', '-eo', 'args='], capture_output=True, text=True).stdout.split('\n')
    return [line for line in found if name in line]


check('off: no process, not even a supervisor\'s', mtactl('start').returncode == 0 and listens(25) and
      not listens() and processes('sieved') == [] and 'sieved' not in mtactl('status').stdout, processes('sieved'))
got = mtactl('enable', 'sieved')
check('enable starts it beside the others, and waits until it is ready', got.returncode == 0 and listens() and
      'sieved' in mtactl('status').stdout, got)
check('its log is where others have theirs', os.path.exists('/var/mta/log/sieved/current'))
check('again: nothing is to do', mtactl('enable', 'sieved').returncode == 0 and listens())
got = mtactl('disable', 'sieved')
check('disable: no process is left', got.returncode == 0 and not listens() and wait_for(lambda: processes('sieved') == []) and
      listens(25), (got, processes('sieved')))
check('again: nothing is to do', mtactl('disable', 'sieved').returncode == 0)
check('it stays off', mtactl('stop').returncode == 0 and mtactl('start').returncode == 0 and not listens())
check('enable once more, after disable', mtactl('enable', 'sieved').returncode == 0 and listens())
check('it stays on', mtactl('stop').returncode == 0 and mtactl('start').returncode == 0 and listens())
mtactl('stop')
check('disable while nothing runs', mtactl('disable', 'sieved').returncode == 0 and os.path.isdir(SERVICE + '.sieved') and
      not os.path.exists(SERVICE + 'sieved'))
check('enable starts all where nothing runs', mtactl('enable', 'sieved').returncode == 0 and listens() and listens(25))

# As they were off before: a file down.
mtactl('disable', 'lmtp')
os.rename(SERVICE + '.lmtp', SERVICE + 'lmtp')
open(SERVICE + 'lmtp/down', 'w').close()
subprocess.run(['s6-svscanctl', '-a', SERVICE])
check('one with a file down', wait_for(lambda: processes('s6-supervise lmtp')) and not listens(24) and
      mtactl('enable', 'lmtp').returncode == 0 and listens(24) and not os.path.exists(SERVICE + 'lmtp/down'))
got = mtactl('enable', 'nonesuch')
check('no such service: it says where to look', got.returncode == 64 and 'ls -A /var/mta/service' in got.stderr, got)
for name in ('', '.s6-svscan', '../log/smtpd', 'a/b'):
    check(f'{name!r} is no name', mtactl('enable', name).returncode == 64 and mtactl('disable', name).returncode == 64)
got = subprocess.run(['setpriv', '--reuid=joe', '--regid=joe', '--clear-groups', '/var/mta/bin/mtactl', 'enable', 'sieved'],
                     capture_output=True, text=True)
check('it is for root', got.returncode == 77, got)
done()
