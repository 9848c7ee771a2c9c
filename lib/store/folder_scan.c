#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "store/folder_scan.h"

enum {
	SCANS = 2 /* one that was missed in both is gone */
};

/* ---- which message is it? ---- */

static size_t
slot_of(const struct scan *scan, struct span base)
{
	size_t slot = XXH3_64bits(base.ptr, base.len) & scan->mask;

	while (scan->table[slot] != 0) {
		const struct folder_item *item =
		    &scan->folder->items[scan->table[slot] - 1];

		if (span_equal(folder_base(scan->folder, item), base))
			return slot;
		slot = (slot + 1) & scan->mask;
	}
	return slot;
}

static void
fill_table(struct scan *scan)
{
	struct folder *folder = scan->folder;
	size_t size = 64;

	while (size < 2 * folder->count)
		size *= 2;
	scan->mask = size - 1;
	scan->table = account_allocate(size, sizeof(*scan->table));
	for (size_t i = 0; i < folder->count; i++) {
		struct folder_item *item = &folder->items[i];

		item->is_marked =
		    item->message.is_expunged ||
		    !(scan->parts &
			(item->is_in_new ? FOLDER_NEW : FOLDER_CUR));
		if (!item->message.is_expunged)
			scan->table[slot_of(scan, folder_base(folder, item))] =
			    (uint32_t)i + 1;
	}
}

/* ---- if it fails ---- */

/* What a scan takes and cannot write must not be told: folder_scan. */
static void
keep_old(struct scan *scan, const struct folder_item *item)
{
	if (item < scan->folder->items + scan->count)
		buf_add(&scan->old,
		    (struct span){ (const char *)item, sizeof(*item) });
}

static void
take_back(struct scan *scan, const struct uidlist_state *state,
    uint32_t uid_next, uint64_t modseq, uint64_t gone_modseq)
{
	struct folder *folder = scan->folder;
	const struct folder_item *old =
	    (const struct folder_item *)(const void *)scan->old.data;

	folder->count = scan->count;
	folder->state = *state;
	folder->uid_next = uid_next;
	folder->modseq = modseq;
	folder->gone_modseq = gone_modseq;
	for (size_t i = scan->old.len / sizeof(*old); i > 0; i--)
		*folder_item(folder, old[i - 1].message.uid) = old[i - 1];
}

/* ---- one file ---- */

/* Letters that another program invented get a name, too. */
static void
name_keywords(struct folder *folder, uint64_t keywords)
{
	char name[] = "unknown-a";

	if ((keywords & ~folder->keywords_known) != 0)
		folder_read_keywords(folder);
	for (size_t i = 0; i < MAILDIR_KEYWORDS; i++)
		if ((keywords & ~folder->keywords_known) >> i & 1) {
			name[sizeof(name) - 2] = (char)('a' + (char)i);
			folder_set_keyword(folder, i, span_of(name));
		}
}

/* The name is what counts: does it say what we know? */
void
scan_take_letters(struct scan *scan, struct folder_item *item, struct span name,
    unsigned part)
{
	struct folder_message *message = &item->message;
	uint32_t flags;
	uint64_t keywords;
	bool is_ours = maildir_read_name(name, &flags, &keywords);
	bool is_passed = (flags & MAILDIR_PASSED) != 0;
	struct span base = maildir_base(name);

	flags &= ~(uint32_t)MAILDIR_PASSED;
	item->is_in_new = part == FOLDER_NEW;
	if (part == FOLDER_NEW ? name.len > base.len : !is_ours)
		folder_set_exact(scan->folder, item, name);
	else
		item->exact_len = 0;
	name_keywords(scan->folder, keywords);
	if ((message->flags & ~(uint32_t)MESSAGE_RECENT) == flags &&
	    (message->keywords & MAILDIR_KEYWORDS_MASK) == keywords &&
	    item->is_passed == is_passed)
		return;
	keep_old(scan, item);
	message->flags = (message->flags & MESSAGE_RECENT) | flags;
	message->keywords =
	    (message->keywords & ~MAILDIR_KEYWORDS_MASK) | keywords;
	message->modseq = scan->modseq;
	message->is_changed = true;
	item->is_passed = is_passed;
	scan->has_changes = true;
	folder_add_line(scan->folder, item, UIDLIST_FLAGS, &scan->lines);
}

