#include "mail/charset_wide.h"

#include "mail/charset_unicode.h"
#include "mail/charset_wide_tables.h"
#include "mail/utf8.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* No pointers: they would be pages that each process has of its own. */
static const struct {
	char name[18];
	unsigned char set; /* enum charset_wide */
} names[] = {
	{ "shift_jis", CHARSET_WIDE_SHIFT_JIS },
	{ "shift-jis", CHARSET_WIDE_SHIFT_JIS },
	{ "sjis", CHARSET_WIDE_SHIFT_JIS },
	{ "x-sjis", CHARSET_WIDE_SHIFT_JIS },
	{ "ms_kanji", CHARSET_WIDE_SHIFT_JIS },
	{ "windows-31j", CHARSET_WIDE_SHIFT_JIS },
	{ "cp932", CHARSET_WIDE_SHIFT_JIS },
	{ "euc-jp", CHARSET_WIDE_EUC_JP },
	{ "x-euc-jp", CHARSET_WIDE_EUC_JP },
	{ "iso-2022-jp", CHARSET_WIDE_ISO_2022_JP },
	{ "iso-2022-jp-1", CHARSET_WIDE_ISO_2022_JP },
	{ "iso-2022-jp-ms", CHARSET_WIDE_ISO_2022_JP },
	{ "csiso2022jp", CHARSET_WIDE_ISO_2022_JP },
	{ "cp50220", CHARSET_WIDE_ISO_2022_JP },
	{ "cp50221", CHARSET_WIDE_ISO_2022_JP },
	{ "euc-kr", CHARSET_WIDE_KOREAN },
	{ "ks_c_5601-1987", CHARSET_WIDE_KOREAN },
	{ "ksc5601", CHARSET_WIDE_KOREAN },
	{ "cseuckr", CHARSET_WIDE_KOREAN },
	{ "windows-949", CHARSET_WIDE_KOREAN },
	{ "cp949", CHARSET_WIDE_KOREAN },
	{ "uhc", CHARSET_WIDE_KOREAN },
	{ "iso-2022-kr", CHARSET_WIDE_ISO_2022_KR },
	{ "csiso2022kr", CHARSET_WIDE_ISO_2022_KR },
	{ "gb2312", CHARSET_WIDE_GB18030 },
	{ "csgb2312", CHARSET_WIDE_GB18030 },
	{ "gb_2312-80", CHARSET_WIDE_GB18030 },
	{ "euc-cn", CHARSET_WIDE_GB18030 },
	{ "gbk", CHARSET_WIDE_GB18030 },
	{ "x-gbk", CHARSET_WIDE_GB18030 },
	{ "cp936", CHARSET_WIDE_GB18030 },
	{ "windows-936", CHARSET_WIDE_GB18030 },
	{ "gb18030", CHARSET_WIDE_GB18030 },
	{ "hz-gb-2312", CHARSET_WIDE_HZ },
	{ "big5", CHARSET_WIDE_BIG5 },
	{ "big5-hkscs", CHARSET_WIDE_BIG5 },
	{ "csbig5", CHARSET_WIDE_BIG5 },
	{ "x-x-big5", CHARSET_WIDE_BIG5 },
	{ "cn-big5", CHARSET_WIDE_BIG5 },
	{ "cp950", CHARSET_WIDE_BIG5 },
	{ "windows-950", CHARSET_WIDE_BIG5 },
	{ "utf-16", CHARSET_WIDE_UTF_16 },
	{ "utf16", CHARSET_WIDE_UTF_16 },
	{ "csutf16", CHARSET_WIDE_UTF_16 },
	{ "utf-16le", CHARSET_WIDE_UTF_16LE },
	{ "csutf16le", CHARSET_WIDE_UTF_16LE },
	{ "utf-16be", CHARSET_WIDE_UTF_16BE },
	{ "csutf16be", CHARSET_WIDE_UTF_16BE },
	{ "utf-7", CHARSET_WIDE_UTF_7 },
	{ "utf7", CHARSET_WIDE_UTF_7 },
	{ "csutf7", CHARSET_WIDE_UTF_7 },
	{ "unicode-1-1-utf-7", CHARSET_WIDE_UTF_7 },
};

