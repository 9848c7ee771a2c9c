#ifndef MAIL_CHARSET_WIDE_H
#define MAIL_CHARSET_WIDE_H

/*
 * charset_wide - the character sets of East Asia, whose characters have one to
 * four bytes: Shift_JIS, EUC-JP, ISO-2022-JP (RFC 1468, with JIS X 0212 and
 * kana), EUC-KR with the rest of CP949, ISO-2022-KR (RFC 1557), GB18030 and
 * what it holds, HZ (RFC 1843), Big5 with Hong Kong's characters; and UTF-16
 * and UTF-7, which charset_unicode reads.
 *
 * Pure: what is no character is U+FFFD.
 */

#include "base/span.h"

enum charset_wide {
	CHARSET_WIDE_NONE,
	CHARSET_WIDE_SHIFT_JIS,
	CHARSET_WIDE_EUC_JP,
	CHARSET_WIDE_ISO_2022_JP,
	CHARSET_WIDE_KOREAN,
	CHARSET_WIDE_ISO_2022_KR,
	CHARSET_WIDE_GB18030,
	CHARSET_WIDE_HZ,
	CHARSET_WIDE_BIG5,
	CHARSET_WIDE_UTF_16,
	CHARSET_WIDE_UTF_16LE,
	CHARSET_WIDE_UTF_16BE,
	CHARSET_WIDE_UTF_7
};

enum {
	CHARSET_WIDE_MARK = 0x110000 /* an escape: no character, but read */
};

/* By any name that mail has for it, ASCII case ignored. */
enum charset_wide charset_wide_find(struct span name);

/*
 * The first character of text, which is not empty: how many bytes it has; 0 if
 * the end of the text cuts it off.  *mode is 0 at the beginning, and what an
 * escape chose from then on.
 */
size_t charset_wide_take(enum charset_wide set, unsigned *mode,
    struct span text, uint32_t *character);

#endif
