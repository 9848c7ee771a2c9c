#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/folder_scan.h"

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
	int order = span_compare(a, b);
	/* On its way it is in new/ first. */
	return order != 0 ? order
			  : (int)((const struct fresh *)right)->folder -
				(int)((const struct fresh *)left)->folder;
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
	bool is_seen = last != NULL && !last->message.is_expunged &&
		       span_equal(folder_base(folder, last), base);
	enum scan_twin twin =
	    !is_seen ? SCAN_IT
		     : scan_part_twins(scan, last, fresh->name, fresh->folder);

	if (twin == SCAN_TWIN)
		scan_add_fresh(scan, buf_span(&scan->text), fresh->folder);
	if (twin != SCAN_IT)
		return true;
	if (!is_seen) {
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
	scan_take_letters(scan, last, name, fresh->folder);
	buf_free(&scan->lines);
	scan->lines = ignored;
	last->message.is_changed = false;
	last->is_marked = true;
	return true;
}

bool
scan_take_fresh(struct scan *scan)
{
	size_t before = scan->folder->count;

	if (scan->fresh_count > 0)
		qsort(scan->fresh, scan->fresh_count, sizeof(*scan->fresh),
		    compare_fresh);
	for (size_t i = 0; i < scan->fresh_count; i++)
		if (!take_fresh(scan, &scan->fresh[i]))
			return false;
	for (size_t i = before; i < scan->folder->count; i++)
		folder_add_line(scan->folder, &scan->folder->items[i],
		    UIDLIST_MESSAGE, &scan->lines);
	scan->has_changes |= scan->fresh_count > 0;
	return true;
}

void
folder_name_anew(struct folder *folder, struct folder_item *item)
{
	struct buf name = buf_new(UINT8_MAX);
	struct span old = { folder->names.data + item->name, item->exact_len };

	item->is_in_new = false;
	item->exact_len = 0;
	folder_add_file_name(&name, folder, item);
	uint32_t flags;
	uint64_t keywords;
	maildir_read_name(buf_span(&name), &flags, &keywords);
	name.len = item->name_len + sizeof(":2,") - 1;
	/* If there is no room for them they go. */
	if (maildir_merge_letters(&name, old, flags, keywords) &&
	    !name.overflow)
		folder_set_exact(folder, item, buf_span(&name));
	buf_free(&name);
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
	if (!folder_takes_recent(folder))
		return;
	buf_clear(&scan->text);
	folder_add_file_name(&scan->text, folder, item);
	struct folder_item moved = *item;
	folder_name_anew(folder, &moved);
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
		scan->moved |= FOLDER_CUR | FOLDER_NEW;
	}
}

void
scan_take_recent(struct scan *scan)
{
	struct folder *folder = scan->folder;

	for (size_t i = 0; i < folder->count; i++)
		if (folder->items[i].is_in_new &&
		    !folder->items[i].message.is_expunged)
			take_recent(scan, &folder->items[i]);
}
