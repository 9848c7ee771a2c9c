#include "mail/addrlist.h"

/* Copy a quoted string, quotes included, from the one at *at. */
static void
take_quoted(struct span text, size_t *at, struct buf *into)
{
	buf_add_char(into, text.ptr[(*at)++]);
	while (*at < text.len) {
		char c = text.ptr[(*at)++];

		buf_add_char(into, c);
		if (c == '"')
			return;
		if (c == '\\' && *at < text.len)
			buf_add_char(into, text.ptr[(*at)++]);
	}
}

/* Step over a comment; they nest. */
static void
skip_comment(struct span text, size_t *at)
{
	int depth = 0;

	while (*at < text.len) {
		char c = text.ptr[(*at)++];

		if (c == '\\' && *at < text.len)
			(*at)++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return;
	}
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * One mailbox, up to its comma: what stands in angle brackets is the address;
 * without those, all of it is, spaces taken out.
 */
static void
take_mailbox(struct span text, size_t *at, struct buf *address)
{
	bool has_angle = false;
	bool is_inside = false;

	while (*at < text.len) {
		char c = text.ptr[*at];

		if (c == '"') {
			take_quoted(text, at, address);
			continue;
		}
		if (c == '(') {
			skip_comment(text, at);
			continue;
		}
		(*at)++;
		if (c == ',' || c == ';')
			return;
		if (c == '<') {
			buf_clear(address);
			has_angle = is_inside = true;
		} else if (c == '>') {
			is_inside = false;
		} else if (c == ':' && !is_inside) {
			buf_clear(address); /* the name of a group */
		} else if (!is_space(c) && (!has_angle || is_inside)) {
			buf_add_char(address, c);
		}
	}
}

bool
addrlist_next(struct span *rest, struct buf *address)
{
	size_t at = 0;

	do {
		buf_clear(address);
		take_mailbox(*rest, &at, address);
	} while (address->len == 0 && at < rest->len);
	*rest = span_slice(*rest, at, rest->len);
	return address->len > 0;
}
