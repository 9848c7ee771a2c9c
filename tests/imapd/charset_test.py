#!/usr/bin/env python3
"""charset_test - SEARCH, SORT and PREVIEW of mail in the character sets of East
Asia and of Unicode on the wire of `imapd MAILBOX`: in headers, bodies and names of parts."""
import base64
from mail import *

has = lambda answer, text: any(text in line for line in answer)
ok = lambda answer: answer[-1].startswith('OK')
# name in the mail, Python's codec, subject, text
SETS = (('ISO-2022-JP', 'iso2022_jp', '会議のお知らせ', '来週の月曜日に会議があります'), ('Shift_JIS', 'cp932', '表計算', 'ソフトウェア①の能力'),
        ('EUC-JP', 'euc_jp', '請求書', '東京都千代田区'), ('EUC-KR', 'euc_kr', '회의 안내', '다음 주 월요일'),
        ('ks_c_5601-1987', 'cp949', '똠방각하', '펲시콜라'), ('ISO-2022-KR', 'iso2022_kr', '공지', '한국어 본문'),
        ('GB2312', 'gb2312', '会议通知', '下周一开会'), ('GBK', 'gbk', '朱鎔基', '繁體字'), ('GB18030', 'gb18030', '𠀀字', '😀汉字ᠠ'),
        ('HZ-GB-2312', 'hz', '己所不欲', '勿施于人'), ('Big5', 'big5', '開會通知', '許功蓋的餐廳'),
        ('UTF-16', 'utf_16', 'Übersicht', 'Straße nach Köln 😀'), ('UTF-7', 'utf_7', 'Grüße', 'Straße café, 1+1=2'),
        ('UTF-16LE', 'utf_16_le', 'Öffnung', 'Maß für Maß'), ('unicode-1-1-utf-7', 'utf_7', 'Ärger', '日本への旅'),
        ('UTF-16BE', 'utf_16_be', 'éclair', 'crème brûlée'))
w = Wire()
for number, (charset, codec, subject, text) in enumerate(SETS):
    word = f'=?{charset}?B?{base64.b64encode(subject.encode(codec)).decode()}?='
    body = text.encode(codec)
    coded = number % 2 == 1
    if coded:
        body = base64.encodebytes(body)
    w.append('INBOX', f'From: {word} <a@example.org>\r\nSubject: {word}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset="{charset}"\r\n'
             f'Content-Transfer-Encoding: {"base64" if coded else "8bit"}\r\n\r\n'.encode() + body.rstrip(b'\n') + b'\r\n')
w.say('SELECT INBOX')
search = lambda key, text: w.say(f'SEARCH CHARSET UTF-8 {key} '.encode() + b'{%d+}\r\n%s' % (len(text.encode()), text.encode()))
for number, (charset, codec, subject, text) in enumerate(SETS, 1):
    for key, wanted in (('SUBJECT', subject), ('FROM', subject[-2:]), ('BODY', text), ('BODY', text[-2:]), ('TEXT', text[1:3])):
        a = search(key, wanted)
        check(f'{charset}: {key} {wanted}', ok(a) and str(number) in a[0].split()[2:], a)
    a = w.say(f'FETCH {number} PREVIEW')
    check(f'{charset}: PREVIEW', text in ''.join(a), a)
check('what is in none', search('TEXT', '存在しない')[0] == '* SEARCH')
check('SORT', ok(w.say('SORT (SUBJECT) UTF-8 ALL')))

# Broken text spoils nothing else; a set that nobody knows is not one of these.
w.append('INBOX', b'Content-Type: text/plain; charset=shift_jis\r\n\r\n\x93\xfa\xff\x81 \x96\x7b end\r\n')
w.append('INBOX', b'Content-Type: text/plain; charset=x-unheard\r\n\r\ncaf\xe9 \x93\xfa\r\n')
w.say('NOOP')
last = len(SETS) + 1
check('behind what is broken', str(last) in search('BODY', '本 end')[0].split() and str(last) in search('BODY', '日')[0].split())
check('not known: as windows-1252', str(last + 1) in search('BODY', 'café “ú')[0].split())
w.end()
done()
