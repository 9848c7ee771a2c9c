#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder_state.h"
#include "store/quota.h"

/*
 * STORE and EXPUNGE: the files first, then lines in the list, then one sync.
 * A session that ends in between leaves files that the next one finds changed,
 * which is the same.
 */

#define ALL_FLAGS                                                              \
	(uint32_t)(MESSAGE_SEEN | MESSAGE_ANSWERED | MESSAGE_FLAGGED |         \
		   MESSAGE_DELETED | MESSAGE_DRAFT)

struct change {
	enum flag_change kind;
	uint32_t flags;
	uint64_t keywords;
	uint64_t modseq;
	struct buf names; /* old name, NUL, new name, NUL */
	size_t *changed;  /* indexes */
	size_t changed_count;
	bool in_new; /* files left new/ */
};

static void
apply(const struct change *change, struct folder_message *message)
{
	switch (change->kind) {
	case FLAGS_ADD:
		message->flags |= change->flags;
		message->keywords |= change->keywords;
		return;
	case FLAGS_REMOVE:
		message->flags &= ~change->flags;
		message->keywords &= ~change->keywords;
		return;
	case FLAGS_REPLACE:
		message->flags = (message->flags & ~ALL_FLAGS) | change->flags;
		message->keywords = change->keywords;
		return;
	}
}

/* False with errno set, ENOENT: it has another name than we know. */
static bool
rename_item(struct folder *folder, struct change *change,
    const struct folder_item *from, const struct folder_item *to)
{
	struct buf *names = &change->names;

	buf_clear(names);
	folder_add_file_name(names, folder, from);
	buf_add_char(names, '\0');
	size_t second = names->len;
	folder_add_file_name(names, folder, to);
	buf_add_char(names, '\0');
	if (names->overflow) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (from->is_in_new == to->is_in_new &&
	    strcmp(names->data, names->data + second) == 0)
		return true;
	return renameat(from->is_in_new ? folder->new : folder->cur,
		   names->data, folder->cur, names->data + second) == 0;
}

/* One message; ACCOUNT_NONEXISTENT: its file is not where it was. */
static enum account_status
change_one(
    struct folder *folder, struct change *change, struct folder_item *item)
{
	struct folder_item changed = *item;

	apply(change, &changed.message);
	if (changed.message.flags == item->message.flags &&
	    changed.message.keywords == item->message.keywords)
		return ACCOUNT_OK;
	changed.message.modseq = change->modseq;
	folder_name_anew(folder, &changed);
	if (!rename_item(folder, change, item, &changed))
		return errno == ENOENT ? ACCOUNT_NONEXISTENT : account_error();
	change->in_new |= item->is_in_new;
	*item = changed;
	change->changed[change->changed_count++] =
	    (size_t)(item - folder->items);
	return ACCOUNT_OK;
}

/*
 * What there is now, with the MODSEQ of the end: a look at the files in between
 * may have found some changed again, and has published the one of before.
 */
static void
add_lines(struct folder *folder, const struct change *change, struct buf *lines)
{
	for (size_t i = 0; i < change->changed_count; i++) {
		struct folder_item *item = &folder->items[change->changed[i]];

		if (item->message.is_expunged)
			continue;
		item->message.modseq = change->modseq;
		folder_add_line(folder, item, UIDLIST_FLAGS, lines);
	}
}

/* Both are at rest; the list, whose sync the journal shares, goes first. */
static bool
finish(struct folder *folder, struct buf *lines, bool in_new)
{
	if (!folder_note_change(folder, in_new))
		return false;
	folder_add_state(folder, lines);
	return folder_list_append(folder, buf_span(lines), true) &&
	       fsync(folder->cur) == 0 && (!in_new || fsync(folder->new) == 0);
}

/*
 * What others do meanwhile is found by one more look at the files; who is
 * faster than that holds the message, or has no room in its name for one more
 * letter, and the rest is changed all the same.
 */
static enum account_status
change_all(struct folder *folder, struct change *change, const size_t *indexes,
    size_t count, uint64_t unchanged_since,
    void (*refused)(void *context, size_t i), void *context)
{
	enum account_status result = ACCOUNT_OK;
	bool has_looked = false;

	for (size_t i = 0; i < count; i++) {
		struct folder_item *item = &folder->items[indexes[i]];

		if (item->message.is_expunged)
			continue;
		if (item->message.modseq > unchanged_since &&
		    item->message.modseq != change->modseq) {
			if (refused != NULL)
				refused(context, indexes[i]);
			continue;
		}
		enum account_status status = change_one(folder, change, item);
		if (status == ACCOUNT_NONEXISTENT && !has_looked) {
			has_looked = true;
			status = folder_scan(folder, FOLDER_CUR | FOLDER_NEW);
			change->modseq = folder->modseq + 1;
			i--;
		} else if (status == ACCOUNT_NONEXISTENT) {
			result = ACCOUNT_IN_USE;
			continue;
		} else if (status == ACCOUNT_INVALID) {
			result = ACCOUNT_LIMIT;
			continue;
		}
		if (status != ACCOUNT_OK)
			return status;
	}
	return result;
}

