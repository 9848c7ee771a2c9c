#!/usr/bin/env python3
"""imapsieve_test - IMAPSIEVE, RFC 6785: scripts at APPEND, COPY and changes of
flags, rule by rule."""
import glob, os, re, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from imapwire import *
from tap import *

on_host()
SECRET = 'Correct-Horse7'
MAILDIR = os.path.expanduser('~joe') + '/Maildir'
ENTRY = '/shared/imapsieve/script'


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def script(name, text):
    """joe's; none is active: nothing here is a delivery of his."""
    path = f'{MAILDIR}/sieve/{name}.sieve'
    run('setpriv', '--reuid=joe', '--regid=joe', '--init-groups', 'sh', '-c', f'mkdir -p {MAILDIR}/sieve && cat >"{path}"',
        input=text)


def log():
    return ''.join(open(p, errors='replace').read() for p in glob.glob('/var/mta/log/imapd/*') if os.path.isfile(p))


def logged(pattern, mark=0):
    """s6-log takes its time."""
    return wait_for(lambda: re.search(pattern, log()[mark:]))


def annotate(wire, folder, value):
    text = 'NIL' if value is None else f'"{value}"'
    return ok(wire.say(f'SETMETADATA "{folder}" ({ENTRY} {text})'))


def count(wire, folder):
    answer = wire.say(f'STATUS "{folder}" (MESSAGES)')
    return int(re.search(r'MESSAGES (\d+)', answer[0])[1])


def flags_of(wire, folder, uid='*'):
    """As another session has them."""
    with_examine = wire.say(f'EXAMINE "{folder}"')
    answer = wire.say(f'UID FETCH {uid} (FLAGS)') if ok(with_examine) else ['']
    wire.say('UNSELECT')
    found = re.findall(r'FLAGS \(([^)]*)\)', ' '.join(answer))
    return set(found[-1].split()) - {'\\Recent'} if found else None


run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\nann:{SECRET}\n')
control('logindelaymax', '0\n')
run('/var/mta/bin/mtactl', 'start')
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)
wire = Wire('joe', SECRET)
check('it is off until control/imapsieve is there', 'IMAPSIEVE' not in wire.answer[-1], wire.answer)
control('imapsieve', 'sieve.example.org\n')
run('s6-svc', '-wR', '-T', '20000', '-r', '/var/mta/service/imapd')
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)
wire, other = Wire('joe', SECRET), Wire('joe', SECRET)
check('2.1: IMAPSIEVE= with the ManageSieve server\'s URL', ' IMAPSIEVE=sieve://sieve.example.org' in ' '.join(
    wire.answer + wire.say('CAPABILITY')), wire.answer)
for folder in ('Box', 'Plain', 'Out', 'Flags', 'Log'):
    wire.say(f'CREATE {folder}')

# ---- 2.2.1, 2.3.1: APPEND, and which script ----
script('mark', 'require ["imap4flags", "imapsieve"];\naddflag "\\\\Flagged";\n')
script('other', 'require ["imap4flags", "imapsieve"];\naddflag "$Other";\n')
check('2.3.1: no annotation, no script', ok(wire.append('Box')) and flags_of(other, 'Box') == set())
check('the annotation can be set', annotate(wire, 'Box', 'mark'))
answer = wire.append('Box', '(\\Seen)')
check('2.2.1: APPEND runs it; what it adds is beside what the client gave', ok(answer) and
      flags_of(other, 'Box') == {'\\Seen', '\\Flagged'}, (answer, flags_of(other, 'Box'), log()[-800:]))
check('another folder has none', ok(wire.append('Plain')) and flags_of(other, 'Plain') == set())
annotate(wire, '', 'other')
check('2.3.1: the server\'s where the folder has none', ok(wire.append('Plain')) and flags_of(other, 'Plain') == {'$Other'},
      flags_of(other, 'Plain'))
check('2.3.1: the folder\'s own comes first', ok(wire.append('Box')) and flags_of(other, 'Box') == {'\\Flagged'})
annotate(wire, 'Box', '')
check('2.3.1: an empty one is no script, also not the server\'s', ok(wire.append('Box')) and flags_of(other, 'Box') == set())
annotate(wire, 'Box', 'none-such')
check('2.3.1: nor one that does not exist', ok(wire.append('Box')) and flags_of(other, 'Box') == set())
annotate(wire, '', None)
annotate(wire, 'Box', 'mark')
message = MESSAGE
answer = wire.say(b'APPEND Box {%d+}\r\n%s (\\Seen) {%d+}\r\n%s' % (len(message), message, len(message), message))
check('2.2.1: MULTIAPPEND: each one', ok(answer) and [flags_of(other, 'Box', uid) for uid in re.search(
    r'APPENDUID \d+ (\d+):(\d+)', answer[-1]).groups()] == [{'\\Flagged'}, {'\\Seen', '\\Flagged'}], answer)

