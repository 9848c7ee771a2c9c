"""hosts - several test hosts (tests/host) on one network: a bridge, a veth to
each, and dnsmasq in between."""
import os, subprocess, sys
from tap import TESTS, wait_for

GATEWAY, GATEWAY6 = '10.77.0.1', 'fd77::1'


def on_network():
    """Start over in namespaces of our own, as root, with an empty bridge."""
    if os.geteuid() != 0:
        print('1..0 # skip needs root')
        sys.exit(0)
    if not os.environ.get('MTA_TEST_NETWORK'):
        os.environ['MTA_TEST_NETWORK'] = '1'
        os.execvp('unshare', ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child',
                              '--mount-proc', sys.executable, os.path.abspath(sys.argv[0])])
    ip('link set lo up')
    ip('link add lan type bridge')
    ip(f'addr add {GATEWAY}/24 dev lan')
    ip(f'addr add {GATEWAY6}/64 dev lan nodad')
    ip('link set lan up')


def ip(words):
    subprocess.run(['ip', *words.split()], check=True)


def serve_names(records):
    """dnsmasq with these records and no others; lines of its configuration."""
    lines = ['no-resolv', 'no-hosts', 'keep-in-foreground', 'user=root', 'local=/#/', 'port=53',
             'pid-file=', 'bind-interfaces', f'listen-address={GATEWAY}', *records]
    server = subprocess.Popen(['dnsmasq', '--conf-file=-'], stdin=subprocess.PIPE, text=True)
    server.stdin.write('\n'.join(lines) + '\n')
    server.stdin.close()
    return server


class Host:
    """A host of its own: domain NAME, addresses 10.77.0.NUMBER and fd77::NUMBER."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.address, self.address6 = f'10.77.0.{number}', f'fd77::{number}'
        self.process = subprocess.Popen([TESTS + '/host', 'cat'], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def begin(self):
        """Wait until it is installed, join it to the network, start its mail."""
        self.process.stdin.write('ready\n')
        self.process.stdin.flush()
        for line in self.process.stdout:     # what the installation says comes first
            if line == 'ready\n':
                break
        top = self.process.pid
        self.pid = open(f'/proc/{top}/task/{top}/children').read().split()[0]
        ip(f'link add host{self.number} type veth peer name eth0 netns {self.pid}')
        ip(f'link set host{self.number} master lan up')
        self.run(f'ip addr add {self.address}/24 dev eth0; ip addr add {self.address6}/64 dev eth0 nodad; '
                 f'ip link set eth0 up; rm -f /etc/resolv.conf; echo nameserver {GATEWAY} >/etc/resolv.conf')
        self.control('me', 'mx.' + self.name)
        self.control('locals', self.name)
        self.started = self.run('/var/mta/bin/mtactl start')

    def run(self, command, user=None, **more):
        """A shell command there, as root or as a user of that host."""
        argv = ['nsenter', '-t', self.pid, '--mount', '--net', '--pid', '--']
        argv += ['setpriv', '--reuid=' + user, '--regid=' + user, '--init-groups'] if user else []
        return subprocess.run(argv + ['sh', '-c', command], capture_output=True, text=True, **more)

    def control(self, name, text):
        self.run(f'cat >/var/mta/control/{name}', input=text + '\n')

    def box(self, user):
        """The messages of a user's Maildir."""
        out = self.run(f'for f in ~{user}/Maildir/new/*; do [ ! -f $f ] || {{ cat $f; printf "\\0"; }}; done').stdout
        return out.split('\0')[:-1]

    def arrived(self, user, mark, limit=10):
        return wait_for(lambda: [m for m in self.box(user) if mark in m], limit)

    def end(self):
        self.process.stdin.close()
        self.process.wait()
