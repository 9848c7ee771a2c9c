#!/usr/bin/env python3
"""messages_at_once_test - control/messagesatonce: while the machine is busy so many
clients are told 354 at once; the next waits until one has its reply, or for a
tenth of a second, and is refused nothing; 0 lets all go on."""
import atexit, os, signal, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/../filter')
from mail import *

on_host()
WAIT = 0.1  # what one that finds no ticket waits, and a ticket lasts


def keep_busy():
    """More processes than there are processors, which do nothing else; they end with us."""
    for _ in range(2 * os.cpu_count() + 2):
        busy = subprocess.Popen([sys.executable, '-c', 'while True: pass'])
        atexit.register(busy.kill)


def ready():
    """A client that has only DATA to say."""
    client = Client()
    for line in (b'EHLO c', b'MAIL FROM:<a@example.org>', b'RCPT TO:<joe@example.org>'):
        client.send(line + b'\r\n')
        client.reply()
    return client


def ask(client):
    """Its 354, and the seconds until it came."""
    began = time.monotonic()
    client.send(b'DATA\r\n')
    said = client.reply()
    return said, time.monotonic() - began


def finish(client):
    client.send(b'Subject: x\r\n\r\nx\r\n.\r\n')
    said = client.reply()
    client.s.close()
    return said


def two(between=lambda first: None):
    """What the first of two hears, the second, and how long the second waited for its 354."""
    first, second = ready(), ready()
    ask(first)
    between(first)
    said, took = ask(second)
    return said, took, finish(first) if first.s.fileno() != -1 else '250 before', finish(second)


start()
keep_busy()
control('messagesatonce', '1\n')
check('one at once', reload(), log()[-1000:])
# The first's ticket is a little older than the second's question.
said, took, *replies = max((two() for _ in range(3)), key=lambda t: t[1])
check('the second waits for its 354', said.startswith('354') and took > WAIT / 2, (said, took))
check('both messages are taken', all(r.startswith('250') for r in replies), replies)
tries = [two(finish) for _ in range(10)]
check('not for one that has its reply', any(took < WAIT / 2 for _, took, *_ in tries), tries)
held = ready()
ask(held)
for pid in processes('smtpd', 'smtpd'):
    os.kill(pid, signal.SIGKILL)
second = ready()
said, took = ask(second)
check('one whose session was killed keeps none out for good', said.startswith('354') and finish(second).startswith('250'), (said, took))
control('messagesatonce', '0\n')
check('as many as come', reload(), log()[-1000:])
tries = [two() for _ in range(10)]
check('the second does not wait', any(took < WAIT / 2 for _, took, *_ in tries), tries)
done()
