#!/usr/bin/python3
"""local-deliver with a manager and an injector played by this test."""
import array
import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

if os.geteuid() != 0:
    print("1..0 # SKIP needs root")
    sys.exit(0)
if os.environ.get("IN_NAMESPACE") != "1":
    os.environ["IN_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--pid", "--fork",
                          "--kill-child", "--mount-proc", sys.executable,
                          os.path.abspath(sys.argv[0])])

BUILD = os.environ["BUILD"]
# What lives as long as its process is not given back one by one.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
HERE = "/var/mta"
UIDS = {"mta-lookup": 901, "mta-inject": 902, "mta-queue": 903,
        "mta-local": 904, "mta-alias": 905}
USERS = {"alice": 2001, "bob": 2002, "carol": 2003}
count = 0
failures = 0


def check(label, held, detail=""):
    global count, failures
    count += 1
    if not held:
        failures += 1
    print("%sok %d - %s" % ("" if held else "not ", count, label))
    if not held and detail != "":
        print("# %.2000r" % (detail,))


def write(path, text, mode=0o644):
    with open(path, "w") as out:
        out.write(text)
    os.chmod(path, mode)


def mount(source, target):
    subprocess.run(["mount", "--bind", source, target], check=True)


def prepare():
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    top = tempfile.mkdtemp(prefix="local-deliver.")
    os.chmod(top, 0o755)
    os.makedirs(HERE, exist_ok=True)
    for folder in ("control", "tables", "users", "queue", "mail", "bin",
                   "home", "out", "spool", "lists"):
        os.mkdir("%s/%s" % (top, folder), 0o755)
    os.chmod(top + "/out", 0o777)
    os.chmod(top + "/spool", 0o2775)
    shutil.chown(top + "/spool", "root", "mail")
    for role, name in (("aliases", "lookup"), ("aliases", "newaliases"),
                       ("service", "confine"),
                       ("local", "local-deliver")):
        shutil.copy("%s/%s/%s" % (BUILD, role, name), top + "/bin")
    lines = open("/etc/passwd").read()
    groups = open("/etc/group").read()
    for name, uid in UIDS.items():
        lines += "%s:x:%d:%d::/:/usr/sbin/nologin\n" % (name, uid, uid)
        groups += "%s:x:%d:\n" % (name, uid)
    for name, uid in USERS.items():
        lines += "%s:x:%d:%d::%s/home/%s:/bin/sh\n" % (name, uid, uid, HERE,
                                                       name)
        groups += "%s:x:%d:\n" % (name, uid)
        os.mkdir("%s/home/%s" % (top, name), 0o700)
        os.chown("%s/home/%s" % (top, name), uid, uid)
    os.mkdir(top + "/mail/postmaster", 0o700)
    os.chown(top + "/mail/postmaster", UIDS["mta-alias"], UIDS["mta-alias"])
    write(top + "/passwd", lines)
    write(top + "/group", groups)
    mount(top, HERE)
    mount(top + "/passwd", "/etc/passwd")
    mount(top + "/group", "/etc/group")
    os.makedirs("/var/spool/mail", exist_ok=True)
    mount(top + "/spool", os.path.realpath("/var/spool/mail"))
    write(HERE + "/control/me", "host.example\n")
    return top


def set_aliases(text):
    write(HERE + "/aliases", text)
    subprocess.run([HERE + "/bin/newaliases", HERE + "/aliases"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def is_sanitized():
    return b"__asan_init" in open(HERE + "/bin/lookup", "rb").read()


def receive(sock):
    """One packet and its descriptors."""
    data, control, _, _ = sock.recvmsg(20000, socket.CMSG_SPACE(16))
    fds = array.array("i")
    for _, _, part in control:
        fds.frombytes(part[:len(part) - len(part) % 4])
    return data, list(fds)


def send_fds(sock, data, fds):
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                           array.array("i", fds))])


def records(data):
    return [(chr(r[0]), r[1:].decode()) for r in data.split(b"\0") if r]


