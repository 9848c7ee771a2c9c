"""harm - what is known of each message while sessions are killed: an answer of
OK is a fact, a command that was cut off leaves two possibilities."""
import re, threading

FOLDERS = ('INBOX', 'Box', 'Heap')
LETTERS = ('\\Seen', '\\Flagged', '\\Answered', '\\Draft')
KEYWORDS = tuple(f'word{i}' for i in range(34))    # more than a file's name has letters for
FETCHED = re.compile(r'\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\) MODSEQ \((\d+)\)')
MARK = re.compile(r'(?:^|FETCH .*BODY.*)Subject: (\S+)|ENVELOPE \(\S+ "([^"]*)"')
COPIED = re.compile(r'\[COPYUID (\d+) (\S+) (\S+)\]')
APPENDED = re.compile(r'\[APPENDUID (\d+) (\S+)\]')


def numbers(text):
    """The UIDs of 1,3:5."""
    found = []
    for part in text.split(','):
        first, _, last = part.partition(':')
        found += range(int(first), int(last or first) + 1)
    return found


def message(mark):
    """Of a size that its mark gives."""
    lines = (1, 40, 1500)[sum(mark.encode()) % 3]
    return f'From: a@example.org\r\nSubject: {mark}\r\nMessage-ID: <{mark}@x>\r\n\r\n' \
           f'{"z" * 70}\r\n'.encode() + f'{mark} {"y" * 60}\r\n'.encode() * lines + b'end\r\n'


class Facts:
    """What all sessions were told, which must never differ."""
    def __init__(self):
        self.lock = threading.Lock()
        self.wrong = []
        self.marks, self.flags, self.validity, self.highest, self.uidls = {}, {}, {}, {}, {}
        self.uid_max = dict.fromkeys(FOLDERS, 0)
        self.delivered = {}         # mark -> flags, when nobody else works on it any more

    def complain(self, *what):
        with self.lock:
            self.wrong.append(what)

    def selected(self, folder, answer, uid_max):
        """UIDVALIDITY stays, HIGHESTMODSEQ never falls, UIDNEXT is above all that was seen before."""
        text = '\n'.join(answer)
        told = {word: int(found.group(1)) for word in ('UIDVALIDITY', 'UIDNEXT', 'HIGHESTMODSEQ')
                if (found := re.search(rf'\[{word} (\d+)', text))}
        if len(told) < 3:
            self.complain('SELECT', folder, answer[-3:])
        elif told['UIDVALIDITY'] != self.validity.setdefault(folder, told['UIDVALIDITY']):
            self.complain('UIDVALIDITY', folder, told, self.validity[folder])
        elif told['UIDNEXT'] <= uid_max:
            self.complain('UIDNEXT', folder, told, uid_max)
        return told

    def saw_uid(self, folder, uid, mark):
        with self.lock:
            self.uid_max[folder] = max(self.uid_max[folder], uid)
            if self.marks.setdefault((folder, uid), mark) != mark:
                self.wrong.append(('a UID used twice', folder, uid, mark, self.marks[folder, uid]))

    def saw_flags(self, folder, uid, modseq, flags):
        with self.lock:
            if self.flags.setdefault((folder, uid, modseq), flags) != flags:
                self.wrong.append(('other flags, same MODSEQ', folder, uid, modseq, flags, self.flags[folder, uid, modseq]))

    def saw_uidl(self, uidl, mark):
        with self.lock:
            if self.uidls.setdefault(uidl, mark) != mark:
                self.wrong.append(('a UIDL used twice', uidl, mark, self.uidls[uidl]))


def parse(answer):
    """{uid: (mark, flags, modseq)} of UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (SUBJECT)])."""
    found, uid = {}, None
    for line in answer:
        if head := FETCHED.match(line):
            uid = int(head.group(1))
            flags = frozenset(head.group(2).split()) - {'\\Recent'}
            found[uid] = [None, flags, int(head.group(3))]
        if uid and (mark := MARK.search(line)):
            found[uid][0] = mark.group(1) or mark.group(2)
    return {uid: tuple(told) for uid, told in found.items() if told[0]}


class Doubt:
    """What a command that was cut off may have done: each flag of these
    messages as before or as after; gone or not; moved or not; come or not."""
    def __init__(self, flags=None, gone=(), moved=None, come=(), copied=(), replaced=None):
        self.flags, self.gone, self.moved = flags or {}, set(gone), moved or {}
        self.come, self.copied, self.replaced = list(come), list(copied), replaced

    def allows_flags(self, key, before, now):
        after = self.flags.get(key, before)
        return all((word in now) in (word in before, word in after) for word in before | after | now)

    def explain(self, has, found):
        """None, or what of found is not explained; both are {(folder, uid): (mark, flags)}."""
        fresh = {}
        for key, told in found.items():
            if key not in has:
                fresh.setdefault((key[0], told[0]), []).append(told[1])
        for key, (mark, flags) in has.items():
            if key in found:
                if found[key][0] != mark or not self.allows_flags(key, flags, found[key][1]):
                    return 'changed', key, mark, sorted(flags), sorted(found[key][1])
                continue
            target = self.moved.get(key)
            if target:
                there = fresh.get((target, mark), [])
                if flags not in there:
                    return 'lost in a MOVE, or its flags', key, mark, sorted(flags), there
                there.remove(flags)
            elif key == self.replaced:
                if not fresh.get(self.come[0][:2]):
                    return 'lost in a REPLACE', key, mark
            elif key not in self.gone:
                return 'lost', key, mark, sorted(flags)
        for batch in self.come, self.copied:
            there = [fresh.get((folder, mark), []) for folder, mark, flags in batch]
            if any(there) and not all(there):
                return 'some of several', batch
            for one, (_, _, flags) in zip(there, batch):
                if flags in one:
                    one.remove(flags)
        left = {name: one for name, one in fresh.items() if one}
        return ('doubled, or with other flags', left) if left else None
