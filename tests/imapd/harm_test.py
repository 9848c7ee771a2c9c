#!/usr/bin/env python3
"""harm_test - several sessions, deliveries and POP3 on one mailbox, while its
indexes are removed and sessions are killed (kill -9) at random moments: what
was answered OK holds, nothing is lost or doubled, no UID, MODSEQ or UIDL
changes.  HARM_STEPS and HARM_ROUNDS make it longer, HARM_SEED another one."""
import contextlib, glob, poplib, random, signal, threading, time
from mail import *
from harm import *

STEPS, ROUNDS = int(os.environ.get('HARM_STEPS', '40')), int(os.environ.get('HARM_ROUNDS', '2'))
SEED = int(os.environ.get('HARM_SEED', '1'))
CLIENTS, KILLED_OF = 4, 5
ALL = 'UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (SUBJECT)])'
facts = Facts()
popd = work + '/pop3d'
shutil.copy(BUILD + '/pop3d/pop3d', popd)
counts = dict.fromkeys(('acknowledged', 'killed', 'cut off', 'removed', 'delivered', 'UIDL lists'), 0)


def path(folder):
    return f'{home}/M' + ('' if folder == 'INBOX' else f'/.{folder}')


def counted(what):
    with facts.lock:
        counts[what] += 1


class Cut(Exception):
    """The session was killed before it answered."""


class Session:
    """A Wire that can be killed while it works on a command."""
    def __init__(self):
        self.wire = Wire()
        self.folder = None

    def say(self, command, kill_after=None):
        try:
            if kill_after is None:
                answer = self.wire.say(command)
            else:
                answer = self.killed(command, kill_after)
        except OSError:
            answer = ['']
        if answer[-1] == '':
            self.wire.child.wait()
            raise Cut
        if answer[-1].startswith('NO [EXPUNGEISSUED]') and 'FETCH' in command:
            return self.say(command)    # RFC 9051 section 7.1: others expunged what is asked for
        if not answer[-1].startswith('OK'):
            facts.complain('no OK', command[:100], answer[-2:])
        else:
            counted('acknowledged')
        return answer

    def killed(self, command, moment):
        """moment: seconds from now, or before which system call."""
        def shoot():
            time.sleep(moment)
            self.wire.child.send_signal(signal.SIGKILL)
        if isinstance(moment, int):
            fault = subprocess.Popen([BUILD + '/tests/fault/fault', '-n', str(moment), str(self.wire.child.pid)],
                                     stdout=subprocess.PIPE, text=True)
            if fault.stdout.readline() != 'armed\n':
                facts.complain('fault is not armed')
        else:
            shooter = threading.Thread(target=shoot)
            shooter.start()
        try:
            return self.wire.say(command)
        finally:
            if isinstance(moment, int):
                fault.terminate()
                fault.communicate()
                self.wire.child.send_signal(signal.SIGKILL)
            else:
                shooter.join()
            counted('killed')

    def select(self, folder, parameters=''):
        uid_max = facts.uid_max[folder]
        answer = self.say(f'SELECT {folder}{parameters}')
        self.folder = folder
        return answer, facts.selected(folder, answer, uid_max)

    def end(self):
        self.wire.sock.close()
        self.wire.child.kill()
        self.wire.child.wait()


def read_all(session, folder):
    """{uid: (mark, flags, modseq)}, for all to compare."""
    if session.folder == folder:
        session.say('NOOP')
    else:
        session.select(folder)
    found = parse(session.say(ALL))
    for uid, (mark, flags, modseq) in found.items():
        facts.saw_uid(folder, uid, mark)
        facts.saw_flags(folder, uid, modseq, flags)
    return found


def moment(rnd):
    """When a session is killed; root may choose the system call."""
    if os.geteuid() == 0 and rnd.randrange(2):
        return 1 + int(rnd.expovariate(1 / 20))
    return rnd.expovariate(250)


