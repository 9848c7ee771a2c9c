#!/usr/bin/env python3
"""burst_test - control/smtpdburst: of clients that come at once on a busy machine,
so many begin in each fiftieth of a second, whatever port they come to; none is
refused, and who leaves makes room."""
import atexit, os, socket, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/../filter')
from mail import *

on_host()
WINDOW = 0.019  # the acceptor counts whole milliseconds
CLIENTS = 30


def burst(value):
    control('smtpdburst', f'{value}\n')
    check(f'with a burst of {value}', reload(), log()[-1000:])


def come(last_words, addresses=('127.0.0.1',)):
    """CLIENTS at once, each of which says that: their greetings, and the seconds until the last had its own."""
    began = time.monotonic()
    clients = [socket.create_connection((addresses[i % len(addresses)], 25)) for i in range(CLIENTS)]
    greetings = []
    for client in clients:
        greetings.append(client.recv(512))
        client.sendall(last_words)
    took = time.monotonic() - began
    for client in clients:
        client.close()
    return greetings, took


def keep_busy():
    """More processes than there are processors, which do nothing else; they end with us."""
    for _ in range(2 * os.cpu_count() + 2):
        busy = subprocess.Popen([sys.executable, '-c', 'while True: pass'])
        atexit.register(busy.kill)


addresses = [f'127.0.0.{i}' for i in range(1, 9)]
control('smtpdaddresses', '\n'.join(addresses) + '\n')
start()
keep_busy()
for size in (1, 3):
    burst(size)
    greetings, took = come(b'NOOP\r\n')
    check('all are greeted', all(g.startswith(b'220 ') for g in greetings), greetings)
    windows = (CLIENTS - 1) // size
    check(f'{size} at a time: it takes {windows} windows', took >= windows * WINDOW, took)
burst(1)
greetings, took = come(b'NOOP\r\n', addresses)
check('of eight ports, too: all are greeted', all(g.startswith(b'220 ') for g in greetings), greetings)
check('one at a time: it takes as long', took >= (CLIENTS - 1) * WINDOW, took)
check('who leaves makes room: it takes less',
      any(come(b'QUIT\r\n')[1] < (CLIENTS - 1) * WINDOW for _ in range(10)))
done()
