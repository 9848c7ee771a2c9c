#!/usr/bin/python3
"""newaliases and lookup: tables, addresses, sessions, garbage."""
import array
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
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
count = 0
failures = 0


def check(label, held, detail=""):
    global count, failures
    count += 1
    failures += not held
    print("%sok %d - %s" % ("" if held else "not ", count, label))
    if not held and detail != "":
        print("# %.1000r" % (detail,))


def write(path, text, mode=0o644):
    with open(path + ".next", "w") as out:
        out.write(text)
    os.chmod(path + ".next", mode)
    os.rename(path + ".next", path)


def prepare():
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    top = tempfile.mkdtemp(prefix="lookup.")
    os.chmod(top, 0o755)
    os.makedirs(HERE, exist_ok=True)
    for folder in ("control", "tables", "users", "bin", "etc"):
        os.mkdir("%s/%s" % (top, folder), 0o755)
    for name in ("lookup", "newaliases"):
        shutil.copy("%s/aliases/%s" % (BUILD, name), top + "/bin")
    shutil.copy(BUILD + "/service/confine", top + "/bin")
    shutil.copytree("/etc", top + "/etc", symlinks=True, dirs_exist_ok=True)
    subprocess.run(["mount", "--bind", top, HERE], check=True)
    subprocess.run(["mount", "--bind", top + "/etc", "/etc"], check=True)
    write("/etc/passwd", PASSWD)
    write("/etc/group", "root:x:0:\nmta-lookup:x:901:\nmta-alias:x:905:\n")
    write(HERE + "/control/me", "host.example\n")
    write(HERE + "/control/virtualdomains", "v.example\nw.example\n")
    write(HERE + "/control/rcpthosts", "relay.example\n.sub.example\n")
    return top


PASSWD = """root:x:0:0:root:/root:/bin/sh
daemon:x:1:1::/:/usr/sbin/nologin
mta-lookup:x:901:901::/:
mta-alias:x:905:905::/:
joe:x:1001:1001::/home/joe:/bin/sh
Ann:x:1002:1002::/home/ann:/bin/sh
nobody:x:65534:65534::/nonexistent:
broken line
"""


def newaliases(text, *words):
    write("/etc/aliases", text)
    return subprocess.run([HERE + "/bin/newaliases", *words],
                          capture_output=True, text=True)


def by_hand(*addresses):
    return subprocess.run([HERE + "/bin/lookup", *addresses],
                          capture_output=True, text=True)


def compile_accounts(accounts):
    """accounts.cdb, written here so that only the format is shared."""
    def hashed(key):
        h = 5381
        for c in key:
            h = ((h << 5) + h ^ c) & 0xffffffff
        return h
    body = bytearray(2048)
    slots = [[] for _ in range(256)]
    for key, value in accounts.items():
        key, value = key.encode(), value.encode()
        h = hashed(key)
        slots[h & 255].append((h, len(body)))
        for part in (len(key), len(value)):
            body += part.to_bytes(4, "little")
        body += key + value
    for i, entries in enumerate(slots):
        size = len(entries) * 2
        body[i * 8:i * 8 + 8] = (len(body).to_bytes(4, "little") +
                                 size.to_bytes(4, "little"))
        table = [(0, 0)] * size
        for h, place in entries:
            at = (h >> 8) % size
            while table[at][1]:
                at = (at + 1) % size
            table[at] = (h, place)
        for h, place in table:
            body += h.to_bytes(4, "little") + place.to_bytes(4, "little")
    with open(HERE + "/users/accounts.cdb.next", "wb") as out:
        out.write(body)
    os.chmod(HERE + "/users/accounts.cdb.next", 0o644)
    os.rename(HERE + "/users/accounts.cdb.next", HERE + "/users/accounts.cdb")


def is_sanitized():
    return b"__asan_init" in open(HERE + "/bin/lookup", "rb").read()


