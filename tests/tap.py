"""tap - what a test in Python needs: checks that print TAP, and a host of its
own (tests/host) to run on."""
import contextlib, os, shutil, subprocess, sys, time

TESTS = os.path.dirname(os.path.abspath(__file__))
count = failures = 0


def on_host():
    """Start over on a test host, as root, with an installation in /var/mta."""
    if os.environ.get('MTA_TEST_HOST'):
        return
    os.execv(TESTS + '/host', ['host', sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def is_sanitized():
    with open(os.environ['BUILD'] + '/smtpd/smtpd', 'rb') as f:
        return b'__asan_init' in f.read()


def need_node_module(name):
    """Of npm: make check-deps has it where npm is; skipped without."""
    places = [os.path.join(TESTS, '../build/npm/node_modules'), '/usr/share/nodejs', os.environ.get('NODE_PATH', '')]
    os.environ['NODE_PATH'] = ':'.join(os.path.realpath(place) for place in places if place)
    if not shutil.which('node') or subprocess.run(['node', '-e', f'require("{name}")'], capture_output=True).returncode:
        print(f'1..0 # skip {name} is not installed')
        sys.exit(0)


def skip_if_sanitized(why):
    if is_sanitized():
        print('1..0 # skip ' + why)
        sys.exit(0)


def check(label, held, note=''):
    global count, failures
    count += 1
    failures += not held
    print(f'{"ok" if held else "not ok"} {count} - {label}', flush=True)
    if not held and note != '':
        print('# ' + repr(note)[:2000], file=sys.stderr, flush=True)      # prove shows only this one


def wait_for(test, limit=30):
    """The first true answer of test(), or its last one after limit seconds."""
    end = time.monotonic() + limit
    while True:
        answer = test()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.02)


def control(name, text):
    """A setting of the test host."""
    with open('/var/mta/control/' + name, 'w') as f:
        f.write(text)


def past_neighbours(table):
    """pid -> (name, parent, uid), but the parent of one that neighbour -w started is the one that asks it."""
    def asker(pid):
        return asker(table[pid][1]) if table.get(pid, ('',))[0] == 'neighbour' else pid
    return {pid: (name, asker(parent), uid) for pid, (name, parent, uid) in table.items()}


def kill_all(pids):
    """Those that are there still: one may have ended with another."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


def done():
    print(f'1..{count}')
    sys.exit(failures > 0)