void
scan_add_fresh(struct scan *scan, struct span name, unsigned part)
{
	if (scan->fresh_count == scan->fresh_room) {
		size_t room = scan->fresh_room == 0 ? 16 : 2 * scan->fresh_room;
		struct fresh *more = account_allocate(room, sizeof(*more));

		if (scan->fresh_count > 0)
			memcpy(more, scan->fresh,
			    scan->fresh_count * sizeof(*more));
		free(scan->fresh);
		scan->fresh = more;
		scan->fresh_room = room;
	}
	char *copy = account_allocate(name.len + 1, 1);
	memcpy(copy, name.ptr, name.len);
	scan->fresh[scan->fresh_count++] = (struct fresh){ copy, part };
}

static bool
is_regular(int fd, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_REG;
	return fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(status.st_mode);
}

/* is_again: only messages that were missed matter. */
static void
take_file(struct scan *scan, const char *file, unsigned part, bool is_again)
{
	struct span name = span_of(file);
	struct span base = maildir_base(name);

	if (!maildir_is_base(base) || name.len > UINT8_MAX ||
	    span_index(name, '\n') < name.len)
		return;
	uint32_t found = scan->table[slot_of(scan, base)];
	if (found == 0) {
		if (!is_again)
			scan_add_fresh(scan, name, part);
		return;
	}
	struct folder_item *item = &scan->folder->items[found - 1];
	if (is_again && item->is_marked)
		return;
	enum scan_twin twin = scan_part_twins(scan, item, file, part);
	if (twin == SCAN_TWIN)
		scan_add_fresh(scan, buf_span(&scan->text), part);
	if (twin != SCAN_IT)
		return;
	item->is_marked = true;
	scan_take_letters(scan, item, name, part);
}

