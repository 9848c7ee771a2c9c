#!/usr/bin/env python3
"""table_test - imapd(7) names a test for each command, capability, item, key,
response and response code of imapd's sources, and that test has it."""
import glob, os, re, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + '/..')
from tap import *

TOP = os.path.realpath(TESTS + '/..')


def read(path):
    with open(f'{TOP}/{path}') as f:
        return f.read()


def between(path, begin, end='\n};'):
    """The words that stand first in the rows of a table of C."""
    text = read(path)
    text = text[text.index(begin):]
    return set(re.findall(r'^\t\{ "([^"]+)",', text[:text.index(end)], re.M))


def rows():
    """heading -> {name: the tests that its row names}; and the numbers of RFCs go into RFC."""
    found, heading = {}, None
    for line in read('imapd/imapd.7').splitlines():
        if line.startswith('.Ss '):
            heading = found.setdefault(line[4:], {})
        elif line.startswith('.It ') and heading is not None:
            name, section, tests = line[4:].replace('\\&', '').split(' Ta ')
            heading[name] = tests.split(', ')
            if section.startswith('RFC '):
                RFC[name] = section[4:8]
    return found


def strings(pattern):
    """What the string constants of imapd have of it."""
    return {match for path in glob.glob(f'{TOP}/imapd/*.c') for text in re.findall(r'"(?:[^"\\]|\\.)*"', open(path).read())
            for match in re.findall(pattern, text)}


RFC = {}
TABLE = rows()
IN_SERVICE = {'imap_login', 'sharing', 'tls', 'urlread'}
tests = {name: read(f'tests/{"service" if name in IN_SERVICE else "imapd"}/{name}_test.py')
         for heading in TABLE.values() for names in heading.values() for name in names
         if os.path.exists(f'{TOP}/tests/{"service" if name in IN_SERVICE else "imapd"}/{name}_test.py')}


def compare(what, words, heading, in_test=lambda word: [word]):
    """Each word has a row, each row a test that has the word, and no row is of another word."""
    row = TABLE[heading]
    missing = sorted(words - set(row))
    check(f'each of {len(words)} {what} has a row', words and not missing, missing)
    absent = sorted((name, test) for name, names in row.items() for test in names if test not in tests)
    check(f'{heading}: each test is there', not absent, absent)
    # imaplib names a command in lower case, and so do its tests.
    without = sorted(word for word in words & set(row)
                     if not any(name.lower() in tests.get(test, '').lower() for name in in_test(word) for test in row[word]))
    check(f'each of these {what} is in a test that its row names', not without, without)
    return set(row) - words


commands = between('imapd/session.c', 'commands[] = {') | between('imapd/preauth.c', 'commands[] = {')
over = compare('commands', commands, 'Commands')
check('no row is of a command that there is not', over == {'UID'}, over)

capabilities = set(re.findall(r'[^ "]+', ' '.join(re.findall(r'"( [^"]+)"', read('imapd/capabilities.c'))))) - {'%llu'}
capabilities = {name.split('=%')[0].split('sieve://')[0] for name in capabilities} - {'STARTTLS'}
over = compare('capabilities', capabilities, 'Capabilities', lambda word: [word, RFC.get(word, word)])
check('no row is of a capability that is not announced', over <= {'STARTTLS', 'LOGINDISABLED', 'AUTH='}, over)
page = read('imapd/imapd.8')
untold = sorted(name for name in capabilities if not re.search(rf'^\.It {re.escape(name.split("=RES")[0])} Ta', page, re.M))
check('each is in imapd(8)', not untold, untold)

codes = {f'[{code}]' for code in strings(r'(?:OK|NO|BAD|BYE|PREAUTH) \[([A-Z-]+)[\] ]')} | \
    {f'[{code}]' for code in strings(r'\[([A-Z]{3,}[A-Z-]*)(?:\]| \(| %| )')} - {'[RETURN]'} | {'[CAPABILITY]'}
over = compare('response codes', codes, 'Response codes', lambda word: [word[1:-1]])
check('no row is of a code that is not used', not over, over)

replies = {word for word in strings(r'^"\* (?:%z?u )?([A-Z]{2,})\b')} | {'FETCH', 'UIDFETCH', 'LIST', 'LSUB', 'PREAUTH', 'OK', 'NO', 'BAD'}
over = compare('responses', replies, 'Responses')
check('no row is of a response that is not used', not over, over)

items = between('imapd/section.c', 'sections[] = {') | between('imapd/section.c', 'simple[] = {') | between('imapd/section.c', 'old[] = {')
items |= {'PREVIEW', 'ALL', 'FAST', 'FULL'}
over = compare('items of FETCH', items, 'Items of FETCH')
check('no row is of an item that there is not', not over, over)

items = between('imapd/convert_request.c', 'items[] = {') | {'UID'}
over = compare('items of CONVERT', items, 'Items of CONVERT')
check('no row is of an item of CONVERT that there is not', not over, over)

keys = set().union(*(between('imapd/program_parse.c', f'{table}[] = {{') for table in ('flags', 'texts', 'dates', 'numbers')))
keys |= set(re.findall(r'parse_keyword\(&?parse, "([A-Z]+)"\)', read('imapd/program_parse.c')))
over = compare('keys of SEARCH', keys, 'Keys of SEARCH')
check('no row is of a key that there is not', not over, over)

over = compare('items of STATUS', between('imapd/status.c', 'names[] = {'), 'Items of STATUS')
check('no row is of an item that there is not', not over, over)
compare('items of STORE', {sign + name for sign in ('', '+', '-') for name in ('FLAGS', 'FLAGS.SILENT')} | {'UNCHANGEDSINCE'}, 'Items of STORE')
done()
