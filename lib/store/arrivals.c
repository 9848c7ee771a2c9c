#include "store/arrivals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/store_kind.h"

enum account_status
arrivals_begin(struct arrivals *arrivals, struct folder *folder, size_t count)
{
	*arrivals = (struct arrivals){ .folder = folder,
		.first = folder->count,
		.modseq = folder->modseq + 1,
		.now_s = (int64_t)time(NULL) };
	struct uidlist_state times;
	arrivals->was_known = !folder->is_mid_change &&
			      folder_times(folder, &times) &&
			      times.cur_ns == folder->state.cur_ns;
	if (folder->uid_next + count >= UINT32_MAX - 1 ||
	    folder->uid_next + count < count)
		return ACCOUNT_LIMIT;
	return ACCOUNT_OK;
}

bool
arrivals_add(struct arrivals *arrivals, const struct arrival *arrival)
{
	struct folder *folder = arrivals->folder;
	struct buf base = buf_new(MAILDIR_BASE_MAX);

	maildir_add_unique(&base, folder->account->host);
	if (base.overflow) {
		errno = ENAMETOOLONG;
		buf_free(&base);
		return false;
	}
	struct folder_item *item = folder_add_item(folder,
	    folder->uid_next + (uint32_t)arrivals->count, buf_span(&base));
	item->message.flags = arrival->flags & ~(uint32_t)MAILDIR_PASSED;
	item->is_passed = (arrival->flags & MAILDIR_PASSED) != 0;
	item->message.keywords = arrival->keywords;
	item->message.modseq = arrivals->modseq;
	item->message.save_date_s = arrivals->now_s;
	arrivals->count++;
	buf_free(&base);
	return true;
}

void
arrivals_add_name(
    struct buf *into, const struct arrivals *arrivals, size_t k, bool in_tmp)
{
	const struct folder *folder = arrivals->folder;
	const struct folder_item *item = &folder->items[arrivals->first + k];

	if (in_tmp) {
		buf_add_string(into, "tmp/");
		buf_add(into, folder_base(folder, item));
	} else {
		folder_add_file_name(into, folder, item);
	}
}

static void
add_lines(const struct arrivals *arrivals, struct buf *lines)
{
	const struct folder *folder = arrivals->folder;

	for (size_t k = 0; k < arrivals->count; k++) {
		const struct folder_item *item =
		    &folder->items[arrivals->first + k];
		const struct folder_message *message = &item->message;
		const struct uidlist_line line = { .kind = UIDLIST_MESSAGE,
			.uid = message->uid,
			.modseq = message->modseq,
			.save_date_s = message->save_date_s,
			.flags = message->flags |
				 (item->is_passed ? MAILDIR_PASSED : 0),
			.keywords = message->keywords,
			.text = folder_base(folder, item) };

		uidlist_add(lines, &line);
	}
}

static bool
move_into_cur(const struct arrivals *arrivals, size_t k, struct buf *names)
{
	const struct folder *folder = arrivals->folder;

	buf_clear(names);
	arrivals_add_name(names, arrivals, k, true);
	buf_add_char(names, '\0');
	size_t second = names->len;
	arrivals_add_name(names, arrivals, k, false);
	buf_add_char(names, '\0');
	return renameat(folder->root, names->data, folder->cur,
		   names->data + second) == 0;
}

/* Who knew how cur/ was knows how it is now; who did not has to look. */
static void
note_state(const struct arrivals *arrivals, struct buf *lines)
{
	struct folder *folder = arrivals->folder;
	struct uidlist_line line = { .kind = UIDLIST_STATE };
	struct uidlist_state *state = &folder->state;

	if (!arrivals->was_known || !folder_note_change(folder, false))
		state->cur_ns = 0;
	folder->is_mid_change = false;
	state->messages += arrivals->count;
	state->untold += arrivals->count;
	if (state->untold_from == 0)
		state->untold_from = folder->items[arrivals->first].message.uid;
	for (size_t k = 0; k < arrivals->count; k++) {
		uint32_t flags =
		    folder->items[arrivals->first + k].message.flags;

		state->unseen += !(flags & MESSAGE_SEEN);
		state->deleted += (flags & MESSAGE_DELETED) != 0;
	}
	state->uid_next = folder->uid_next;
	state->modseq = folder->modseq;
	line.state = *state;
	uidlist_add(lines, &line);
}

