"""The workload `access` of tests/bench: IMAP and POP3 beside Dovecot, on the harness's mailboxes.

F and G are the harness's; what they lack is measured here. Both servers check the same cheap hashes (MD5-crypt):
system users by PAM, accounts of a table by users/passwords here and a passwd-file there.
"""
import functools, os, pwd, ssl, subprocess, time
import access, core, targets

HASH = subprocess.run(['openssl', 'passwd', '-1', core.PASSWORD], capture_output=True, text=True, check=True).stdout.strip()
VIRTUAL = 'ann@virtual.test'
CONTROL = {'imapdpernetwork': '2000', 'imapdconnections': '2000', 'imapperuser': '1000', 'imapdrate': '0',
           'pop3dpernetwork': '2000', 'pop3dconnections': '2000', 'pop3peruser': '1000', 'pop3drate': '0'}
SIZES = (('big1k', 1000), ('big20k', 20000))
ssl.create_default_context = functools.cache(ssl.create_default_context)  # else log-ins measure how the client reads CAs
META = b'FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)'


class Dovecot(targets.Dovecot):
    """The peer as it is, with the same passwords as ours."""
    def configure(self):
        super().configure()
        home, user = self.dir + '/virtual', pwd.getpwnam('bench0')
        os.mkdir(home)
        os.chown(home, user.pw_uid, user.pw_gid)
        table = self.write('users', f'{VIRTUAL}:{{CRYPT}}{HASH}:{user.pw_uid}:{user.pw_gid}::{home}\n')
        with open(self.dir + '/dovecot.conf', 'r+') as f:
            text = f.read()
            static = f'driver = static\n  args = password={core.PASSWORD}\n}}'
            assert static in text
            file = f'driver = passwd-file\n  args = {table}\n}}\n'
            text = text.replace(static, file + 'passdb {\n  driver = pam\n}\nuserdb {\n  ' + file)
            f.seek(0)
            f.truncate()
            f.write(text)


def cheap_passwords():
    """The harness's users are on a host of our own: their passwords, too."""
    lines = ''.join(f'{user}:{HASH}\n' for user in [*core.USERS, *core.BIG])
    subprocess.run(['chpasswd', '-e'], input=lines, text=True, check=True)


def make_account():
    """The account of a table; called while estafeta is down."""
    table = '/var/mta/users/passwords'
    mtactl = ['/var/mta/bin/mtactl', 'user']
    subprocess.run(mtactl + ['del', VIRTUAL], capture_output=True)
    subprocess.run(mtactl + ['add', VIRTUAL], input=core.PASSWORD + '\n', text=True, check=True, capture_output=True)
    with open(table) as f:
        lines = [f'{VIRTUAL}:{HASH}\n' if line.startswith(VIRTUAL + ':') else line for line in f]
    with open(table, 'w') as f:
        f.writelines(lines)


def log_ins(target, scale):
    count = int(100 * scale)
    result = {}

    def imap(times, tls=False):
        for _ in range(times):
            line = access.imap_login(target.imaps if tls else target.imap, VIRTUAL, tls)
            line.imap(b'LOGOUT')
            line.close()

    def pop3(times):
        for _ in range(times):
            line = access.pop_login(target.pop3, VIRTUAL)
            line.pop(b'QUIT')
            line.close()
    for name, work in (('IMAP', imap), ('IMAP TLS', lambda times: imap(times, True)), ('POP3', pop3)):
        with core.Meter(target.group) as meter:
            wall = access.many(work, 4, count)
        result[f'{name} log-ins of a table/s'] = 4 * count / wall
        result[f'{name} log-in of a table, CPU ms'] = meter.cpu / 4 / count * 1e3
    return result


def folder(target, user, count):
    """What the harness's G does not ask of a folder."""
    result, name = {}, f'{count // 1000}k'

    def timed(key, line, command):
        start = time.monotonic()
        line.imap(command)
        result[f'{name} {key} s'] = time.monotonic() - start
    access.fill(user, count)
    access.wipe_index(user)
    line = access.imap_login(target.imap, user)
    for command in (b'SELECT INBOX', META, b'LOGOUT'):
        line.imap(command)
    core.drop_caches()
    line = access.imap_login(target.imap, user)
    timed('SELECT cold', line, b'SELECT INBOX')
    timed('FETCH meta cold', line, META)
    for key, command in (('SEARCH FROM', b'SEARCH FROM "s77@"'),
                         ('SORT DATE', b'SORT (DATE) UTF-8 ALL'),
                         ('SORT SUBJECT', b'SORT (SUBJECT) UTF-8 ALL'),
                         ('THREAD', b'THREAD REFERENCES UTF-8 ALL'),
                         ('SEARCH HEADER', b'SEARCH HEADER Received "192.0.2.77"')):
        if key == 'SEARCH HEADER':  # the peer has just read every file to answer META, we have not
            core.drop_caches()
        timed(key + ' first', line, command)
        timed(key + ' again', line, command)
    line.imap(b'CREATE All')
    timed('MOVE all', line, b'MOVE 1:* All')
    line.imap(b'LOGOUT')
    line.close()
    access.empty([user])
    return result


def large(target):
    """100,000 messages: of what G asks of them at a scale of 1 the part that takes less than two minutes."""
    result, user = {}, 'big100k'
    access.fill(user, 100000)
    access.wipe_index(user)
    core.drop_caches()
    for key, command in (('first SELECT, no index, cold', b'SELECT INBOX'), ('SELECT warm', b'SELECT INBOX'),
                         ('FETCH FLAGS', b'FETCH 1:* (UID FLAGS)'), ('FETCH meta first', META),
                         ('FETCH meta again', META)):
        if b'SELECT' in command:
            line = access.imap_login(target.imap, user)
        start = time.monotonic()
        line.imap(command)
        result[f'100k {key} s'] = time.monotonic() - start
        if b'SELECT' in command and 'cold' in key:
            line.imap(b'LOGOUT')
            line.close()
    line.imap(b'LOGOUT')
    line.close()
    return result


def idle(target, count=500):
    """Memory of many sessions in IDLE."""
    result = {}
    for name, address, tls in (('plain', target.imap, False), ('TLS', target.imaps, True)):
        time.sleep(1)
        before, held = target.group.pss()[0], []
        for i in range(count):
            line = access.imap_login(address, core.USERS[i % len(core.USERS)], tls)
            line.imap(b'SELECT INBOX')
            line.send(b'x IDLE\r\n')
            line.until(b'\r\n')
            held.append(line)
        time.sleep(1)
        result[f'KiB PSS of each of {count} idle {name} sessions'] = (target.group.pss()[0] - before) / count
        for line in held:
            line.close()
        access.settle_pids(target.group)
    return result


@functools.cache
def once(target):
    """What takes minutes and hardly varies is done in the first repeat."""
    return large(target) | idle(target)


def measure(target, scale):
    result = access.F(target, scale) | access.G(target, scale)
    for user, count in SIZES:
        result |= folder(target, user, count)
    if scale < 1:  # else G has these
        result |= once(target)
    return result | log_ins(target, scale)