# ---- 2.2.2: COPY, MOVE ----
wire.say('SELECT Plain')
answer = wire.say('COPY 1:2 Box')
check('2.2.2: COPY runs it for each', ok(answer) and flags_of(other, 'Box') >= {'\\Flagged'} and
      len(re.findall('FETCH', ' '.join(other.say('EXAMINE Box') + other.say('FETCH 1:* FLAGS')))) == count(wire, 'Box'), answer)
check('the source is as it was', '\\Flagged' not in ' '.join(wire.say('FETCH 1:* FLAGS')))
answer = wire.say('MOVE 1 Box')
check('MOVE, which came later, is a COPY', ok(answer) and '\\Flagged' in flags_of(other, 'Box'), answer)

# ---- 2.2.3: flags ----
script('flag', 'require ["imap4flags", "imapsieve", "environment", "fileinto"];\n'
       'if allof (environment :is "imap.cause" "FLAG", hasflag "$Done") { fileinto "Out"; keep; }\n')
annotate(wire, 'Flags', 'flag')
wire.append('Flags'), wire.append('Flags'), wire.append('Flags')
wire.say('SELECT Flags')
before = count(other, 'Out')
check('2.2.3: a flag that the script does not look for', ok(wire.say('STORE 1 +FLAGS (\\Seen)')) and count(other, 'Out') == before)
check('2.2.3: it sees the flags as they are afterwards', ok(wire.say('STORE 1:2 +FLAGS ($Done)')) and count(other, 'Out') == before + 2,
      (count(other, 'Out'), log()[-600:]))
check('2.2.3: what does not change is no event', ok(wire.say('STORE 1:2 +FLAGS ($Done)')) and count(other, 'Out') == before + 2)
check('2.2.3: UID STORE', ok(wire.say('UID STORE 3 +FLAGS.SILENT ($Done)')) and count(other, 'Out') == before + 3)
wire.say('STORE 1:* FLAGS ()')
script('flag', 'require ["imap4flags", "imapsieve", "environment"];\n'
       'if environment :contains "imap.changedflags" "\\\\Seen" { addflag "$Read"; }\n')
answer = wire.say('FETCH 1 BODY[]')
check('2.2.3: FETCH that sets \\Seen', '$Read' in flags_of(other, 'Flags', '1') and '$Read' not in flags_of(other, 'Flags', '2'),
      flags_of(other, 'Flags', '1'))
check('the session hears of what its script did', '$Read' in ' '.join(answer + wire.say('NOOP')), answer)
answer = wire.say('STORE 2 +FLAGS (\\Seen)')
check('STORE answers with the flags as the script left them', ok(answer) and
      re.search(r'\* 2 FETCH \(FLAGS \([^)]*\$Read', ' '.join(answer)), answer)
script('flag', 'require ["imap4flags", "imapsieve", "environment"];\n'
       'if environment :is "imap.cause" "FLAG" { if hasflag "$A" { setflag "$B"; } else { setflag "$A"; } }\n')
check('2.2.3: flags that a script sets run no script', ok(wire.say('STORE 3 FLAGS ($Go)')) and flags_of(other, 'Flags', '3') == {'$A'},
      flags_of(other, 'Flags', '3'))

script('flag', 'require ["imap4flags", "imapsieve"];\naddflag ["$New", "\\\\Flagged"];\n')
wire.say('STORE 3 FLAGS ($New \\Flagged)')
answer = wire.say('STORE 3 -FLAGS.SILENT ($New \\Flagged)')
check('.SILENT says what a script made of the flags', re.search(r'\* 3 FETCH \(FLAGS \([^)]*\$New', ' '.join(answer)), answer)
wire.say('UNSELECT')
wire.say('SELECT Box')
annotate(wire, 'Box', 'mark')
answer = wire.append('Box')
check('RECENT of the selected folder is its session\'s', ok(answer) and re.search(r'\* [1-9]\d* RECENT', ' '.join(answer)), answer)
wire.say('UNSELECT')
annotate(wire, 'Plain', 'mark')
wire.append('Plain')
answer = wire.say('SELECT Plain')
check('and of another one the next session\'s', re.search(r'\* [1-9]\d* RECENT', ' '.join(answer)), answer)
annotate(wire, 'Plain', None)