static bool
add_to_list(struct arrivals *arrivals, bool is_durable)
{
	struct folder *folder = arrivals->folder;
	struct buf lines = buf_new((size_t)UINT32_MAX);

	add_lines(arrivals, &lines);
	arrivals->is_listed =
	    folder_list_append(folder, buf_span(&lines), false);
	buf_free(&lines);
	if (!arrivals->is_listed)
		return false;
	folder->uid_next += (uint32_t)arrivals->count;
	folder->modseq = arrivals->modseq;
	return !is_durable || fdatasync(folder->list) == 0;
}

static bool
settle(struct arrivals *arrivals, bool is_durable)
{
	struct folder *folder = arrivals->folder;
	struct buf lines = buf_new(UIDLIST_LINE_MAX);

	note_state(arrivals, &lines);
	bool is_good =
	    folder_list_append(folder, buf_span(&lines), is_durable) &&
	    fsync(folder->cur) == 0;
	buf_free(&lines);
	return is_good;
}

/*
 * One message needs no sync of its own for the list to come first: a power cut
 * that keeps only the file keeps it whole (folder_append.c), with a new UID
 * that nobody was told.
 */
bool
arrivals_commit(struct arrivals *arrivals)
{
	struct buf names = buf_new((size_t)4 * UINT8_MAX);
	bool is_good = add_to_list(arrivals, arrivals->count > 1);

	for (size_t k = 0; k < arrivals->count && is_good; k++)
		is_good = move_into_cur(arrivals, k, &names);
	buf_free(&names);
	return is_good && settle(arrivals, arrivals->count == 1);
}

/* Keywords that a file's name has no letters for are in the list alone. */
bool
arrivals_announce(struct arrivals *arrivals)
{
	const struct folder *folder = arrivals->folder;
	uint64_t keywords = 0;

	for (size_t k = 0; k < arrivals->count; k++)
		keywords |= folder->items[arrivals->first + k].message.keywords;
	return add_to_list(arrivals, (keywords & ~MAILDIR_KEYWORDS_MASK) != 0);
}

bool
arrivals_settle(struct arrivals *arrivals)
{
	return settle(arrivals, true);
}

void
arrivals_retract(struct arrivals *arrivals)
{
	struct folder *folder = arrivals->folder;
	struct buf lines = buf_new((size_t)2 * UIDLIST_LINE_MAX);
	int error = errno;

	if (!arrivals->is_listed)
		return;
	struct folder_item *items = &folder->items[arrivals->first];
	const struct uidlist_line gone = { .kind = UIDLIST_GONE,
		.uid = items[0].message.uid,
		.last_uid = items[arrivals->count - 1].message.uid,
		.modseq = ++folder->modseq };
	for (size_t k = 0; k < arrivals->count; k++)
		folder_mark_gone(folder, &items[k], gone.modseq);
	uidlist_add(&lines, &gone);
	folder->state.cur_ns = 0; /* to be looked at */
	folder_add_state(folder, &lines);
	folder_list_append(folder, buf_span(&lines), true);
	buf_free(&lines);
	errno = error;
}

void
arrivals_undo(struct arrivals *arrivals, size_t done)
{
	struct folder *folder = arrivals->folder;
	struct buf name = buf_new((size_t)2 * UINT8_MAX);
	int error = errno;

	for (size_t k = 0; k < done; k++)
		for (int in_tmp = 0; in_tmp < 2; in_tmp++) {
			buf_clear(&name);
			arrivals_add_name(&name, arrivals, k, in_tmp != 0);
			const char *path = buf_string(&name);
			if (path != NULL)
				unlinkat(
				    in_tmp != 0 ? folder->root : folder->cur,
				    path, 0);
		}
	buf_free(&name);
	errno = error;
	arrivals_retract(arrivals);
}

void
arrivals_take_uids(
    const struct arrivals *arrivals, struct folder_copied *copied)
{
	const struct folder *folder = arrivals->folder;

	copied->uid_validity = folder->header.uid_validity;
	copied->uids =
	    store_allocate(NULL, arrivals->count, sizeof(*copied->uids));
	for (size_t k = 0; k < arrivals->count; k++)
		copied->uids[k] =
		    folder->items[arrivals->first + k].message.uid;
}

void
arrivals_end(struct arrivals *arrivals)
{
	struct folder *folder = arrivals->folder;

	if (folder == NULL)
		return;
	/* Given a UID but not in the list: it was never there. */
	while (folder->count > arrivals->first &&
	       folder->items[folder->count - 1].message.uid >= folder->uid_next)
		folder->count--;
}
