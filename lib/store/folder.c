#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder_state.h"
#include "store/store_kind.h"

enum {
	NAMES_MAX = INT32_MAX,
	FEW = 64,
	PAGE = 4096,
	TOUCHED_MIN = 128 << 10
};

/* ---- the view ---- */

size_t
folder_find(const struct folder *folder, uint32_t uid)
{
	size_t low = 0;
	size_t high = folder->count;

	/* Without gaps the UID is the place. */
	if (high > 0 && folder->items[high - 1].message.uid < uid)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (folder->items[middle].message.uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct folder_item *
folder_item(struct folder *folder, uint32_t uid)
{
	size_t i = folder_find(folder, uid);

	return i < folder->count && folder->items[i].message.uid == uid
		   ? &folder->items[i]
		   : NULL;
}

void
folder_set_base(
    struct folder *folder, struct folder_item *item, struct span base)
{
	if (item->name_len > 0 && span_equal(folder_base(folder, item), base))
		return;
	item->name = (uint32_t)folder->names.len;
	item->name_len = (uint16_t)base.len;
	item->exact_len = 0;
	buf_add(&folder->names, base);
}

void
folder_set_exact(
    struct folder *folder, struct folder_item *item, struct span name)
{
	struct span known = { folder->names.data + item->name,
		item->exact_len };

	if (span_equal(known, name))
		return;
	item->name = (uint32_t)folder->names.len;
	item->exact_len = (uint16_t)name.len;
	buf_add(&folder->names, name);
}

/* One call for many pages costs less than a fault for each of them. */
static void
touch(void *memory, size_t size)
{
	uintptr_t start = ((uintptr_t)memory + PAGE - 1) / PAGE * PAGE;
	uintptr_t end = ((uintptr_t)memory + size) / PAGE * PAGE;

	if (end > start && end - start >= TOUCHED_MIN)
		(void)madvise((void *)start, end - start, MADV_POPULATE_WRITE);
}

void
folder_expect(struct folder *folder, size_t count, size_t names_len)
{
	if (names_len > NAMES_MAX)
		return;
	folder->room = count + 1;
	folder->items =
	    store_allocate(folder->items, folder->room, sizeof(*folder->items));
	touch(folder->items, folder->room * sizeof(*folder->items));
	touch(buf_room(&folder->names, names_len), names_len);
}

void
folder_fit(struct folder *folder)
{
	if (folder->room <= folder->count + folder->count / 4 + FEW)
		return;
	folder->room = folder->count + folder->count / 8 + 1;
	folder->items =
	    store_allocate(folder->items, folder->room, sizeof(*folder->items));
}

struct folder_item *
folder_add_item(struct folder *folder, uint32_t uid, struct span base)
{
	if (folder->count == folder->room) {
		folder->room = folder->room == 0 ? 16 : 2 * folder->room;
		folder->items = store_allocate(
		    folder->items, folder->room, sizeof(*folder->items));
	}
	struct folder_item *item = &folder->items[folder->count++];
	*item = (struct folder_item){ .message = { .uid = uid,
					  .octets = FOLDER_OCTETS_UNKNOWN } };
	folder_set_base(folder, item, base);
	return item;
}

void
folder_mark_gone(
    struct folder *folder, struct folder_item *item, uint64_t modseq)
{
	if (folder->gone_modseq == 0 || modseq < folder->gone_modseq)
		folder->gone_modseq = modseq;
	item->message.is_expunged = true;
}

void
folder_set_keyword(struct folder *folder, size_t bit, struct span keyword)
{
	char *copy = store_copy(keyword);

	free((char *)(uintptr_t)folder->keywords[bit].ptr);
	folder->keywords[bit] = (struct span){ copy, keyword.len };
	folder->keywords_known |= (uint64_t)1 << bit;
}

struct span
folder_base(const struct folder *folder, const struct folder_item *item)
{
	return (struct span){ folder->names.data + item->name, item->name_len };
}

void
folder_add_file_name(struct buf *into, const struct folder *folder,
    const struct folder_item *item)
{
	const struct folder_message *message = &item->message;

	if (item->exact_len != 0) {
		buf_add(into, (struct span){ folder->names.data + item->name,
				  item->exact_len });
		return;
	}
	buf_add(into, folder_base(folder, item));
	if (item->is_in_new)
		return;
	buf_add_string(into, ":2,");
	maildir_add_letters(into,
	    message->flags | (item->is_passed ? MAILDIR_PASSED : 0),
	    message->keywords);
}

/* ---- opening ---- */

static bool
open_folders(struct folder *folder)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	folder->root =
	    account_open_folder(folder->account, buf_span(&folder->name));
	if (folder->root == -1)
		return false;
	folder->cur = openat(folder->root, "cur", flags);
	folder->new = openat(folder->root, "new", flags);
	if (folder->cur != -1 && folder->new != -1)
		return true;
	if (errno != ENOENT || !account_make_maildir(folder->root))
		return false;
	if (folder->cur == -1)
		folder->cur = openat(folder->root, "cur", flags);
	if (folder->new == -1)
		folder->new = openat(folder->root, "new", flags);
	return folder->cur != -1 && folder->new != -1;
}

/* Which messages are in new/ the list does not say. */
static unsigned
parts_to_open(const struct folder *folder)
{
	return folder_parts_changed(folder, true) |
	       (folder->state.recent > 0 ? FOLDER_NEW : 0);
}

static enum account_status
open_locked(struct folder *folder)
{
	enum account_status status = folder_lock(folder);

	if (status != ACCOUNT_OK)
		return status;
	status = folder_update(folder, parts_to_open(folder));
	if (status == ACCOUNT_OK)
		folder_list_compact(folder);
	folder_unlock(folder);
	return status;
}

/* If nothing changed since someone looked, the list alone tells all. */
static enum account_status
open_view(struct folder *folder)
{
	if (!open_folders(folder))
		return account_error();
	if (folder_list_read(folder) && !folder->is_mid_change &&
	    parts_to_open(folder) == 0 && !folder_must_take(folder)) {
		folder_read_keywords(folder);
		/* Those will be marked. */
		return folder_has_untold(folder) ? folder_load(folder)
						 : ACCOUNT_OK;
	}
	enum account_status status = folder_load(folder);
	if (status == ACCOUNT_OK)
		status = open_locked(folder);
	if (status == ACCOUNT_OK)
		folder_read_keywords(folder);
	return status;
}

struct opening {
	bool is_read_only;
	bool leaves_recent;
	bool may_wait;
};

static enum account_status
open_folder(struct folder **folder, struct account *account, struct span name,
    const struct opening *how)
{
	struct folder *new = account_allocate(1, sizeof(*new));

	*new = (struct folder){ .account = account,
		.name = buf_new(ACCOUNT_NAME_MAX),
		.is_read_only = how->is_read_only,
		.leaves_recent = how->leaves_recent,
		.may_wait = how->may_wait,
		.waiting = { .view = -1 },
		.root = -1,
		.cur = -1,
		.new = -1,
		.lock = -1,
		.list = -1,
		.validity = -1,
		.uid_next = 1,
		.modseq = 1,
		.names = buf_new(NAMES_MAX) };
	buf_add(&new->name, account_is_inbox(name) ? span_of("INBOX") : name);
	enum account_status status =
	    new->name.overflow ? ACCOUNT_INVALID : open_view(new);
	if (status != ACCOUNT_OK) {
		int error = errno;

		folder_close(new);
		errno = error;
		return status;
	}
	/* What was there when it was opened is no news. */
	if (!new->is_as_viewed) {
		folder_drop_expunged(new, NULL, NULL);
		folder_forget_changes(new);
	}
	folder_look_at_untold(new);
	*folder = new;
	return ACCOUNT_OK;
}

enum account_status
folder_open(struct folder **folder, struct account *account, struct span name,
    bool is_read_only)
{
	const struct opening how = { .is_read_only = is_read_only };

	return open_folder(folder, account, name, &how);
}

enum account_status
folder_open_aside(
    struct folder **folder, struct account *account, struct span name)
{
	const struct opening how = { .leaves_recent = true };

	return open_folder(folder, account, name, &how);
}

enum account_status
folder_open_unread(struct folder **folder, struct account *account,
    struct span name, bool is_read_only)
{
	const struct opening how = { .is_read_only = is_read_only,
		.may_wait = true };

	return open_folder(folder, account, name, &how);
}

void
folder_on_progress(
    struct folder *folder, void (*tick)(void *context), void *context)
{
	folder->tick = tick;
	folder->tick_context = context;
}

void
folder_tick(const struct folder *folder)
{
	if (folder->tick != NULL)
		folder->tick(folder->tick_context);
}

void
folder_close(struct folder *folder)
{
	const int fds[] = { folder->root, folder->cur, folder->new,
		folder->lock, folder->validity, folder->waiting.view };

	folder_view_leave(folder);
	folder_tidy(folder);
	folder_list_close(folder);
	folder_ahead_free(folder);
	folder_cache_free(folder);
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] != -1)
			close(fds[i]);
	for (size_t i = 0; i < FOLDER_KEYWORDS_MAX; i++)
		free((char *)(uintptr_t)folder->keywords[i].ptr);
	buf_free(&folder->name);
	buf_free(&folder->names);
	free(folder->items);
	free(folder);
}

