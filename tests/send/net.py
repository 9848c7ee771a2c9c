"""net - for the tests of send/: a network of one's own, and programs that run
as nobody with packets on their descriptors."""
import os, resource, shutil, socket, subprocess, sys

MTA = '/var/mta'
CONTROL = MTA + '/control/'
RESOLVE = 12  # the number at which remote-send finds its neighbour


def on_net():
    """Start over in namespaces, as root: an empty /var/mta with control/me."""
    if not os.environ.get('MTA_TEST_NET'):
        if os.geteuid() != 0:
            print('1..0 # skip needs root')
            sys.exit(0)
        os.environ['MTA_TEST_NET'] = '1'
        os.makedirs(MTA, exist_ok=True)
        os.execvp('unshare', ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc',
                              sys.executable, os.path.abspath(sys.argv[0])])
    subprocess.run('mount --make-rprivate / && mount -t tmpfs -o mode=755 none /var/mta && ip link set lo up',
                   shell=True, check=True)
    with open('/dev/null') as nothing:
        os.dup2(nothing.fileno(), RESOLVE)  # taken, so that nothing of ours gets that number
    os.mkdir(MTA + '/bin')
    os.mkdir(MTA + '/control')
    for program in ('remote-send', 'resolve'):
        shutil.copy(f'{os.environ["BUILD"]}/send/{program}', MTA + '/bin/')
    control('me', 'me.example\n')


def control(name, text):
    with open(CONTROL + name, 'w') as f:
        f.write(text)


def start(program, *arguments, fds={}, **options):
    """The program as nobody; fds: number in the child -> our descriptor."""
    def renumber():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number, fd in fds.items():
            os.dup2(fd, number, inheritable=True)
    return subprocess.Popen(
        ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', f'{MTA}/bin/{program}',
         *arguments], preexec_fn=renumber, pass_fds=[n for n in fds if n > 2], **options)


def pair():
    """Our end, and one to give away."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ends[0].settimeout(20)  # not the other: a program's descriptors block
    return ends


def pack(*records):
    return b''.join((tag + str(value)).encode() + b'\0' if not isinstance(value, bytes)
                    else tag.encode() + value + b'\0' for tag, value in records)


def unpack(packet):
    return [(part[:1].decode(), part[1:].decode('utf-8', 'replace')) for part in packet.split(b'\0')[:-1]]
