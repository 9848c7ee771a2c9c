#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#include "store/folder_state.h"
#include "store/store_kind.h"

/*
 * estafeta-view: what a list said up to some byte, as it is in memory, so that
 * a hundred thousand lines need not be read again.  A cache like the index:
 * uidlist(5).
 */

enum {
	TAIL = 64, /* bytes of the list before that byte, which must be there */
	WORTH_LINES = 400,
	WORTH_SHARE = 64 /* of what is there, one in so many */
};

static const char file_name[] = "estafeta-view";
static const char new_name[] = "estafeta-view.new";
static const char magic[8] = "estview2";

/* The head of the file; keywords, items and names follow. */
struct view {
	char magic[sizeof(magic)];
	uint64_t head_check; /* of what follows here and the keywords */
	uint64_t check;      /* of the items and names */
	uint64_t item_size;
	uint64_t inode;
	uint64_t offset;
	uint64_t lines;
	uint64_t uid_validity;
	uint64_t uid_next;
	uint64_t modseq;
	uint64_t vanished_since;
	struct uidlist_state state;
	uint64_t count;
	uint64_t unseen;
	uint64_t deleted;
	uint64_t first_unseen;
	uint64_t names_len;
	uint64_t keywords_len;
	char id[ACCOUNT_ID_LEN + 8];
	char tail[TAIL];
};

static uint64_t
head_check_of(const struct view *view, struct span keywords)
{
	size_t head = offsetof(struct view, check);

	return XXH3_64bits_withSeed((const char *)view + head,
	    sizeof(*view) - head, XXH3_64bits(keywords.ptr, keywords.len));
}

static uint64_t
check_of(const void *items, size_t items_size, struct span names)
{
	return XXH3_64bits_withSeed(
	    names.ptr, names.len, XXH3_64bits(items, items_size));
}

/* ---- loading ---- */

/* Is it of this list, and not of one that has its inode now? */
static bool
is_of_list(const struct view *view, int list, const struct stat *status)
{
	char tail[TAIL];

	return view->item_size == sizeof(struct folder_item) &&
	       view->inode == status->st_ino && view->offset >= TAIL &&
	       view->offset <= (uint64_t)status->st_size &&
	       view->count < UINT32_MAX && view->names_len < INT32_MAX &&
	       view->uid_validity != 0 && view->uid_validity <= UINT32_MAX &&
	       view->uid_next < UINT32_MAX &&
	       memchr(view->id, '\0', sizeof(view->id)) ==
		   view->id + ACCOUNT_ID_LEN &&
	       pread(list, tail, TAIL, (off_t)view->offset - TAIL) == TAIL &&
	       memcmp(tail, view->tail, TAIL) == 0;
}

/*
 * The sum is no proof: names must lie in their memory.  One pass over all
 * items does what opening would need more for.
 */
static bool
are_sound(struct folder_item *items, size_t count, size_t names_len)
{
	uint32_t last = 0;

	for (size_t i = 0; i < count; i++) {
		struct folder_item *item = &items[i];
		uint64_t len = item->exact_len > item->name_len
				   ? item->exact_len
				   : item->name_len;

		if (item->message.uid <= last || item->name_len == 0 ||
		    item->name + len > names_len || item->message.is_expunged ||
		    !item->is_marked)
			return false;
		item->message.is_changed = false;
		last = item->message.uid;
	}
	return true;
}

static void
take_keywords(struct folder *folder, struct span text)
{
	struct uidlist_line line = { .kind = UIDLIST_STATE };

	while (text.len > 0)
		if (uidlist_parse(span_cut(&text, '\n'), &line) &&
		    line.kind == UIDLIST_KEYWORD)
			folder_set_keyword(folder, line.uid, line.text);
}

