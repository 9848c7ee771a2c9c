#!/usr/bin/env python3
"""language_test - LANGUAGE (RFC 5255 section 3) on the wire of `imapd MAILBOX`;
and every text that imapd and pop3d say to people has a row for each language."""
import glob, re
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
TOP = os.path.realpath(TESTS + '/..')
w = Wire()
check('RFC 5255 section 3.1: it is announced', has([w.greeting], ' LANGUAGE'), w.greeting)
a = w.say('LANGUAGE')
check('section 3.2: which there are', a == ['* LANGUAGE (i-default en es)', 'OK done'], a)
a = w.say('LANGUAGE MUL')
check('one that there is not', a == ['NO there is no such language'], a)
a = w.say('LANGUAGE es')
check('section 3.3: the response names it, and it holds at once', a == ['* LANGUAGE (es)', 'OK ahora se habla este idioma'], a)
a = w.say('LANGUAGE FR')
check('section 3.2: the old one stays', a == ['NO no existe ese idioma'], a)
check('a tagged answer', w.say('NOOP') == ['OK hecho'])
check('BAD', w.say('NONSENSE') == ['BAD no existe esa orden aquí'])
check('with a code', w.say('SELECT Nowhere')[-1] == 'NO [NONEXISTENT] no existe esa carpeta o ese mensaje')
w.append('INBOX')
a = w.say('SELECT INBOX')
for text in ('[UNSEEN 1] el primero sin leer', '[UIDVALIDITY ', 'los UID siguen siendo válidos', '[UIDNEXT 2] el siguiente', 'los cambios se cuentan',
             'su nombre para siempre', '\\*)] estos permanecen', 'OK [READ-WRITE] hecho'):
    check('untagged: ' + text, has(a, text), a)
a = w.say('UID SEARCH RETURN (UPDATE) FILTER none')
check('in the middle', a[-1] == 'NO [UNDEFINED-FILTER none] no existe ese filtro', a)
w.say('SETMETADATA "" (/private/filters/values/x "nonsense")')
a = w.say('SEARCH FILTER x')
check('a name behind it', a[-1] == 'NO el valor no es una búsqueda en el filtro x', a)
check('the grammar is of no language', w.say('FETCH 1 NONSENSE')[-1] == 'BAD FETCH SET (ITEM ...)')
for asked, got in (('EN-CA', 'en'), ('"es-419-x-mine"', 'es'), ('FR-CA ES-MX EN', 'es'), ('i-default', 'i-default'), ('I-DEFAULT', 'i-default'),
                   ('ES', 'es'), ('default', 'i-default'), ('fr default', 'i-default'), ('"*"', 'i-default')):
    a = w.say('LANGUAGE ' + asked)
    check(f'RFC 4647: {asked} is {got}', a[0] == f'* LANGUAGE ({got})' and ok(a), a)
for asked in ('', '(es)', 'es '):
    check(f'BAD LANGUAGE {asked}', w.say('LANGUAGE ' + (asked or ' '))[-1].startswith('BAD'))
check('and all is in ASCII again', w.say('NONSENSE') == ['BAD no such command here'])
a = w.say('LANGUAGE es')
a = w.say('LOGOUT')
check('BYE', a == ['* BYE hasta luego', 'OK adiós'], a)
w.child.wait(20)

# ---- the table ----
with open(TOP + '/lib/mail/language.c') as f:
    source = f.read()
source = source[source.index('texts[] = {'):]
source = source[:source.index('\n};')]
STRING = r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*'
joined = lambda text: ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
table = {joined(english): joined(spanish) for english, spanish in re.findall(rf'\{{\s*({STRING}),\s*({STRING})\s*\}}', source)}
check('rows', len(table) > 90 and all(table.values()), len(table))


def texts():
    """Each constant text of imapd and pop3d that is for people."""
    for path in glob.glob(TOP + '/imapd/*.c') + glob.glob(TOP + '/pop3d/*.c'):
        with open(path) as f:
            source = re.sub(r"'(?:\\.|[^'\\])'", '0', re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S))
        for text in re.findall(rf'language_say\([^,"]+,\s*({STRING})\)', source):
            yield joined(text)
        if '/convert_' in path:  # what stands behind ERROR
            for text in re.findall(rf'(?:\breturn|\b(?:complain|put_error)\([^;{{"]*)\s*({STRING})', source):
                yield joined(text)
        for text in map(joined, re.findall(STRING, source)):
            match = re.match(r'(?:\* )?(?:OK|NO|BAD|BYE|\+OK|-ERR|\+) (?:\[[^]%]*(?:%[^]]*)?\] ?)?(.*)|\] ([a-z].*)', text)
            text = match and (match[1] or match[2] or '')
            if text and not text.startswith(('[', '(')) and '%' not in text:
                yield text


# "FETCH SET (ITEM ...)" is the grammar; "OK" is what "+ OK" says.
GRAMMAR = re.compile(r'[A-Z]{2,}( \W*[A-Z/N][A-Z/ .+\-]*\W*.*)$|NAME .*|ID .*|OK(\\r\\n)?|APOP .*|USER|TOP .*')
said = set(texts())
missing = sorted(text for text in said if text not in table and not GRAMMAR.fullmatch(text))
check(f'each of {len(said)} texts has a row', not missing, missing)
over = sorted(set(table) - said)
check('no row is of a text that nobody says', not over, over)
done()