enum {
	HIGH = 0x80,
	SHORT_LEAD = 0x81, /* of the rows of a table */
	CELL_FIRST = 0xa1, /* of 94 in EUC */
	CELLS = 94,
	KANA_FIRST = 0xff61, /* of half width, for 0xa1 */
	KANA_LAST_BYTE = 0xdf
};

/* What escapes choose: 0 is ASCII. */
enum mode {
	MODE_ASCII,
	MODE_WIDE, /* JIS X 0208, KS X 1001, GB 2312 */
	MODE_JIS_X_0212,
	MODE_KANA
};

enum charset_wide
charset_wide_find(struct span name)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_equal_nocase(name, span_of(names[i].name)))
			return (enum charset_wide)names[i].set;
	return CHARSET_WIDE_NONE;
}

static unsigned
byte(struct span text, size_t i)
{
	return (unsigned char)text.ptr[i];
}

/* What is broken leaves an ASCII byte behind it as it is. */
static size_t
bad(struct span text, size_t len, uint32_t *character)
{
	*character = UTF8_REPLACEMENT;
	return len > 1 && byte(text, 1) < HIGH ? 1 : len;
}

/* ---- characters of two bytes ---- */

static size_t
place_of(unsigned row, unsigned trail)
{
	return (size_t)row * CHARSET_TRAILS + (trail - CHARSET_TRAIL_FIRST);
}

static uint32_t
of_table(const uint16_t *table, unsigned lead, unsigned trail)
{
	return lead < SHORT_LEAD || lead > 0xfe ||
		       trail < CHARSET_TRAIL_FIRST || trail > 0xfe
		   ? 0
		   : table[place_of(lead - SHORT_LEAD, trail)];
}

static uint32_t
of_big5(unsigned lead, unsigned trail)
{
	uint32_t found = of_table(charset_big5, lead, trail);

	if (found == 0)
		return 0;
	size_t place = place_of(lead - SHORT_LEAD, trail);
	return found |
	       (uint32_t)(charset_big5_planes[place / 8] >> (place % 8) & 1)
		   << 17;
}

static uint32_t
of_shift_jis(unsigned lead, unsigned trail)
{
	bool is_low = lead >= 0x81 && lead <= 0x9f;
	bool is_high = lead >= 0xe0 && lead <= 0xfc;

	if ((!is_low && !is_high) || trail < CHARSET_TRAIL_FIRST ||
	    trail > 0xfe)
		return 0;
	return charset_shift_jis[place_of(
	    is_low ? lead - 0x81 : lead - 0xe0 + 0x1f, trail)];
}

/* JIS X 0208 by row and cell, as EUC has them: Shift_JIS packs two rows. */
static uint32_t
of_jis_x_0208(unsigned first, unsigned second)
{
	if (first < CELL_FIRST || first > 0xfe || second < CELL_FIRST ||
	    second > 0xfe)
		return 0;
	unsigned row = first - CELL_FIRST;
	unsigned cell = second - CELL_FIRST;
	unsigned lead = row / 2 + (row < 62 ? 0x81 : 0xc1);
	unsigned trail =
	    row % 2 == 1 ? cell + 0x9f : cell + (cell < 63 ? 0x40 : 0x41);

	return of_shift_jis(lead, trail);
}

static uint32_t
of_jis_x_0212(unsigned first, unsigned second)
{
	if (first < CELL_FIRST || first > 0xfe || second < CELL_FIRST ||
	    second > 0xfe)
		return 0;
	return charset_jis_x_0212[(first - CELL_FIRST) * CELLS +
				  (second - CELL_FIRST)];
}

static uint32_t
two(enum charset_wide set, unsigned lead, unsigned trail)
{
	switch (set) {
	case CHARSET_WIDE_SHIFT_JIS:
		return of_shift_jis(lead, trail);
	case CHARSET_WIDE_EUC_JP:
	case CHARSET_WIDE_ISO_2022_JP:
		return of_jis_x_0208(lead, trail);
	case CHARSET_WIDE_KOREAN:
	case CHARSET_WIDE_ISO_2022_KR:
		return of_table(charset_korean, lead, trail);
	case CHARSET_WIDE_GB18030:
	case CHARSET_WIDE_HZ:
		return of_table(charset_gb18030, lead, trail);
	case CHARSET_WIDE_BIG5:
		return of_big5(lead, trail);
	case CHARSET_WIDE_NONE:
	case CHARSET_WIDE_UTF_16:
	case CHARSET_WIDE_UTF_16LE:
	case CHARSET_WIDE_UTF_16BE:
	case CHARSET_WIDE_UTF_7:
		break;
	}
	return 0;
}

