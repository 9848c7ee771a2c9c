#!/usr/bin/env python3
"""burst_test - control/smtpdburst: of clients that come at once, so many begin
in each fiftieth of a second; none is refused, and who leaves makes room."""
import os, socket, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/../filter')
from mail import *

on_host()
WINDOW = 0.019  # the acceptor counts whole milliseconds
CLIENTS = 30


def burst(value):
    control('smtpdburst', f'{value}\n')
    check(f'with a burst of {value}', reload(), log()[-1000:])


def come(last_words):
    """CLIENTS at once, each of which says that: their greetings, and the seconds until the last had its own."""
    began = time.monotonic()
    clients = [socket.create_connection(('127.0.0.1', 25)) for _ in range(CLIENTS)]
    greetings = []
    for client in clients:
        greetings.append(client.recv(512))
        client.sendall(last_words)
    took = time.monotonic() - began
    for client in clients:
        client.close()
    return greetings, took


start()
for size in (1, 3):
    burst(size)
    greetings, took = come(b'NOOP\r\n')
    check('all are greeted', all(g.startswith(b'220 ') for g in greetings), greetings)
    windows = (CLIENTS - 1) // size
    check(f'{size} at a time: it takes {windows} windows', took >= windows * WINDOW, took)
burst(1)
check('who leaves makes room: it takes less',
      any(come(b'QUIT\r\n')[1] < (CLIENTS - 1) * WINDOW for _ in range(10)))
done()