class Injector(threading.Thread):
    """queue-inject: keeps what it is given, knows ids it has seen."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ours, self.theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.kept = {}

    def run(self):
        while True:
            data, fds = receive(self.ours)
            if not data:
                return
            session = socket.socket(fileno=fds[0])
            threading.Thread(target=self.serve, args=(session,),
                             daemon=True).start()

    def serve(self, session):
        while True:
            data, fds = receive(session)
            if not data:
                return
            ident = dict(records(data))["I"]
            message = os.fdopen(fds[0], "rb").read()
            envelope = os.fdopen(fds[1], "rb").read()
            receive(session)
            known = ident in self.kept
            if not known:
                self.kept[ident] = (envelope, message)
            session.send(b"VX\0Rknown\0" if known else b"VK\0Rkept\0")


def place(sock, number):
    """A descriptor above those that will be placed."""
    del number
    return os.dup2(sock.fileno(), 200 + sock.fileno(), True)


class Service:
    def __init__(self):
        self.injector = Injector()
        self.injector.start()
        self.manager, theirs = socket.socketpair(socket.AF_UNIX,
                                                 socket.SOCK_SEQPACKET)
        self.manager.settimeout(30)
        lookup, lookup_end = socket.socketpair(socket.AF_UNIX,
                                               socket.SOCK_SEQPACKET)

        lookup_command = [HERE + "/bin/confine", "-u", "mta-lookup", "-r",
                          "/etc", "-r", HERE + "/users", "-r",
                          HERE + "/tables", HERE + "/bin/lookup"]
        command = [HERE + "/bin/confine", "-c", "chown,setgid,setuid",
                   HERE + "/bin/local-deliver"]
        options = {}
        if is_sanitized():  # its shadow memory is beyond confine's limit
            del lookup_command[:-1]
            del command[:-1]
            options = {"user": 901, "group": 901, "extra_groups": []}
        self.lookup = subprocess.Popen(lookup_command,
                                       stdin=lookup_end.fileno(), **options)
        lookup_end.close()
        fds = (place(self.injector.theirs, 10), place(lookup, 11))

        def place_all():
            os.dup2(fds[0], 10)
            os.dup2(fds[1], 11)
            os.closerange(12, 300)
        self.process = subprocess.Popen(
            command, stdin=theirs.fileno(),
            stderr=open(HERE + "/log", "a"), close_fds=False,
            preexec_fn=place_all)
        for fd in fds:
            os.close(fd)
        theirs.close()
        lookup.close()
        self.injector.theirs.close()
        self.number = 0

    def ask(self, fd, ident, recipient, sender="s@remote.example", plain=False,
            offset=0, length=0):
        self.number += 1
        text = "N%d\0I%s\0O%d\0L%d\0%sF%s\0T%s\0" % (
            self.number, ident, offset, length, "P1\0" if plain else "",
            sender, recipient)
        send_fds(self.manager, text.encode(), [fd])
        return self.number

    def answer(self):
        data, _ = receive(self.manager)
        return dict(records(data))

    def deliver(self, *args, **words):
        self.ask(*args, **words)
        return self.answer()

    def stop(self):
        self.manager.close()
        return self.process.wait(20), self.lookup.wait(20)


serial = 0


def new_id(age=0):
    global serial
    serial += 1
    return "%013x%010x" % (int((time.time() - age) * 1000000), serial)


def queue_file(body, ident, plain_for=None, sender="s@remote.example",
               owner="mta-inject"):
    path = "%s/queue/%s" % (HERE, ident)
    head = ""
    if plain_for:
        head = "Return-Path: <%s>\nDelivered-To: %s\n" % (sender, plain_for)
    with open(path, "w") as out:
        out.write(head + body)
        if not plain_for:
            out.write("ENVELOPE AND SLOTS")
    os.chmod(path, 0o660)
    os.chown(path, UIDS.get(owner, 0), UIDS["mta-queue"])
    return os.open(path, os.O_RDONLY), len(head), len(body), path


def full(service, recipient, body="Subject: x\n\nbody\n", ident=None, **words):
    ident = ident or new_id()
    fd, offset, length, _ = queue_file(body, ident)
    verdict = service.deliver(fd, ident, recipient, offset=offset,
                              length=length, **words)
    os.close(fd)
    return verdict


def plain(service, recipient, body="Subject: x\n\nbody\n", ident=None,
          owner="mta-inject"):
    ident = ident or new_id()
    fd, offset, length, path = queue_file(body, ident, recipient, owner=owner)
    verdict = service.deliver(fd, ident, recipient, plain=True, offset=offset,
                              length=length)
    os.close(fd)
    return verdict, path


def new_files(user):
    return sorted(glob.glob("%s/home/%s/Maildir/new/*" % (HERE, user)))


def empty(user):
    for path in glob.glob("%s/home/%s/Maildir/???/*" % (HERE, user)):
        os.unlink(path)


def test_link(service):
    ident = new_id()
    verdict, path = plain(service, "alice@host.example", ident=ident)
    files = new_files("alice")
    check("plain: linked", verdict.get("V") == "L" and len(files) == 1, verdict)
    if not files:
        return
    status = os.stat(files[0])
    check("plain: the same file, hers",
          status.st_ino == os.stat(path).st_ino and status.st_uid == 2001)
    check("plain: the name tells second, id and host",
          re.match(r"\d+\.Q%s\.host\.example$" % ident,
                   os.path.basename(files[0])))
    fd = os.open(path, os.O_RDONLY)
    words = {"plain": True, "offset": 59, "length": 17}
    verdict = service.deliver(fd, ident, "alice@host.example", **words)
    check("plain: again, nothing new",
          verdict.get("V") == "L" and new_files("alice") == files, verdict)
    os.rename(files[0], files[0].replace("/new/", "/cur/") + ":2,S")
    verdict = service.deliver(fd, ident, "alice@host.example", **words)
    check("plain: again after it was read",
          verdict.get("V") == "L" and new_files("alice") == [], verdict)
    os.close(fd)
    verdict, _ = plain(service, "alice+ext@host.example")
    check("plain: user+extension", verdict.get("V") == "L", verdict)
    verdict, path = plain(service, "alice@host.example", owner="root")
    check("a file that is no injector's is not given away",
          verdict.get("V") == "Z" and os.stat(path).st_uid == 0, verdict)
    empty("alice")


def test_copy(service):
    ident = new_id()
    verdict = full(service, "Bob@Host.Example", ident=ident)
    files = new_files("bob")
    check("copy: delivered", verdict.get("V") == "L" and len(files) == 1,
          verdict)
    check("copy: whole", files and open(files[0]).read() ==
          "Return-Path: <s@remote.example>\nDelivered-To: Bob@Host.Example\n"
          "Subject: x\n\nbody\n")
    full(service, "Bob@Host.Example", ident=ident)
    check("copy: again, nothing new", new_files("bob") == files)
    write(files[0], "torn")
    full(service, "Bob@Host.Example", ident=ident)
    check("copy: torn remains are replaced", new_files("bob") == files and
          "body" in open(files[0]).read())
    os.unlink(files[0])
    old = new_id(3600)
    full(service, "bob@host.example", ident=old)
    files = new_files("bob")
    os.rename(files[0], files[0].replace("/new/", "/cur/") + ":2,S")
    verdict = full(service, "bob@host.example", ident=old)
    check("copy: an old one that was read is found", new_files("bob") == [] and
          verdict.get("V") == "L", verdict)
    check("copy: nothing is left in tmp",
          glob.glob(HERE + "/home/bob/Maildir/tmp/*") == [])
    empty("bob")


def test_unknown_and_loops(service):
    verdict = full(service, "nobody-here@host.example")
    check("unknown user: failed 5.1.1",
          (verdict["V"], verdict["C"]) == ("D", "5.1.1"), verdict)
    verdict = full(service, "bob@host.example",
                   "Received: x\ndelivered-to: BOB@host.example\n\nb\n")
    check("loop: failed 5.4.6", (verdict["V"], verdict["C"]) ==
          ("D", "5.4.6"), verdict)
    verdict = full(service, "bob@host.example",
                   "Subject: x\n\nDelivered-To: bob@host.example\n")
    check("no loop: the line is in the body", verdict["V"] == "L", verdict)
    verdict = full(service, "circle@host.example")
    check("an alias circle is for later", verdict["V"] == "Z", verdict)
    verdict = full(service, "self@host.example")
    check("an alias of a mailbox onto itself is its mailbox",
          full(service, "carol@host.example")["V"] == "L" and
          len(new_files("carol")) == 1, verdict)
    empty("bob")
    empty("carol")


def test_programs(service):
    verdict = full(service, "prog@host.example")
    out = open(HERE + "/out/prog").read() if verdict["V"] == "K" else ""
    check("program: done", verdict["V"] == "K", verdict)
    check("program: as mta-alias", "uid=905" in out, out)
    check("program: the message with its head",
          "Return-Path: <s@remote.example>\nDelivered-To: prog@host.example\n"
          "Subject: x\n\nbody\n" in out, out)
    check("program: environment", "RECIPIENT=prog@host.example\n" in out and
          "SENDER=s@remote.example\n" in out and "LOCAL=prog\n" in out and
          "DOMAIN=host.example\n" in out and "QUEUE_ID=" in out, out)
    full(service, "fds@host.example")
    check("program: no descriptors but three (and ls's own)",
          open(HERE + "/out/fds").read() == "0\n1\n2\n3\n")
    for name, kind in (("exit75", "Z"), ("exit100", "D"), ("exit99", "K"),
                       ("exit1", "Z"), ("exit65", "D"), ("killed", "Z")):
        verdict = full(service, name + "@host.example")
        check("program: " + name, verdict["V"] == kind, verdict)
    verdict = full(service, "says@host.example")
    check("program: its words", verdict["R"].startswith("no such thing") and
          len(verdict["R"]) <= 512, verdict)
    begin = time.time()
    verdict = full(service, "slow@host.example")
    check("program: too slow is for later", verdict["V"] == "Z" and
          time.time() - begin < 10, verdict)
    big = "Subject: x\n\n" + "0123456789abcde\n" * 20000
    verdict = full(service, "wc@host.example", big)
    check("program: a long message",
          open(HERE + "/out/wc").read().strip() ==
          str(len(big) + len("Return-Path: <s@remote.example>\n"
                             "Delivered-To: wc@host.example\n")), verdict)
    verdict = full(service, "ignore@host.example", big)
    check("program: that reads nothing", verdict["V"] == "K", verdict)


def test_aliases(service):
    kept = service.injector.kept
    ident = new_id()
    verdict = full(service, "team@host.example", ident=ident)
    check("mixture: delivered", verdict["V"] == "L", verdict)
    check("mixture: local members once each",
          len(new_files("alice")) == 1 and len(new_files("bob")) == 1)
    check("mixture: one forward", len(kept) == 1, list(kept))
    envelope, message = list(kept.values())[0]
    check("forward: from the owner, to both",
          envelope == b"Fowner-team@host.example\0Tx@remote.example\0"
          b"Ty@remote.example\0\0", envelope)
    check("forward: Delivered-To and Received come first", re.match(
        rb"Delivered-To: team@host.example\nReceived: by host.example with "
        rb"local id [0-9a-f]{23}\n\tfor team@host.example; .*\n"
        rb"Subject: x\n\nbody\n$", message), message)
    check("file: appended", "\nbody\n" in open(HERE + "/out/file").read())
    full(service, "team@host.example", ident=ident)
    check("mixture: again, nothing is doubled", len(kept) == 1 and
          len(new_files("alice")) == 1)
    full(service, "team@host.example", sender="")
    check("forward: the null sender stays", list(kept.values())[-1][0]
          .startswith(b"F\0T"))
    empty("alice")
    empty("bob")
    kept.clear()
    verdict = full(service, "list@host.example")
    check("include: its members", verdict["V"] == "L" and
          len(new_files("alice")) == 1 and len(kept) == 1, verdict)
    verdict = full(service, "badlist@host.example")
    check("include: programs are refused", verdict["V"] == "Z" and
          not os.path.exists(HERE + "/out/evil"), verdict)
    verdict = full(service, "nolist@host.example")
    check("include: missing file is for later", verdict["V"] == "Z", verdict)
    verdict = full(service, "typo@host.example")
    check("unknown member: failed, the other got it",
          verdict["V"] == "D" and verdict["C"] == "5.1.1" and
          len(new_files("alice")) == 2, verdict)
    verdict = full(service, "final@host.example")
    check("\\name is not looked up again", verdict["V"] == "L" and
          len(new_files("carol")) == 1, verdict)
    verdict = full(service, "postmaster@host.example")
    check("postmaster without alias has a mailbox", verdict["V"] == "L" and
          len(glob.glob(HERE + "/mail/postmaster/Maildir/new/*")) == 1,
          verdict)
    empty("alice")
    empty("carol")


def processes(parent):
    found = []
    for path in glob.glob("/proc/[0-9]*/status"):
        try:
            text = open(path).read()
        except OSError:
            continue
        if "PPid:\t%d\n" % parent in text:
            found.append((int(path.split("/")[2]), text))
    return found


def descriptors(pid):
    return os.listdir("/proc/%d/fd" % pid)


def settle(look, want):
    """What look() sees once it is as wanted, or after five seconds."""
    deadline = time.time() + 5
    while True:
        try:
            seen = look()
        except FileNotFoundError:   # a descriptor closed while we looked
            seen = None
        if seen == want or time.time() > deadline:
            return seen
        time.sleep(0.02)


def test_jail(service):
    full(service, "bob@host.example")
    children = processes(service.process.pid)
    parsers = [c for c in children if "Uid:\t904" in c[1]]
    check("one parser, as mta-local", len(parsers) == 1, children)
    pid, status = parsers[0]
    check("parser: no privileges", "CapEff:\t0000000000000000" in status and
          "NoNewPrivs:\t1" in status and "Groups:\t \n" in status, status)
    check("parser: seccomp", is_sanitized() or "Seccomp:\t2" in status, status)
    # The message's descriptor is closed just after its verdict is sent.
    kinds = settle(lambda: {os.readlink("/proc/%d/fd/%s" % (pid, fd))
                            .split(":")[0] for fd in descriptors(pid)
                            if fd not in "12"}, {"socket"})
    check("parser: holds pairs only", kinds == {"socket"}, kinds)
    fds = os.listdir("/proc/%d/fd" % service.process.pid)
    check("spawner: its pair, and those of deliverers",
          len(fds) <= 4 + 20, fds)
    deliverers = [c for c in children if "Uid:\t2002\t2002\t2002\t2002" in c[1]]
    check("a deliverer is the recipient whole", len(deliverers) > 0 and
          "Gid:\t2002\t2002\t2002\t2002" in deliverers[0][1])
    fds = settle(lambda: sorted(descriptors(deliverers[0][0])),
                 ["0", "1", "2", "3"])
    check("a deliverer holds its pair only", fds == ["0", "1", "2", "3"], fds)
    deadline = time.time() + 5
    while len(processes(service.process.pid)) > 1 and time.time() < deadline:
        time.sleep(0.05)
    check("idle deliverers leave", len(processes(service.process.pid)) == 1)
    empty("bob")


def test_many(service):
    total = 400
    files = []
    for i in range(total):
        ident = new_id()
        user = ("alice", "bob", "carol")[i % 3]
        fd, offset, length, _ = queue_file("Subject: x\n\nbody\n", ident,
                                           user + "@host.example")
        files.append((fd, ident, user + "@host.example", offset, length))
    verdicts = []
    for i, (fd, ident, recipient, offset, length) in enumerate(files):
        service.ask(fd, ident, recipient, plain=True, offset=offset,
                    length=length)
        if i >= 20:
            verdicts.append(service.answer())
    while len(verdicts) < total:
        verdicts.append(service.answer())
    check("many at once", all(v["V"] == "L" for v in verdicts) and
          sum(len(new_files(u)) for u in USERS) == total)
    for entry in files:
        os.close(entry[0])
    for user in USERS:
        empty(user)


def test_garbage(service):
    service.manager.send(b"nonsense")
    fd = os.open("/dev/null", os.O_RDONLY)
    send_fds(service.manager, b"N1\0", [fd])
    os.close(fd)
    check("garbage is survived", full(service, "bob@host.example")["V"] == "L")
    empty("bob")


def test_mbox():
    write(HERE + "/control/defaultdelivery", "mbox\n")
    service = Service()
    body = "Subject: x\n\nFrom here\n>From there\nFromage\nend"
    verdict = full(service, "alice@host.example", body)
    path = "/var/spool/mail/alice"
    text = open(path).read() if os.path.exists(path) else ""
    check("mbox: delivered", verdict["V"] == "K", verdict)
    check("mbox: quoted", re.match(
        r"From s@remote.example \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n"
        r"Return-Path: <s@remote.example>\nDelivered-To: alice@host.example\n"
        r"Subject: x\n\n>From here\n>>From there\nFromage\nend\n\n$", text),
        text)
    status = os.stat(path)
    check("mbox: hers, group mail, 0660",
          (status.st_uid, status.st_gid, status.st_mode & 0o7777) ==
          (2001, 8, 0o660), status)
    full(service, "alice@host.example", "Subject: two\n\nb\n")
    check("mbox: appended", open(path).read().count("\nReturn-Path:") == 2)
    check("mbox: no lock is left", not os.path.exists(path + ".lock"))
    os.chown(path, 2002, 8)
    verdict = full(service, "alice@host.example")
    check("mbox: another's file is refused", verdict["V"] == "Z", verdict)
    check("mbox: both end with their pairs", service.stop() == (0, 0))
    os.unlink(HERE + "/control/defaultdelivery")


def by_hand(*words, **options):
    return subprocess.run([HERE + "/bin/local-deliver", *words],
                          capture_output=True, text=True, timeout=30,
                          input="Subject: hand\n\nbody\n", **options)


def test_by_hand():
    done = by_hand("-n", "team")
    check("by hand: -n says what would be done", done.returncode == 0 and
          "maildir as uid 2001: /var/mta/home/alice/Maildir\n" in done.stdout
          and "forward from <owner-team@host.example> <x@remote.example> "
          "<y@remote.example>\n" in done.stdout, done)
    done = by_hand("-f", "me@x.example", "carol")
    check("by hand: root delivers", done.returncode == 0 and
          len(new_files("carol")) == 1, done)
    done = by_hand("-f", "<>", "carol", user=2003, group=2003, extra_groups=[])
    check("by hand: a user delivers to himself", done.returncode == 0 and
          len(new_files("carol")) == 2, done)
    done = by_hand("bob", user=2003, group=2003, extra_groups=[])
    check("by hand: not to another", done.returncode == 75, done)
    done = by_hand("nobody-here")
    check("by hand: unknown is EX_NOUSER", done.returncode == 67, done)
    check("by hand: -h", by_hand("-h").stdout.startswith("usage: "))
    check("by hand: two recipients are wrong usage",
          by_hand("a", "b").returncode == 64)


ALIASES = r"""
circle: circle2
circle2: circle
self: self
carol: \carol
team: alice, bob@host.example, BOB, x@remote.example, y@remote.example,
   /var/mta/out/file, "|cat >/dev/null; exit 0"
