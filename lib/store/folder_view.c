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
	WORTH_LINES = 2000
};

static const char file_name[] = "estafeta-view";
static const char new_name[] = "estafeta-view.new";
static const char magic[8] = "estview2";

struct view {
	char magic[sizeof(magic)];
	uint64_t check; /* of all that follows */
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
	uint64_t names_len;
	uint64_t keywords_len;
	char id[ACCOUNT_ID_LEN + 8];
	char tail[TAIL];
};

static uint64_t
check_of(const struct view *view, const void *items, struct span names,
    struct span keywords)
{
	size_t head = offsetof(struct view, item_size);
	uint64_t check =
	    XXH3_64bits((const char *)view + head, sizeof(*view) - head);

	check = XXH3_64bits_withSeed(
	    items, (size_t)(view->count * view->item_size), check);
	check = XXH3_64bits_withSeed(names.ptr, names.len, check);
	return XXH3_64bits_withSeed(keywords.ptr, keywords.len, check);
}

/* ---- loading ---- */

/* Is it of this list, and not of one that has its inode now? */
static bool
is_of_list(const struct view *view, int list, const struct stat *status)
{
	char tail[TAIL];

	return memcmp(view->magic, magic, sizeof(magic)) == 0 &&
	       view->item_size == sizeof(struct folder_item) &&
	       view->inode == status->st_ino && view->offset >= TAIL &&
	       view->offset <= (uint64_t)status->st_size &&
	       view->count < UINT32_MAX && view->names_len < INT32_MAX &&
	       view->keywords_len < ACCOUNT_SMALL_MAX &&
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
are_sound(struct folder_item *items, const struct view *view)
{
	uint32_t last = 0;

	for (size_t i = 0; i < view->count; i++) {
		struct folder_item *item = &items[i];
		uint64_t len = item->exact_len > item->name_len
				   ? item->exact_len
				   : item->name_len;

		if (item->message.uid <= last || item->name_len == 0 ||
		    item->name + len > view->names_len ||
		    item->message.is_expunged || !item->is_marked)
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

static void
read_view(struct folder *folder, int fd, const struct view *view)
{
	struct buf keywords = buf_new(ACCOUNT_SMALL_MAX);
	size_t items_size = (size_t)(view->count * view->item_size);

	folder_expect(folder, (size_t)view->count, (size_t)view->names_len);
	char *names = buf_room(&folder->names, (size_t)view->names_len);
	char *words = buf_room(&keywords, (size_t)view->keywords_len);
	struct iovec parts[] = { { folder->items, items_size },
		{ names, (size_t)view->names_len },
		{ words, (size_t)view->keywords_len } };
	bool is_good =
	    names != NULL && words != NULL &&
	    readv(fd, parts, 3) ==
		(ssize_t)(items_size + view->names_len + view->keywords_len);

	buf_grown(&keywords, is_good ? (size_t)view->keywords_len : 0);
	if (is_good &&
	    view->check == check_of(view, folder->items,
			       (struct span){ names, (size_t)view->names_len },
			       buf_span(&keywords)) &&
	    are_sound(folder->items, view)) {
		take_view(folder, view);
		take_keywords(folder, buf_span(&keywords));
	}
	buf_free(&keywords);
}

void
folder_view_load(struct folder *folder, const struct stat *list)
{
	struct view view;
	int fd = openat(folder->root, file_name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return;
	if (read(fd, &view, sizeof(view)) == (ssize_t)sizeof(view) &&
	    is_of_list(&view, folder->list, list))
		read_view(folder, fd, &view);
	close(fd);
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
		.names_len = folder->names.len };

	memcpy(view.magic, magic, sizeof(magic));
	memcpy(view.id, folder->header.id, sizeof(folder->header.id));
	folder_add_keyword_lines(folder, &keywords);
	view.keywords_len = keywords.len;
	bool is_good = folder->list_offset >= TAIL &&
		       pread(folder->list, view.tail, TAIL,
			   (off_t)folder->list_offset - TAIL) == TAIL;
	view.check = check_of(&view, folder->items, buf_span(&folder->names),
	    buf_span(&keywords));
	struct iovec parts[] = { { &view, sizeof(view) },
		{ folder->items, folder->count * sizeof(*folder->items) },
		{ folder->names.data, folder->names.len },
		{ keywords.data, keywords.len } };
	is_good = is_good && writev(fd, parts, 4) ==
				 (ssize_t)(sizeof(view) + parts[1].iov_len +
					   parts[2].iov_len + parts[3].iov_len);
	buf_free(&keywords);
	return is_good;
}

void
folder_view_leave(struct folder *folder)
{
	if (folder->list == -1 || folder->is_replaced ||
	    folder->list_lines < folder->list_viewed + WORTH_LINES)
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

	if (folder->list_lines < folder->list_viewed + WORTH_LINES ||
	    !is_common(folder))
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
