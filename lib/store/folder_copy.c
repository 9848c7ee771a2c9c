#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/arrivals.h"
#include "store/quota.h"
#include "store/store_kind.h"

/* COPY: links; MOVE: renames.  arrivals.h says how they come in. */

struct copy {
	struct folder *source;
	struct folder *target; /* of its own, even if it is the same folder */
	const size_t *indexes;
	size_t count;
	const struct folder_copying *how;
	uint64_t keyword_map[FOLDER_KEYWORDS_MAX];
	struct arrivals arrivals;
	struct buf text;
};

/*
 * The target has its own bits for the same keywords; false if it has no room
 * for all of them.  A bit that has no name was shown to nobody.
 */
static bool
map_keywords(struct copy *copy)
{
	uint64_t used = 0;

	for (size_t k = 0; !copy->how->has_no_keywords && k < copy->count; k++)
		used |= copy->source->items[copy->indexes[k]].message.keywords;
	for (size_t i = 0; i < FOLDER_KEYWORDS_MAX; i++) {
		struct span keyword = folder_keyword(copy->source, i);

		copy->keyword_map[i] = 0;
		if (!(used >> i & 1) || keyword.len == 0)
			continue;
		copy->keyword_map[i] =
		    folder_keyword_bit(copy->target, keyword, true);
		if (copy->keyword_map[i] == 0)
			return false;
	}
	return true;
}

static uint64_t
mapped(const struct copy *copy, uint64_t keywords)
{
	uint64_t out = 0;

	for (size_t i = 0; keywords >> i != 0; i++) {
		if (keywords >> i & 1)
			out |= copy->keyword_map[i];
		if (i == FOLDER_KEYWORDS_MAX - 1)
			break;
	}
	return out;
}

static struct folder_item *
source_item(const struct copy *copy, size_t k)
{
	return &copy->source->items[copy->indexes[k]];
}

/* One link into tmp/, or one file renamed into its place. */
static bool
bring_one(struct copy *copy, size_t k, bool is_move)
{
	const struct folder_item *item = source_item(copy, k);
	struct buf *text = &copy->text;

	if (item->message.is_expunged) {
		errno = ENOENT;
		return false;
	}
	buf_clear(text);
	folder_add_file_name(text, copy->source, item);
	buf_add_char(text, '\0');
	size_t second = text->len;
	arrivals_add_name(text, &copy->arrivals, k, !is_move);
	buf_add_char(text, '\0');
	int from = item->is_in_new ? copy->source->new : copy->source->cur;
	if (is_move)
		return renameat(from, text->data, copy->target->cur,
			   text->data + second) == 0;
	return linkat(from, text->data, copy->target->root, text->data + second,
		   0) == 0;
}

/*
 * The names that we know may be old: one look at the files mends that; but who
 * moves within a folder has announced there what no file has the name of.
 */
static bool
bring_all(struct copy *copy, bool is_move, size_t *done)
{
	bool has_looked =
	    is_move && copy->source->list_inode == copy->target->list_inode;

	for (*done = 0; *done < copy->count; ++*done) {
		folder_tick(copy->source);
		while (!bring_one(copy, *done, is_move)) {
			if (errno != ENOENT || has_looked)
				return false;
			has_looked = true;
			if (folder_update(copy->source,
				FOLDER_CUR | FOLDER_NEW) != ACCOUNT_OK)
				return false;
			errno = ENOENT;
			if (source_item(copy, *done)->message.is_expunged)
				return false;
		}
	}
	return true;
}

static bool
announce(struct copy *copy)
{
	bool is_good = true;

	for (size_t k = 0; k < copy->count && is_good; k++) {
		const struct folder_item *item = source_item(copy, k);
		uint32_t passed = item->is_passed && !copy->how->has_no_keywords
				      ? MAILDIR_PASSED
				      : 0;
		const struct arrival arrival = {
			.flags =
			    (item->message.flags &
				~(MESSAGE_RECENT | copy->how->lost_flags)) |
			    passed,
			.keywords = mapped(copy, item->message.keywords)
		};

		is_good = arrivals_add(&copy->arrivals, &arrival);
	}
	return is_good;
}

/* ---- COPY ---- */

static bool
copy_locked(struct copy *copy)
{
	size_t done = 0;

	if (!announce(copy))
		return false;
	if (bring_all(copy, false, &done) && arrivals_commit(&copy->arrivals))
		return true;
	arrivals_undo(&copy->arrivals, done);
	return false;
}

/* ---- MOVE ---- */

/* What was moved goes back. */
static void
move_back(struct copy *copy, size_t done)
{
	for (size_t k = 0; k < done; k++) {
		const struct folder_item *item = source_item(copy, k);

		buf_clear(&copy->text);
		arrivals_add_name(&copy->text, &copy->arrivals, k, false);
		buf_add_char(&copy->text, '\0');
		size_t second = copy->text.len;
		folder_add_file_name(&copy->text, copy->source, item);
		buf_add_char(&copy->text, '\0');
		renameat(copy->target->cur, copy->text.data,
		    item->is_in_new ? copy->source->new : copy->source->cur,
		    copy->text.data + second);
	}
}

