#!/usr/bin/env python3
"""exim_test - Exim as the client that knows PIPECONNECT: it speaks before the
greeting where it was told that it may.  Skipped where exim4 is not there."""
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/../filter')
from mail import *

EXIM = shutil.which('exim4', path=os.environ.get('PATH', '') + ':/usr/sbin')
if not EXIM:
    print('1..0 # skip exim4 is not installed')
    sys.exit(0)
on_host()
US, RELAY = '127.8.0.9', 2525
HOME = os.environ['host_dir'] + '/exim'
PLAIN = '/etc/exim4/plain'

# Exim of its own: it takes its settings from /etc, which is the test's.
subprocess.run(['useradd', '--system', 'Debian-exim'], capture_output=True)
os.makedirs(HOME)
shutil.chown(HOME, 'Debian-exim', 'Debian-exim')
os.makedirs('/etc/exim4', exist_ok=True)
with open('/etc/exim4/exim4.conf', 'w') as f:
    f.write(f'''exim_path = {EXIM}
spool_directory = {HOME}
log_file_path = {HOME}/%slog
log_selector = +pipelining +smtp_confirmation
primary_hostname = client.example
keep_environment = PATH : LD_LIBRARY_PATH
begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
begin transports
smtp:
  driver = smtp
  allow_localhost
  port = {RELAY}
  hosts_pipe_connect = *
  hosts_avoid_tls = ${{if exists{{{PLAIN}}}{{*}}{{}}}}
begin retry
* * F,1h,1s
''')


class Relay:
    """Between Exim and smtpd; it may keep smtpd's words back until Exim's first have come."""
    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', RELAY))
        self.waits = False
        self.first = b''
        self.said = ''
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            self.first, self.said = b'', ''
            if self.waits:
                client.settimeout(10)
                try:
                    self.first = client.recv(65536)
                except TimeoutError:
                    pass
                client.settimeout(None)
            server = socket.create_connection(('127.0.0.1', 25), 10, (US, 0))
            server.settimeout(None)
            self.said += self.show('C', self.first)
            server.sendall(self.first)
            ends = [threading.Thread(target=self.copy, args=a) for a in (('C', client, server), ('S', server, client))]
            for end in ends:
                end.start()
            for end in ends:
                end.join()
            client.close(), server.close()

    def show(self, who, data):
        return ''.join(f'{who}: {line}\n' for line in data.decode('latin-1').split('\r\n')[:-1])

    def copy(self, who, source, target):
        try:
            while data := source.recv(65536):
                self.said += self.show(who, data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def exim(*arguments, text=''):
    """What it adds to its log."""
    path = HOME + '/mainlog'
    before = os.path.getsize(path) if os.path.exists(path) else 0
    run = subprocess.run([EXIM, *arguments], input=text, capture_output=True, text=True, timeout=120)
    with open(path) as f:
        f.seek(before)
        return f.read() + run.stdout + run.stderr


def send(subject):
    """One message; "=>" in the log is one that was taken, with "L*" if it came before the greeting."""
    return exim('-odf', '-f', 'a@client.example', 'joe@example.org', text=f'Subject: {subject}\n\nx\n')


def is_kept(subject):
    return any(f'Subject: {subject}\n'.encode() in open(p, 'rb').read() for p in queued())


relay = Relay()
control('relayclients', '127.0.0.1\n')
start()
open(PLAIN, 'w').close()
said = send('first')
check('Exim hears of PIPECONNECT', ' => joe@' in said and ' L K ' in said and 'S: 250-PIPECONNECT\n' in relay.said, (said, relay.said))
relay.waits = True
said = send('early')
check('and speaks first the next time', relay.first.startswith(b'EHLO client.example\r\nMAIL FROM:<a@client.example>') and
      ' L* K ' in said, (relay.first, said))
check('all of it was taken', is_kept('first') and is_kept('early'))
os.remove(PLAIN)
relay.waits = False
said = send('first by TLS')
check('by TLS', ' => joe@' in said and 'X=TLS' in said and ' L' in said, said)
relay.waits = True
said = send('early by TLS')
check('STARTTLS before the greeting, too', relay.first == b'EHLO client.example\r\nSTARTTLS\r\n' and ' L* K ' in said and
      is_kept('early by TLS'), (relay.first, said))

open(PLAIN, 'w').close()
control('greetdelay', '1\n')
check('greetdelay is set', reload(), log()[-1000:])
said = send('later')
check('who remembers is put off, no message lost', ' == joe@' in said and '421 4.5.1 ' in said, said)
relay.waits = False
said = exim('-qff')
check('and waits from then on', ' => joe@' in said and 'L*' not in said and 'S: 220' in relay.said.split('C: ')[0] and
      'PIPECONNECT' not in relay.said and is_kept('later'), (said, relay.said))
control('pipeconnectnets', '127.8.0.0/16\n')
check('pipeconnectnets is set', reload(), log()[-1000:])
send('told')
relay.waits = True
said = send('early in spite of it')
check('its networks may in spite of it', relay.first.startswith(b'EHLO') and ' L* K ' in said and is_kept('early in spite of it'), said)
done()
