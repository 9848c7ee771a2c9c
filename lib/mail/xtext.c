#include "mail/xtext.h"

#include "mail/utf8.h"

static bool
is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '+' && c != '=';
}

static bool
take_hex(struct span text, size_t at, uint64_t *byte)
{
	struct span digits = span_slice(text, at + 1, 2);

	for (size_t i = 0; i < digits.len; i++)
		if (digits.ptr[i] >= 'a') /* upper case alone */
			return false;
	return digits.len == 2 && span_number(digits, 16, 255, byte);
}

bool
xtext_decode(struct buf *into, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint64_t byte;

		if (is_plain(text.ptr[i])) {
			buf_add_char(into, text.ptr[i]);
			continue;
		}
		if (text.ptr[i] != '+' || !take_hex(text, i, &byte))
			return false;
		buf_add_char(into, (char)byte);
		i += 2;
	}
	return true;
}

bool
xtext_is_valid(struct span text)
{
	uint64_t byte;

	for (size_t i = 0; i < text.len; i++) {
		if (is_plain(text.ptr[i]))
			continue;
		if (text.ptr[i] != '+' || !take_hex(text, i, &byte))
			return false;
		i += 2;
	}
	return true;
}

void
xtext_encode(struct buf *into, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (is_plain(bytes.ptr[i]))
			buf_add_char(into, bytes.ptr[i]);
		else
			buf_printf(into, "+%02X", (unsigned char)bytes.ptr[i]);
	}
}

/* ---- ORCPT ---- */

static bool
is_utf8_type(struct span type)
{
	return span_equal_nocase(type, span_of("utf-8"));
}

/* "\x{HEX}" at text[at]: its length, 0 if there is none; RFC 6533. */
static size_t
embedded_len(struct span text, size_t at, uint64_t *code)
{
	struct span rest = span_slice(text, at, text.len);
	size_t close = span_index(rest, '}');

	if (!span_starts(rest, span_of("\\x{")) || close == rest.len ||
	    close > 9 ||
	    !span_number(span_slice(rest, 3, close - 3), 16, 0x10ffff, code))
		return 0;
	return *code < 0xd800 || *code > 0xdfff ? close + 1 : 0;
}

/* What a utf-8 address may hold beside xtext: "=" never, "+" as itself. */
static bool
is_utf8_address(struct span text, bool may_be_utf8)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		uint64_t code;
		size_t len = c == '\\' ? embedded_len(text, i, &code) : 1;

		if (len == 0 || c <= ' ' || c == 0x7f || c == '=' ||
		    (c >= 0x80 && !may_be_utf8))
			return false;
		i += len - 1;
	}
	return true;
}

bool
orcpt_is_valid(struct span orcpt, bool may_be_utf8)
{
	struct span address = orcpt;
	struct span type = span_cut(&address, ';');

	if (type.len == 0 || address.len == 0 || orcpt.len > XTEXT_ORCPT_MAX)
		return false;
	for (size_t i = 0; i < type.len; i++) /* an atom, RFC 5322 */
		if (!is_plain(type.ptr[i]) || type.ptr[i] == '<' ||
		    type.ptr[i] == '>' || type.ptr[i] == '@' ||
		    type.ptr[i] == '"' || type.ptr[i] == '(' ||
		    type.ptr[i] == ')')
			return false;
	return is_utf8_type(type) ? is_utf8_address(address, may_be_utf8)
				  : xtext_is_valid(address);
}

static void
add_utf8(struct buf *into, uint64_t code)
{
	if (code < 0x80) {
		buf_add_char(into, (char)code);
		return;
	}
	if (code < 0x800) {
		buf_add_char(into, (char)(0xc0 | code >> 6));
	} else {
		if (code < 0x10000) {
			buf_add_char(into, (char)(0xe0 | code >> 12));
		} else {
			buf_add_char(into, (char)(0xf0 | code >> 18));
			buf_add_char(into, (char)(0x80 | (code >> 12 & 0x3f)));
		}
		buf_add_char(into, (char)(0x80 | (code >> 6 & 0x3f)));
	}
	buf_add_char(into, (char)(0x80 | (code & 0x3f)));
}

static void
add_embedded(struct buf *into, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint64_t code;
		size_t len = embedded_len(text, i, &code);

		if (len == 0) {
			buf_add_char(into, text.ptr[i]);
			continue;
		}
		add_utf8(into, code);
		i += len - 1;
	}
}

void
orcpt_add_field(struct buf *into, struct span orcpt, bool is_utf8)
{
	struct span address = orcpt;
	struct span type = span_cut(&address, ';');
	struct buf plain = buf_new(XTEXT_ORCPT_MAX);

	if (is_utf8_type(type) && is_utf8)
		add_embedded(&plain, address);
	else if (is_utf8_type(type) || !xtext_decode(&plain, address))
		buf_add(&plain, address);
	buf_add(into, type);
	buf_add_string(into, "; ");
	for (size_t i = 0; i < plain.len; i++) {
		unsigned char c = (unsigned char)plain.data[i];
		bool is_fit = c >= ' ' && c != 0x7f && (c < 0x80 || is_utf8);

		buf_add_char(into, is_fit ? (char)c : '?');
	}
	buf_free(&plain);
}

void
xtext_add_embedded(struct buf *into, struct span address)
{
	while (address.len > 0) {
		uint32_t c = utf8_next(&address);

		if (c == UTF8_NONE)
			buf_add_char(into, '?');
		else if (c > ' ' && c < 0x7f && c != '\\' && c != '+' &&
			 c != '=')
			buf_add_char(into, (char)c);
		else
			buf_printf(into, "\\x{%02X}", (unsigned)c);
	}
}

bool
orcpt_add_ascii(struct buf *into, struct span orcpt)
{
	struct span address = orcpt;
	struct span type = span_cut(&address, ';');
	uint64_t code;

	if (span_is_ascii(orcpt)) {
		buf_add(into, orcpt);
		return true;
	}
	if (!is_utf8_type(type) || !utf8_is_valid(address))
		return false;
	buf_add(into, type);
	buf_add_char(into, ';');
	while (address.len > 0) {
		struct span rest = address;
		size_t len = embedded_len(address, 0, &code);

		if (len == 0)
			utf8_next(&rest);
		else
			rest = span_slice(rest, len, rest.len);
		struct span one =
		    span_slice(address, 0, address.len - rest.len);
		if (len == 0)
			xtext_add_embedded(into, one);
		else
			buf_add(into, one);
		address = rest;
	}
	return true;
}
