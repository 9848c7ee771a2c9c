#!/usr/bin/env python3
"""charset_wide_tables - print the tables of charset_wide.h as C, made of
Python's codecs, which follow the tables of Unicode and of the vendors."""


# What GB18030 of 2022 has that the codec, of 2000, gives private characters.
NEW = {'gb18030': {0xa6d9: 0xfe10, 0xa6da: 0xfe12, 0xa6db: 0xfe11, 0xa6dc: 0xfe13, 0xa6dd: 0xfe14, 0xa6de: 0xfe15,
                   0xa6df: 0xfe16, 0xa6ec: 0xfe17, 0xa6ed: 0xfe18, 0xa6f3: 0xfe19, 0xa8bc: 0x1e3f, 0xfe59: 0x9fb4,
                   0xfe61: 0x9fb5, 0xfe66: 0x9fb6, 0xfe67: 0x9fb7, 0xfe6d: 0x9fb8, 0xfe7e: 0x9fb9, 0xfe90: 0x9fba,
                   0xfea0: 0x9fbb}}


def one(codec, data):
    """The character that these bytes are; 0: none, or not one."""
    new = NEW.get(codec, {}).get(int.from_bytes(bytes(data), 'big'))
    if new:
        return new
    try:
        text = bytes(data).decode(codec)
    except UnicodeDecodeError:
        return 0
    return ord(text) if len(text) == 1 and not 0xe000 <= ord(text) < 0xf900 else 0


def pairs(leads, trails, codecs, prefix=()):
    return [next((c for c in (one(codec, (*prefix, lead, trail)) for codec in codecs) if c), 0)
            for lead in leads for trail in trails]


def table(kind, name, numbers):
    print(f'\nconst {kind} {name}[{len(numbers)}] = {{')
    for at in range(0, len(numbers), 12):
        print('\t' + ' '.join(f'{number},' for number in numbers[at:at + 12]))
    print('};')


def ranges_of_four():
    """GB18030's characters of four bytes below U+10000: where a run begins, and its first character."""
    found, last = [], None
    for place in range(39420):
        rest, fourth = divmod(place, 10)
        rest, third = divmod(rest, 126)
        first, second = divmod(rest, 10)
        try:
            text = bytes((first + 0x81, second + 0x30, third + 0x81, fourth + 0x30)).decode('gb18030')
        except UnicodeDecodeError:
            last = None
            continue
        if last is None or ord(text) != last + 1:
            found += place, ord(text)
        last = ord(text)
    return found


trails = range(0x40, 0xff)
print('/* Made by lib/mail/charset_wide_tables.py. */')
print('#include "mail/charset_wide_tables.h"')
# Behind the commoner characters the vendors differ: there Hong Kong's are in use, as WHATWG has it.
ours = ('cp950', 'big5hkscs')
big5 = pairs(range(0x81, 0xc6), trails, ours) + pairs(range(0xc6, 0xc9), trails, ours[::-1]) + pairs(range(0xc9, 0xff), trails, ours)
table('uint16_t', 'charset_shift_jis', pairs((*range(0x81, 0xa0), *range(0xe0, 0xfd)), trails, ('cp932',)))
table('uint16_t', 'charset_jis_x_0212', pairs(range(0xa1, 0xff), range(0xa1, 0xff), ('euc_jp',), (0x8f,)))
table('uint16_t', 'charset_korean', pairs(range(0x81, 0xff), trails, ('cp949',)))
table('uint16_t', 'charset_gb18030', pairs(range(0x81, 0xff), trails, ('gb18030',)))
table('uint16_t', 'charset_gb18030_runs', ranges_of_four())
table('uint16_t', 'charset_big5', [character & 0xffff for character in big5])
table('uint8_t', 'charset_big5_planes', [sum((big5[at + bit] > 0xffff) << bit for bit in range(8) if at + bit < len(big5))
                                         for at in range(0, len(big5), 8)])
print(f'\nconst size_t charset_gb18030_run_count = {len(ranges_of_four()) // 2};')