class Lookup:
    def __init__(self):
        self.control, theirs = socket.socketpair(socket.AF_UNIX,
                                                 socket.SOCK_SEQPACKET)
        command = [HERE + "/bin/confine", "-u", "mta-lookup", "-n", "100",
                   "-r", "/etc", "-r", HERE + "/users", "-r",
                   HERE + "/tables", HERE + "/bin/lookup"]
        options = {}
        if is_sanitized():  # its shadow memory is beyond confine's limit
            command = [HERE + "/bin/lookup"]
            options = {"user": 901, "group": 901, "extra_groups": [],
                       "preexec_fn": lambda: resource.setrlimit(
                           resource.RLIMIT_NOFILE, (100, 100))}
        self.process = subprocess.Popen(command, stdin=theirs.fileno(),
                                        stderr=open(HERE + "/log", "a"),
                                        **options)
        theirs.close()
        self.control.settimeout(10)

    def session(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.sendmsg([b"S1\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                         array.array("i", [theirs.fileno()]))])
        theirs.close()
        ours.settimeout(10)
        return ours

    def ask(self, address, session=None):
        pair = session or self.control
        pair.send(b"A" + address.encode() + b"\0")
        data = pair.recv(70000)
        return {chr(r[0]): r[1:].decode() for r in data.split(b"\0") if r}


def test_newaliases():
    done = newaliases("postmaster: root\nroot: joe\nlist: a@x.example, b\n")
    check("newaliases: the summary", done.returncode == 0 and done.stdout ==
          "/etc/aliases: 3 aliases, longest 14 bytes, 39 bytes total\n", done)
    before = os.stat(HERE + "/tables/aliases.cdb")
    done = newaliases("postmaster: root\na: b c\nx: y\nX: z\nno colon\n")
    check("newaliases: each error with its line", done.returncode == 65 and
          "/etc/aliases:2: " in done.stderr and
          "/etc/aliases:4: alias x is already on line 3" in done.stderr and
          "/etc/aliases:5: " in done.stderr, done)
    after = os.stat(HERE + "/tables/aliases.cdb")
    check("newaliases: the old table stays",
          before.st_ino == after.st_ino and os.listdir(HERE + "/tables") ==
          ["aliases.cdb"])
    done = newaliases("a: joe\n")
    check("newaliases: no postmaster is a warning",
          done.returncode == 0 and "postmaster" in done.stderr, done)
    write("/etc/other", "postmaster: root\nb: joe\n")
    done = newaliases("a: joe\n", "-oA/etc/other")
    check("newaliases: -oA", done.stdout.startswith("/etc/other: 2 "), done)
    done = newaliases("a: joe\n", "-n")
    check("newaliases: -n writes nothing", done.returncode == 0 and
          by_hand("b").stdout.startswith("b: alias"), done)
    os.chmod("/etc/other", 0o666)
    done = newaliases("", "/etc/other")
    check("newaliases: not a file that all may write",
          done.returncode == 65 and "chmod" in done.stderr, done)
    done = newaliases("", "/etc/none")
    check("newaliases: no file", done.returncode == 66, done)
    done = subprocess.run([HERE + "/bin/newaliases"], user=1001, group=1001,
                          extra_groups=[], capture_output=True, text=True)
    check("newaliases: root only", done.returncode == 77, done)
    big = "".join("user%d: joe\n" % i for i in range(50000))
    began = time.time()
    done = newaliases("postmaster: root\n" + big)
    check("newaliases: 50000 aliases in time", done.returncode == 0 and
          time.time() - began < 5, done)
    long = "l: " + ", ".join("u%d@example.org" % i for i in range(1000))
    done = newaliases(long)
    check("newaliases: a too long alias says :include:",
          done.returncode == 65 and ":include:" in done.stderr, done)


CASES = [
    ("joe", "mailbox uid=1001 gid=1001 account=joe home=/home/joe "
     "mailbox=maildir:/home/joe/Maildir"),
    ("JOE@Host.Example", "mailbox uid=1001 "),
    ("joe@localhost", "mailbox uid=1001 "),
    ('"joe"@host.example', "mailbox uid=1001 "),
    ("ann", "mailbox uid=1002 gid=1002 account=Ann "),
    ("joe+a+b", "mailbox uid=1001 gid=1001 account=joe home=/home/joe "
     "mailbox=maildir:/home/joe/Maildir extension=a+b"),
    ("list", "alias target=a@x.example, b owner=owner-list@host.example"),
    ("list+x", "alias extension=x target=a@x.example, b "
     "owner=owner-list@host.example"),
    ("joe+special", "alias target=ann"),
    ('"Joe Doe"@host.example', "alias target=joe"),
    ("ali", "alias target=joe"),
    ("\\ali", "unknown"),
    ("\\joe", "mailbox uid=1001 "),
    ("daemon", "unknown"),
    ("nobody", "unknown"),
    ("mta-lookup", "unknown"),
    ("nope", "unknown"),
    ("+x", "unknown"),
    ("a b", "unknown"),
    ("@", "unknown"),
    ("x@", "unknown"),
    ("root", "mailbox uid=905 gid=905 account=postmaster "
     "home=/var/mta/mail/postmaster "
     "mailbox=maildir:/var/mta/mail/postmaster/Maildir"),
    ("postmaster", "alias target=root"),
    ("abuse", "alias target=root"),
    ("MAILER-DAEMON", "alias target=root"),
    ("x@other.example", "remote"),
    ("x@relay.example", "relay"),
    ("x@a.sub.example", "relay"),
    ("alice@v.example", "mailbox uid=30001 gid=30001 "
     "account=alice@v.example home=/var/mta/mail/v.example/alice "
     "mailbox=maildir:/var/mta/mail/v.example/alice/Maildir"),
    ("Alice+tag@V.Example", "mailbox uid=30001 gid=30001 "
     "account=alice@v.example home=/var/mta/mail/v.example/alice "
     "mailbox=maildir:/var/mta/mail/v.example/alice/Maildir extension=tag"),
    ("any@w.example", "mailbox uid=30002 gid=30002 account=@w.example "),
    ("joe@v.example", "unknown"),
    ("postmaster@v.example", "alias target=root"),
    ("bad@v.example", "later why=cannot read /var/mta/users/accounts.cdb"),
]

ALIASES = """postmaster: root
list: a@x.example, b
owner-list: joe
joe+special: ann
"Joe Doe": joe
ali: joe
"""


def test_answers():
    newaliases(ALIASES)
    compile_accounts({
        "alice@v.example": "30001:30001:/var/mta/mail/v.example/alice",
        "@w.example": "30002:30002:/var/mta/mail/w.example/all",
        "bad@v.example": "0:0:/root"})
    for address, want in CASES:
        done = by_hand(address)
        check("lookup " + address,
              done.stdout.startswith("%s: %s" % (address, want)), done)
    check("lookup: unknown is EX_NOUSER", by_hand("nope").returncode == 67)
    check("lookup: -h", by_hand("-h").stdout.startswith("usage: "))
    check("lookup: nothing to do is wrong usage", subprocess.run(
        [HERE + "/bin/lookup"], stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL).returncode == 64)


def await_kind(lookup, address, kind):
    deadline = time.time() + 5
    while time.time() < deadline:
        answer = lookup.ask(address)
        if answer.get("K") == kind:
            return True
        time.sleep(0.05)
    return False


def test_service():
    lookup = Lookup()
    check("session: the control pair answers",
          lookup.ask("joe") == {
              "K": "mailbox", "U": "1001", "G": "1001", "N": "joe",
              "H": "/home/joe", "M": "maildir:/home/joe/Maildir"})
    session = lookup.session()
    check("session: a session answers", lookup.ask("list", session)["T"] ==
          "a@x.example, b")
    newaliases(ALIASES + "new: joe\n")
    check("a new table counts at once", lookup.ask("new")["K"] == "alias")
    write("/etc/passwd", PASSWD + "zoe:x:1003:1003::/home/zoe:/bin/sh\n")
    check("a new user counts at once", lookup.ask("zoe")["K"] == "mailbox")
    write(HERE + "/control/virtualdomains", "v.example\nw.example\nu.example\n")
    check("a new domain counts within a second or so",
          await_kind(lookup, "x@u.example", "unknown"))
    os.utime(HERE + "/control", (1, 1))  # still for so long that it is trusted
    check("the folder of settings is still",
          [lookup.ask("joe")["M"] for _ in range(3)] == 3 * ["maildir:/home/joe/Maildir"])
    write(HERE + "/control/defaultdelivery", "mbox\n")
    deadline = time.time() + 5
    while (lookup.ask("joe")["M"] != "mbox:/var/spool/mail/joe" and
           time.time() < deadline):
        time.sleep(0.05)
    check("defaultdelivery mbox",
          lookup.ask("joe")["M"] == "mbox:/var/spool/mail/joe")
    os.unlink(HERE + "/control/defaultdelivery")
    session.send(b"rubbish")
    check("garbage closes a session", session.recv(100) == b"")
    lookup.control.send(b"\xff" * 200)
    check("garbage on the control pair is for later",
          lookup.control.recv(1000).startswith(b"Klater\0"))
    lookup.control.send(b"A" + b"x" * 16000 + b"\0")
    check("a very long address is unknown",
          lookup.control.recv(1000) == b"Kunknown\0")
    sessions = [lookup.session() for _ in range(150)]
    alive = 0
    for session in sessions:
        try:
            alive += lookup.ask("joe", session)["K"] == "mailbox"
        except (OSError, KeyError):
            pass
    check("more sessions than descriptors: some are refused, it lives",
          50 < alive < 150 and lookup.ask("joe")["K"] == "mailbox", alive)
    for session in sessions:
        session.close()
    with open(HERE + "/tables/aliases.cdb.next", "w") as out:
        out.write("rubbish")
    os.rename(HERE + "/tables/aliases.cdb.next", HERE + "/tables/aliases.cdb")
    check("a broken table is for later", lookup.ask("joe")["K"] == "later")
    os.unlink(HERE + "/tables/aliases.cdb")
    check("no table is no alias", lookup.ask("joe")["K"] == "mailbox")
    status = open("/proc/%d/status" % lookup.process.pid).read()
    check("jail", "Uid:\t901\t901\t901\t901" in status and
          (is_sanitized() or "NoNewPrivs:\t1" in status) and
          (is_sanitized() or "Seccomp:\t2" in status), status)
    lookup.control.close()
    check("it ends with its pair", lookup.process.wait(10) == 0)


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    top = prepare()
    test_newaliases()
    test_answers()
    test_service()
    if failures:
        print("# log: %.2000r" % open(HERE + "/log").read())
    print("1..%d" % count)
    subprocess.run(["umount", "-l", "/etc", HERE])
    shutil.rmtree(top, ignore_errors=True)
    return 1 if failures else 0


sys.exit(main())
