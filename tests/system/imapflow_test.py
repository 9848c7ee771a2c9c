#!/usr/bin/env python3
"""imapflow_test - Node's IMAP library at port 993 keeps a mailbox in step while
mail arrives and another session works in it."""
import imaplib, json, os, ssl, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

need_node_module('imapflow')


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=90, **more)


on_host()
SECRET = 'Correct-Horse 7%s' % os.getpid()
CA, STORY = '/var/mta/ca.pem', '/var/mta/story.js'
# Each step prints one line of JSON; on a line of input it goes on.
with open(STORY, 'w') as f:
    f.write('''
const { ImapFlow } = require('imapflow');
const lines = require('readline').createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (step, value) => console.log(JSON.stringify([step, value], (key, one) => typeof one === 'bigint' ? String(one) : one));
const events = [];
const waiting = [];
function note(...event) { events.push(event); waiting.splice(0).forEach(go => go()); }
async function until(test) { while (!test()) await new Promise(go => waiting.push(go)); }
const all = async list => { const found = []; for await (const one of list) found.push(one); return found; };
(async () => {
  const client = new ImapFlow({ host: '127.0.0.1', port: 993, secure: true, logger: false, qresync: true,
    tls: { ca: require('fs').readFileSync(process.argv[2]), servername: 'mx.example.org' },
    auth: { user: 'joe', pass: process.argv[3] }, clientInfo: { name: 'story' } });
  client.on('exists', e => note('exists', e.path, e.count));
  client.on('expunge', e => note('expunge', e.path, e.uid || e.seq));
  client.on('flags', e => note('flags', e.path, e.uid || e.seq, [...e.flags].sort()));
  await client.connect();
  say('connected', { enabled: [...client.enabled].sort(), server: client.serverInfo });
  const made = await client.mailboxCreate(['Büro', 'Größe & Maß']);
  say('folders', (await client.list({ statusQuery: { messages: true, unseen: true, uidNext: true } }))
    .map(one => [one.path, one.specialUse || '', one.status ? one.status.messages : null]));
  const appended = await client.append(made.path, 'From: a@example.org\\r\\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\\r\\n' +
    'Message-ID: <1@story>\\r\\n\\r\\nHello\\r\\n', ['\\\\Seen', '$Work'], new Date(1e12));
  say('appended', appended);
  let lock = await client.getMailboxLock(made.path);
  const one = await client.fetchOne(appended.uid, { uid: true, flags: true, envelope: true, internalDate: true,
    bodyStructure: true, size: true, threadId: true, source: true, labels: true, bodyParts: ['1'] }, { uid: true });
  say('fetched', { ...one, flags: [...one.flags].sort(), modseq: String(one.modseq), source: String(one.source),
    bodyParts: String(one.bodyParts.get('1')) });
  const { content } = await client.download(String(appended.uid), '1', { uid: true });
  say('downloaded', String(Buffer.concat(await all(content))));
  say('searched', [await client.search({ subject: 'grü' }, { uid: true }), await client.search({ keyword: '$Work', unseen: true }, { uid: true })]);
  await client.messageFlagsAdd({ uid: String(appended.uid) }, ['\\\\Flagged']);
  await client.messageFlagsRemove({ uid: String(appended.uid) }, ['$Work']);
  say('flags', [...(await client.fetchOne(appended.uid, { flags: true }, { uid: true })).flags].sort());
  const moved = await client.messageMove(String(appended.uid), 'INBOX', { uid: true });
  say('moved', [...moved.uidMap]);
  lock.release();
  lock = await client.getMailboxLock('INBOX');
  const { highestModseq } = client.mailbox;
  say('opened', { exists: client.mailbox.exists, modseq: String(highestModseq) });
  events.length = 0;
  client.idle();   // until the next command
  await lines.next();
  await until(() => events.some(e => e[0] === 'exists' && e[2] === 3));
  say('arrived', events.filter(e => e[0] === 'exists').pop());
  await until(() => events.some(e => e[0] === 'flags') && events.some(e => e[0] === 'expunge'));
  say('others', [events.filter(e => e[0] === 'flags').pop(), events.filter(e => e[0] === 'expunge').pop()]);
  const changed = await all(client.fetch('1:*', { uid: true, flags: true }, { uid: true, changedSince: highestModseq }));
  say('changed', changed.map(m => [m.uid, [...m.flags].sort()]));
  const copied = await client.messageCopy('1:*', made.path, { uid: true });
  say('copied', [...copied.uidMap].length);
  say('deleted', await client.messageDelete('1:*', { uid: true }));
  say('status', await client.status(made.path, { messages: true, unseen: true, highestModseq: true }).then(s => [s.messages, s.unseen]));
  say('quota', await client.getQuota('INBOX') !== undefined);
  lock.release();
  await client.mailboxRename(made.path, ['Büro', 'neu']);
  await client.mailboxDelete(['Büro', 'neu']);
  say('paths', (await client.list()).map(one => one.path).filter(path => path.startsWith('Büro/')));
  await client.logout();
  say('end', true);
  process.exit(0);
})().catch(error => { say('error', [error.message, error.responseText, error.executedCommand]); process.exit(1); });
''')

