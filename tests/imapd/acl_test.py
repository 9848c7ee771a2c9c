#!/usr/bin/env python3
"""acl_test - RFC 4314: the owner's commands, and what a guest's imapd (-g) lets
a user do in ann's mailbox, right by right.  tests/service/sharing_test.py has
the way there."""
import os, re, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mail import *

OTHERS = 'Other Users/ann/'
FILE = home + '/M/.Team/estafeta-acl'
REFUSED = 'NO [NOPERM]'
ABSENT = 'NO [NONEXISTENT]'


def ok(answer):
    return answer[-1].startswith('OK')


def own(path):
    os.chown(path, UID, UID) if os.geteuid() == 0 else None


def rights(text, who='joe', folder='Team'):
    """They are these now."""
    return ok(ann.say(f'SETACL {folder} {who} "{text}"'))


def team(command):
    """The guest's answer; TEAM is the folder's name."""
    return guest.say(command.replace('TEAM', f'"{OTHERS}Team"'))


def last(command):
    return team(command)[-1]


def state(command):
    """The last number that is said, of HIGHESTMODSEQ."""
    return int((re.findall(r'[0-9]+', team(command)[0]) or [0])[-1])


# The owner's commands, section 3
ann = Wire()
ann.say('CREATE Team')
check('MYRIGHTS of the owner', ann.say('MYRIGHTS Team') == ['* MYRIGHTS "Team" lrswipkxteacd', 'OK done'])
check('GETACL without a file', ann.say('GETACL Team')[0] == '* ACL "Team" "local" lrswipkxteacd', ann.say('GETACL Team'))
check('SETACL', ok(ann.say('SETACL Team joe lrs')) and ok(ann.say('SETACL Team anyone l')) and
      ann.say('GETACL Team')[0] == '* ACL "Team" "local" lrswipkxteacd "joe" lrs "anyone" l')
with open(FILE) as f:
    check('the file is as folderacl(5) says', f.read() == 'estafeta-acl 1\nlrs joe\nl anyone\n')
check('more and less', rights('+wi') and rights('-s') and '"joe" lrwi ' in ann.say('GETACL Team')[0])
check('c is k and x, d is e and t', rights('cd') and '"joe" kxtecd ' in ann.say('GETACL Team')[0], ann.say('GETACL Team'))
check('negative rights', ok(ann.say('SETACL Team -joe k')) and '"-joe" kc' in ann.say('GETACL Team')[0])
check('DELETEACL', ok(ann.say('DELETEACL Team -joe')) and '-joe' not in ann.say('GETACL Team')[0])
check('no right at all is no entry', rights('') and 'joe' not in ann.say('GETACL Team')[0])
check('LISTRIGHTS', ann.say('LISTRIGHTS Team joe')[0] == '* LISTRIGHTS "Team" "joe" "" l r s w i p k x t e a c d' and
      ann.say('LISTRIGHTS Team local')[0] == '* LISTRIGHTS "Team" "local" lrswipkxteacd')
check('LISTRIGHTS of a negative identifier', ann.say('LISTRIGHTS Team -joe')[0] == '* LISTRIGHTS "Team" "-joe" "" l r s w i p k x t e a c d')
check('the owner keeps all rights', ann.say('SETACL Team local l')[-1].startswith('NO [CANNOT]'))
for wrong in ('SETACL Team', 'SETACL Team joe', 'SETACL Team joe lz', 'SETACL Team joe L', 'SETACL Team "" l', 'SETACL Team "--joe" l',
              'SETACL Team {3+}\r\na\tb l', 'GETACL', 'GETACL Team x', 'MYRIGHTS', 'LISTRIGHTS Team', 'DELETEACL Team'):
    check('BAD: ' + repr(wrong), ann.say(wrong)[-1].startswith('BAD'))
for absent in ('SETACL None joe l', 'GETACL None', 'MYRIGHTS None', 'LISTRIGHTS None joe', 'DELETEACL None joe'):
    check('no such folder: ' + absent, ann.say(absent)[-1].startswith(ABSENT))
check('identifiers are normalised', ok(ann.say('SETACL Team {6+}\r\nju\u0308le l'.replace('6', str(len('ju\u0308le'.encode()))))) and
      'jüle' in ann.say('GETACL Team')[1] + ann.say('GETACL Team')[0], ann.say('GETACL Team'))
ann.say('DELETEACL Team {5+}\r\njüle')
ann.say('DELETEACL Team anyone')

