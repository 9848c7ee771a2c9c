"""memory - what running processes have in memory: for tests that plant a secret and search for it."""
import base64, glob, os, re


def processes(name):
    """Whose program is NAME, of any installation."""
    found = []
    for path in glob.glob('/proc/[0-9]*/exe'):
        try:
            if os.readlink(path).split(' ')[0].endswith('/bin/' + name):
                found.append(int(path.split('/')[2]))
        except OSError:
            pass
    return found


def forms(secret):
    """As it is, and what base64 makes of its middle at each of three offsets."""
    raw = secret.encode()
    return [raw] + [base64.b64encode(b'x' * i + raw)[8:-8] for i in range(3)]


def holds(pid, *wanted):
    """Is any of these in its memory?  One that has ended holds nothing.  Not for sanitized builds: theirs is too large."""
    try:
        with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
            return any(any(text in part for text in wanted) for part in parts(maps, memory))
    except OSError:
        return False


def parts(maps, memory):
    for line in maps:
        start, end, mode = re.match(r'(\w+)-(\w+) (\S+)', line).groups()
        if mode[0] != 'r' or 'vvar' in line or 'vsyscall' in line:
            continue
        try:
            memory.seek(int(start, 16))
            yield memory.read(int(end, 16) - int(start, 16))
        except OSError:
            pass