owner-team: bob
prog: "|{ id; env; cat; } >/var/mta/out/prog"
fds: "|ls /proc/self/fd >/var/mta/out/fds"
exit75: "|exit 75"
exit100: "|exit 100"
exit99: "|exit 99"
exit1: "|exit 1"
exit65: "|exit 65"
killed: "|kill -9 $$"
says: "|echo no such thing; yes | head -c 100000; exit 100"
slow: "|sleep 60"
wc: "|wc -c >/var/mta/out/wc"
ignore: "|exit 0"
list: :include:/var/mta/lists/good
badlist: :include:/var/mta/lists/bad
nolist: :include:/var/mta/lists/none
typo: alice, nobody-at-all
final: \carol
"""


def main():
    top = prepare()
    write(HERE + "/lists/good", "# members\nalice\nz@remote.example, alice\n")
    write(HERE + "/lists/bad", '"|touch /var/mta/out/evil"\n')
    write(HERE + "/control/programtimeout", "2\n")
    set_aliases(ALIASES)
    service = Service()
    test_link(service)
    test_copy(service)
    test_unknown_and_loops(service)
    test_programs(service)
    test_aliases(service)
    test_garbage(service)
    test_many(service)
    test_jail(service)
    check("both end with their pairs", service.stop() == (0, 0))
    test_mbox()
    test_by_hand()
    if failures:
        print("# log:", open(HERE + "/log").read())
    print("1..%d" % count)
    subprocess.run(["umount", "-l", HERE])
    shutil.rmtree(top, ignore_errors=True)
    return 1 if failures else 0


sys.exit(main())