class Client(threading.Thread):
    """Works on the messages whose mark begins with its number; nobody else does."""
    def __init__(self, number):
        super().__init__()
        self.number, self.rnd = number, random.Random(SEED * 100 + number)
        self.has, self.made = {}, 0       # {(folder, uid): (mark, flags)}
        self.session = Session()

    def new_mark(self):
        self.made += 1
        return f'{self.number}-a{self.made}'

    def run(self):
        for _ in range(STEPS):
            try:
                self.step()
            except Exception as trouble:
                facts.complain('a client ended', self.number, repr(trouble))
                raise

    def step(self):
        acts = (self.store, self.store, self.store, self.append, self.append, self.move, self.move, self.expunge,
                self.copy, self.replace, self.look)
        self.doubt = Doubt()
        kill_after = moment(self.rnd) if self.rnd.randrange(KILLED_OF) == 0 else None
        try:
            self.rnd.choice(acts)(kill_after)
            if kill_after is None:
                return
        except Cut:
            counted('cut off')
            self.session.end()
            self.session = Session()
            self.check(self.doubt)
            return
        self.session.end()              # it answered, and was killed then
        self.session = Session()
        self.check(Doubt())

    def check(self, doubt):
        """Is it as it must be?  What is there is what is known from now on."""
        known = dict(facts.delivered)
        found = {}
        for folder in FOLDERS:
            for uid, (mark, flags, _) in read_all(self.session, folder).items():
                if mark.startswith(f'{self.number}-'):
                    found[folder, uid] = mark, flags
        mine = {mark for mark, _ in self.has.values()}
        fresh = {key: told for key, told in found.items() if '-d' in told[0] and key not in self.has and
                 told[0] not in self.adopted}
        for key, told in fresh.items():
            if told[0] not in known or known[told[0]] and not told[1]:
                del found[key]          # not done yet, or not seen yet: two changed cur/ in one tick of its clock
            elif told[1] != known[told[0]] or told[0] in mine:
                facts.complain('a delivery is doubled, or its flags', key, told, known[told[0]])
            else:
                self.has[key] = told
                mine.add(told[0])
                self.adopted.add(told[0])
        trouble = doubt.explain(self.has, found)
        if trouble:
            facts.complain(*trouble)
        self.has = found

    def some(self, most=3):
        """UIDs of one folder, which is selected then."""
        folders = sorted({folder for folder, _ in self.has})
        if not folders:
            return None, []
        folder = self.session.folder if self.session.folder in folders else self.rnd.choice(folders)
        uids = sorted(uid for name, uid in self.has if name == folder)
        if self.session.folder != folder:
            self.session.select(folder)
        return folder, sorted(self.rnd.sample(uids, min(len(uids), self.rnd.randint(1, most))))

    def look(self, kill_after):
        folder = self.rnd.choice(FOLDERS)
        self.session.select(folder)
        kept = parse(self.session.say('UID FETCH 1:* (UID FLAGS MODSEQ ENVELOPE)', kill_after))
        wrong = [(folder, uid, told) for uid, told in kept.items() if facts.marks.get((folder, uid), told[0]) != told[0]]
        if wrong:
            facts.complain('the ENVELOPE is of another', wrong[:3])
        self.session.say(f'UID SEARCH BODY "{self.number}-a1"')
        self.check(Doubt())

    def store(self, kill_after):
        folder, uids = self.some(self.rnd.choice((6, 1000)))
        sign = self.rnd.choice(('+', '+', '-', ''))
        words = frozenset(self.rnd.sample(LETTERS, self.rnd.randint(0, 1)) + self.rnd.sample(KEYWORDS, 2))
        change = {'+': lambda old: old | words, '-': lambda old: old - words, '': lambda old: words}[sign]
        after = {(folder, uid): change(self.has[folder, uid][1]) for uid in uids}
        if uids:
            self.doubt = Doubt(flags=after)
            self.session.say(f'UID STORE {",".join(map(str, uids))} {sign}FLAGS.SILENT ({" ".join(words)})', kill_after)
            self.has.update({key: (self.has[key][0], flags) for key, flags in after.items()})

    def append(self, kill_after):
        folder = self.rnd.choice(FOLDERS)
        new = [(folder, self.new_mark(), frozenset(self.rnd.sample(LETTERS + KEYWORDS, 2)))
               for _ in range(self.rnd.choice((1, 1, 3)))]
        command = f'APPEND {folder}'.encode()
        for _, mark, flags in new:
            text = message(mark)
            command += f' ({" ".join(flags)}) {{{len(text)}+}}\r\n'.encode() + text
        self.doubt = Doubt(come=new)
        answer = self.session.say(command, kill_after)
        uids = numbers(APPENDED.search(answer[-1]).group(2))
        self.take(folder, uids, [told[1:] for told in new])

    def take(self, folder, uids, new):
        for uid, (mark, flags) in zip(uids, new, strict=True):
            facts.saw_uid(folder, uid, mark)
            self.has[folder, uid] = mark, flags

    def move(self, kill_after, verb='MOVE'):
        folder, uids = self.some()
        target = self.rnd.choice([name for name in FOLDERS if name != folder])
        if not uids:
            return
        told = [self.has[folder, uid] for uid in uids]
        self.doubt = Doubt(moved={(folder, uid): target for uid in uids}) if verb == 'MOVE' else \
            Doubt(copied=[(target, *one) for one in told])
        answer = self.session.say(f'UID {verb} {",".join(map(str, uids))} {target}', kill_after)
        _, first, second = COPIED.search('\n'.join(answer)).groups()
        if numbers(first) != uids:
            facts.complain('COPYUID', uids, answer)
        if verb == 'MOVE':
            for uid in uids:
                del self.has[folder, uid]
        self.take(target, numbers(second), told)

    def copy(self, kill_after):
        self.move(kill_after, 'COPY')

    def expunge(self, kill_after):
        folder, uids = self.some()
        uids = uids[:1]
        if not uids or len(self.has) < 5:
            return
        key = folder, uids[0]
        self.doubt = Doubt(flags={key: self.has[key][1] | {'\\Deleted'}})
        self.session.say(f'UID STORE {uids[0]} +FLAGS (\\Deleted)')
        self.has[key] = self.has[key][0], self.has[key][1] | {'\\Deleted'}
        self.doubt = Doubt(gone=[key])
        self.session.say(f'UID EXPUNGE {uids[0]}', kill_after)
        del self.has[key]

    def replace(self, kill_after):
        folder, uids = self.some(1)
        if not uids:
            return
        target, mark = self.rnd.choice(FOLDERS), self.new_mark()
        text = message(mark)
        key = folder, uids[0]
        self.doubt = Doubt(come=[(target, mark, frozenset({'\\Seen'}))], replaced=key)
        answer = self.session.say(f'UID REPLACE {uids[0]} {target} (\\Seen) {{{len(text)}+}}\r\n'.encode() + text,
                                  kill_after)
        del self.has[key]
        uids = numbers(APPENDED.search('\n'.join(answer)).group(2))
        self.take(target, uids, [(mark, frozenset({'\\Seen'}))])