run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
started = run('/var/mta/bin/mtactl', 'start')
check('mtactl start', started.returncode == 0, started.stderr)
wait_for(lambda: run('ss', '-Hltn', 'sport = :993').stdout)
with open(CA, 'w') as f:
    f.write(run('openssl', 'x509', '-in', '/var/mta/tls/self.pem').stdout)
client = subprocess.Popen(['node', STORY, CA, SECRET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def step(name):
    line = client.stdout.readline()
    said = json.loads(line) if line else ['nothing', client.stderr.read()]
    if said[0] != name:
        check(name, False, said)
        done()
    return said[1]


def deliver(number):
    return run('/var/mta/bin/sendmail', '-f', 'a@example.org', 'joe', input=f'Subject: arrival {number}\nMessage-ID: <a{number}@x>\n\n{number}\n')


got = step('connected')
check('it connects, and enables QRESYNC', {'CONDSTORE', 'QRESYNC'} <= set(got.get('enabled', ())), got)
got = step('folders')
check('LIST with STATUS, special folders and Unicode names', ['INBOX', '\\Inbox', 0] in got and ['Büro/Größe & Maß', '', 0] in got and
      any(use == '\\Sent' for _, use, _ in got), got)
got = step('appended')
check('APPEND tells the UID', got.get('uid') == 1 and got.get('uidValidity'), got)
got = step('fetched')
check('FETCH: all of it', got.get('flags') == ['$Work', '\\Seen'] and got['envelope']['subject'] == 'Grüße' and got['size'] == len(got['source']) and
      got['bodyStructure']['type'] == 'text/plain' and got['internalDate'].startswith('2001-09-09T01:46:40') and got['threadId'] and
      got['bodyParts'] == 'Hello\r\n' and int(got['modseq']) > 0, got)
got = step('downloaded')
check('download', got == 'Hello\r\n', got)
got = step('searched')
check('SEARCH', got == [[1], []], got)
got = step('flags')
check('STORE', got == ['\\Flagged', '\\Seen'], got)
got = step('moved')
check('MOVE tells the UIDs', got == [[1, 1]], got)
got = step('opened')
check('SELECT', got.get('exists') == 1, got)
check('sendmail', deliver(1).returncode == 0 and deliver(2).returncode == 0)
client.stdin.write('\n')
client.stdin.flush()
got = step('arrived')
check('IDLE: mail arrives', got == ['exists', 'INBOX', 3], got)
other = imaplib.IMAP4_SSL('127.0.0.1', 993, ssl_context=ssl._create_unverified_context(), timeout=30)
other.login('joe', SECRET)
other.select('INBOX')
other.store('2', '+FLAGS', '(\\Answered)')
other.store('1', '+FLAGS', '(\\Deleted)')
other.expunge()
other.logout()
got = step('others')
check('IDLE: what another session does', got[1:] == [['expunge', 'INBOX', 1]] and got[0][0] == 'flags', got)
got = step('changed')
check('FETCH with CHANGEDSINCE', [2, ['\\Answered']] in got and all(uid in (2, 3) for uid, _ in got), got)
check('COPY', step('copied') == 2)
check('delete', step('deleted') is True)
got = step('status')
check('STATUS', got == [2, 2], got)
step('quota')
got = step('paths')
check('RENAME and DELETE', got == [], got)
check('LOGOUT', step('end') is True)
check('it ends well', client.wait(30) == 0 and client.stderr.read() == '')
with open('/var/mta/log/imapd/current', errors='replace') as f:
    log = f.read()
check('and made no error', 'error' not in log.lower(), log[-800:])
done()
