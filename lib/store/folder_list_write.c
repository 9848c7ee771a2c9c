#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/io.h"
#include "store/folder_state.h"

enum {
	LINES_SPARE = 2000 /* half of it for what is gone, at least */
};

static const char new_name[] = "estafeta-uidlist.new";

/* ---- lines at its end ---- */

/* A power cut may have left half a line. */
static bool
ends_open(const struct folder *folder, uint64_t size)
{
	char last = '\n';

	return size > 0 &&
	       pread(folder->list, &last, 1, (off_t)size - 1) == 1 &&
	       last != '\n';
}

static bool
write_at(int fd, struct span bytes, uint64_t offset)
{
	while (bytes.len > 0) {
		ssize_t put = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);

		if (put == -1 && errno != EINTR)
			return false;
		if (put > 0) {
			bytes = span_slice(bytes, (size_t)put, bytes.len);
			offset += (uint64_t)put;
		}
	}
	return true;
}

bool
folder_list_append(struct folder *folder, struct span lines, bool is_durable)
{
	struct stat status;

	if (lines.len == 0)
		return true;
	if (fstat(folder->list, &status) == -1)
		return false;
	uint64_t size = (uint64_t)status.st_size;
	bool is_all_read = size == folder->list_offset;
	if (ends_open(folder, size)) {
		if (!write_at(folder->list, span_of("\n"), size))
			return false;
		size++;
	}
	if (!write_at(folder->list, lines, size)) {
		int error = errno;

		/* A disk that is full: nothing of it is to stay. */
		if (ftruncate(folder->list, (off_t)size) == -1)
			error = errno;
		errno = error;
		return false;
	}
	if (is_durable && fdatasync(folder->list) == -1)
		return false;
	/* What was not read is read with what we wrote, which changes nothing.
	 */
	if (!is_all_read)
		return true;
	folder->list_offset = size + lines.len;
	folder->list_lines += span_count(lines, '\n');
	return true;
}

void
folder_add_line(const struct folder *folder, const struct folder_item *item,
    enum uidlist_kind kind, struct buf *into)
{
	const struct folder_message *message = &item->message;
	struct uidlist_line line = { .kind = kind,
		.uid = message->uid,
		.modseq = message->modseq,
		.flags = (message->flags & ~(uint32_t)MESSAGE_RECENT) |
			 (item->is_passed ? MAILDIR_PASSED : 0),
		.keywords = message->keywords };

	if (kind == UIDLIST_MESSAGE) {
		line.save_date_s = message->save_date_s;
		line.text = folder_base(folder, item);
	}
	uidlist_add(into, &line);
}

void
folder_add_keyword_lines(const struct folder *folder, struct buf *into)
{
	for (uint32_t i = 0; i < FOLDER_KEYWORDS_MAX; i++) {
		const struct uidlist_line line = { .kind = UIDLIST_KEYWORD,
			.uid = i,
			.text = folder->keywords[i] };

		if (folder->keywords_known >> i & 1)
			uidlist_add(into, &line);
	}
}

static void
add_message_lines(const struct folder *folder, struct buf *into)
{
	for (size_t i = 0; i < folder->count; i++)
		if (!folder->items[i].message.is_expunged)
			folder_add_line(
			    folder, &folder->items[i], UIDLIST_MESSAGE, into);
}

/*
 * Lines of the old list that a new one keeps: what vanished, and POP3's
 * unique-ids of messages that are there.  A client that has been away for more
 * than a folder's worth of ranges asks for all UIDs as cheaply.
 */
static void
add_history(struct folder *folder, struct buf *into)
{
	struct buf text = buf_new((size_t)UINT32_MAX);
	struct uidlist_line line = { .kind = UIDLIST_STATE };
	const size_t ranges_kept = folder->count + LINES_SPARE / 2;
	size_t ranges = 0;

	if (folder->list == -1 || lseek(folder->list, 0, SEEK_SET) == -1 ||
	    read_all(folder->list, &text, ACCOUNT_READ_MS) != IO_OK) {
		buf_free(&text);
		folder->vanished_since = folder->modseq;
		return;
	}
	for (struct span rest = buf_span(&text); rest.len > 0;)
		ranges += span_starts(span_cut(&rest, '\n'), span_of("- "));
	for (struct span rest = buf_span(&text); rest.len > 0;) {
		if (!uidlist_parse(span_cut(&rest, '\n'), &line))
			continue;
		if (line.kind == UIDLIST_GONE && ranges-- > ranges_kept) {
			if (line.modseq > folder->vanished_since)
				folder->vanished_since = line.modseq;
			continue;
		}
		const struct folder_item *item =
		    line.kind == UIDLIST_UIDL ? folder_item(folder, line.uid)
					      : NULL;
		if (line.kind == UIDLIST_GONE ||
		    (item != NULL && !item->message.is_expunged))
			uidlist_add(into, &line);
	}
	buf_free(&text);
}

static void
add_list(struct folder *folder, struct buf *into)
{
	struct uidlist_line line = { .kind = UIDLIST_SINCE };

	uidlist_add_header(into, &folder->header);
	folder_add_keyword_lines(folder, into);
	add_message_lines(folder, into);
	add_history(folder, into);
	line.modseq = folder->vanished_since;
	uidlist_add(into, &line);
	line = (struct uidlist_line){ .kind = UIDLIST_NEXT,
		.uid = folder->uid_next,
		.modseq = folder->modseq };
	uidlist_add(into, &line);
	line = (struct uidlist_line){ .kind = UIDLIST_STATE,
		.state = folder->state };
	uidlist_add(into, &line);
}

/*
 * Of a list that is made no UID was told yet: what a power cut leaves of it may
 * be anything.  Another replaces one that was.
 */
static bool
put_in_place(struct folder *folder, int fd)
{
	bool is_first = folder->is_list_due;

	if (folder->validity != -1 &&
	    !account_end_uid_validity(folder->account, &folder->validity))
		return false;
	return (is_first || fsync(fd) == 0) &&
	       renameat(folder->root, new_name, folder->root,
		   folder_list_name) == 0 &&
	       (is_first ? file_sync_named(fd) : fsync(folder->root) == 0);
}

bool
folder_list_rewrite(struct folder *folder)
{
	struct buf text = buf_new((size_t)UINT32_MAX);
	struct stat status;

	add_list(folder, &text);
	int fd = openat(folder->root, new_name,
	    O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    ACCOUNT_FILE_MODE);
	bool is_good = fd != -1 && !text.overflow &&
		       write_all(fd, buf_span(&text)) &&
		       fstat(fd, &status) == 0 && put_in_place(folder, fd);
	if (is_good) {
		folder_list_close(folder);
		folder->list = fd;
		folder->list_inode = status.st_ino;
		folder->list_offset = text.len;
		folder->list_lines = span_count(buf_span(&text), '\n');
		folder->is_list_due = false;
	} else if (fd != -1) {
		int error = errno;

		close(fd);
		unlinkat(folder->root, new_name, 0);
		errno = error;
	}
	buf_free(&text);
	return is_good;
}

/* More than a new one has: one line, one range and one unique-id a message. */
void
folder_list_compact(struct folder *folder)
{
	if (folder->list_lines >= 3 * folder->count + LINES_SPARE)
		(void)folder_list_rewrite(folder);
}