static void
take_view(struct folder *folder, const struct view *view)
{
	folder->count = (size_t)view->count;
	if (folder->waiting.view == -1)
		buf_grown(&folder->names, (size_t)view->names_len);
	folder->list_offset = view->offset;
	folder->list_lines = folder->list_viewed = view->lines;
	folder->header.uid_validity = (uint32_t)view->uid_validity;
	memcpy(folder->header.id, view->id, sizeof(folder->header.id));
	folder->uid_next = (uint32_t)view->uid_next;
	folder->modseq = view->modseq;
	folder->vanished_since = view->vanished_since;
	folder->state = view->state;
	folder->is_as_viewed = true;
}

/* The items and names, which follow; false if they are not what was written. */
static bool
read_items(struct folder *folder, int fd, size_t count, size_t names_len,
    uint64_t check)
{
	size_t items_size = count * sizeof(*folder->items);

	folder_expect(folder, count, names_len);
	char *names = buf_room(&folder->names, names_len);
	struct iovec parts[] = { { folder->items, items_size },
		{ names, names_len } };

	return names != NULL &&
	       readv(fd, parts, 2) == (ssize_t)(items_size + names_len) &&
	       check == check_of(folder->items, items_size,
			    (struct span){ names, names_len }) &&
	       are_sound(folder->items, count, names_len);
}

static bool
read_head(int fd, struct view *view, struct buf *keywords)
{
	if (read(fd, view, sizeof(*view)) != (ssize_t)sizeof(*view) ||
	    memcmp(view->magic, magic, sizeof(magic)) != 0 ||
	    view->keywords_len >= ACCOUNT_SMALL_MAX)
		return false;
	char *words = buf_room(keywords, (size_t)view->keywords_len);
	if (words == NULL || read(fd, words, (size_t)view->keywords_len) !=
				 (ssize_t)view->keywords_len)
		return false;
	buf_grown(keywords, (size_t)view->keywords_len);
	return view->head_check == head_check_of(view, buf_span(keywords));
}

/* Whoever only wants to know how many there are need not wait for them. */
static bool
keep_waiting(struct folder *folder, int fd, const struct view *view)
{
	folder->waiting = (struct folder_waiting){ .view = fd,
		.names_len = (size_t)view->names_len,
		.check = view->check,
		.unseen = (uint32_t)view->unseen,
		.deleted = (uint32_t)view->deleted,
		.first_unseen = (uint32_t)view->first_unseen };
	return true;
}

static bool
read_view(struct folder *folder, int fd, const struct stat *list)
{
	struct view view;
	struct buf keywords = buf_new(ACCOUNT_SMALL_MAX);
	bool is_waiting = false;

	if (read_head(fd, &view, &keywords) &&
	    is_of_list(&view, folder->list, list)) {
		is_waiting = folder->may_wait &&
			     view.offset == (uint64_t)list->st_size &&
			     keep_waiting(folder, fd, &view);
		if (is_waiting || read_items(folder, fd, (size_t)view.count,
				      (size_t)view.names_len, view.check)) {
			take_view(folder, &view);
			take_keywords(folder, buf_span(&keywords));
		}
	}
	buf_free(&keywords);
	return is_waiting;
}

void
folder_view_load(struct folder *folder, const struct stat *list)
{
	int fd = openat(folder->root, file_name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd != -1 && !read_view(folder, fd, list))
		close(fd);
}

/*
 * What the list said up to where the view was, which is still there: nobody
 * writes over its lines, and who writes it anew writes another file.
 */
static bool
read_list_again(struct folder *folder)
{
	uint64_t end = folder->list_offset;
	size_t count = folder->count;

	folder->count = 0;
	buf_clear(&folder->names);
	folder->list_offset = folder->list_lines = folder->list_viewed = 0;
	folder->is_as_viewed = false;
	if (!folder_list_read_to(folder, end))
		return false;
	folder_drop_expunged(folder, NULL, NULL);
	folder_forget_changes(folder);
	if (folder->count == count)
		return true;
	errno = EBADMSG;
	return false;
}