# ---- 3: actions ----
def act(text, message=MESSAGE, folder='Box'):
    """APPEND to a folder whose script it is; the new message's flags there."""
    script('act', text)
    annotate(wire, folder, 'act')
    answer = wire.append(folder, message=message)
    return flags_of(other, folder) if ok(answer) else answer


check('3.3: fileinto: stored in both, the original is \\Deleted', act('require ["fileinto", "imapsieve"];\nfileinto "Out";') ==
      {'\\Deleted'} and flags_of(other, 'Out') == set(), (flags_of(other, 'Out'), log()[-600:]))
check('3.3: with keep it stays', act('require ["fileinto", "imapsieve"];\nfileinto "Out"; keep;') == set())
check('3.3: with :copy, too', act('require ["fileinto", "copy", "imapsieve"];\nfileinto :copy "Out";') == set())
check('fileinto :flags', act('require ["fileinto", "imap4flags", "imapsieve"];\nfileinto :flags ["\\\\Answered", "$X"] "Out"; keep;') ==
      set() and flags_of(other, 'Out') == {'\\Answered', '$X'}, flags_of(other, 'Out'))
check('fileinto :create', act('require ["fileinto", "mailbox", "imapsieve"];\nfileinto :create "New/Deep";') == {'\\Deleted'} and
      count(other, 'New/Deep') == 1)
check('a folder that is not there: the message stays, the log says why', act(
    'require ["fileinto", "imapsieve"];\nfileinto "Nowhere";') == set() and logged('error=no folder Nowhere'), log()[-600:])
before = count(other, 'Out')
check('6: fileinto runs no script', annotate(wire, 'Out', 'act') and act(
    'require ["fileinto", "imapsieve"];\nfileinto "Out"; keep;') == set() and count(other, 'Out') == before + 1)
annotate(wire, 'Out', None)
check('3.5: discard: \\Deleted', act('require "imapsieve";\ndiscard;') == {'\\Deleted'})
check('3.5: nothing after keep', act('require "imapsieve";\nkeep; discard;') == set())
check('keep :flags', act('require ["imap4flags", "imapsieve"];\nkeep :flags "\\\\Draft";') == {'\\Draft'})
check('3.7: a header that is edited goes to fileinto, never to keep', act(
    'require ["editheader", "fileinto", "imapsieve"];\naddheader "X-New" "yes";\nfileinto "Out"; keep;') == set() and
      'X-New: yes' in ' '.join(other.say('EXAMINE Out') + other.say('UID FETCH * BODY[HEADER]')) and
      'X-New' not in ' '.join(other.say('EXAMINE Box') + other.say('UID FETCH * BODY[HEADER]')))
for name in ('reject', 'ereject', 'vacation'):
    use = 'vacation "x";' if name == 'vacation' else f'{name} "x";'
    mark = len(log())
    check(f'3.11: {name} ends the script', act(f'require ["{name}", "imapsieve"];\nif false {{ {use} }}\ndiscard;') == set() and
          logged(f'script=act error=.*{name}', mark), log()[mark:])
check('4.6: envelope is an error as it runs', act(
    'require ["envelope", "imapsieve"];\nif envelope "from" "x" { stop; }\ndiscard;') == set() and logged('error=.*envelope'))

# ---- redirect, 3.4 ----
mark = len(log())
body = b'From: Ann <ann@example.org>\r\nSubject: to be sent on\r\n\r\n.dot\r\nl\xc3\xa4st\r\n'
check('3.4: redirect: the message is \\Deleted here', act(
    'require "imapsieve";\nredirect "ann@example.org";', body) == {'\\Deleted'}, log()[mark:])
texts = lambda: [open(p, 'rb').read() for p in glob.glob(os.path.expanduser('~ann') + '/Maildir/new/*')]
sent = wait_for(lambda: [t for t in texts() if b'to be sent on' in t])
check('3.4: and comes, from the mailbox\'s owner', sent and sent[0].startswith(b'Return-Path: <joe@mx.example.org>\n') and
      sent[0].endswith(b'\n\n.dot\nl\xc3\xa4st\n') and b'\r' not in sent[0], sent)
