#include <limits.h>

#include "mail/utf7.h"
#include "store/account_state.h"

/* Folders' names, for IMAP and on disk. */

static const char special[] = "./";

bool
account_is_inbox(struct span name)
{
	return span_equal_nocase(name, span_of("INBOX"));
}

/* A level that is written as it stands: no '/', no control bytes, UTF-8. */
static bool
add_level(struct buf *into, struct span level)
{
	buf_add_char(into, '.');
	return level.len > 0 && utf7_encode(into, level, special);
}

bool
account_add_path(struct buf *into, struct span name)
{
	size_t start = into->len;
	size_t depth = 0;

	if (account_is_inbox(name)) {
		buf_add_char(into, '.');
		return true;
	}
	if (name.len == 0 || name.len > ACCOUNT_NAME_MAX ||
	    name.ptr[name.len - 1] == '/')
		return false;
	while (name.len > 0) {
		struct span level = span_cut(&name, '/');

		/* "INBOX/x" is ".INBOX.x": it has one spelling. */
		if (depth == 0 && account_is_inbox(level))
			level = span_of("INBOX");
		if (++depth > ACCOUNT_DEPTH_MAX || !add_level(into, level))
			return false;
	}
	return !into->overflow && into->len - start <= NAME_MAX;
}

struct account_path
account_path(struct span name)
{
	struct account_path path = { .text = buf_new(NAME_MAX + 1) };

	if (account_add_path(&path.text, name))
		path.path = buf_string(&path.text);
	return path;
}

void
account_path_free(struct account_path *path)
{
	buf_free(&path->text);
	path->path = NULL;
}

bool
account_add_name(struct buf *into, struct span path)
{
	size_t depth = 0;
	size_t start = into->len;

	if (path.len < 2 || path.ptr[0] != '.' || path.ptr[path.len - 1] == '.')
		return false;
	path = span_slice(path, 1, path.len);
	while (path.len > 0) {
		struct span level = span_cut(&path, '.');

		if (level.len == 0 || ++depth > ACCOUNT_DEPTH_MAX)
			return false;
		if (depth > 1)
			buf_add_char(into, '/');
		if (!utf7_decode(into, level, special))
			return false;
	}
	/* ".INBOX" would be INBOX, which is elsewhere. */
	return !account_is_inbox(span_slice(buf_span(into), start, into->len));
}