static bool
note_gone(struct copy *copy)
{
	struct folder *source = copy->source;
	struct buf lines = buf_new((size_t)UINT32_MAX);
	struct uidlist_line gone = { .kind = UIDLIST_GONE };
	bool in_new = false;

	if (!folder_list_read(source)) /* the target's lines, if it is both */
		return false;
	gone.modseq = ++source->modseq;
	for (size_t k = 0; k < copy->count; k++) {
		struct folder_item *item = source_item(copy, k);

		in_new |= item->is_in_new;
		folder_mark_gone(source, item, gone.modseq);
		if (gone.uid != 0 && gone.last_uid + 1 == item->message.uid) {
			gone.last_uid = item->message.uid;
			continue;
		}
		if (gone.uid != 0)
			uidlist_add(&lines, &gone);
		gone.uid = gone.last_uid = item->message.uid;
	}
	uidlist_add(&lines, &gone);
	bool is_good = folder_note_change(source, in_new);
	folder_add_state(source, &lines);
	is_good =
	    is_good && folder_list_append(source, buf_span(&lines), true) &&
	    fsync(source->cur) == 0 && (!in_new || fsync(source->new) == 0);
	buf_free(&lines);
	return is_good;
}

/*
 * The target's list has them before their files come, with what their names do
 * not say, and is durable before the source forgets: who ends in between can
 * leave a message in both lists, but its file is in one place.
 */
static bool
move_locked(struct copy *copy)
{
	size_t done = 0;

	if (!announce(copy))
		return false;
	if (arrivals_announce(&copy->arrivals) &&
	    bring_all(copy, true, &done) && arrivals_settle(&copy->arrivals))
		return note_gone(copy);
	int error = errno;
	move_back(copy, done);
	errno = error;
	arrivals_retract(&copy->arrivals);
	return false;
}

/* ---- both ---- */

/* A move changes nothing for the quota. */
static uint64_t
sum_bytes(const struct copy *copy)
{
	uint64_t octets = 0;

	for (size_t k = 0; k < copy->count; k++)
		octets += folder_item_bytes(copy->source, source_item(copy, k));
	return octets;
}

static enum account_status
run(struct copy *copy, struct folder_copied *copied)
{
	bool is_move = copy->how->is_move;
	enum account_status status =
	    folder_lock_both(copy->source, copy->target);

	if (status != ACCOUNT_OK)
		return status;
	status = folder_update(copy->source, 0);
	if (status == ACCOUNT_OK)
		status = folder_read(copy->target);
	bool is_counted = !is_move && quota_is_kept(copy->source->account);
	uint64_t octets =
	    status == ACCOUNT_OK && is_counted ? sum_bytes(copy) : 0;
	if (status == ACCOUNT_OK && is_counted)
		status =
		    quota_check(copy->source->account, octets, copy->count);
	if (status == ACCOUNT_OK && !map_keywords(copy))
		status = ACCOUNT_LIMIT;
	if (status == ACCOUNT_OK)
		status =
		    arrivals_begin(&copy->arrivals, copy->target, copy->count);
	if (status == ACCOUNT_OK &&
	    !(is_move ? move_locked(copy) : copy_locked(copy)))
		status = account_error();
	folder_unlock_both(copy->source, copy->target);
	if (status == ACCOUNT_OK)
		arrivals_take_uids(&copy->arrivals, copied);
	if (status == ACCOUNT_OK && is_counted)
		quota_add(copy->source->account, (int64_t)octets,
		    (int64_t)copy->count);
	arrivals_end(&copy->arrivals);
	return status;
}

enum account_status
folder_copy_without(struct folder *folder, const size_t *indexes, size_t count,
    const struct folder_copying *copying, struct folder_copied *copied)
{
	struct copy copy = { .source = folder,
		.indexes = indexes,
		.count = count,
		.how = copying,
		.text = buf_new((size_t)4 * UINT8_MAX) };
	if (copying->is_move && folder->is_read_only)
		return ACCOUNT_READ_ONLY;
	if (count == 0) {
		*copied = (struct folder_copied){ .uids = NULL };
		return ACCOUNT_OK;
	}
	enum account_status status =
	    folder_target(&copy.target, folder->account, copying->target);
	if (status == ACCOUNT_OK) {
		status = run(&copy, copied);
		folder_target_done(copy.target);
	}
	buf_free(&copy.text);
	return status;
}

enum account_status
folder_copy(struct folder *folder, const size_t *indexes, size_t count,
    struct span target, bool is_move, struct folder_copied *copied)
{
	const struct folder_copying copying = { .target = target,
		.is_move = is_move };

	return folder_copy_without(folder, indexes, count, &copying, copied);
}
