#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder_state.h"

/* The list is read; folder_list_write.c writes it. */

enum {
	PIECE = 65536,
	LINE = 40
};

const char folder_list_name[] = "estafeta-uidlist";

/* ---- what the lines say ---- */

static void
set_flags(struct folder *folder, struct folder_item *item,
    const struct uidlist_line *line)
{
	struct folder_message *message = &item->message;
	uint32_t flags = line->flags & ~(uint32_t)MAILDIR_PASSED;

	if (item->exact_len != 0)
		item->name_len =
		    (uint16_t)maildir_base(folder_base(folder, item)).len;
	item->exact_len = 0;
	item->is_passed = (line->flags & MAILDIR_PASSED) != 0;
	message->is_changed |=
	    (message->flags & ~(uint32_t)MESSAGE_RECENT) != flags ||
	    message->keywords != line->keywords;
	message->flags = (message->flags & MESSAGE_RECENT) | flags;
	message->keywords = line->keywords;
	folder->keywords_seen |= line->keywords;
	message->modseq = line->modseq;
}

static void
take_message(struct folder *folder, const struct uidlist_line *line)
{
	struct folder_item *item = folder_item(folder, line->uid);

	if (item == NULL) {
		/* A UID below the last that we never saw is gone again. */
		if (folder->count > 0 &&
		    folder->items[folder->count - 1].message.uid > line->uid)
			return;
		item = folder_add_item(folder, line->uid, line->text);
		item->message.save_date_s = line->save_date_s;
		set_flags(folder, item, line);
		item->message.is_changed = false;
	} else {
		folder_set_base(folder, item, line->text);
		set_flags(folder, item, line);
	}
	item->is_marked = true;
	if (line->uid >= folder->uid_next)
		folder->uid_next = line->uid + 1;
}

static void
take_gone(struct folder *folder, const struct uidlist_line *line)
{
	for (size_t i = folder_find(folder, line->uid);
	     i < folder->count &&
	     folder->items[i].message.uid <= line->last_uid;
	     i++)
		folder_mark_gone(folder, &folder->items[i], line->modseq);
	if (line->last_uid >= folder->uid_next && line->last_uid < UINT32_MAX)
		folder->uid_next = line->last_uid + 1;
}

static void
take_line(struct folder *folder, const struct uidlist_line *line)
{
	struct folder_item *item;

	folder->is_as_viewed = false;
	if (line->modseq > folder->modseq)
		folder->modseq = line->modseq;
	folder->is_mid_change |= line->kind == UIDLIST_MESSAGE ||
				 line->kind == UIDLIST_FLAGS ||
				 line->kind == UIDLIST_GONE;
	switch (line->kind) {
	case UIDLIST_MESSAGE:
		take_message(folder, line);
		return;
	case UIDLIST_FLAGS:
		item = folder_item(folder, line->uid);
		if (item != NULL)
			set_flags(folder, item, line);
		return;
	case UIDLIST_GONE:
		take_gone(folder, line);
		return;
	case UIDLIST_NEXT:
		if (line->uid > folder->uid_next)
			folder->uid_next = line->uid;
		return;
	case UIDLIST_SINCE:
		folder->vanished_since = line->modseq;
		return;
	case UIDLIST_KEYWORD:
		folder_set_keyword(folder, line->uid, line->text);
		return;
	case UIDLIST_STATE:
		folder->state = line->state;
		folder->is_mid_change = false;
		return;
	case UIDLIST_UIDL: /* POP3's */
		return;
	}
}

/* ---- reading ---- */

/* A list with another header numbers other messages: nothing of it is taken. */
static bool
take_header(struct folder *folder, struct span line)
{
	struct uidlist_header header;

	if (!uidlist_parse_header(line, &header)) {
		errno = EBADMSG;
		return false;
	}
	if (folder->header.uid_validity != 0 &&
	    (header.uid_validity != folder->header.uid_validity ||
		strcmp(header.id, folder->header.id) != 0)) {
		folder->is_replaced = true;
		errno = ESTALE;
		return false;
	}
	folder->header = header;
	return true;
}

/* Of whole lines only; a line without its LF waits for it. */
static bool
take_lines(struct folder *folder, struct span *text)
{
	struct uidlist_line line = { .kind = UIDLIST_STATE };

	while (text->len > 0) {
		const char *end = memchr(text->ptr, '\n', text->len);

		if (end == NULL)
			return true;
		size_t newline = (size_t)(end - text->ptr);
		struct span one = { text->ptr, newline };
		text->ptr += newline + 1;
		text->len -= newline + 1;
		if (folder->list_offset == 0) {
			if (!take_header(folder, one))
				return false;
		} else {
			line.modseq = 0;
			if (uidlist_parse(one, &line))
				take_line(folder, &line);
		}
		folder->list_offset += newline + 1;
		folder->list_lines++;
	}
	return true;
}

