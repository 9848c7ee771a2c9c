#include "store/subscriptions.h"

#include <errno.h>
#include <unistd.h>

#include "mail/utf7.h"

static const char file_name[] = "subscriptions";
static const char version_2[] = "V\t2\n\n";

enum {
	NAMES_MAX = 100000
};

static bool
add_name(struct buf *into, struct span line, char separator)
{
	size_t start = into->len;
	size_t depth = 0;

	while (line.len > 0) {
		struct span level = span_cut(&line, separator);

		if (depth++ > 0)
			buf_add_char(into, '/');
		if (level.len == 0 || depth > ACCOUNT_DEPTH_MAX ||
		    !utf7_decode(into, level, separator == '.' ? "./" : "")) {
			into->len = start;
			return false;
		}
	}
	if (into->len == start)
		return false;
	buf_add_char(into, '\n');
	return true;
}

void
subscriptions_parse(struct span text, struct buf *into)
{
	char separator = '.';

	if (span_starts(text, span_of(version_2))) {
		separator = '\t';
		text = span_slice(text, sizeof(version_2) - 1, text.len);
	}
	for (size_t i = 0; i < NAMES_MAX && text.len > 0; i++)
		add_name(into, span_cut(&text, '\n'), separator);
}

void
subscriptions_add(const struct account *account, struct buf *into)
{
	struct buf text = buf_new(ACCOUNT_SMALL_MAX);

	if (account_read_file(account->root, file_name, &text))
		subscriptions_parse(buf_span(&text), into);
	buf_free(&text);
}

static bool
add_line(struct buf *into, struct span name)
{
	bool is_good = true;

	while (name.len > 0 && is_good) {
		is_good = utf7_encode(into, span_cut(&name, '/'), "");
		buf_add_char(into, name.len > 0 ? '\t' : '\n');
	}
	return is_good;
}

static bool
write_names(struct account *account, const struct buf *names)
{
	struct buf text = buf_new(ACCOUNT_SMALL_MAX);
	bool is_good = true;

	buf_add_string(&text, version_2);
	for (struct span rest = buf_span(names); rest.len > 0;)
		is_good &= add_line(&text, span_cut(&rest, '\n'));
	if (text.overflow)
		errno = ENOSPC;
	is_good = is_good && !text.overflow &&
		  account_write_file(account->root, file_name, buf_span(&text));
	buf_free(&text);
	return is_good;
}

static enum account_status
change(struct account *account, struct span name, bool is_on)
{
	struct buf names = buf_new(ACCOUNT_SMALL_MAX);
	struct buf kept = buf_new(ACCOUNT_SMALL_MAX);
	enum account_status status = ACCOUNT_OK;

	subscriptions_add(account, &names);
	if (span_has_line(buf_span(&names), name) != is_on) {
		for (struct span rest = buf_span(&names); rest.len > 0;) {
			struct span one = span_cut(&rest, '\n');

			if (span_equal(one, name))
				continue;
			buf_add(&kept, one);
			buf_add_char(&kept, '\n');
		}
		if (is_on) {
			buf_add(&kept, name);
			buf_add_char(&kept, '\n');
		}
		if (!write_names(account, &kept))
			status = account_error();
	}
	buf_free(&names);
	buf_free(&kept);
	return status;
}

enum account_status
account_subscribe(struct account *account, struct span name, bool is_on)
{
	struct account_path path = account_path(name);
	bool is_name = path.path != NULL;

	account_path_free(&path);
	if (!is_name)
		return ACCOUNT_INVALID;
	if (account_is_inbox(name))
		name = span_of("INBOX");
	int lock = account_lock(account->root);
	if (lock == -1)
		return account_error();
	enum account_status status = change(account, name, is_on);
	close(lock);
	return status;
}