static size_t
take_two(enum charset_wide set, struct span text, uint32_t *character)
{
	if (text.len < 2)
		return 0;
	*character = two(set, byte(text, 0), byte(text, 1));
	return *character == 0 ? bad(text, 2, character) : 2;
}

/* ---- what else sets of eight bits have ---- */

/* GB18030: a second byte that is a digit begins four. */
static size_t
take_four(struct span text, uint32_t *character)
{
	if (text.len < 4)
		return 0;
	unsigned second = byte(text, 1) - '0';
	unsigned third = byte(text, 2) - 0x81;
	unsigned fourth = byte(text, 3) - '0';
	uint32_t place =
	    ((byte(text, 0) - 0x81) * 10 + second) * 1260 + third * 10 + fourth;

	if (third > 125 || fourth > 9)
		return bad(text, 1, character);
	*character = UTF8_REPLACEMENT;
	if (place >= 189000 && place - 189000 < 0x100000) {
		*character = place - 189000 + 0x10000;
		return 4;
	}
	if (place >= 39420)
		return 4;
	size_t run = charset_gb18030_run_count - 1;
	while (run > 0 && charset_gb18030_runs[2 * run] > place)
		run--;
	*character = charset_gb18030_runs[2 * run + 1] +
		     (place - charset_gb18030_runs[2 * run]);
	return 4;
}

static bool
is_kana(unsigned c)
{
	return c >= CELL_FIRST && c <= KANA_LAST_BYTE;
}

static size_t
take_euc_jp(struct span text, uint32_t *character)
{
	unsigned lead = byte(text, 0);

	if (lead != 0x8e && lead != 0x8f)
		return take_two(CHARSET_WIDE_EUC_JP, text, character);
	if (text.len < (lead == 0x8e ? 2 : 3))
		return 0;
	if (lead == 0x8e && is_kana(byte(text, 1)))
		*character = KANA_FIRST + byte(text, 1) - CELL_FIRST;
	else
		*character = lead == 0x8e
				 ? 0
				 : of_jis_x_0212(byte(text, 1), byte(text, 2));
	if (*character == 0)
		return bad(text, 2, character);
	return lead == 0x8e ? 2 : 3;
}

static size_t
take_eight_bits(enum charset_wide set, struct span text, uint32_t *character)
{
	unsigned c = byte(text, 0);

	if (c < HIGH) {
		*character = c;
		return 1;
	}
	if (set == CHARSET_WIDE_SHIFT_JIS && is_kana(c)) {
		*character = KANA_FIRST + c - CELL_FIRST;
		return 1;
	}
	/* CP936 has the euro there; else these begin nothing. */
	if (c == HIGH || c == 0xff) {
		*character = c == HIGH && set == CHARSET_WIDE_GB18030
				 ? 0x20ac
				 : UTF8_REPLACEMENT;
		return 1;
	}
	if (set == CHARSET_WIDE_EUC_JP)
		return take_euc_jp(text, character);
	if (set == CHARSET_WIDE_GB18030 && text.len > 1 &&
	    byte(text, 1) >= '0' && byte(text, 1) <= '9')
		return take_four(text, character);
	return take_two(set, text, character);
}

/* ---- sets of seven bits, with escapes ---- */

