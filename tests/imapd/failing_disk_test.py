#!/usr/bin/env python3
"""failing_disk_test - each call on the disk fails once with EIO or
ENOSPC, in APPEND, MULTIAPPEND, COPY, MOVE and REPLACE: what was answered NO did
not happen, nothing is lost and nothing is there twice."""
from mail import *

if os.geteuid() != 0:
    print('1..0 # skip only root may trace imapd')
    sys.exit(0)
CALLS_MAX = 200                         # of one command that can fail
os.dup2(os.open('/dev/null', os.O_WRONLY), 2)
TWO = MESSAGE.replace(b'One', b'Two')
literal = lambda text: f'{{{len(text)}+}}\r\n'.encode() + text
# What is done to INBOX, which has One, and Box, which has none; and how many of One and Two
# there are in INBOX and in Box, before and after.
before = {'INBOX': ('One',), 'Box': ()}
changes = {
    b'APPEND INBOX ' + literal(TWO): {'INBOX': ('One', 'Two'), 'Box': ()},
    b'APPEND Box ' + literal(TWO) + b' ' + literal(MESSAGE): {'INBOX': ('One',), 'Box': ('One', 'Two')},
    b'COPY 1 Box': {'INBOX': ('One',), 'Box': ('One',)},
    b'MOVE 1 Box': {'INBOX': (), 'Box': ('One',)},
    b'REPLACE 1 Box ' + literal(TWO): {'INBOX': (), 'Box': ('Two',)},
}


def contents():
    """What a fresh session finds, and can read."""
    wire, found = Wire(), {}
    for folder in before:
        wire.say(f'SELECT {folder}')
        told = wire.say('FETCH 1:* BODY.PEEK[]')
        found[folder] = tuple(sorted(line.split()[1] for line in told if line.startswith('Subject: ')))
    wire.end()
    return found


def reset():
    shutil.rmtree(f'{home}/M', ignore_errors=True)
    wire = Wire()
    wire.append('INBOX')
    wire.say('CREATE Box')
    wire.end()


def run(command, error, number):
    """What came of it: the answer, which call failed, what is there then."""
    reset()
    wire = Wire()
    wire.say('SELECT INBOX')
    fault = subprocess.Popen([BUILD + '/tests/fault/fault', '-e', error, '-n', str(number), str(wire.child.pid)],
                             stdout=subprocess.PIPE, text=True)
    fault.stdout.readline()             # armed
    answer = wire.say(command)[-1]
    fault.terminate()
    said = fault.communicate()[0].split('\n')
    live = {folder: int(wire.say(f'STATUS {folder} (MESSAGES)')[0].split()[-1].rstrip(')')) for folder in before}
    wire.end()
    return answer, next((line for line in said if line.startswith('hit')), None), live, contents()


# If the list cannot say that what was replaced or moved went: it went.
may_be_done = (b'MOVE', b'REPLACE')
for command, after in changes.items():
    for error in ('EIO', 'ENOSPC') if command.startswith(b'APPEND INBOX') else ('EIO',):
        wrong, noes = [], 0
        for number in range(1, CALLS_MAX):
            answer, hit, live, found = run(command, error, number)
            noes += answer.startswith('NO')
            want = [after] if answer.startswith('OK') else [before]
            if answer.startswith('NO') and command.startswith(may_be_done):
                want.append(after)
            if not answer.startswith(('OK', 'NO')) or found not in want or \
                    live != {folder: len(texts) for folder, texts in found.items()}:
                wrong.append((number, hit, answer, live, found))
            if hit is None:
                break
        name = command.split(b'{')[0].decode()
        check(f'{name}, {error}: NO means that it did not happen', not wrong, wrong[:6])
        check(f'{name}, {error}: some failed, the last did not', noes > 0 and hit is None and answer.startswith('OK'),
              (number, noes, hit, answer))

# News that cannot be written to the list are told later, and the session goes on.
def run_news(error, number):
    """What was told while a call failed, and after that; which call; what a fresh session finds, and what there is."""
    reset()
    wire = Wire()
    wire.append('INBOX', TWO)
    wire.append('INBOX')
    wire.say('SELECT INBOX')
    for name in glob.glob(f'{home}/M/cur/*'):
        with open(name, 'rb') as file:
            is_two = b'Two' in file.read()
        os.remove(name) if is_two else os.rename(name, name + 'F')
    for place in 'new', 'cur':
        with open(f'{home}/M/{place}/1.{place}.host{":2,S" if place == "cur" else ""}', 'wb') as file:
            file.write(MESSAGE)
        os.chown(file.name, UID, UID)
    fault = subprocess.Popen([BUILD + '/tests/fault/fault', '-e', error, '-n', str(number), str(wire.child.pid)],
                             stdout=subprocess.PIPE, text=True)
    fault.stdout.readline()             # armed
    first = wire.say('NOOP')
    fault.terminate()
    hit = next((line for line in fault.communicate()[0].split('\n') if line.startswith('hit')), None)
    told = first[:-1] + wire.say('NOOP')
    fetch = 'UID FETCH 1:* (MODSEQ FLAGS)'
    old = lambda lines: [line.replace(' \\Recent', '').replace('\\Recent', '') for line in lines]
    mine = old(wire.say(fetch))
    other = Wire()
    other.say('SELECT INBOX')
    theirs = old(other.say(fetch))
    return hit, first, told, mine, theirs, wire.end() + other.end()


for error in 'EIO', 'ENOSPC':
    wrong, silent = [], 0
    for number in range(1, CALLS_MAX):
        hit, first, told, mine, theirs, ended = run_news(error, number)
        silent += len(first) == 1
        if told[-1] != 'OK done' or sum('EXISTS' in line for line in told) != 1 or '* 4 EXISTS' not in told or '* 2 EXPUNGE' not in told or \
                sum('FETCH (FLAGS (\\Flagged' in line for line in told) != 2 or mine != theirs or len(mine) != 6 or ended != 0:
            wrong.append((number, hit, told, mine, theirs, ended))
        if hit is None:
            break
    check(f'news, {error}: told once, as they are for others', not wrong, wrong[:6])
    check(f'news, {error}: sometimes later', silent > 0 and hit is None and len(first) > 1, (number, silent, hit, first))
done()