class Mirror(threading.Thread):
    """A client that keeps a copy by QRESYNC (RFC 7162), and is killed, too."""
    def __init__(self):
        super().__init__()
        self.rnd, self.session = random.Random(SEED * 100 + 50), None
        self.copy, self.modseq = {folder: {} for folder in FOLDERS}, dict.fromkeys(FOLDERS, 0)

    def sync(self, folder, kill_after=None):
        since = self.modseq[folder]
        self.session = Session()
        try:
            self.session.say('ENABLE QRESYNC')
            answer, told = self.session.select(
                folder, f' (QRESYNC ({facts.validity[folder]} {since}))' if since else '')
            if not since:
                answer = self.session.say('UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)', kill_after)
            copy = dict(self.copy[folder])
            for line in answer:
                if gone := re.match(r'\* VANISHED(?: \(EARLIER\))? (\S+)', line):
                    for uid in numbers(gone.group(1)):
                        copy.pop(uid, None)
                if 'FETCH' in line:
                    uid = int(re.search(r'UID (\d+)', line).group(1))
                    flags = re.search(r'FLAGS \(([^)]*)\)', line).group(1)
                    copy[uid] = frozenset(flags.split()) - {'\\Recent'}
            self.copy[folder] = copy
            if told['HIGHESTMODSEQ'] < self.modseq[folder]:
                facts.complain('HIGHESTMODSEQ fell', folder, told, self.modseq[folder])
            self.modseq[folder] = told['HIGHESTMODSEQ']
        except Cut:
            pass
        finally:
            self.session.end()

    def run(self):
        for _ in range(STEPS):
            self.sync(self.rnd.choice(FOLDERS), moment(self.rnd) if self.rnd.randrange(3) == 0 else None)


class Pop(poplib.POP3):
    def _create_socket(self, timeout):
        ours, theirs = socket.socketpair()
        ours.settimeout(30)
        user = ['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups'] if os.geteuid() == 0 else []
        self.child = subprocess.Popen(user + [popd, f'maildir:{home}/M'], stdin=theirs, stdout=theirs,
                                      stderr=subprocess.DEVNULL)
        theirs.close()
        return ours


def read_uidls():
    """{uidl: mark}"""
    pop = Pop('pair')
    found = {}
    for line in pop.uidl()[1]:
        number, uidl = line.decode().split()
        with contextlib.suppress(poplib.error_proto):   # expunged meanwhile
            text = b'\n'.join(pop.top(int(number), 0)[1]).decode()
            found[uidl] = re.search(r'Subject: (\S+)', text).group(1)
            facts.saw_uidl(uidl, found[uidl])
    pop.quit()
    pop.child.wait(20)
    return found


def deliver(rnd, round_number):
    """As any program delivers; some are seen by another program at once."""
    for i in range(STEPS):
        mark = f'{i % CLIENTS}-d{round_number}-{i}'
        base = f'{int(time.time())}.M{i}P{round_number}.other'
        with open(f'{home}/M/tmp/{base}', 'wb') as f:
            f.write(message(mark).replace(b'\r\n', b'\n'))
        os.chown(f'{home}/M/tmp/{base}', UID, UID) if os.geteuid() == 0 else None
        os.rename(f'{home}/M/tmp/{base}', f'{home}/M/new/{base}')
        flags = frozenset()
        if rnd.randrange(3) == 0:
            time.sleep(rnd.expovariate(200))
            flags = frozenset({'\\Flagged'})
            while True:
                for name in f'new/{base}', f'cur/{base}', f'cur/{base}:2,':
                    with contextlib.suppress(FileNotFoundError):
                        os.rename(f'{home}/M/{name}', f'{home}/M/cur/{base}:2,F')
                        break
                else:
                    continue
                break
        facts.delivered[mark] = flags
        counted('delivered')
        time.sleep(rnd.expovariate(50))