static bool
read_folder(struct scan *scan, unsigned part, bool is_again)
{
	const struct dirent *entry;
	int fd =
	    openat(part == FOLDER_CUR ? scan->folder->cur : scan->folder->new,
		".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd == -1 ? NULL : fdopendir(fd);

	if (list == NULL)
		return false;
	while ((errno = 0, entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.' && is_regular(fd, entry))
			take_file(scan, entry->d_name, part, is_again);
	int error = errno;
	closedir(list);
	errno = error;
	return error == 0;
}

/* ---- what is missing ---- */

/*
 * A message in the list whose file waits in tmp/ was added by a session that
 * ended before it could move it: folder_append.c.
 */
static bool
finish_move(struct scan *scan, struct folder_item *item)
{
	struct folder *folder = scan->folder;
	struct buf from = buf_new(UINT8_MAX);
	struct buf to = buf_new(UINT8_MAX);

	buf_add_string(&from, "tmp/");
	buf_add(&from, folder_base(folder, item));
	item->is_in_new = false;
	item->exact_len = 0;
	folder_add_file_name(&to, folder, item);
	const char *old = buf_string(&from);
	const char *name = buf_string(&to);
	bool is_moved = old != NULL && name != NULL &&
			renameat(folder->root, old, folder->cur, name) == 0;
	if (is_moved)
		scan->moved |= FOLDER_CUR;
	buf_free(&from);
	buf_free(&to);
	return is_moved;
}

static bool
has_missing(struct scan *scan)
{
	bool has = false;

	for (size_t i = 0; i < scan->folder->count; i++) {
		struct folder_item *item = &scan->folder->items[i];

		if (!item->is_marked)
			item->is_marked = finish_move(scan, item);
		has |= !item->is_marked;
	}
	return has;
}

static void
drop_missing(struct scan *scan)
{
	struct uidlist_line line = { .kind = UIDLIST_GONE,
		.modseq = scan->modseq };

	for (size_t i = 0; i < scan->folder->count; i++) {
		struct folder_item *item = &scan->folder->items[i];

		if (item->is_marked)
			continue;
		keep_old(scan, item);
		folder_mark_gone(scan->folder, item, scan->modseq);
		scan->has_changes = true;
		if (line.uid != 0 && line.last_uid + 1 == item->message.uid) {
			line.last_uid = item->message.uid;
			continue;
		}
		if (line.uid != 0)
			uidlist_add(&scan->lines, &line);
		line.uid = line.last_uid = item->message.uid;
	}
	if (line.uid != 0)
		uidlist_add(&scan->lines, &line);
}

/* ---- all of it ---- */

/*
 * Only what changed is looked at, unless a message is missed there: then it
 * may have moved.  Mail moves from new/ to cur/: none is missed in this order.
 */
static bool
read_folders(struct scan *scan, unsigned parts)
{
	for (int i = 0; i < SCANS; i++) {
		if ((parts & FOLDER_NEW &&
			!read_folder(scan, FOLDER_NEW, i > 0)) ||
		    (parts & FOLDER_CUR &&
			!read_folder(scan, FOLDER_CUR, i > 0)))
			return false;
		if (!has_missing(scan))
			return true;
		scan->parts |= FOLDER_NEW | FOLDER_CUR;
		parts = scan->parts;
	}
	drop_missing(scan);
	return true;
}

/*
 * What was read and not changed by us is known as of before it was read.  Of
 * new/ that we moved mail from the old time stays: more may have come.
 */
static bool
note_times(
    struct scan *scan, const struct uidlist_state *before, uint64_t looked_ns)
{
	struct uidlist_state *state = &scan->folder->state;

	if (scan->parts & FOLDER_NEW) {
		state->new_ns = before->new_ns;
		state->new_looked_ns = looked_ns;
	}
	if (scan->parts & FOLDER_CUR) {
		state->cur_ns = before->cur_ns;
		state->cur_looked_ns = looked_ns;
	}
	return !(scan->moved & FOLDER_CUR) ||
	       folder_note_change(scan->folder, false);
}

static bool
scan_locked(struct scan *scan)
{
	struct folder *folder = scan->folder;
	struct uidlist_state before;
	uint64_t looked_ns = folder_now_ns();

	folder->is_as_viewed = false;
	if (!folder_times(folder, &before))
		return false;
	fill_table(scan);
	if (!read_folders(scan, scan->parts) || !scan_take_fresh(scan))
		return false;
	scan_take_recent(scan);
	bool has_untold = folder_take_untold(folder);
	folder->is_untidy |= (scan->parts & FOLDER_CUR) != 0;
	if (scan->has_changes)
		folder->modseq = scan->modseq;
	if (!note_times(scan, &before, looked_ns))
		return false;
	/* A state that must be looked at again soon is not worth a line. */
	if (scan->has_changes || scan->moved != 0 || folder->is_list_due ||
	    has_untold || folder_parts_changed(folder, true) == 0)
		folder_add_state(folder, &scan->lines);
	if (folder->is_list_due)
		return folder_list_rewrite(folder);
	return folder_list_append(
	    folder, buf_span(&scan->lines), scan->has_changes);
}

enum account_status
folder_scan(struct folder *folder, unsigned parts)
{
	const struct uidlist_state state = folder->state;
	uint32_t uid_next = folder->uid_next;
	uint64_t modseq = folder->modseq;
	uint64_t gone_modseq = folder->gone_modseq;
	struct scan scan = { .folder = folder,
		.parts = parts,
		.modseq = modseq + 1,
		.count = folder->count,
		.old = buf_new(SIZE_MAX / 2),
		.lines = buf_new((size_t)UINT32_MAX),
		.text = buf_new(1024) };
	bool is_good = scan_locked(&scan);
	int error = errno;

	if (!is_good)
		take_back(&scan, &state, uid_next, modseq, gone_modseq);
	for (size_t i = 0; i < scan.fresh_count; i++)
		free(scan.fresh[i].name);
	free(scan.fresh);
	free(scan.table);
	buf_free(&scan.old);
	buf_free(&scan.lines);
	buf_free(&scan.text);
	errno = error;
	return is_good ? ACCOUNT_OK : account_error();
}
