#include "store/uidl_format.h"

#include "base/control.h"
#include "store/store_kind.h"

struct directive {
	uint64_t width;
	bool is_zero_filled;
	bool is_hex;
	char letter;
};

/* What follows a '%'; false at the end of the format. */
static bool
take_directive(struct span *rest, struct directive *directive)
{
	*directive = (struct directive){ .width = 0 };
	while (rest->len > 0) {
		char c = rest->ptr[0];

		*rest = span_slice(*rest, 1, rest->len);
		if (c == '0' && directive->width == 0) {
			directive->is_zero_filled = true;
		} else if (c >= '0' && c <= '9') {
			directive->width =
			    directive->width * 10 + (uint64_t)(c - '0');
			if (directive->width > STORE_UIDL_MAX)
				return false;
		} else if (c == 'X' && !directive->is_hex) {
			directive->is_hex = true;
		} else {
			directive->letter = c;
			return true;
		}
	}
	return false;
}

static void
add_number(struct buf *into, const struct directive *directive, uint32_t number)
{
	struct buf digits = buf_new(16);

	buf_printf(
	    &digits, directive->is_hex ? "%lx" : "%lu", (unsigned long)number);
	for (size_t i = digits.len; i < directive->width; i++)
		buf_add_char(into, directive->is_zero_filled ? '0' : ' ');
	buf_add(into, buf_span(&digits));
	buf_free(&digits);
}

bool
uidl_format_add(
    struct buf *into, struct span format, const struct uidl_facts *facts)
{
	while (format.len > 0) {
		size_t percent = span_index(format, '%');
		struct directive directive;

		buf_add(into, span_slice(format, 0, percent));
		if (percent == format.len)
			break;
		format = span_slice(format, percent + 1, format.len);
		if (!take_directive(&format, &directive))
			return false;
		switch (directive.letter) {
		case 'u':
			add_number(into, &directive, facts->uid);
			break;
		case 'v':
			add_number(into, &directive, facts->uid_validity);
			break;
		case 'f':
		case 'g':
			buf_add(into, facts->unique);
			break;
		case '%':
			buf_add_char(into, '%');
			break;
		default:
			return false;
		}
	}
	return true;
}

bool
uidl_is_valid(struct span uidl)
{
	if (uidl.len == 0 || uidl.len > STORE_UIDL_MAX)
		return false;
	for (size_t i = 0; i < uidl.len; i++)
		if (uidl.ptr[i] <= ' ' || uidl.ptr[i] >= 0x7f)
			return false;
	return true;
}

/* One that is the same for two messages, or none, is no unique id. */
static bool
is_good(struct span format)
{
	const struct uidl_facts facts[] = { { 1, 2, { "a", 1 } },
		{ 3, 2, { "b", 1 } } };
	struct buf one = buf_new(CONTROL_WORD_MAX);
	struct buf other = buf_new(CONTROL_WORD_MAX);
	bool is_good = uidl_format_add(&one, format, &facts[0]) &&
		       uidl_format_add(&other, format, &facts[1]) &&
		       uidl_is_valid(buf_span(&one)) &&
		       !span_equal(buf_span(&one), buf_span(&other));

	buf_free(&one);
	buf_free(&other);
	return is_good;
}

struct buf
uidl_format_read(void)
{
	struct buf format = control_word("pop3uidl", UIDL_FORMAT_DEFAULT);

	if (!is_good(buf_span(&format)))
		control_complain_value("pop3uidl",
		    "Dovecot's pop3_uidl_format, of %u, %v and %f, as in "
		    "" UIDL_FORMAT_DEFAULT);
	return format;
}
