#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "store/folder_state.h"

enum {
	SCANS = 2, /* one that was missed in both is gone */
	NEW = 0,
	CUR = 1
};

/*
 * A file system may give two changes that are this close the same time: what
 * was looked at sooner after a change is not known for sure.
 */
#define GRAIN_NS 1100000000LLU

struct fresh {
	char *name;
	int folder;
};

struct scan {
	struct folder *folder;
	uint32_t *table; /* index + 1 by the hash of the base; 0 none */
	size_t mask;
	struct fresh *fresh;
	size_t fresh_count;
	size_t fresh_room;
	uint64_t modseq; /* for what changed */
	struct buf lines;
	struct buf text;
	bool is_moved; /* by us, from new/ to cur/ */
	bool has_changes;
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t
changed_ns(const struct stat *status)
{
	return (uint64_t)status->st_mtim.tv_sec * 1000000000 +
	       (uint64_t)status->st_mtim.tv_nsec;
}

bool
folder_times(const struct folder *folder, struct uidlist_state *state)
{
	struct stat cur;
	struct stat new;

	if (fstat(folder->cur, &cur) == -1 || fstat(folder->new, &new) == -1 ||
	    cur.st_nlink == 0)
		return false;
	state->cur_ns = changed_ns(&cur);
	state->new_ns = changed_ns(&new);
	return true;
}

static uint64_t
settled_ns(const struct uidlist_state *state)
{
	return GRAIN_NS +
	       (state->cur_ns > state->new_ns ? state->cur_ns : state->new_ns);
}

bool
folder_is_unchanged(struct folder *folder)
{
	struct uidlist_state now;
	const struct uidlist_state *known = &folder->state;

	if (!folder_times(folder, &now) || known->cur_ns != now.cur_ns ||
	    known->new_ns != now.new_ns)
		return false;
	/* Later it is looked at once more. */
	return known->looked_ns > settled_ns(known) ||
	       now_ns() < settled_ns(known);
}

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

		item->is_marked = item->message.is_expunged;
		if (!item->message.is_expunged)
			scan->table[slot_of(scan, folder_base(folder, item))] =
			    (uint32_t)i + 1;
	}
}

/* ---- one file ---- */

static void
add_flags_line(struct scan *scan, const struct folder_item *item)
{
	const struct folder_message *message = &item->message;
	const struct uidlist_line line = { .kind = UIDLIST_FLAGS,
		.uid = message->uid,
		.modseq = message->modseq,
		.flags = (message->flags & ~(uint32_t)MESSAGE_RECENT) |
			 (item->is_passed ? MAILDIR_PASSED : 0),
		.keywords = message->keywords };

	uidlist_add(&scan->lines, &line);
}

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
static void
take_letters(
    struct scan *scan, struct folder_item *item, struct span name, int folder)
{
	struct folder_message *message = &item->message;
	uint32_t flags;
	uint64_t keywords;
	bool is_ours = maildir_read_name(name, &flags, &keywords);
	bool is_passed = (flags & MAILDIR_PASSED) != 0;
	struct span base = maildir_base(name);

	flags &= ~(uint32_t)MAILDIR_PASSED;
	item->is_in_new = folder == NEW;
	if (folder == NEW ? name.len > base.len : !is_ours) {
		uint32_t start = (uint32_t)scan->folder->names.len;

		buf_add(&scan->folder->names, name);
		item->name = start;
		item->exact_len = (uint16_t)name.len;
	} else {
		item->exact_len = 0;
	}
	name_keywords(scan->folder, keywords);
	if ((message->flags & ~(uint32_t)MESSAGE_RECENT) == flags &&
	    (message->keywords & MAILDIR_KEYWORDS_MASK) == keywords &&
	    item->is_passed == is_passed)
		return;
	message->flags = (message->flags & MESSAGE_RECENT) | flags;
	message->keywords =
	    (message->keywords & ~MAILDIR_KEYWORDS_MASK) | keywords;
	message->modseq = scan->modseq;
	message->is_changed = true;
	item->is_passed = is_passed;
	scan->has_changes = true;
	add_flags_line(scan, item);
}