/* ---- staying up to date ---- */

enum account_status
folder_lock(struct folder *folder)
{
	if (folder->lock_depth++ > 0)
		return ACCOUNT_OK;
	folder->lock = account_lock(folder->root);
	if (folder->lock != -1)
		return ACCOUNT_OK;
	folder->lock_depth = 0;
	return account_error();
}

void
folder_unlock(struct folder *folder)
{
	int error = errno;

	if (--folder->lock_depth > 0)
		return;
	close(folder->lock);
	folder->lock = -1;
	errno = error;
}

static bool
read_or_make_list(struct folder *folder)
{
	if (folder_list_read(folder))
		return true;
	if (errno != ENOENT && errno != EBADMSG)
		return false;
	/* Who has it in memory can bring back a list that was lost. */
	if (folder->header.uid_validity != 0)
		return folder_list_rewrite(folder);
	return folder_list_make(folder);
}

static enum account_status
read_list(struct folder *folder)
{
	return read_or_make_list(folder) ? ACCOUNT_OK : account_error();
}

enum account_status
folder_read(struct folder *folder)
{
	enum account_status status = read_list(folder);

	if (status == ACCOUNT_OK && folder->is_list_due &&
	    !folder_list_rewrite(folder))
		return account_error();
	return status;
}

enum account_status
folder_update(struct folder *folder, unsigned parts)
{
	enum account_status status = read_list(folder);

	if (status != ACCOUNT_OK)
		return status;
	parts |= folder_parts_changed(folder, parts != 0);
	/* Who began a change ended before it was done: there is the lock. */
	if (folder->is_mid_change)
		parts |= FOLDER_CUR | FOLDER_NEW;
	folder->is_mid_change = false;
	if (parts != 0 || folder->is_list_due)
		return folder_scan(folder, parts);
	folder_note_told(folder);
	return ACCOUNT_OK;
}

