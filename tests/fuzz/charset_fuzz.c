/*
 * charset_fuzz - text of any bytes in any character set: the first byte chooses
 * the set and the second how long the pieces are.  As a whole it says what it
 * says in pieces, and that is UTF-8.
 */

#include <stdlib.h>

#include "mail/charset.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sets[] = { "shift_jis", "euc-jp",
		"iso-2022-jp", "euc-kr", "iso-2022-kr", "gb18030", "hz-gb-2312",
		"big5", "utf-16", "utf-16le", "utf-16be", "utf-7", "utf-8",
		"windows-1252" };
	enum {
		SETS = sizeof(sets) / sizeof(*sets),
		GUESSED = 2
	};
	struct charset_stream stream;
	struct buf whole = buf_new(1 << 24);
	struct buf pieces = buf_new(1 << 24);

	if (size < 2)
		return 0;
	struct span set = span_of(sets[data[0] % SETS]);
	size_t len = 1 + data[1] % 8;
	struct span text = { (const char *)data + 2, size - 2 };
	charset_add_utf8(&whole, set, text);
	if (!utf8_is_valid(buf_span(&whole)))
		abort();
	charset_begin(&stream, set);
	for (size_t i = 0; i < text.len; i += len)
		charset_piece(&stream, &pieces, span_slice(text, i, len));
	charset_end(&stream, &pieces);
	/* What a guess proves to be may depend on where a piece ends. */
	if (data[0] % SETS < SETS - GUESSED &&
	    !span_equal(buf_span(&whole), buf_span(&pieces)))
		abort();
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