# A guest, section 4
for flags in ('', '(\\Seen)', '(\\Deleted work)'):
    ann.append('Team', flags=flags)
ann.append('INBOX')
guest = Wire(guest='joe')
check('without l all is as if it were not there', rights('rswipkxtea') and
      all(last(command).startswith('OK') for command in ('SELECT TEAM', 'UNSELECT')) and rights('') and
      all(last(command).startswith(ABSENT) for command in (
          'SELECT TEAM', 'EXAMINE TEAM', 'STATUS TEAM (MESSAGES)', 'DELETE TEAM', 'RENAME TEAM TEAM', 'GETACL TEAM', 'MYRIGHTS TEAM',
          'SETACL TEAM joe lr', 'DELETEACL TEAM joe', 'LISTRIGHTS TEAM joe', 'GETQUOTAROOT TEAM', 'GETMETADATA TEAM /shared/comment',
          'SETMETADATA TEAM (/shared/comment "x")')) and
      guest.append(f'"{OTHERS}Team"')[-1].startswith(ABSENT) and
      guest.say(f'STATUS "{OTHERS}None" (MESSAGES)')[-1] == last('STATUS TEAM (MESSAGES)'))
check('nor listed', team('LIST "" "*"') == ['OK done'])
check('names that are not his', guest.say('SELECT INBOX')[-1].startswith('NO [CANNOT]') and
      guest.say('SELECT "Other Users/bob/Team"')[-1].startswith('NO [CANNOT]') and
      guest.say('SELECT "Other Users/ann/../../x"')[-1].startswith('NO'))
rights('l')
check('l: LIST', f'* LIST (\\HasNoChildren) "/" "{OTHERS}Team"' in team('LIST "" "*"') and
      len(team(f'LIST "" "{OTHERS}%"')) == 2 and len(team('LIST "Other Users/" "ann/T*"')) == 2 and len(team('LIST "" "T*"')) == 1)
check('l: the refusals may differ then', last('SELECT TEAM').startswith(REFUSED) and last('MYRIGHTS TEAM').startswith('OK'))
check('l: nor of the account\'s quota', guest.say('GETQUOTA "Other Users/ann"')[-1].startswith(ABSENT))
check('l: nothing is told of its state', len(team('LIST "" "*" RETURN (STATUS (MESSAGES))')) == 2)
rights('lr')
said = team('SELECT TEAM')
check('r: SELECT, read only', said[-1] == 'OK [READ-ONLY] done' and '* OK [PERMANENTFLAGS ()] none can be changed' in said, said)
said = team('FETCH 1 (BODY[TEXT])')
check('r: FETCH sets no \\Seen', ok(said) and not any('FLAGS' in line for line in said) and
      team('FETCH 1 FLAGS')[0] == '* 1 FETCH (FLAGS ())', said)
check('r: STATUS, SEARCH', ok(team('STATUS TEAM (MESSAGES UNSEEN)')) and team('SEARCH DELETED')[0] == '* SEARCH 3' and
      ok(team('GETQUOTAROOT TEAM')) and f'* QUOTAROOT "{OTHERS}Team"' in team('GETQUOTAROOT TEAM') and
      guest.say('GETQUOTA "Other Users/ann"')[-1].startswith(ABSENT) and guest.say('GETQUOTA ""')[-1].startswith(ABSENT))
check('r: no change', last('STORE 1 +FLAGS (\\Seen)').startswith(REFUSED) and last('EXPUNGE').startswith(REFUSED) and
      last('COPY 1 TEAM').startswith(REFUSED) and last('MOVE 1 TEAM').startswith(REFUSED))
check('r: ESEARCH elsewhere', ok(ann.say('SETACL INBOX joe l')) and
      not any('ann/INBOX' in line for line in guest.say(f'ESEARCH IN (mailboxes "{OTHERS}INBOX") ALL')) and
      ok(ann.say('SETACL INBOX joe lr')) and any('ann/INBOX' in line for line in guest.say(f'ESEARCH IN (mailboxes "{OTHERS}INBOX") ALL')))
check('r: what is personal is the guest\'s own', ok(team('SELECT TEAM')) and ok(ann.say('SUBSCRIBE INBOX')) and
      [line.partition('MAILBOX ')[2].split(' UIDV')[0] for line in
       guest.say(f'ESEARCH IN (selected personal subscribed mailboxes "{OTHERS}INBOX") ALL')[:-1]] == [f'"{OTHERS}Team"', f'"{OTHERS}INBOX"'] and
      len(team('ESEARCH IN (selected personal subscribed) ALL')) == 2 and ok(ann.say('UNSUBSCRIBE INBOX')),
      guest.say('ESEARCH IN (selected personal subscribed) ALL'))