check('the log has the new message\'s id', logged(r'[0-9a-f]{23} sieve user=joe folder=Box uid=\d+ script=act'))
check('3.6: notify', act('require ["enotify", "imapsieve"];\nnotify :message "news" "mailto:ann@example.org";') == set() and
      wait_for(lambda: [t for t in texts() if b'Subject: news' in t]), log()[-600:])

# ---- 4: the environment ----
script('env', 'require ["environment", "imapsieve", "variables", "imap4flags", "fileinto", "mailbox"];\n' + ''.join(
    f'if environment :matches "{item}" "*" {{ set "v{i}" "${{1}}"; }}\n' for i, item in enumerate(
        ('imap.cause', 'imap.user', 'imap.email', 'imap.mailbox', 'imap.changedflags', 'location', 'phase'))) +
    'if true { fileinto :create "${v0}-${v1}-${v2}-${v3}-${v5}-${v6}"; keep; }\n')
annotate(wire, 'Log', 'env')
wire.append('Log')
listed = ' '.join(wire.say('LIST "" *'))
check('4: imap.cause, user, email, mailbox, location, phase', '"APPEND-joe-joe@mx.example.org-Log-MS-post"' in listed or
      'APPEND-joe-joe@mx.example.org-Log-MS-post' in listed, listed)
wire.say('SELECT Plain')
wire.say('COPY 1 Log')
check('4.3: COPY', 'COPY-joe-' in ' '.join(wire.say('LIST "" *')))
script('env', 'require ["environment", "imapsieve", "variables", "fileinto", "mailbox"];\n'
       'if environment :matches "imap.changedflags" "*" { fileinto :create "C ${1}"; keep; }\n')
wire.say('SELECT Log')
wire.say('STORE 1 FLAGS (\\Seen $Z)')
check('4.5: imap.changedflags', '"C \\\\Seen $Z"' in ' '.join(wire.say('LIST "" *')), wire.say('LIST "" *'))

# ---- faults ----
script('act', 'require "imapsieve";\nkepp;\n')
mark = len(log())
check('a script that is wrong: the message is stored, the log names the line', ok(wire.append('Box')) and
      logged(r'sieve user=joe folder=Box uid=0 script=act error=line 2: .*kepp', mark), log()[mark:])
run('s6-svc', '-d', '/var/mta/service/queue')
check('the queue need not run for a redirect to be kept', act(
    'require "imapsieve";\nredirect "ann@example.org";', body.replace(b'sent on', b'sent later')) == {'\\Deleted'}, log()[-500:])
run('s6-svc', '-u', '/var/mta/service/queue')
check('it comes when it runs again', wait_for(lambda: [t for t in texts() if b'to be sent later' in t]))

# ---- how much an account may send ----
control('messagesperhour', '3\n')
control('recipientsperhour', '4\n')
run('s6-svc', '-wR', '-T', '20000', '-r', '/var/mta/service/imapd')
wait_for(lambda: run('ss', '-Hltn', 'sport = :143').stdout)
wire, other = Wire('joe', SECRET), Wire('joe', SECRET)
mark = len(log())
send = 'require "imapsieve";\nredirect "ann@example.org";'
check('control/messagesperhour: as many are sent on', [act(send, body.replace(b'sent on', b'counted')) for _ in range(2)] == [{'\\Deleted'}] * 2)
check('control/recipientsperhour: no notification to more', act(
    'require ["enotify", "imapsieve"];\nnotify :message "many" "mailto:ann@example.org,joe@example.org,x@example.org";', body) == set() and
    logged('script=act error=not sent: this account has sent too much for now', mark), log()[mark:])
check('one more is sent', act(send, body.replace(b'sent on', b'counted')) == {'\\Deleted'}, log()[mark:])
mark = len(log())
check('and the next stays where it is', act(send, body.replace(b'sent on', b'too much')) == set() and
      logged('script=act error=not sent: this account has sent too much for now', mark), log()[mark:])
check('none of another session\'s', other.append('Box', message=body) and logged('error=not sent: this account', mark) and
      wait_for(lambda: len([t for t in texts() if b'counted' in t]) == 3) and not [t for t in texts() if b'too much' in t])
check('what sends nothing is not counted', act('require ["fileinto", "imapsieve"];\nfileinto "Out";') == {'\\Deleted'})
done()
