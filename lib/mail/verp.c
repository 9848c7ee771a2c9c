#include "mail/verp.h"

enum {
	DELIMITERS = 2,
	QUOTES = 2
};

bool
verp_is_delimiters(struct span text)
{
	const struct span known = span_of("-=+");

	return text.len == DELIMITERS &&
	       span_index(known, text.ptr[0]) < known.len &&
	       span_index(known, text.ptr[1]) < known.len;
}

static bool
is_quoted(struct span local)
{
	return local.len >= QUOTES && local.ptr[0] == '"';
}

/* As it stands between quotes: what must be escaped there is escaped. */
static struct span
inside(struct span local)
{
	return is_quoted(local) ? span_slice(local, 1, local.len - QUOTES)
				: local;
}

void
verp_add(struct buf *into, struct span sender, struct span delimiters,
    struct span recipient)
{
	size_t sender_at = span_last_index(sender, '@');
	size_t recipient_at = span_last_index(recipient, '@');
	struct span prefix = span_slice(sender, 0, sender_at);
	struct span local = span_slice(recipient, 0, recipient_at);
	struct span domain =
	    span_slice(recipient, recipient_at + 1, recipient.len);
	bool has_quotes = is_quoted(prefix) || is_quoted(local) ||
			  (domain.len > 0 && domain.ptr[0] == '[');

	if (sender.len == 0)
		return;
	if (has_quotes)
		buf_add_char(into, '"');
	buf_add(into, inside(prefix));
	buf_add_char(into, delimiters.ptr[0]);
	buf_add(into, inside(local));
	if (domain.len > 0) {
		buf_add_char(into, delimiters.ptr[1]);
		buf_add(into, domain);
	}
	if (has_quotes)
		buf_add_char(into, '"');
	buf_add(into, span_slice(sender, sender_at, sender.len));
}

size_t
verp_length_max(struct span sender, struct span recipient)
{
	return sender.len + recipient.len + DELIMITERS + QUOTES;
}
