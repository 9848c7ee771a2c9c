#include "net/tlsa.h"

static void
add_hex(struct buf *text, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	buf_add_char(text, digits[byte >> 4]);
	buf_add_char(text, digits[byte & 15]);
}

bool
tlsa_add_text(struct buf *text, struct span wire, size_t room)
{
	if (wire.len < 3)
		return false;
	for (size_t i = 0; i < 3; i++)
		buf_printf(text, "%u ", (unsigned)(unsigned char)wire.ptr[i]);
	wire = span_slice(wire, 3, wire.len);
	if (wire.len > TLSA_DATA_MAX || 2 * wire.len + 16 > room)
		return true;
	for (size_t i = 0; i < wire.len; i++)
		add_hex(text, (unsigned char)wire.ptr[i]);
	return true;
}

static bool
parse_data(struct span hex, struct tlsa *tlsa)
{
	uint64_t byte = 0;

	if (hex.len % 2 != 0 || hex.len / 2 > TLSA_DATA_MAX)
		return false;
	for (tlsa->len = 0; tlsa->len < hex.len / 2; tlsa->len++) {
		if (!span_number(
			span_slice(hex, 2 * tlsa->len, 2), 16, 255, &byte))
			return false;
		tlsa->data[tlsa->len] = (unsigned char)byte;
	}
	return true;
}

bool
tlsa_parse(struct span text, struct tlsa *tlsa)
{
	uint8_t *const numbers[] = { &tlsa->usage, &tlsa->selector,
		&tlsa->matching };
	uint64_t number = 0;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (!span_number(span_cut(&text, ' '), 10, 255, &number))
			return false;
		*numbers[i] = (uint8_t)number;
	}
	return parse_data(text, tlsa);
}
