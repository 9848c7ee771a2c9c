#include "mail/utf7.h"

#include <string.h>

#include "mail/utf8.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool
is_direct(uint32_t character, const char *special)
{
	return character >= 0x20 && character < 0x7f &&
	       strchr(special, (int)character) == NULL;
}

/* Base64 of UTF-16, sixteen bits at a time. */
struct shifted {
	uint32_t bits;
	unsigned count; /* bits that are not yet written */
};

static void
add_unit(struct buf *into, struct shifted *shifted, uint32_t unit)
{
	shifted->bits = shifted->bits << 16 | unit;
	shifted->count += 16;
	while (shifted->count >= 6) {
		shifted->count -= 6;
		buf_add_char(
		    into, digits[shifted->bits >> shifted->count & 0x3f]);
	}
	shifted->bits &= (1U << shifted->count) - 1;
}

/* The characters that must be encoded, as one run. */
static bool
add_run(struct buf *into, struct span *rest, const char *special)
{
	struct shifted shifted = { 0 };

	buf_add_char(into, '&');
	while (rest->len > 0) {
		struct span here = *rest;
		uint32_t c = utf8_next(&here);

		if (c == UTF8_NONE || c < 0x20 || c == 0x7f)
			return false;
		if (is_direct(c, special))
			break;
		*rest = here;
		if (c >= 0x10000) {
			add_unit(
			    into, &shifted, 0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		add_unit(into, &shifted, c);
	}
	if (shifted.count > 0)
		buf_add_char(
		    into, digits[shifted.bits << (6 - shifted.count) & 0x3f]);
	buf_add_char(into, '-');
	return true;
}

bool
utf7_encode(struct buf *into, struct span text, const char *special)
{
	while (text.len > 0) {
		unsigned char c = (unsigned char)text.ptr[0];

		if (!is_direct(c, special)) {
			if (!add_run(into, &text, special))
				return false;
			continue;
		}
		buf_add_char(into, (char)c);
		if (c == '&')
			buf_add_char(into, '-');
		text = span_slice(text, 1, text.len);
	}
	return true;
}

static bool
add_shifted(struct buf *into, struct span run)
{
	uint32_t bits = 0;
	unsigned count = 0;
	uint32_t high = 0;

	for (size_t i = 0; i < run.len; i++) {
		const char *digit =
		    run.ptr[i] == '\0' ? NULL : strchr(digits, run.ptr[i]);

		if (digit == NULL)
			return false;
		bits = (bits << 6 | (uint32_t)(digit - digits)) & 0xffffff;
		count += 6;
		if (count < 16)
			continue;
		count -= 16;
		uint32_t unit = bits >> count & 0xffff;
		if (unit >= 0xd800 && unit < 0xdc00) {
			high = unit;
			continue;
		}
		if (high != 0 && unit >= 0xdc00 && unit < 0xe000)
			unit =
			    0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
		high = 0;
		utf8_add(into, unit);
	}
	return true;
}

static bool
add_decoded(struct buf *into, struct span text)
{
	while (text.len > 0) {
		size_t plain = span_index(text, '&');

		buf_add(into, span_slice(text, 0, plain));
		if (plain == text.len)
			return true;
		text = span_slice(text, plain + 1, text.len);
		size_t end = span_index(text, '-');
		if (end == text.len)
			return false;
		if (end == 0)
			buf_add_char(into, '&');
		else if (!add_shifted(into, span_slice(text, 0, end)))
			return false;
		text = span_slice(text, end + 1, text.len);
	}
	return true;
}

/* Encoding again must give the same: all other forms are refused by that. */
bool
utf7_decode(struct buf *into, struct span text, const char *special)
{
	size_t before = into->len;
	struct buf again = buf_new(text.len);
	bool is_good = add_decoded(into, text);
	struct span decoded = span_slice(buf_span(into), before, into->len);

	is_good = is_good && !into->overflow &&
		  utf7_encode(&again, decoded, special) && !again.overflow &&
		  span_equal(buf_span(&again), text);
	buf_free(&again);
	if (!is_good)
		into->len = before;
	return is_good;
}
