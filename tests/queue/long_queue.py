#!/usr/bin/env python3
"""long_queue - COUNT messages (100,000) for dead hosts: what they cost.

Part of make soak, with a million.  Each figure has its bound: the manager's
memory, how long after a restart with cold caches (WARM=1: with warm ones) a new
message is delivered and the whole queue known, how long a local message takes
meanwhile, and when mailq prints its first line."""
import glob, os, shutil, subprocess, sys, time
from scene import *

on_host()
COUNT = int(os.environ.get('COUNT', 100000))
shutil.rmtree('/var/mta/service/pop3d', ignore_errors=True)


def known():
    """Messages that the manager has read, as queue limits tells."""
    said = subprocess.run(['/var/mta/bin/queue', 'limits'], capture_output=True, text=True)
    return sum(int(line.split()[0]) for line in said.stdout.splitlines()[1:])


def peak():
    status = open(f'/proc/{manager()}/status').read()
    return int(status.split('VmHWM:')[1].split()[0]) / 1024


def deliver(mark):
    """Seconds from the connection to the mailbox."""
    began = time.monotonic()
    send('ann@example.org', mark)
    sent = time.monotonic()
    while not has(mark) and time.monotonic() - began < 60:
        time.sleep(0.002)
    took = time.monotonic() - began
    if os.environ.get('VERBOSE'):
        print(f'# connection to 250: {sent - began:.3f} s; then to the mailbox {took - sent + began:.3f} s', flush=True)
    for name in glob.glob(pwd.getpwnam('ann').pw_dir + '/Maildir/new/*'):
        os.unlink(name)
    return took


def figure(what, value, bound, unit):
    check(f'{what}: {value:.3g} {unit} (at most {bound})', value <= bound)


control('smtproutes', '.dead.example:[127.0.0.1]:2799\n')
control('limits', '.dead.example 20\n')  # many destinations, not one by its route
control('concurrencyremote', '20\n')
began = time.monotonic()
fill(COUNT, 'x@h%.dead.example')
print(f'# {COUNT} messages written in {time.monotonic() - began:.0f} s', flush=True)
subprocess.run(['sync'])
if not os.environ.get('WARM'):
    with open('/proc/sys/vm/drop_caches', 'w') as f:
        f.write('3')

began = time.monotonic()
mtactl('start')
ready = time.monotonic()
took = deliver('first')
figure('from mtactl start to the first delivery', time.monotonic() - began, 1 + ready - began, 's')
slowest, count = took, 0
while count < COUNT and time.monotonic() - began < 600:
    slowest = max(slowest, deliver(f'n{time.monotonic()}'))
    time.sleep(0.5)
    count = known()
    if os.environ.get('VERBOSE'):
        print(f'# {time.monotonic() - began:.1f} s: {count} known', flush=True)
figure('the whole queue is known', time.monotonic() - began, 60, 's')
figure('a local message meanwhile, the slowest', slowest, 0.1, 's')
figure('memory of the manager', peak(), 256, 'MiB')
began = time.monotonic()
mailq = subprocess.Popen(['/var/mta/bin/mailq'], stdout=subprocess.PIPE)
mailq.stdout.readline(), mailq.stdout.readline()
figure('the first line of mailq', time.monotonic() - began, 0.2, 's')
mailq.kill(), mailq.wait()
mtactl('stop')
done()
