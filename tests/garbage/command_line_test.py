#!/usr/bin/env python3
"""command_line_test - every program of /var/mta/bin, by hand: -h, options that it
does not have, arguments without end, no descriptors, no environment, and one that
means ill.  It says how it is used, with the code for that; it does not crash, and
it does not hang."""
import contextlib, glob, os, pwd, re, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

on_host()
BIN, LIMIT_S, EX_USAGE = '/var/mta/bin/', 5, 64
PROGRAMS = sorted(os.path.basename(p) for p in glob.glob(BIN + '*'))
ANN = pwd.getpwnam('ann')
# These take any number of addresses or words: many are no fault.
MANY = {'lookup', 'sendmail', 'mailq', 'remote-send'}
# These take a command line after their own words, and say of it what the kernel says.
CHAIN = {'confine', 'neighbour', 'listen'}
SCRATCH = os.environ['host_dir'] + '/command'
os.mkdir(SCRATCH)
os.chmod(SCRATCH, 0o1777)


def run(program, *arguments, shell='', env=None, user=None, stdin=subprocess.DEVNULL):
    """(code, output, errors); a program that hangs or dies of a signal has a code below 0."""
    command = [BIN + program, *arguments]
    if shell:
        command = ['sh', '-c', f'exec "$@" {shell}', 'sh', *command]
    try:
        got = subprocess.run(command, stdin=stdin, capture_output=True, text=True, errors='replace', timeout=LIMIT_S, env=env,
                             user=user, group=user and ANN.pw_gid, extra_groups=user and [], cwd='/')
    except subprocess.TimeoutExpired:
        return -99, '', f'hangs for {LIMIT_S} s'
    return got.returncode, got.stdout, got.stderr


def of_all(label, test):
    """test(program) -> what is wrong with it, or nothing."""
    with ThreadPoolExecutor(3) as pool:
        wrong = {p: w for p, w in zip(PROGRAMS, pool.map(test, PROGRAMS)) if w}
    check(f'{label}: {len(PROGRAMS)} programs', len(PROGRAMS) > 18 and not wrong, wrong)


def is_usage(got):
    code, _, errors = got
    return code == EX_USAGE and errors.count('\n') == 1 and 'usage:' in errors


def unless(held, what):
    return '' if held else what


def help_(program):
    got = run(program, '-h')
    return unless(got[0] == 0 and 'usage:' in got[1] and not got[2], got)


def unknown_option(program):
    wrong = [(option, got) for option in ('-%', '--no-such-option', '-' + 'Z' * 5000, '-\x01\x7f')
             if not is_usage(got := run(program, option))]
    return wrong


def many_arguments(program):
    got = run(program, *['x'] * 3000)
    if program in MANY or program in CHAIN:
        return unless(0 <= got[0] < 128, got)
    return unless(is_usage(got), got)


def odd_arguments(program):
    words = ('', '\xff\xfe', 'a' * 100000, '../../etc/passwd', '%s%n%d', '-', '--', '{', '}', '<a@b>', '-1', '\n\r')
    return [(w[:20], got) for w in words if not 0 <= (got := run(program, w))[0] < 128 or 'signal' in got[2]]


def closed_descriptors(program):
    wrong = []
    for shell in ('<&-', '>&-', '2>&-', '<&- >&- 2>&-'):
        for arguments in (['-h'], ['-%'], []):
            got = run(program, *arguments, shell=shell)
            if not 0 <= got[0] < 128:
                wrong.append((shell, arguments, got))
    return wrong


def empty_environment(program):
    got = run(program, '-h', env={})
    bare = run(program, env={})
    return unless(got[0] == 0 and 0 <= bare[0] < 128, (got, bare))


