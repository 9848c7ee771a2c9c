#include "store/annotations.h"

#include <errno.h>
#include <unistd.h>

#include "store/account_state.h"

static const char first_line[] = "estafeta-annotations 1\n";

bool
annotations_begin(struct span *rest)
{
	struct span first = span_of(first_line);
	bool is_it = span_starts(*rest, first);

	*rest = span_slice(*rest, first.len, rest->len);
	return is_it;
}

/* "LEN:BYTES," */
static bool
take_netstring(struct span *rest, struct span *text)
{
	uint64_t len;
	struct span number = span_cut(rest, ':');

	if (!span_number(number, 10, ANNOTATIONS_MAX, &len) ||
	    len >= rest->len || rest->ptr[len] != ',')
		return false;
	*text = span_slice(*rest, 0, (size_t)len);
	*rest = span_slice(*rest, (size_t)len + 1, rest->len);
	return true;
}

bool
annotations_next(struct span *rest, struct span *entry, struct span *value)
{
	return rest->len > 0 && take_netstring(rest, entry) &&
	       take_netstring(rest, value);
}

static void
add_netstring(struct buf *into, struct span text)
{
	buf_printf(into, "%zu:", text.len);
	buf_add(into, text);
	buf_add_char(into, ',');
}

/* The folder's file, or the account's. */
static int
open_place(const struct account *account, struct span folder, const char **name)
{
	*name = folder.len == 0 ? "estafeta-annotations.server"
				: "estafeta-annotations";
	return account_open_folder(
	    account, folder.len == 0 ? span_of("INBOX") : folder);
}

static enum account_status
change(int place, const char *name, struct span entry, struct span value)
{
	struct buf old = buf_new(ANNOTATIONS_MAX);
	struct buf new = buf_new(ANNOTATIONS_MAX);
	struct span found_entry;
	struct span found;
	enum account_status status = ACCOUNT_OK;

	buf_add_string(&new, first_line);
	if (account_read_file(place, name, &old)) {
		struct span rest = buf_span(&old);

		if (annotations_begin(&rest))
			while (annotations_next(&rest, &found_entry, &found))
				if (!span_equal_nocase(found_entry, entry)) {
					add_netstring(&new, found_entry);
					add_netstring(&new, found);
				}
	}
	if (value.ptr != NULL) {
		add_netstring(&new, entry);
		add_netstring(&new, value);
	}
	if (new.overflow)
		status = ACCOUNT_LIMIT;
	else if (!account_write_file(place, name, buf_span(&new)))
		status = account_error();
	buf_free(&old);
	buf_free(&new);
	return status;
}

enum account_status
account_annotate(struct account *account, struct span folder, struct span entry,
    struct span value)
{
	const char *name;

	if (entry.len > ANNOTATION_ENTRY_MAX || entry.len < 2 ||
	    entry.ptr[0] != '/')
		return ACCOUNT_INVALID;
	int place = open_place(account, folder, &name);
	if (place == -1)
		return account_error();
	int lock = account_lock(place);
	enum account_status status =
	    lock == -1 ? account_error() : change(place, name, entry, value);
	if (lock != -1)
		close(lock);
	close(place);
	return status;
}

enum account_status
account_annotations(struct account *account, struct span folder,
    bool (*take)(void *context, struct span entry, struct span value),
    void *context)
{
	struct buf text = buf_new(ANNOTATIONS_MAX);
	const char *name;
	struct span entry;
	struct span value;
	int place = open_place(account, folder, &name);

	if (place == -1)
		return account_error();
	if (account_read_file(place, name, &text)) {
		struct span rest = buf_span(&text);

		if (annotations_begin(&rest))
			while (annotations_next(&rest, &entry, &value) &&
			       take(context, entry, value))
				continue;
	}
	close(place);
	buf_free(&text);
	return ACCOUNT_OK;
}