enum account_status
folder_change_flags(struct folder *folder, const size_t *indexes, size_t count,
    enum flag_change change, uint32_t flags, uint64_t keywords,
    uint64_t unchanged_since, void (*refused)(void *context, size_t i),
    void *context)
{
	struct change state = { .kind = change,
		.flags = flags & ALL_FLAGS,
		.keywords = keywords,
		.names = buf_new(2 * UINT8_MAX + 2) };

	if (folder->is_read_only)
		return ACCOUNT_READ_ONLY;
	enum account_status status = folder_lock(folder);
	if (status != ACCOUNT_OK)
		return status;
	status = folder_update(folder, 0);
	if (status == ACCOUNT_OK) {
		state.modseq = folder->modseq + 1;
		state.changed =
		    account_allocate(count + 1, sizeof(*state.changed));
		status = change_all(folder, &state, indexes, count,
		    unchanged_since, refused, context);
	}
	/* What was done is noted even if not all of it could be. */
	if (state.changed_count > 0) {
		struct buf lines = buf_new((size_t)UINT32_MAX);

		folder->modseq = state.modseq;
		add_lines(folder, &state, &lines);
		if (!finish(folder, &lines, state.in_new) &&
		    status == ACCOUNT_OK)
			status = account_error();
		buf_free(&lines);
	}
	folder_unlock(folder);
	buf_free(&state.names);
	free(state.changed);
	return status;
}

/* ---- expunging ---- */

static bool
remove_file(
    struct folder *folder, const struct folder_item *item, struct buf *name)
{
	buf_clear(name);
	folder_add_file_name(name, folder, item);
	const char *path = buf_string(name);

	if (path == NULL) {
		errno = ENAMETOOLONG;
		return false;
	}
	return unlinkat(item->is_in_new ? folder->new : folder->cur, path, 0) ==
	       0;
}

static void
add_gone(struct buf *lines, struct uidlist_line *gone, uint32_t uid)
{
	if (gone->uid != 0 && gone->last_uid + 1 == uid) {
		gone->last_uid = uid;
		return;
	}
	if (gone->uid != 0)
		uidlist_add(lines, gone);
	gone->uid = gone->last_uid = uid;
}

/* What goes, for the quota. */
struct removed {
	bool is_counted;
	int64_t octets;
	int64_t messages;
};

static bool
remove_item(struct folder *folder, struct folder_item *item,
    struct removed *removed, struct buf *name)
{
	uint64_t bytes =
	    removed->is_counted ? folder_item_bytes(folder, item) : 0;

	if (!remove_file(folder, item, name))
		return false;
	removed->octets += (int64_t)bytes;
	removed->messages++;
	return true;
}

static enum account_status
remove_all(struct folder *folder, const size_t *indexes, size_t count,
    struct uidlist_line *gone, struct buf *lines)
{
	struct removed removed = { .is_counted =
				       quota_is_kept(folder->account) };
	struct buf name = buf_new(UINT8_MAX);
	enum account_status status = ACCOUNT_OK;
	bool has_looked = false;

	for (size_t i = 0; i < count && status == ACCOUNT_OK; i++) {
		struct folder_item *item = &folder->items[indexes[i]];

		if (item->message.is_expunged)
			continue;
		if (remove_item(folder, item, &removed, &name) ||
		    (errno == ENOENT && has_looked)) {
			folder_mark_gone(folder, item, gone->modseq);
			add_gone(lines, gone, item->message.uid);
		} else if (errno == ENOENT) {
			has_looked = true;
			status = folder_scan(folder, FOLDER_CUR | FOLDER_NEW);
			gone->modseq = folder->modseq + 1;
			i--;
		} else {
			status = account_error();
		}
	}
	if (gone->uid != 0)
		uidlist_add(lines, gone);
	if (removed.is_counted && removed.messages > 0)
		quota_add(folder->account, -removed.octets, -removed.messages);
	buf_free(&name);
	return status;
}

enum account_status
folder_expunge_locked(
    struct folder *folder, const size_t *indexes, size_t count)
{
	struct buf lines = buf_new((size_t)UINT32_MAX);
	enum account_status status = folder_update(folder, 0);
	struct uidlist_line gone = { .kind = UIDLIST_GONE,
		.modseq = folder->modseq + 1 };
	bool in_new = false;

	for (size_t i = 0; i < count; i++)
		in_new |= folder->items[indexes[i]].is_in_new;
	if (status == ACCOUNT_OK)
		status = remove_all(folder, indexes, count, &gone, &lines);
	if (gone.uid != 0) {
		folder->modseq = gone.modseq;
		if (!finish(folder, &lines, in_new) && status == ACCOUNT_OK)
			status = account_error();
	}
	buf_free(&lines);
	return status;
}

enum account_status
folder_expunge(struct folder *folder, const size_t *indexes, size_t count)
{
	if (folder->is_read_only)
		return ACCOUNT_READ_ONLY;
	enum account_status status = folder_lock(folder);
	if (status != ACCOUNT_OK)
		return status;
	status = folder_expunge_locked(folder, indexes, count);
	folder_unlock(folder);
	return status;
}
