#!/usr/bin/env python3
"""thunderbird_test - Thunderbird with the settings that a user would give it: it sends by 587 and 465 with each way to log in
that it has, and reads by IMAP on 993.  It is driven by its own remote control (Marionette); skipped where it is not installed."""
import glob, json, os, pwd, shutil, socket, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

if not shutil.which('thunderbird'):
    print('1..0 # skip thunderbird is not installed')
    sys.exit(0)
on_host()
SECRET, HOST, USER = 'Correct-Horse 7%s' % os.getpid(), 'mx.example.org', 'alice@example.net'
WORK = '/var/tmp/thunderbird.%d' % os.getpid()
INBOX = pwd.getpwnam('joe').pw_dir + '/Maildir/new/*'


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=90, **more)


def subjects():
    found = []
    for path in glob.glob(INBOX):
        with open(path, errors='replace') as f:
            found += [line.split(': ', 1)[1].strip() for line in f if line.startswith('Subject: ')][:1]
    return found


def log(service):
    with open(f'/var/mta/log/{service}/current', errors='replace') as f:
        return f.read()


# ---- the host: an account of its own, a certificate of an authority that the profile knows ----
os.mkdir(WORK, 0o700)
with open('/etc/hosts', 'a') as f:
    f.write(f'127.0.0.1 {HOST}\n')
with open('/var/mta/control/authmechanisms', 'w') as f:
    f.write('PLAIN\nLOGIN\nSCRAM-SHA-256\nCRAM-MD5\n')
run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=Test CA',
    '-keyout', WORK + '/ca.key', '-out', WORK + '/ca.pem')
run('openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=' + HOST, '-keyout', WORK + '/mx.key',
    '-out', WORK + '/mx.csr')
run('openssl', 'x509', '-req', '-in', WORK + '/mx.csr', '-CA', WORK + '/ca.pem', '-CAkey', WORK + '/ca.key', '-CAcreateserial', '-days', '30',
    '-out', WORK + '/mx.crt', '-extfile', '/dev/stdin', input=f'subjectAltName=DNS:{HOST}\n')
with open('/var/mta/tls/mx.pem', 'w') as f:
    f.write(open(WORK + '/mx.crt').read() + open(WORK + '/mx.key').read())
os.chown('/var/mta/tls/mx.pem', 0, pwd.getpwnam('mta-key').pw_gid)
os.chmod('/var/mta/tls/mx.pem', 0o640)
run('chpasswd', '-c', 'SHA512', input=f'joe:{SECRET}\n')
added = run('/var/mta/bin/mtactl', 'user', 'add', USER, input=f'{SECRET}\n{SECRET}\n')
check('mtactl user add', added.returncode == 0, added)
started = run('/var/mta/bin/mtactl', 'start')
check('mtactl start', started.returncode == 0, started.stderr)
run('/var/mta/bin/sendmail', 'joe@example.org', input='Subject: to be read\n\nWhat joe shall read.\n')
check('a message is there', wait_for(lambda: 'to be read' in subjects()), subjects())

# ---- the profile ----
WAYS = [(port, way) for port in (587, 465) for way in ('password', 'encrypted')]
PREFS = {
    'mail.accountmanager.accounts': 'account1', 'mail.accountmanager.defaultaccount': 'account1',
    'mail.account.account1.server': 'server1', 'mail.server.server1.type': 'imap', 'mail.server.server1.hostname': HOST,
    'mail.server.server1.userName': 'joe', 'mail.server.server1.name': 'joe', 'mail.server.server1.port': 993,
    'mail.server.server1.socketType': 3, 'mail.server.server1.authMethod': 3, 'mail.server.server1.login_at_startup': False, 'offline.autoDetect': False, 'offline.startup_state': 3,
    'mail.account.account1.identities': ','.join(f'id{i}' for i in range(4)), 'mail.smtpservers': ','.join(f'smtp{i}' for i in range(4)),
    'mail.smtp.defaultserver': 'smtp0', 'network.manage-offline-status': False, 'network.captive-portal-service.enabled': False,
    'network.connectivity-service.enabled': False, 'app.update.enabled': False, 'mailnews.start_page.enabled': False,
    'mail.spotlight.firstRunDone': True, 'datareporting.policy.dataSubmissionEnabled': False, 'mail.shell.checkDefaultClient': False,
    'mail.rights.version': 1, 'app.donation.eoy.version.viewed': 999, 'marionette.port': 2828, 'mail.provider.enabled': False}
for i, (port, way) in enumerate(WAYS):
    PREFS |= {f'mail.identity.id{i}.useremail': USER, f'mail.identity.id{i}.fullName': 'Alice', f'mail.identity.id{i}.smtpServer': f'smtp{i}',
              f'mail.identity.id{i}.valid': True, f'mail.identity.id{i}.fcc': False, f'mail.smtpserver.smtp{i}.hostname': HOST,
              f'mail.smtpserver.smtp{i}.port': port, f'mail.smtpserver.smtp{i}.try_ssl': 2 if port == 587 else 3,
              f'mail.smtpserver.smtp{i}.authMethod': 3 if way == 'password' else 4, f'mail.smtpserver.smtp{i}.username': USER,
              f'mail.smtpserver.smtp{i}.type': 'smtp', f'mail.smtpserver.smtp{i}.uid': f'{i}'}
os.mkdir(WORK + '/profile')
with open(WORK + '/profile/prefs.js', 'w') as f:
    f.writelines(f'user_pref({json.dumps(name)}, {json.dumps(value)});\n' for name, value in PREFS.items())