def remove_indexes(rnd=None):
    """One of a folder, or all there are."""
    for folder in [rnd.choice(FOLDERS)] if rnd else FOLDERS:
        for name in [rnd.choice(('index', 'view', 'index-journal'))] if rnd else ('index*', 'view*'):
            for file in glob.glob(f'{path(folder)}/estafeta-{name}'):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file)
                    counted('removed')


def whole():
    """All that a fresh session tells of each message, and POP3's ids."""
    session, told = Session(), {}
    for folder in FOLDERS:
        session.select(folder)
        for command in ('UID FETCH 1:* (UID FLAGS MODSEQ RFC822.SIZE INTERNALDATE SAVEDATE EMAILID THREADID ENVELOPE '
                        'BODYSTRUCTURE)', 'UID SEARCH BODY "a1 yyy"', 'UID SORT (SUBJECT) UTF-8 ALL',
                        'UID THREAD REFERENCES UTF-8 ALL'):
            told[folder, command] = session.say(command)
    session.end()
    return told


def round_of(number):
    stop = threading.Event()
    rnd = random.Random(SEED * 1000 + number)

    def harm():
        while not stop.is_set():
            remove_indexes(rnd)
            time.sleep(rnd.expovariate(100))

    def pop():
        while not stop.is_set():
            read_uidls()
            counted('UIDL lists')
    global clients
    clients = [Client(n) for n in range(CLIENTS)] if number == 0 else [again(c) for c in clients]
    mirror.__init__() if number == 0 else threading.Thread.__init__(mirror)
    threads = clients + [mirror, threading.Thread(target=deliver, args=(rnd, number))]
    beside = [threading.Thread(target=harm), threading.Thread(target=pop)]
    for t in threads + beside:
        t.start()
    for t in threads:
        t.join()
    stop.set()
    for t in beside:
        t.join()


def again(client):
    threading.Thread.__init__(client)
    return client


def judge(label):
    check(label, not facts.wrong, facts.wrong[:4])
    facts.wrong.clear()


setup = Session()
for name in FOLDERS[1:]:
    setup.say(f'CREATE {name}')
for name in FOLDERS:
    setup.select(name)
Client.adopted = set()
mirror, clients = Mirror(), []
for number in range(ROUNDS):
    round_of(number)
    judge(f'round {number + 1}: what was acknowledged held')
    wait_for(lambda: [client.check(Doubt()) for client in clients] and set(facts.delivered) == Client.adopted)
    judge('and holds when all is quiet')
    present = {}
    for folder in FOLDERS:
        mirror.sync(folder)
        present[folder] = read_all(setup, folder)
        now = {uid: flags for uid, (_, flags, _) in present[folder].items()}
        check(f'{folder}: who synced by MODSEQ has the same', mirror.copy[folder] == now,
              [(uid, mirror.copy[folder].get(uid), now.get(uid), present[folder].get(uid))
                             for uid in mirror.copy[folder].keys() | now.keys()
                             if mirror.copy[folder].get(uid) != now.get(uid)])
    owned = {key for client in clients for key in client.has}
    there = {(folder, uid) for folder in FOLDERS for uid in present[folder]}
    check('nothing else is there', owned == there, owned ^ there)
    check('each delivery came', set(facts.delivered) == Client.adopted, set(facts.delivered) ^ Client.adopted)
    before, uidls = whole(), read_uidls()
    check('POP3 has what IMAP has', sorted(uidls.values()) == sorted(m for m, _, _ in present['INBOX'].values()))
    remove_indexes()
    check('without indexes all is as before', whole() == before)
    remove_indexes()
    check('and so are UIDLs', read_uidls() == uidls)
judge('no more')
torn = []
for folder in FOLDERS:
    setup.select(folder)
    for uid, (mark, _, _) in present[folder].items():
        setup.wire.send(f'b UID FETCH {uid} BODY.PEEK[]\r\n')
        text = '\r\n'.join(setup.wire.until('b')[1:])
        if message(mark).decode() not in text + '\r\n':
            torn.append((folder, uid, mark))
check('every message is whole', not torn, torn[:5])
print(f'# {counts}; {sum(map(len, present.values()))} messages at the end')
check('there was harm enough', all(counts.values()), counts)
for session in [setup] + [client.session for client in clients]:
    session.end()
done()