def hostile_environment(program):
    env = {'PATH': '../..:.:', 'HOME': '../../etc', 'TZ': ':../../../etc/passwd', 'IFS': '/', 'USER': '%n%s', 'LOGNAME': '../x',
           'LC_ALL': '../../../tmp', 'LANG': 'x' * 5000, 'LD_LIBRARY_PATH': SCRATCH, 'OPENSSL_CONF': '/etc/passwd',
           'EVENT_SHOW_METHOD': '1', 'RES_OPTIONS': 'debug', 'LOCALDOMAIN': 'x' * 3000, 'HOSTALIASES': '/etc/shadow',
           'MALLOC_TRACE': SCRATCH + '/trace', 'GCONV_PATH': SCRATCH, 'TMPDIR': '../..', 'SENDER': '\x01', 'X': 'y' * 100000}
    got = run(program, '-h', env=env)
    bare = run(program, env=env, user='ann')
    return unless(got[0] == 0 and 0 <= bare[0] < 128, (got, bare))


of_all('-h tells the usage', help_)
of_all('an unknown option: EX_USAGE, and one line', unknown_option)
of_all('3000 arguments', many_arguments)
of_all('odd arguments', odd_arguments)
of_all('closed descriptors', closed_descriptors)
of_all('an empty environment', empty_environment)
of_all('a hostile environment', hostile_environment)

# ---- the setuid ones, as an ordinary user ----
SETUID = [p for p in PROGRAMS if os.stat(BIN + p).st_mode & 0o6000]
check('there are setuid programs', len(SETUID) >= 2, SETUID)
with open(SCRATCH + '/evil.c', 'w') as f:
    f.write('#include <fcntl.h>\n#include <unistd.h>\n__attribute__((constructor)) static void evil(void) {\n'
            f'\tchar name[] = "{SCRATCH}/loaded-0"; name[sizeof(name) - 2] += getuid() != geteuid();\n'
            '\topen(name, O_CREAT | O_WRONLY, 0666);\n}\n')
built = subprocess.run(['cc', '-shared', '-fPIC', '-o', SCRATCH + '/evil.so', SCRATCH + '/evil.c'], capture_output=True, text=True)
check('a library that means ill was built', built.returncode == 0, built.stderr)
EVIL = {'LD_PRELOAD': SCRATCH + '/evil.so', 'LD_AUDIT': SCRATCH + '/evil.so', 'LD_LIBRARY_PATH': SCRATCH, 'LD_DEBUG': 'all',
        'LD_DEBUG_OUTPUT': SCRATCH + '/debug', 'MALLOC_TRACE': SCRATCH + '/trace', 'GLIBC_TUNABLES': 'glibc.malloc.check=3'}
subprocess.run(['/bin/true'], env=EVIL, user='ann', cwd='/', capture_output=True)
check('(it is loaded where it may be)', os.path.exists(SCRATCH + '/loaded-0'), os.listdir(SCRATCH))
for path in glob.glob(SCRATCH + '/loaded-*') + glob.glob(SCRATCH + '/debug*'):
    os.unlink(path)
for program in SETUID:
    for arguments in (['-h'], ['-%'], []):
        run(program, *arguments, env=EVIL, user='ann')
    check(f'{program} loads nothing that its caller names', not glob.glob(SCRATCH + '/loaded-*') and
          not glob.glob(SCRATCH + '/debug*') and not glob.glob(SCRATCH + '/trace*'), os.listdir(SCRATCH))
before = os.listdir('/var/mta/queue/new')
got = run('queue-inject', user='ann', shell='<&- >&-')
check('queue-inject without message and envelope keeps nothing', got[0] in (65, 75) and os.listdir('/var/mta/queue/new') == before,
      got)
got = run('queue-inject', user='ann', shell='2>&- </etc/hostname 1</dev/null')
check('queue-inject without a place for its words says it with its code', got[0] in (65, 75), got)
limited = subprocess.run(['sh', '-c', f'exec prlimit --nofile=4 --fsize=0 {BIN}queue-inject </etc/hostname 1</dev/null'], user='ann',
                         capture_output=True, cwd='/')
check('and so with no descriptors to have and no bytes to write', limited.returncode in (65, 75), limited)
done()