enum account_status
folder_load(struct folder *folder)
{
	struct folder_waiting *waiting = &folder->waiting;
	int fd = waiting->view;

	if (fd == -1)
		return ACCOUNT_OK;
	waiting->view = -1;
	bool is_good = read_items(
	    folder, fd, folder->count, waiting->names_len, waiting->check);
	close(fd);
	if (is_good)
		buf_grown(&folder->names, waiting->names_len);
	else
		is_good = read_list_again(folder);
	return is_good ? ACCOUNT_OK : account_error();
}

/* ---- saving ---- */

/* Nothing in it may be this session's alone. */
static bool
is_common(const struct folder *folder)
{
	for (size_t i = 0; i < folder->count; i++) {
		const struct folder_item *item = &folder->items[i];

		if (item->is_in_new || !item->is_marked ||
		    item->message.is_expunged ||
		    (item->message.flags & MESSAGE_RECENT) ||
		    item->message.octets != FOLDER_OCTETS_UNKNOWN)
			return false;
	}
	return true;
}

static bool
write_view(const struct folder *folder, int fd)
{
	struct buf keywords = buf_new(ACCOUNT_SMALL_MAX);
	struct view view = { .item_size = sizeof(struct folder_item),
		.inode = folder->list_inode,
		.offset = folder->list_offset,
		.lines = folder->list_lines,
		.uid_validity = folder->header.uid_validity,
		.uid_next = folder->uid_next,
		.modseq = folder->modseq,
		.vanished_since = folder->vanished_since,
		.state = folder->state,
		.count = folder->count,
		.first_unseen = folder_first_unseen(folder),
		.names_len = folder->names.len };
	struct folder_counts counts;
	size_t items_size = folder->count * sizeof(*folder->items);

	folder_counts(folder, &counts);
	view.unseen = counts.unseen;
	view.deleted = counts.deleted;
	memcpy(view.magic, magic, sizeof(magic));
	memcpy(view.id, folder->header.id, sizeof(folder->header.id));
	folder_add_keyword_lines(folder, &keywords);
	view.keywords_len = keywords.len;
	bool is_good = folder->list_offset >= TAIL &&
		       pread(folder->list, view.tail, TAIL,
			   (off_t)folder->list_offset - TAIL) == TAIL;
	view.check =
	    check_of(folder->items, items_size, buf_span(&folder->names));
	view.head_check = head_check_of(&view, buf_span(&keywords));
	struct iovec parts[] = { { &view, sizeof(view) },
		{ keywords.data, keywords.len }, { folder->items, items_size },
		{ folder->names.data, folder->names.len } };
	is_good = is_good && writev(fd, parts, 4) ==
				 (ssize_t)(sizeof(view) + parts[1].iov_len +
					   parts[2].iov_len + parts[3].iov_len);
	buf_free(&keywords);
	return is_good;
}

/* Have so many lines come that reading them takes longer than a new view? */
static bool
is_worth(const struct folder *folder)
{
	return folder->list != -1 && !folder->is_replaced &&
	       folder->waiting.view == -1 &&
	       folder->list_lines >= folder->list_viewed + WORTH_LINES +
					 folder->count / WORTH_SHARE;
}

void
folder_view_leave(struct folder *folder)
{
	if (!is_worth(folder))
		return;
	for (size_t i = 0; i < folder->count; i++) {
		folder->items[i].message.flags &= ~(uint32_t)MESSAGE_RECENT;
		folder->items[i].message.octets = FOLDER_OCTETS_UNKNOWN;
	}
	folder_view_save(folder);
}

/* A torn one has the wrong sum: nothing is synced. */
void
folder_view_save(struct folder *folder)
{
	int error = errno;

	if (!is_worth(folder) || !is_common(folder))
		return;
	int fd = openat(folder->root, new_name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    ACCOUNT_FILE_MODE);
	if (fd == -1)
		return;
	bool is_written = write_view(folder, fd);
	close(fd);
	if (!is_written ||
	    renameat(folder->root, new_name, folder->root, file_name) == -1)
		unlinkat(folder->root, new_name, 0);
	folder->list_viewed = folder->list_lines;
	errno = error;
}