/* From list_offset to the end, or to one that is told. */
static bool
read_lines(struct folder *folder, uint64_t end)
{
	struct buf text = buf_new(PIECE);
	bool is_good = true;
	ssize_t got = 0;

	while (is_good && folder->list_offset < end) {
		char *room = buf_room(&text, PIECE);
		uint64_t left = end - folder->list_offset;

		got = room == NULL ? 0
				   : pread(folder->list, room,
					 left < PIECE ? (size_t)left : PIECE,
					 (off_t)folder->list_offset);
		if (got <= 0)
			break;
		struct span rest = { room, (size_t)got };
		is_good = take_lines(folder, &rest);
		if (rest.len == (size_t)got) {
			/* A line that never ends is nobody's; skip it. */
			if (rest.len < PIECE)
				break;
			folder->list_offset += PIECE;
		}
		/* The end of the file, seen without one more read. */
		if (is_good && got < PIECE && rest.len == 0)
			break;
	}
	buf_free(&text);
	if (got == -1 || !is_good)
		return false;
	if (folder->header.uid_validity == 0) {
		errno = EBADMSG;
		return false;
	}
	if ((folder->keywords_seen & ~folder->keywords_known) != 0)
		folder_read_keywords(folder);
	folder->keywords_seen = 0;
	return true;
}

bool
folder_list_read_to(struct folder *folder, uint64_t end)
{
	return read_lines(folder, end);
}

void
folder_list_close(struct folder *folder)
{
	if (folder->list != -1)
		close(folder->list);
	folder->list = -1;
	folder->list_offset = folder->list_lines = folder->list_viewed = 0;
	folder->list_inode = 0;
}

/* Is it a list, and of the messages that we have? */
static bool
has_our_header(struct folder *folder, int fd)
{
	struct buf text = buf_new(UIDLIST_LINE_MAX);
	char *room = buf_room(&text, UIDLIST_LINE_MAX);
	ssize_t got = room == NULL ? -1 : pread(fd, room, UIDLIST_LINE_MAX, 0);
	struct span line = { room, got > 0 ? (size_t)got : 0 };
	bool is_ours = got != -1 && take_header(folder, span_cut(&line, '\n'));

	int error = errno;
	buf_free(&text);
	errno = error;
	return is_ours;
}

/* Another file: all of it is read, and what it does not have is gone. */
static bool
read_anew(struct folder *folder, int fd, const struct stat *status)
{
	uint64_t known = folder->modseq;

	folder_list_close(folder);
	if (folder->header.uid_validity != 0 && !has_our_header(folder, fd)) {
		int error = errno;

		close(fd);
		errno = error;
		return false;
	}
	folder->list = fd;
	folder->list_inode = status->st_ino;
	folder->vanished_since = 0;
	folder->is_as_viewed = false;
	folder->state = (struct uidlist_state){ 0 };
	for (size_t i = 0; i < folder->count; i++)
		folder->items[i].is_marked = false;
	if (folder->count == 0)
		folder_view_load(folder, status);
	if (folder->waiting.view != -1)
		return true;
	/* A line has LINE bytes or more, of which a name is half. */
	if (folder->count == 0)
		folder_expect(folder, (size_t)status->st_size / LINE,
		    (size_t)status->st_size / 2);
	if (!read_lines(folder, UINT64_MAX)) {
		folder_list_close(folder);
		return false;
	}
	/* When these went is not known any more, but they were there then. */
	for (size_t i = 0; i < folder->count && !folder->is_as_viewed; i++)
		if (!folder->items[i].is_marked)
			folder_mark_gone(folder, &folder->items[i], known + 1);
	folder_fit(folder);
	return true;
}

bool
folder_list_read(struct folder *folder)
{
	struct stat status;

	if (folder->is_replaced) {
		errno = ESTALE;
		return false;
	}
	if (fstatat(folder->root, folder_list_name, &status,
		AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	if (folder->list != -1 && status.st_ino == folder->list_inode &&
	    (uint64_t)status.st_size >= folder->list_offset)
		return (uint64_t)status.st_size == folder->list_offset ||
		       read_lines(folder, UINT64_MAX);
	int fd = openat(folder->root, folder_list_name,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return false;
	if (fstat(fd, &status) == -1 || !S_ISREG(status.st_mode)) {
		close(fd);
		errno = EBADMSG;
		return false;
	}
	return read_anew(folder, fd, &status);
}
