#include "smtpd/lines.h"

void
lines_init(struct lines *lines)
{
	*lines = (struct lines){ .carry = buf_new(DATA_LINE_MAX + 8) };
}

void
lines_free(struct lines *lines)
{
	buf_free(&lines->carry);
}

static void
keep(struct lines *lines, struct span part)
{
	if (lines->carry.len + part.len <= DATA_LINE_MAX) {
		buf_add(&lines->carry, part);
		return;
	}
	/* Keep what the line's end is recognised by: the last byte. */
	char last = part.len > 0 ? part.ptr[part.len - 1] : ' ';

	lines->is_too_long = true;
	buf_clear(&lines->carry);
	buf_add_string(&lines->carry, "xx");
	buf_add_char(&lines->carry, last);
}

bool
lines_next(struct lines *lines, struct span *bytes, struct span *line)
{
	size_t len = span_index(*bytes, '\n');
	bool is_whole = len < bytes->len;
	struct span part = span_slice(*bytes, 0, len);

	if (lines->is_used)
		buf_clear(&lines->carry);
	lines->is_used = false;
	*bytes = span_slice(*bytes, len + is_whole, bytes->len);
	if (is_whole && lines->carry.len == 0 && len <= DATA_LINE_MAX) {
		*line = part;
		return true;
	}
	keep(lines, part);
	lines->is_used = is_whole;
	*line = buf_span(&lines->carry);
	return is_whole;
}

struct span
lines_rest(const struct lines *lines)
{
	return lines->is_used ? (struct span){ "", 0 }
			      : buf_span(&lines->carry);
}