static void
add_fresh(struct scan *scan, struct span name, int folder)
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
	scan->fresh[scan->fresh_count++] = (struct fresh){ copy, folder };
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
take_file(struct scan *scan, struct span name, int folder, bool is_again)
{
	struct span base = maildir_base(name);

	if (!maildir_is_base(base) || name.len > UINT8_MAX ||
	    span_index(name, '\n') < name.len)
		return;
	uint32_t found = scan->table[slot_of(scan, base)];
	if (found == 0) {
		if (!is_again)
			add_fresh(scan, name, folder);
		return;
	}
	struct folder_item *item = &scan->folder->items[found - 1];
	if (is_again && item->is_marked)
		return;
	item->is_marked = true;
	take_letters(scan, item, name, folder);
}

static bool
read_folder(struct scan *scan, int folder, bool is_again)
{
	const struct dirent *entry;
	int fd = openat(folder == CUR ? scan->folder->cur : scan->folder->new,
	    ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd == -1 ? NULL : fdopendir(fd);

	if (list == NULL)
		return false;
	while ((errno = 0, entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.' && is_regular(fd, entry))
			take_file(
			    scan, span_of(entry->d_name), folder, is_again);
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
	scan->is_moved |= is_moved;
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
		item->message.is_expunged = true;
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

/* ---- what is new ---- */

static int
compare_fresh(const void *left, const void *right)
{
	struct span a =
	    maildir_base(span_of(((const struct fresh *)left)->name));
	struct span b =
	    maildir_base(span_of(((const struct fresh *)right)->name));
	int64_t first = maildir_seconds(a, 0);
	int64_t second = maildir_seconds(b, 0);

	if (first != second)
		return first < second ? -1 : 1;
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.ptr, b.ptr, shorter);

	if (order != 0)
		return order;
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

static void
add_message_line(struct scan *scan, const struct folder_item *item)
{
	const struct folder_message *message = &item->message;
	const struct uidlist_line line = { .kind = UIDLIST_MESSAGE,
		.uid = message->uid,
		.modseq = message->modseq,
		.save_date_s = message->save_date_s,
		.flags = (message->flags & ~(uint32_t)MESSAGE_RECENT) |
			 (item->is_passed ? MAILDIR_PASSED : 0),
		.keywords = message->keywords,
		.text = folder_base(scan->folder, item) };

	uidlist_add(&scan->lines, &line);
}

/* A message that was seen in both is on its way to cur/. */
static bool
take_fresh(struct scan *scan, const struct fresh *fresh)
{
	struct folder *folder = scan->folder;
	struct span name = span_of(fresh->name);
	struct span base = maildir_base(name);
	struct folder_item *last =
	    folder->count == 0 ? NULL : &folder->items[folder->count - 1];
	struct buf ignored = scan->lines;

	if (last == NULL || !span_equal(folder_base(folder, last), base)) {
		if (folder->uid_next >= UINT32_MAX - 1) {
			errno = EOVERFLOW;
			return false;
		}
		last = folder_add_item(folder, folder->uid_next++, base);
		last->message.save_date_s =
		    maildir_seconds(base, (int64_t)time(NULL));
		last->message.modseq = scan->modseq;
	}
	/* The line that tells of it tells of its flags. */
	scan->lines = buf_new(UIDLIST_LINE_MAX);
	take_letters(scan, last, name, fresh->folder);
	buf_free(&scan->lines);
	scan->lines = ignored;
	last->message.is_changed = false;
	last->is_marked = true;
	return true;
}

static bool
take_all_fresh(struct scan *scan)
{
	size_t before = scan->folder->count;

	if (scan->fresh_count > 0)
		qsort(scan->fresh, scan->fresh_count, sizeof(*scan->fresh),
		    compare_fresh);
	for (size_t i = 0; i < scan->fresh_count; i++)
		if (!take_fresh(scan, &scan->fresh[i]))
			return false;
	for (size_t i = before; i < scan->folder->count; i++)
		add_message_line(scan, &scan->folder->items[i]);
	scan->has_changes |= scan->fresh_count > 0;
	return true;
}

/*
 * Mail in new/ is this session's to call recent, and is moved to cur/ by who
 * may change the folder.  Undone by a power cut, that is done again.
 */
static void
take_recent(struct scan *scan, struct folder_item *item)
{
	struct folder *folder = scan->folder;

	item->message.flags |= MESSAGE_RECENT;
	if (folder->is_read_only)
		return;
	buf_clear(&scan->text);
	folder_add_file_name(&scan->text, folder, item);
	struct folder_item moved = *item;
	moved.is_in_new = false;
	moved.exact_len = 0;
	size_t end = scan->text.len;
	buf_add_char(&scan->text, '\0');
	folder_add_file_name(&scan->text, folder, &moved);
	buf_add_char(&scan->text, '\0');
	const char *names = scan->text.data;
	if (renameat2(folder->new, names, folder->cur, names + end + 1,
		RENAME_NOREPLACE) == 0 ||
	    ((errno == EINVAL || errno == ENOSYS) &&
		renameat(folder->new, names, folder->cur, names + end + 1) ==
		    0)) {
		*item = moved;
		scan->is_moved = true;
	}
}

/* ---- all of it ---- */

void
folder_add_state(struct folder *folder, struct buf *lines, uint64_t looked_ns)
{
	struct uidlist_state *state = &folder->state;
	struct uidlist_line line = { .kind = UIDLIST_STATE };
	struct folder_counts counts;

	folder_counts(folder, &counts);
	state->looked_ns = looked_ns;
	state->messages = counts.messages;
	state->unseen = counts.unseen;
	state->deleted = counts.deleted;
	state->uid_next = folder->uid_next;
	state->modseq = folder->modseq;
	state->recent = 0;
	for (size_t i = 0; i < folder->count; i++)
		state->recent += folder->items[i].is_in_new &&
				 !folder->items[i].message.is_expunged;
	line.state = *state;
	uidlist_add(lines, &line);
}

static bool
read_folders(struct scan *scan)
{
	for (int i = 0; i < SCANS; i++) {
		/* Mail moves from new/ to cur/: none is missed in this order.
		 */
		if (!read_folder(scan, NEW, i > 0) ||
		    !read_folder(scan, CUR, i > 0))
			return false;
		if (!has_missing(scan))
			return true;
	}
	drop_missing(scan);
	return true;
}

static bool
scan_locked(struct scan *scan)
{
	struct folder *folder = scan->folder;
	struct uidlist_state times;
	uint64_t looked_ns = now_ns();

	if (!folder_times(folder, &times))
		return false;
	fill_table(scan);
	if (!read_folders(scan) || !take_all_fresh(scan))
		return false;
	for (size_t i = 0; i < folder->count; i++)
		if (folder->items[i].is_in_new &&
		    !folder->items[i].message.is_expunged)
			take_recent(scan, &folder->items[i]);
	if (scan->has_changes)
		folder->modseq = scan->modseq;
	if (scan->is_moved && !folder_times(folder, &times))
		return false;
	folder->state.cur_ns = times.cur_ns;
	folder->state.new_ns = times.new_ns;
	folder_add_state(folder, &scan->lines, scan->is_moved ? 0 : looked_ns);
	return folder_list_append(
	    folder, buf_span(&scan->lines), scan->has_changes);
}

enum account_status
folder_scan(struct folder *folder)
{
	struct scan scan = { .folder = folder,
		.modseq = folder->modseq + 1,
		.lines = buf_new((size_t)UINT32_MAX),
		.text = buf_new(1024) };
	bool is_good = scan_locked(&scan);
	int error = errno;

	for (size_t i = 0; i < scan.fresh_count; i++)
		free(scan.fresh[i].name);
	free(scan.fresh);
	free(scan.table);
	buf_free(&scan.lines);
	buf_free(&scan.text);
	errno = error;
	/* What was numbered here and is not in the list must not be told. */
	folder->is_replaced |= !is_good && scan.has_changes;
	return is_good ? ACCOUNT_OK : account_error();
}