enum account_status
folder_refresh(struct folder *folder)
{
	/* Half of a change would hide the rest: both have one MODSEQ. */
	if (folder_list_read(folder) && !folder->is_mid_change &&
	    folder_parts_changed(folder, false) == 0 &&
	    !folder_must_take(folder)) {
		folder_look_at_untold(folder);
		return ACCOUNT_OK;
	}
	enum account_status status = folder_lock(folder);
	if (status != ACCOUNT_OK)
		return status;
	status = folder_update(folder, 0);
	if (status == ACCOUNT_OK)
		folder_list_compact(folder);
	folder_unlock(folder);
	return status;
}

bool
folder_is_replaced(const struct folder *folder)
{
	return folder->is_replaced;
}

bool
folder_is_deleted(const struct folder *folder)
{
	struct stat status;

	return fstat(folder->cur, &status) == 0 && status.st_nlink == 0;
}

void
folder_forget_changes(struct folder *folder)
{
	for (size_t i = 0; i < folder->count; i++)
		folder->items[i].message.is_changed = false;
}

/* ---- asking ---- */

size_t
folder_count(const struct folder *folder)
{
	return folder->count;
}

const struct folder_message *
folder_message(const struct folder *folder, size_t i)
{
	return &folder->items[i].message;
}

struct span
folder_keyword(const struct folder *folder, size_t i)
{
	return i < FOLDER_KEYWORDS_MAX && folder->keywords_known >> i & 1
		   ? folder->keywords[i]
		   : (struct span){ "", 0 };
}
