#!/usr/bin/env python3
"""two_hosts_test - two hosts that find each other by MX exchange mail: both
ways, over IPv6 and IPv4, with one of them down, and with a bad recipient."""
import email, json, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *
from hosts import *

on_network()
names = serve_names([
    'mx-host=a.test,mx.a.test,10', f'host-record=mx.a.test,10.77.0.11,fd77::11',
    # The best MX of b.test has nobody listening, as a dead primary.
    'mx-host=b.test,dead.b.test,5', 'host-record=dead.b.test,10.77.0.99',
    'mx-host=b.test,mx.b.test,10', f'host-record=mx.b.test,10.77.0.12',
    'mx-host=six.test,mx.six.test,10', 'host-record=mx.six.test,fd77::12',
    'mx-host=nomail.test,.,0', 'host-record=plain.test,10.77.0.12',
])
ip('addr add 10.77.0.99/24 dev lan')     # answers with a reset
a, b = Host('a.test', 11), Host('b.test', 12)
a.begin()
b.begin()
b.control('locals', 'b.test\nsix.test\nplain.test')


def send(host, user, to, mark, text='hello'):
    return host.run(f'/var/mta/bin/sendmail -t', user, input=f'To: {to}\nSubject: {mark}\n\n{text}\n')


def queue(host):
    return [json.loads(line) for line in host.run('/var/mta/bin/mailq --json').stdout.splitlines()]


def is_empty(host):
    return wait_for(lambda: not queue(host))


try:
    check('both hosts start', a.started.returncode == b.started.returncode == 0, a.started.stderr + b.started.stderr)

    check('a user of A sends', send(a, 'joe', 'ann@b.test', 'first').returncode == 0)
    got = b.arrived('ann', 'first')
    check('it arrives at B, past a dead MX', len(got) == 1)
    head = email.message_from_string(got[0] if got else '')
    check('from the user at A', head['Return-Path'] == '<joe@mx.a.test>', head.items())
    received = head.get_all('Received') or []
    check('each hop left its line', len(received) == 2 and 'mx.a.test' in received[0] and 'mx.b.test' in received[0], received)
    check('by TLS', 'with ESMTPS' in received[0], received)
    check('delivered to the user', head['Delivered-To'] == 'ann@b.test')

    a.control('locals', 'a.test\nmx.a.test')     # noticed without a restart
    check('a user of B answers', send(b, 'ann', 'joe@a.test', 'answer').returncode == 0)
    check('the answer arrives at A', len(a.arrived('joe', 'answer')) == 1)
    send(a, 'joe', 'ann@six.test, ann@plain.test', 'kinds')
    check('by IPv6 alone, and by address without MX', wait_for(lambda: len(b.arrived('ann', 'kinds')) == 2),
          b.box('ann'))
    text = '.dots\n..more\n' * 20000 + 'end'         # by BDAT, which smtpd offers
    send(a, 'joe', 'ann@b.test', 'large', text)
    check('a large text stays what it was', [m.split('\n\n', 1)[1] for m in b.arrived('ann', 'large', 30)] == [text + '\n'])
    check('both queues are empty', is_empty(a) and is_empty(b))

    b.run('/var/mta/bin/mtactl stop')
    check('with B down, A accepts', send(a, 'joe', 'ann@b.test', 'patience').returncode == 0)
    waiting = wait_for(lambda: [m for m in queue(a) if 'ann@b.test' in str(m) and 'attempts' in str(m)
                                and m['recipients'][0].get('reason')])
    check('mailq has it with its reason', waiting and 'refused' in str(waiting), waiting or queue(a))
    text = a.run('/var/mta/bin/mailq').stdout
    check('and says when it is tried next', 'next' in text and 'ann@b.test' in text, text)
    b.run('/var/mta/bin/mtactl start')
    a.run('/var/mta/bin/sendmail -q')
    check('B is up again: it is delivered', len(b.arrived('ann', 'patience')) == 1)
    check('and leaves the queue', is_empty(a))
    check('once', len([m for m in b.box('ann') if 'patience' in m]) == 1)

    send(a, 'joe', 'nobody@b.test', 'wrong', 'secret words')
    bounces = a.arrived('joe', 'nobody@b.test')
    check('a bad recipient yields a bounce', len(bounces) == 1)
    report = email.message_from_string(bounces[0] if bounces else '')
    check('from the null sender', report['Return-Path'] == '<>', report.items())
    check('a delivery report', report.get_content_type() == 'multipart/report' and
          report.get_param('report-type') == 'delivery-status')
    parts = report.get_payload() if report.is_multipart() else []
    check('of three parts', [p.get_content_type() for p in parts][:2] == ['text/plain', 'message/delivery-status']
          and len(parts) == 3, [p.get_content_type() for p in parts])
    blocks = parts[1].get_payload() if len(parts) > 1 else []
    about = blocks[1] if len(blocks) > 1 else {}
    check('that names recipient, action and status',
          about.get('Final-Recipient') == 'rfc822; nobody@b.test' and about.get('Action') == 'failed' and
          about.get('Status') == '5.1.1', about and about.items())
    check('and what B said', 'smtp; 550 5.1.1' in about.get('Diagnostic-Code', '') and
          'mx.b.test' in about.get('Remote-MTA', ''), about and about.items())
    check('B kept nothing of it', is_empty(b) and is_empty(a))
    check('there is one bounce, and no more', len([m for m in a.box('joe') if 'nobody@b.test' in m]) == 1)

    send(a, 'joe', 'any@nomail.test', 'null')
    check('a domain that takes no mail (null MX) bounces at once',
          len(a.arrived('joe', 'any@nomail.test')) == 1 and '5.1.10' in a.box('joe')[-1] + a.arrived('joe', 'any@nomail.test')[0])
    send(a, 'joe', 'any@missing.test', 'lost')
    check('and one that does not exist', len(a.arrived('joe', 'any@missing.test')) == 1)
finally:
    a.end()
    b.end()
    names.terminate()
done()
