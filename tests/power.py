"""power - for tests that cut the power of a disk: an image that is mounted by
loop, on which the test host's /etc, /var/mta and /var/mail lie."""
import fcntl, glob, os, signal, struct, subprocess, sys
from tap import *

GOING_DOWN, NO_LOG_FLUSH = 0x8004587d, 2


def for_each_disk(cases):
    """Run this test once for each file system and kind of mailbox, then end."""
    if os.environ.get('TEST_FS'):
        return
    for fs, box in cases:
        out = subprocess.run([sys.executable, os.path.abspath(sys.argv[0])], env=dict(os.environ, TEST_FS=fs, TEST_BOX=box),
                             capture_output=True, text=True)
        said = [line for line in out.stdout.splitlines() if not line.startswith('1..')]
        if '# skip' in out.stdout:
            print(f'1..0 # skip {out.stdout.split("# skip")[1].strip()}')
            sys.exit(0)
        for line in said:
            if line.startswith('#'):
                print(line)
            else:
                check(f'{fs}, {box}: ' + line.split(' - ', 1)[1], line.startswith('ok'), out.stdout[-300:])
        check(f'{fs}, {box}: the test came to its end', out.returncode == 0, out.stderr[-400:])
    done()


def cut_power():
    """As xfs_io -x -c "shutdown": the log is not flushed."""
    fd = os.open(os.environ['TEST_MOUNT'], os.O_RDONLY)
    fcntl.ioctl(fd, GOING_DOWN, struct.pack('I', NO_LOG_FLUSH))
    os.close(fd)


def kill_everything():
    """Everything in this process namespace but us and those we stem from."""
    ours, pid = {1, os.getpid()}, os.getpid()
    while pid > 1:
        pid = int(open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[1])
        ours.add(pid)

    def others():
        return [int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) not in ours]

    def all_gone():
        for pid in others():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not others()
    wait_for(all_gone, 30)


def mounted(*argv):
    return subprocess.run(argv, capture_output=True, text=True)


def restart_disk():
    mount, host = os.environ['TEST_MOUNT'], os.environ['host_dir']
    for place in ('/var/mail', '/var/mta', '/etc'):
        mounted('umount', place)
    wait_for(lambda: mounted('umount', mount).returncode == 0)
    image = mount[:-2]
    again = mounted('mount', '-o', 'loop', image, mount)
    for lock_file in glob.glob(host + '/spool/*.lock'):    # a real host would have booted since
        os.utime(lock_file, (0, 0))
    for part, place in (('etc', '/etc'), ('mta', '/var/mta'), ('spool', '/var/mail')):
        mounted('mount', '--bind', f'{host}/{part}', place)
    return again