static const struct {
	char text[5];
	unsigned char set; /* enum charset_wide */
	unsigned char mode;
} escapes[] = {
	{ "\x1b(B", CHARSET_WIDE_ISO_2022_JP, MODE_ASCII },
	{ "\x1b(J", CHARSET_WIDE_ISO_2022_JP, MODE_ASCII },
	{ "\x1b(I", CHARSET_WIDE_ISO_2022_JP, MODE_KANA },
	{ "\x1b$@", CHARSET_WIDE_ISO_2022_JP, MODE_WIDE },
	{ "\x1b$B", CHARSET_WIDE_ISO_2022_JP, MODE_WIDE },
	{ "\x1b$(D", CHARSET_WIDE_ISO_2022_JP, MODE_JIS_X_0212 },
	{ "\x1b$)C", CHARSET_WIDE_ISO_2022_KR, MODE_ASCII },
	{ "\x0e", CHARSET_WIDE_ISO_2022_KR, MODE_WIDE },
	{ "\x0f", CHARSET_WIDE_ISO_2022_KR, MODE_ASCII },
	{ "~{", CHARSET_WIDE_HZ, MODE_WIDE },
	{ "~}", CHARSET_WIDE_HZ, MODE_ASCII },
	{ "~\n", CHARSET_WIDE_HZ, MODE_ASCII },
};

/* False: no escape, nor the beginning of one (*len is 0 then). */
static bool
take_escape(
    enum charset_wide set, unsigned *mode, struct span text, size_t *len)
{
	for (size_t i = 0; i < COUNT(escapes); i++) {
		struct span escape = span_of(escapes[i].text);

		if (escapes[i].set != set)
			continue;
		if (span_starts(text, escape)) {
			*mode = escapes[i].mode;
			*len = escape.len;
			return true;
		}
		if (text.len < escape.len && span_starts(escape, text)) {
			*len = 0;
			return true;
		}
	}
	return false;
}

static size_t
take_wide_cell(
    enum charset_wide set, unsigned mode, struct span text, uint32_t *character)
{
	unsigned first = byte(text, 0) | HIGH;

	if (mode == MODE_KANA) {
		*character = is_kana(first) ? KANA_FIRST + first - CELL_FIRST
					    : UTF8_REPLACEMENT;
		return 1;
	}
	if (text.len < 2)
		return 0;
	unsigned second = byte(text, 1) | HIGH;
	*character = mode == MODE_JIS_X_0212 ? of_jis_x_0212(first, second)
					     : two(set, first, second);
	if (*character != 0)
		return 2;
	*character = UTF8_REPLACEMENT;
	return byte(text, 1) <= ' ' ? 1 : 2;
}

/* A line begins in ASCII: RFC 1468, RFC 1557, RFC 1843. */
static size_t
take_seven_bits(enum charset_wide set, unsigned *mode, struct span text,
    uint32_t *character)
{
	unsigned c = byte(text, 0);
	size_t len;

	if (take_escape(set, mode, text, &len)) {
		*character = CHARSET_WIDE_MARK;
		return len;
	}
	if (set == CHARSET_WIDE_HZ && *mode == MODE_ASCII &&
	    span_starts(text, span_of("~~"))) {
		*character = '~';
		return 2;
	}
	if (c == '\n')
		*mode = MODE_ASCII;
	if (c > ' ' && c < HIGH && *mode != MODE_ASCII)
		return take_wide_cell(set, *mode, text, character);
	*character = c < HIGH ? c : UTF8_REPLACEMENT;
	return 1;
}

size_t
charset_wide_take(enum charset_wide set, unsigned *mode, struct span text,
    uint32_t *character)
{
	switch (set) {
	case CHARSET_WIDE_UTF_16:
	case CHARSET_WIDE_UTF_16LE:
	case CHARSET_WIDE_UTF_16BE:
		return charset_utf16_take(set, mode, text, character);
	case CHARSET_WIDE_UTF_7:
		return charset_utf7_take(mode, text, character);
	case CHARSET_WIDE_ISO_2022_JP:
	case CHARSET_WIDE_ISO_2022_KR:
	case CHARSET_WIDE_HZ:
		return take_seven_bits(set, mode, text, character);
	case CHARSET_WIDE_NONE:
	case CHARSET_WIDE_SHIFT_JIS:
	case CHARSET_WIDE_EUC_JP:
	case CHARSET_WIDE_KOREAN:
	case CHARSET_WIDE_GB18030:
	case CHARSET_WIDE_BIG5:
		break;
	}
	return take_eight_bits(set, text, character);
}