ann.say('DELETEACL INBOX joe')
rights('lrs')
said = team('SELECT TEAM')
check('s: PERMANENTFLAGS', '* OK [PERMANENTFLAGS (\\Seen)] these stay' in said and said[-1] == 'OK [READ-WRITE] done', said)
check('s: FETCH sets \\Seen', '\\Seen' in ''.join(team('FETCH 1 (BODY[TEXT])')) and
      team('FETCH 1 FLAGS')[0] == '* 1 FETCH (FLAGS (\\Seen))')
check('s: STORE of it and others', ok(team('STORE 1 -FLAGS (\\Seen \\Flagged)')) and team('FETCH 1 FLAGS')[0] == '* 1 FETCH (FLAGS ())' and
      last('STORE 1 +FLAGS (\\Flagged)').startswith(REFUSED) and last('STORE 1 +FLAGS (word)').startswith(REFUSED))
check('s: FLAGS replaces that alone', ok(team('STORE 3 FLAGS (\\Seen \\Flagged)')) and
      sorted(team('FETCH 3 FLAGS')[0][18:-2].split()) == ['\\Deleted', '\\Seen', 'work'], team('FETCH 3 FLAGS'))
rights('lrw')
team('SELECT TEAM')
check('w: other flags', ok(team('STORE 1 +FLAGS (\\Flagged word)')) and last('STORE 1 +FLAGS (\\Deleted)').startswith(REFUSED) and
      'Flagged' in team('FETCH 1 FLAGS')[0] and 'word' in team('FETCH 1 FLAGS')[0])
check('w: annotations', ok(team('SETMETADATA TEAM (/shared/comment "x")')) and
      last('SETMETADATA TEAM (/private/comment "x")').startswith(REFUSED) and
      ok(ann.say('SETMETADATA Team (/private/comment "secret")')) and
      not any('secret' in line for line in team('GETMETADATA (DEPTH infinity) TEAM (/private)') + team('GETMETADATA TEAM /private/comment')) and
      any('"x"' in line for line in team('GETMETADATA TEAM /shared/comment')))
rights('lrt')
team('SELECT TEAM')
check('t: \\Deleted', ok(team('STORE 1 +FLAGS (\\Deleted)')) and last('EXPUNGE').startswith(REFUSED) and
      ok(team('CLOSE')) and '* 3 EXISTS' in team('SELECT TEAM'))
rights('lri')
check('i: APPEND, without flags', ok(guest.append(f'"{OTHERS}Team"', flags='(\\Seen \\Flagged word)')) and
      '* 4 EXISTS' in team('SELECT TEAM') and team('FETCH 4 FLAGS')[0] in ('* 4 FETCH (FLAGS (\\Recent))', '* 4 FETCH (FLAGS ())'), team('FETCH 4 FLAGS'))
check('i: COPY, without flags', last('COPY 3 TEAM').startswith('OK [COPYUID') and
      team('FETCH 5 FLAGS')[0] in ('* 5 FETCH (FLAGS (\\Recent))', '* 5 FETCH (FLAGS ())'), team('FETCH 5 FLAGS'))
before = [state(command) for command in ('STATUS TEAM (HIGHESTMODSEQ)', 'COPY 4 TEAM', 'STATUS TEAM (HIGHESTMODSEQ)', 'COPY 3 TEAM',
                                         'STATUS TEAM (HIGHESTMODSEQ)')][::2]
check('i: nor did it ever have them', before[2] - before[1] == before[1] - before[0], before)
check('i: not MOVE, not REPLACE', last('MOVE 3 TEAM').startswith(REFUSED) and
      guest.say(f'REPLACE 4 "{OTHERS}Team" {{3+}}\r\na\r\n')[-1].startswith(REFUSED))
check('i: CATENATE of what he may read', ok(guest.say(f'APPEND "{OTHERS}Team" CATENATE (URL "/Other%20Users/ann/Team/;UID=1")')) and
      guest.say(f'APPEND "{OTHERS}Team" CATENATE (URL "/Other%20Users/ann/INBOX/;UID=1")')[-1].startswith('NO [BADURL') and
      guest.say(f'APPEND "{OTHERS}Team" CATENATE (URL "/INBOX/;UID=1")')[-1].startswith('NO [BADURL'))