program = subprocess.Popen(['thunderbird', '--headless', '--marionette', '--remote-allow-system-access', '--no-remote', '--profile',
                            WORK + '/profile'], env={**os.environ, 'HOME': WORK, 'MOZ_HEADLESS': '1'},
                           stdout=open(WORK + '/log', 'w'), stderr=subprocess.STDOUT)


# ---- its remote control ----
def connect():
    try:
        return socket.create_connection(('127.0.0.1', 2828), 60)
    except OSError:
        return None


class Remote:
    def __init__(self):
        self.s = wait_for(connect, 60)
        self.f = self.s.makefile('rb')
        self.number = 0
        self.receive()
        self.call('WebDriver:NewSession', {})
        self.call('Marionette:SetContext', {'value': 'chrome'})
        self.call('WebDriver:SetTimeouts', {'script': 60000})

    def receive(self):
        length = b''
        while not length.endswith(b':'):
            length += self.f.read(1) or b':'
        return json.loads(self.f.read(int(length[:-1])))

    def call(self, name, parameters):
        self.number += 1
        text = json.dumps([0, self.number, name, parameters]).encode()
        self.s.sendall(b'%d:%s' % (len(text), text))
        _, _, error, result = self.receive()
        return error if error else result and result.get('value', result)

    def script(self, text, *arguments):
        """The value that an asynchronous function with this body returns."""
        return self.call('WebDriver:ExecuteAsyncScript', {'args': list(arguments), 'newSandbox': True, 'script':
                         'const done = arguments[arguments.length - 1]; const { MailServices } = ChromeUtils.importESModule('
                         '"resource:///modules/MailServices.sys.mjs"); (async (...args) => {' + text + '})(...arguments).then('
                         'done, (e) => done("error: " + e));'})


remote = Remote()
trusted = remote.script('''
  Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(args[0], "CTu,,");
  for (const [scheme, user] of [["imap", "joe"], ["smtp", args[2]]]) {
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    const origin = scheme + "://" + args[1];
    login.init(origin, null, origin, user, args[3], "", "");
    await Services.logins.addLoginAsync(login);
  }
  Services.io.offline = false;      // until now: it asks for a password as soon as it starts
  return "ready";''', ''.join(open(WORK + '/ca.pem').read().split('\n')[1:-2]), HOST, USER, SECRET)
check('the profile has an authority and two passwords', trusted == 'ready', trusted)

# ---- it sends ----
SEND = '''
  const identity = MailServices.accounts.getIdentity(args[0]);
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  fields.from = identity.fullAddress; fields.to = "joe@example.org"; fields.subject = args[1]; fields.body = "sent by Thunderbird\\r\\n";
  fields.bcc = "ann@example.org";
  return await new Promise((resolve) => {
    const send = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
    const listener = { QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener"]), onStartSending() {}, onProgress() {}, onStatus() {},
      onStopSending(id, status, text) { resolve(status ? "status " + status.toString(16) + " " + text : "sent"); },
      onGetDraftFolderURI() {}, onSendNotPerformed() { resolve("not performed"); },
      onTransportSecurityError() { resolve("security"); } };
    send.createAndSendMessage(null, identity, "account1", fields, false, false, Ci.nsIMsgCompDeliverMode.Now, null, "text/plain",
      "sent by Thunderbird\\r\\n", null, null, listener, "", "",
      Ci.nsIMsgCompType.New);
  });'''
for i, (port, way) in enumerate(WAYS):
    got = remote.script(SEND, f'id{i}', f'{way} by {port}')
    check(f'Thunderbird sends by {port}, {way}', got == 'sent' and wait_for(lambda: f'{way} by {port}' in subjects()), (got, log('submission')[-800:]))
    method = 'PLAIN' if way == 'password' else 'CRAM-MD5'
    check(f'... and logs in with {method}', log('submission').count(f'method={method} account={USER}') == 1 + (port == 465),
          log('submission')[-800:])

# ---- it reads ----
READ = '''
  const folder = MailServices.accounts.findServer("joe", args[0], "imap").rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
  if (!folder) return "no INBOX yet";
  folder.QueryInterface(Ci.nsIMsgImapMailFolder);
  await new Promise((resolve) => folder.updateFolderWithListener(null, { OnStartRunningUrl() {}, OnStopRunningUrl: resolve }));
  const found = [];
  for (const header of folder.msgDatabase.enumerateMessages()) {
    const uri = folder.getUriForMsg(header);
    const text = await new Promise((resolve) => {
      let all = "";
      MailServices.messageServiceFromURI(uri).streamMessage(uri, { QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
        onStartRequest() {}, onStopRequest() { resolve(all); },
        onDataAvailable(request, stream, offset, count) {
          const input = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
          input.init(stream); all += input.read(count); } }, null, null, false, "");
    });
    found.push([header.mime2DecodedSubject, text]);
  }
  return found;'''


def read():
    got.append(remote.script(READ, HOST))
    return isinstance(got[-1], list) and len(got[-1]) == 5 and got[-1]


got = []
read_messages = wait_for(read, 60) or []
texts = {subject: text for subject, text in read_messages}
check('Thunderbird reads five messages by IMAP on 993', 'What joe shall read.' in texts.get('to be read', '') and
      all('sent by Thunderbird' in texts.get(f'{way} by {port}', '') for port, way in WAYS), (got[-1:], log('imapd')[-800:]))
check('and no Bcc is in what was sent', read_messages and not any('ann@example.org' in text for text in texts.values()), texts)
remote.call('Marionette:Quit', {'flags': ['eForceQuit']})
try:
    program.wait(30)
except subprocess.TimeoutExpired:
    program.kill()
shutil.rmtree(WORK, ignore_errors=True)
done()
