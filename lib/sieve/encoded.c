#include "sieve/encoded.h"

#include "mail/utf8.h"

enum {
	UNICODE_MAX = 0x10ffff
};

struct decoder {
	char *bytes; /* as many as the text has, which is always enough */
	size_t len;
	bool is_in_range;
};

/* blank = WSP / CRLF */
static struct span
skip_blanks(struct span text)
{
	size_t i = 0;

	while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t' ||
				   text.ptr[i] == '\r' || text.ptr[i] == '\n'))
		i++;
	return span_slice(text, i, text.len);
}

/* Take a hexadecimal number off *rest, of as many digits as there are; one
 * above UNICODE_MAX is that and one more.  The number of digits. */
static size_t
cut_hex(struct span *rest, uint32_t *number)
{
	size_t len = 0;
	uint64_t digit;

	*number = 0;
	while (len < rest->len &&
	       span_number(span_slice(*rest, len, 1), 16, 15, &digit)) {
		if (*number <= UNICODE_MAX)
			*number = *number * 16 + (uint32_t)digit;
		len++;
	}
	if (*number > UNICODE_MAX)
		*number = UNICODE_MAX + 1;
	*rest = span_slice(*rest, len, rest->len);
	return len;
}

static void
add_octet(struct decoder *decoder, uint32_t number)
{
	decoder->bytes[decoder->len++] = (char)(unsigned char)number;
}

static void
add_character(struct decoder *decoder, uint32_t number)
{
	if (number > UNICODE_MAX || (number >= 0xd800 && number <= 0xdfff))
		decoder->is_in_range = false;
	else if (number < 0x80)
		add_octet(decoder, number);
	else {
		unsigned shift = number < 0x800     ? 6
				 : number < 0x10000 ? 12
						    : 18;
		uint32_t lead = shift == 6 ? 0xc0 : shift == 12 ? 0xe0 : 0xf0;

		add_octet(decoder, lead | number >> shift);
		while (shift > 0) {
			shift -= 6;
			add_octet(decoder, 0x80 | (number >> shift & 0x3f));
		}
	}
}

static const struct {
	const char *start;
	size_t digits_max;
	void (*add)(struct decoder *decoder, uint32_t number);
} kinds[] = {
	{ "${hex:", 2, add_octet },
	{ "${unicode:", SIZE_MAX, add_character },
};

/* *blank number *(1*blank number) *blank "}".  False, and nothing added or
 * taken, if text is not that. */
static bool
decode(struct decoder *decoder, struct span *text, size_t kind)
{
	struct span rest = skip_blanks(
	    span_slice(*text, span_of(kinds[kind].start).len, text->len));
	struct decoder before = *decoder;
	uint32_t number;

	for (;;) {
		size_t digits = cut_hex(&rest, &number);

		if (digits == 0 || digits > kinds[kind].digits_max)
			break;
		kinds[kind].add(decoder, number);
		size_t len = rest.len;
		rest = skip_blanks(rest);
		if (rest.len > 0 && rest.ptr[0] == '}') {
			*text = span_slice(rest, 1, rest.len);
			return true;
		}
		if (rest.len == len)
			break;
	}
	*decoder = before;
	return false;
}

static bool
decode_any(struct decoder *decoder, struct span *text)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (span_starts_nocase(*text, span_of(kinds[i].start)))
			return decode(decoder, text, i);
	return false;
}

enum encoded_status
encoded_decode(struct span *text, struct sieve_arena *arena)
{
	struct span rest = *text;

	if (span_index(rest, '$') == rest.len)
		return ENCODED_OK;
	struct decoder decoder = { sieve_arena_take(arena, rest.len), 0, true };
	if (decoder.bytes == NULL)
		return ENCODED_FULL;
	while (rest.len > 0) {
		if (rest.ptr[0] == '$' && decode_any(&decoder, &rest))
			continue;
		decoder.bytes[decoder.len++] = rest.ptr[0];
		rest = span_slice(rest, 1, rest.len);
	}
	if (!decoder.is_in_range)
		return ENCODED_RANGE;
	*text = (struct span){ decoder.bytes, decoder.len };
	return ENCODED_OK;
}