rights('lrte')
team('SELECT TEAM')
check('e: EXPUNGE', ok(team('EXPUNGE')) and len(team('FETCH 1:* UID')) == 7, team('FETCH 1:* UID'))
team('STORE 1 +FLAGS (\\Deleted)')
check('e: what was taken away since SELECT', rights('lrt') and ok(team('CLOSE')) and '* 6 EXISTS' in team('SELECT TEAM') and
      ok(team('STORE 1 -FLAGS (\\Deleted)')))
rights('lrtei')
check('MOVE and REPLACE', last('MOVE 1 TEAM').startswith('OK') and
      ok(guest.say(f'REPLACE 1 "{OTHERS}Team" {{3+}}\r\na\r\n')), )
rights('lrk')
check('k: CREATE below, which inherits', ok(team(f'CREATE "{OTHERS}Team/x"')) and
      ann.say('GETACL Team/x')[0] == '* ACL "Team/x" "local" lrswipkxteacd "joe" lrkc', ann.say('GETACL Team/x'))
check('k: further below', ok(team(f'CREATE "{OTHERS}Team/u/v"')) and '"joe" lrkc' in ann.say('GETACL Team/u/v')[0] and
      ok(ann.say('DELETE Team/u/v')))
check('k: nowhere else', guest.say(f'CREATE "{OTHERS}y"')[-1].startswith(REFUSED) and guest.say('CREATE y')[-1].startswith('NO [CANNOT]'))
check('k: not DELETE, not RENAME', last(f'DELETE "{OTHERS}Team/x"').startswith(REFUSED) and
      last(f'RENAME "{OTHERS}Team/x" "{OTHERS}Team/z"').startswith(REFUSED))
rights('lrx', folder='Team/x')
check('x: RENAME to where he may create', ok(team(f'RENAME "{OTHERS}Team/x" "{OTHERS}Team/z"')) and
      last(f'RENAME "{OTHERS}Team/z" "{OTHERS}z"').startswith(REFUSED))
team(f'SELECT "{OTHERS}Team/z"')
check('a guest does not delete what he has selected', last(f'DELETE "{OTHERS}Team/z"').startswith('NO [INUSE]') and ok(team('UNSELECT')))
check('x: DELETE', ok(team(f'DELETE "{OTHERS}Team/z"')) and ann.say('STATUS Team/z (MESSAGES)')[-1].startswith(ABSENT))
children = 'Team/p', 'Team/p/q', 'Team/p/q/s'
check('RENAME with children', all(ok(ann.say('CREATE ' + name)) for name in children) and
      all(ok(ann.say(f'DELETEACL {name} joe')) for name in children) and rights('lrx', folder='Team/p/q') and rights('l', folder='Team/p') and
      last(f'RENAME "{OTHERS}Team/p" "{OTHERS}Team/r"').startswith(REFUSED) and rights('lx', folder='Team/p') and
      ok(team(f'RENAME "{OTHERS}Team/p" "{OTHERS}Team/r"')))
check('each keeps its own ACL', [ann.say('GETACL ' + name)[0].partition('kxteacd')[2] for name in ('Team/r', 'Team/r/q', 'Team/r/q/s')] ==
      [' "joe" lxc', ' "joe" lrxc', ''], ann.say('GETACL Team/r'))
check('x alone does not move it up or elsewhere', last(f'RENAME "{OTHERS}Team/r/q" "{OTHERS}q"').startswith(REFUSED) and
      last(f'RENAME "{OTHERS}Team/r/q" "{OTHERS}Team/r/z"').startswith(REFUSED) and
      last(f'RENAME "{OTHERS}Team/r/q" "{OTHERS}Team/r/q/s/z"').startswith(ABSENT))
check('INBOX stays, and the new one inherits', rights('lr', folder='INBOX') and ok(ann.append('INBOX')) and
      last(f'RENAME "{OTHERS}INBOX" "{OTHERS}Team/in"').startswith(REFUSED) and rights('lrx', folder='INBOX') and
      ok(team(f'RENAME "{OTHERS}INBOX" "{OTHERS}Team/in"')) and '"joe" lrkc' in ann.say('GETACL Team/in')[0] and
      '"joe" lrxc' in ann.say('GETACL INBOX')[0] and ok(ann.say('DELETEACL INBOX joe')), ann.say('GETACL Team/in'))
