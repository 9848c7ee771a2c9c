#include "mail/charset_unicode.h"

#include "mail/utf8.h"

enum {
	UNIT_BITS = 16,
	DIGIT_BITS = 6,
	NO_DIGIT = 64,
	MARK_OF_ORDER = 0xfeff,
	MARK_SWAPPED = 0xfffe
};

static bool
is_high(uint32_t unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool
is_low(uint32_t unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

static uint32_t
joined(uint32_t high, uint32_t low)
{
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* ---- UTF-16 ---- */

/* Which byte of a unit is first; not known where UTF-16 begins. */
enum order {
	ORDER_UNKNOWN,
	ORDER_BIG,
	ORDER_LITTLE
};

static uint32_t
unit_at(enum order order, struct span text, size_t i)
{
	uint32_t first = (unsigned char)text.ptr[i];
	uint32_t second = (unsigned char)text.ptr[i + 1];

	return order == ORDER_LITTLE ? second << 8 | first
				     : first << 8 | second;
}

size_t
charset_utf16_take(enum charset_wide set, unsigned *mode, struct span text,
    uint32_t *character)
{
	enum {
		UNIT = 2
	};
	bool is_start = *mode == ORDER_UNKNOWN;

	if (text.len < UNIT)
		return 0;
	if (is_start && (set == CHARSET_WIDE_UTF_16LE ||
			    (set == CHARSET_WIDE_UTF_16 &&
				unit_at(ORDER_BIG, text, 0) == MARK_SWAPPED)))
		*mode = ORDER_LITTLE;
	else if (is_start)
		*mode = ORDER_BIG;
	uint32_t unit = unit_at(*mode, text, 0);
	*character = unit;
	if (is_start && unit == MARK_OF_ORDER)
		*character = CHARSET_WIDE_MARK;
	if (!is_high(unit)) {
		if (is_low(unit))
			*character = UTF8_REPLACEMENT;
		return UNIT;
	}
	if (text.len < (size_t)2 * UNIT) {
		*mode = is_start ? ORDER_UNKNOWN : *mode;
		return 0;
	}
	uint32_t low = unit_at(*mode, text, UNIT);
	*character = is_low(low) ? joined(unit, low) : UTF8_REPLACEMENT;
	return is_low(low) ? 2 * UNIT : UNIT;
}

/* ---- UTF-7 ---- */

static unsigned
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0' + 52);
	if (c == '+')
		return 62;
	return c == '/' ? 63 : NO_DIGIT;
}

/* Base64 that was begun: fewer bits than a digit has are left of the last. */
struct run {
	struct span text;
	size_t read; /* digits */
	unsigned bits;
	unsigned count;
};

/* mode: 0, or a run's count of bits, the bits, and this. */
enum {
	IN_RUN = 0x100,
	COUNT_SHIFT = 4,
	BITS_MASK = 0xf
};

enum unit {
	UNIT_WHOLE,
	UNIT_CUT, /* by the end of the text */
	UNIT_BROKEN
};

static enum unit
take_unit(struct run *run, uint32_t *unit)
{
	while (run->count < UNIT_BITS) {
		if (run->read == run->text.len)
			return UNIT_CUT;
		unsigned value = digit_value(run->text.ptr[run->read]);
		if (value == NO_DIGIT)
			return UNIT_BROKEN;
		run->bits = run->bits << DIGIT_BITS | value;
		run->count += DIGIT_BITS;
		run->read++;
	}
	run->count -= UNIT_BITS;
	*unit = run->bits >> run->count;
	run->bits &= (1U << run->count) - 1;
	return UNIT_WHOLE;
}

/* Up to where a run goes on. */
static size_t
end_character(const struct run *run, unsigned *mode)
{
	*mode = IN_RUN | run->count << COUNT_SHIFT | run->bits;
	return run->read;
}

/* A character of a run whose next byte is a digit. */
static size_t
take_of_run(unsigned *mode, struct span text, uint32_t *character)
{
	struct run run = { .text = text,
		.bits = *mode & BITS_MASK,
		.count = *mode >> COUNT_SHIFT & BITS_MASK };
	uint32_t high;
	uint32_t low;
	enum unit result = take_unit(&run, &high);

	if (result == UNIT_CUT)
		return 0;
	*character = UTF8_REPLACEMENT;
	if (result == UNIT_BROKEN) {
		*mode = IN_RUN;
		return run.read;
	}
	struct run behind = run;
	if (!is_high(high)) {
		*character = is_low(high) ? UTF8_REPLACEMENT : high;
		return end_character(&run, mode);
	}
	result = take_unit(&behind, &low);
	if (result == UNIT_CUT)
		return 0;
	if (result == UNIT_BROKEN || !is_low(low))
		return end_character(&run, mode);
	*character = joined(high, low);
	return end_character(&behind, mode);
}

size_t
charset_utf7_take(unsigned *mode, struct span text, uint32_t *character)
{
	unsigned char c = (unsigned char)text.ptr[0];

	if (*mode != 0) {
		if (digit_value(text.ptr[0]) != NO_DIGIT)
			return take_of_run(mode, text, character);
		*mode = 0;
		*character = CHARSET_WIDE_MARK;
		if (c == '-')
			return 1;
	}
	*character = c < 0x80 ? c : UTF8_REPLACEMENT;
	if (c != '+')
		return 1;
	if (text.len == 1)
		return 0;
	if (text.ptr[1] == '-')
		return 2;
	if (digit_value(text.ptr[1]) != NO_DIGIT) {
		*mode = IN_RUN;
		*character = CHARSET_WIDE_MARK;
	}
	return 1;
}
