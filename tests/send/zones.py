"""zones - for the tests of send/: nsd with signed zones, and resolve with the
keys of those."""
import os, re, shutil, socket, subprocess, sys
from tap import wait_for
from net import *

SERVER = '127.0.0.53'
FOLDER = MTA + '/zones'
NAMES = ('nsd', 'ldns-signzone', 'ldns-keygen')


def need_tools():
    for name in NAMES:
        if shutil.which(name, path=os.environ['PATH'] + ':/usr/sbin') is None:
            print(f'1..0 # skip needs {name}')
            sys.exit(0)


def key_for(zone):
    """A key in FOLDER: the base of its files' names."""
    os.makedirs(FOLDER, exist_ok=True)
    return subprocess.run(['ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', zone], cwd=FOLDER, check=True,
                          capture_output=True, text=True).stdout.strip()


def file_of(zone):
    return FOLDER + '/zone-' + zone


def write_zone(zone, records, key=None, forge=()):
    """forge: (pattern, replacement) that nothing signs."""
    path = file_of(zone)
    with open(path, 'w') as f:
        f.write(f'$ORIGIN {zone.strip(".")}.\n$TTL 600\n@ SOA ns root 1 3600 600 86400 600\n@ NS ns\nns A {SERVER}\n' +
                records)
    if key is None:
        return
    subprocess.run(['ldns-signzone', '-o', zone, '-f', path + '.signed', path, key], cwd=FOLDER, check=True)
    with open(path + '.signed') as f:
        text = f.read()
    for pattern, replacement in forge:
        text, count = re.subn(pattern, replacement, text)
        assert count > 0, pattern
    with open(path, 'w') as f:
        f.write(text)


def serve_zones(*zones):
    with open(FOLDER + '/nsd.conf', 'w') as f:
        f.write(f'server:\n ip-address: {SERVER}\n username: root\n zonesdir: {FOLDER}\n database: ""\n pidfile: ""\n'
                f' xfrdfile: {FOLDER}/xfrd\n xfrdir: {FOLDER}\n zonelistfile: {FOLDER}/list\n logfile: {FOLDER}/log\n'
                ' server-count: 1\nremote-control:\n control-enable: no\n' +
                ''.join(f'zone:\n name: {z}\n zonefile: {file_of(z)}\n' for z in zones))
    server = subprocess.Popen([shutil.which('nsd', path='/usr/sbin:' + os.environ['PATH']), '-d', '-c', FOLDER + '/nsd.conf'],
                              stderr=subprocess.DEVNULL)

    def is_up():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            try:
                s.sendto(b'\0\1\1\0\0\1\0\0\0\0\0\0' + b''.join(bytes([len(p)]) + p.encode() for p in zones[0].split('.')) +
                         b'\0\0\6\0\1', (SERVER, 53))
                return len(s.recv(512)) > 0
            except OSError:
                return False
    wait_for(is_up)
    return server


def trust(*keys):
    """control/trustanchor, with those keys."""
    with open(CONTROL + 'anchors.key', 'w') as out:
        for key in keys:
            with open(f'{FOLDER}/{key}.key') as f:
                out.write('; a comment\n' + f.read().rstrip('\n'))  # the last line without its end
    control('trustanchor', CONTROL + 'anchors.key\n')


def start_resolve(**options):
    ours, theirs = pair()
    program = start('resolve', stdin=theirs.fileno(), **options)
    theirs.close()
    ours.settimeout(40)
    return program, ours