check('what is below is not there', all(ok(ann.say('DELETE ' + name)) for name in ('Team/r/q/s', 'Team/r/q', 'Team/r', 'Team/in')))
rights('la')
check('a: the commands', ok(team('GETACL TEAM')) and ok(team('LISTRIGHTS TEAM bob')) and ok(team('SETACL TEAM bob lr')) and
      ok(team('DELETEACL TEAM bob')) and last('SETACL TEAM ann l').startswith('NO [CANNOT]') and
      team('GETACL TEAM')[0].startswith(f'* ACL "{OTHERS}Team" "ann" lrswipkxteacd '))
rights('lr')
team('SELECT TEAM')
check('what is the owner\'s alone', all(last(command).startswith('BAD') for command in (
    'SUBSCRIBE TEAM', 'UNSUBSCRIBE TEAM', 'LSUB "" "*"')) and guest.say('GETMETADATA "" /shared/comment')[-1].startswith('NO'))
check('and what a folder is for', rights('lrk') and
      guest.say(f'CREATE "{OTHERS}Team/s" (USE (\\Sent))')[-1].startswith('NO [USEATTR]') and rights('lr'))
check('what is taken away is gone at once, of ESEARCH, too', rights('l') and last('ESEARCH ALL').startswith(REFUSED) and rights('lr'))
check('what is taken away is gone at once', rights('l') and last('FETCH 1 FLAGS').startswith(REFUSED) and ok(team('UNSELECT')))
member = Wire(guest='max', groups='users,staff,')
check('groups', rights('lr', '$staff') and rights('lrw', '$wheel') and f'* MYRIGHTS "{OTHERS}Team" lr' in member.say(f'MYRIGHTS "{OTHERS}Team"') and
      '"$staff" lr' in ann.say('GETACL Team')[0], ann.say('GETACL Team'))
check('negative rights of groups', rights('r', '-$users') and f'* MYRIGHTS "{OTHERS}Team" l' in member.say(f'MYRIGHTS "{OTHERS}Team"') and
      all(ok(ann.say(f'DELETEACL Team {who}')) for who in ('-$users', '$staff', '$wheel')) and
      member.say(f'MYRIGHTS "{OTHERS}Team"')[-1].startswith(ABSENT) and member.end() == 0)
check('-anyone takes away from all', rights('lr') and ok(ann.say('SETACL Team -anyone r')) and last('SELECT TEAM').startswith(REFUSED) and
      ok(ann.say('DELETEACL Team -anyone')) and ok(team('SELECT TEAM')) and ok(team('UNSELECT')))
check('a folder above that may not be seen', ok(ann.say('CREATE Dark/Light')) and ok(ann.say('CREATE Dark')) and
      ok(ann.say('SETACL Dark/Light joe l')) and
      any(f'"{OTHERS}Dark"' in line and 'Noselect' in line for line in team('LIST "" "*"')) and
      last(f'SELECT "{OTHERS}Dark"').startswith(ABSENT), team('LIST "" "*"'))
rights('lrswi')
check('a name in another case', ok(ann.say('SETACL Team JOE lr')) and ann.say('GETACL Team')[0].count('"joe"') == 1)

# A damaged file: nobody but the owner, and it stays as it is
damaged = 'estafeta-acl 1\nlr joe\nhalf'
with open(FILE, 'w') as f:
    f.write(damaged)
check('a damaged file gives nobody a right', last('SELECT TEAM').startswith(ABSENT) and last('MYRIGHTS TEAM').startswith(ABSENT))
check('the owner has all the same', ok(ann.say('SELECT Team')) and ok(ann.say('MYRIGHTS Team')))
check('and is told', ann.say('GETACL Team')[-1].startswith('NO [UNAVAILABLE]') and
      ann.say('SETACL Team bob l')[-1].startswith('NO [UNAVAILABLE]') and open(FILE).read() == damaged)
os.remove(FILE)
check('many entries', all(ok(ann.say(f'SETACL Team user{i} l')) for i in range(100)) and
      ann.say('SETACL Team user100 l')[-1].startswith('NO [LIMIT]') and ok(ann.say('SETACL Team user5 lr')))
check('a literal is not asked for from a guest\'s relay', rights('') and ok(ann.say('DELETEACL Team user1')) and rights('lri') and
      ok(guest.say(f'APPEND "{OTHERS}Team" {{{len(MESSAGE)}}}\r\n'.encode() + MESSAGE)))
check('both end', ann.end() == 0 and guest.end() == 0)
done()
