#!/usr/bin/env python3
"""sender_routes_test - control/senderroutes: each sender's mail by the host that is his, unless smtproutes names the
recipient's domain; what waits follows a change."""
import subprocess
from scene import *
from hop import Hop

on_host()


def mail(sender, *recipients):
    subprocess.run(['/var/mta/bin/sendmail', '-f', sender, *recipients], input='Subject: x\n\nx\n', text=True, check=True)


def comes(hop, sender, *recipients):
    return wait_for(lambda: (sender, *recipients) in hop.pairs)


def complaint(text):
    control('senderroutes', text)
    said = subprocess.run(['/var/mta/bin/mtactl', 'check'], capture_output=True, text=True)
    return said.stdout + said.stderr


for line in ('a.example [127.0.0.1]', '@a.example', '@ [127.0.0.1]', '@a.example two hosts', '@a.example h:port', '@a.example b\u00fccher.example'):
    said = complaint('# ours\n' + line + '\n')
    check(f'mtactl check names the line of {line}', 'control/senderroutes:2: write ADDRESS HOST' in said, said)
check('and says what a path needs', 'write lmtp:[127.0.0.1]:24' in complaint('@a.example lmtp:/run/lmtp\n'))

every, fixed, own, boss, below, label = (Hop(2710 + n) for n in range(6))
control('smtproutes', ':[127.0.0.1]:2710\nfixed.example:[127.0.0.1]:2711\n')
control('senderroutes', '@.a.example [127.0.0.1]:2714\n@a.example [127.0.0.1]:2712\nboss@a.example [127.0.0.1]:2713\n'
        '@b\u00fccher.example [127.0.0.1]:2715\n')
control('limits', 'apart.example 3\n')
check('mtactl start', mtactl('start').returncode == 0)
mail('x@b.example', 'to@far.example')
check('a sender without a line', comes(every, 'x@b.example', 'to@far.example'), log()[-900:])
mail('x@A.example', 'to@far.example', 'to@near.example')
check('one of a domain, whatever the case; one transaction', comes(own, 'x@a.example', 'to@far.example', 'to@near.example'), (own.pairs, log()[-900:]))
mail('Boss@a.example', 'to@far.example')
check('an address before its domain', comes(boss, 'Boss@a.example', 'to@far.example'), log()[-900:])
mail('x@sub.a.example', 'to@far.example')
check('one below a domain', comes(below, 'x@sub.a.example', 'to@far.example'), log()[-900:])
mail('x@xn--bcher-kva.example', 'to@far.example')
check('a domain in another form', comes(label, 'x@xn--bcher-kva.example', 'to@far.example'), log()[-900:])
mail('x@a.example', 'to@apart.example')
check('to a domain with lines of its own', comes(own, 'x@a.example', 'to@apart.example'), log()[-900:])
mail('x@a.example', 'to@fixed.example', 'ann@example.org')
check('a line for the recipient\'s domain counts more', comes(fixed, 'x@a.example', 'to@fixed.example'), log()[-900:])
check('and mail for this host stays here', wait_for(lambda: len(glob.glob(pwd.getpwnam('ann').pw_dir + '/Maildir/new/*')) == 1))
mail('<>', 'to@far.example')
check('a message without a sender', comes(every, '', 'to@far.example'), log()[-900:])
check('each came once', [len(hop.pairs) for hop in (every, fixed, own, boss, below, label)] == [2, 1, 2, 1, 1, 1])

# ---- a change ----
control('senderroutes', '@a.example [127.0.0.1]:2719\n')
control('retrymin', '1\n')
control('retrymax', '1\n')
mail('y@a.example', 'to@far.example')
check('one that cannot be reached', wait_for(lambda: 'deferred to=<to@far.example>' in log()), log()[-900:])
control('senderroutes', '@a.example [127.0.0.1]:2713\n')
check('what waits follows a change', comes(boss, 'y@a.example', 'to@far.example'), log()[-900:])
control('senderroutes', '')
mail('z@a.example', 'to@far.example')
check('and the next has none', comes(every, 'z@a.example', 'to@far.example'), log()[-900:])
done()
