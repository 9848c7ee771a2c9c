#include "store/mbox_deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/date.h"
#include "store/mbox_lock.h"
#include "store/mbox_rewrite.h"

enum {
	HEAD_MAX = 4096,
	REOPEN_MAX = 5,
	WRITE_TIMEOUT_MS = 60000
};

static const char from_word[] = "From ";

enum {
	FROM_LEN = sizeof(from_word) - 1
};

/* Where in a line the quoting stands: it may be cut between two pieces. */
struct quoter {
	struct writer *out;
	bool is_at_start; /* only ">" were seen of this line so far */
	uint64_t quotes;  /* how many, held back */
	size_t matched;   /* bytes of "From " after them, held back */
	char last;        /* byte of the message */
};

static void
release(struct quoter *quoter)
{
	for (; quoter->quotes > 0; quoter->quotes--)
		write_string(quoter->out, ">");
	write_span(quoter->out, (struct span){ from_word, quoter->matched });
	quoter->matched = 0;
	quoter->is_at_start = false;
}

/* One byte while the line may still be a "From " line. */
static void
take_start(struct quoter *quoter, char c)
{
	if (c == '>' && quoter->matched == 0) {
		quoter->quotes++;
		return;
	}
	if (c == from_word[quoter->matched]) {
		if (++quoter->matched < FROM_LEN)
			return;
		write_string(quoter->out, ">");
		release(quoter);
		return;
	}
	release(quoter);
	write_span(quoter->out, (struct span){ &c, 1 });
	quoter->is_at_start = c == '\n';
}

static bool
take_piece(void *context, struct span piece)
{
	struct quoter *quoter = context;

	if (piece.len > 0)
		quoter->last = piece.ptr[piece.len - 1];
	while (piece.len > 0) {
		if (quoter->is_at_start) {
			take_start(quoter, piece.ptr[0]);
			piece = span_slice(piece, 1, piece.len);
			continue;
		}
		size_t end = span_index(piece, '\n');
		size_t take = end < piece.len ? end + 1 : end;
		write_span(quoter->out, span_slice(piece, 0, take));
		quoter->is_at_start = end < piece.len;
		piece = span_slice(piece, take, piece.len);
	}
	errno = quoter->out->error;
	return quoter->out->status == IO_OK;
}

static void
add_from_line(struct buf *head, struct span sender)
{
	buf_add_string(head, "From ");
	if (sender.len == 0)
		buf_add_string(head, "MAILER-DAEMON");
	for (size_t i = 0; i < sender.len; i++)
		buf_add_char(head, sender.ptr[i] == ' ' ? '-' : sender.ptr[i]);
	buf_add_char(head, ' ');
	date_add_mbox(head, (int64_t)time(NULL));
	buf_add_char(head, '\n');
}

/* What must come before "From " so that an empty line is there. */
static const char *
separator(int fd, off_t size)
{
	char end[2] = "\n";

	if (size == 0)
		return "";
	if (size == 1)
		return "\n";
	if (pread(fd, end, 2, size - 2) != 2)
		return "\n\n";
	if (end[1] != '\n')
		return "\n\n";
	return end[0] == '\n' ? "" : "\n";
}

static bool
append(const struct deliver_message *message, int fd, off_t size)
{
	struct writer out;
	struct quoter quoter = { .out = &out, .is_at_start = true };
	struct buf head = buf_new(HEAD_MAX);

	writer_init(&out, fd, WRITE_TIMEOUT_MS);
	buf_add_string(&head, separator(fd, size));
	add_from_line(&head, message->sender);
	bool is_good = deliver_add_head(&head, message);
	write_span(&out, buf_span(&head));
	buf_free(&head);
	is_good = is_good && read_pieces(message->fd, message->offset,
				 message->length, take_piece, &quoter);
	if (!is_good)
		return false;
	release(&quoter);
	write_string(&out, quoter.last == '\n' ? "\n" : "\n\n");
	writer_flush(&out);
	errno = out.error;
	return out.status == IO_OK && fsync(fd) == 0;
}

/* Cut a half-written message off again; errno is kept. */
static void
take_back(int fd, off_t size)
{
	int error = errno;

	if (ftruncate(fd, size) == 0)
		fsync(fd);
	errno = error;
}

static enum deliver_status
append_locked(const struct deliver_message *message, int fd, const char *path)
{
	struct stat status;

	if (!mbox_recover(fd) || fstat(fd, &status) == -1)
		return DELIVER_ERROR;
	if (!append(message, fd, status.st_size)) {
		take_back(fd, status.st_size);
		return DELIVER_ERROR;
	}
	/*
	 * A new file's name should last as well; in a folder that we may not
	 * open that is left to the file's own fsync.
	 */
	if (status.st_size == 0 && !folder_sync(path) && errno == EIO)
		return DELIVER_ERROR;
	return DELIVER_SYNCED;
}

static bool
is_acceptable(const struct stat *status, const struct mbox_options *options)
{
	bool is_good = S_ISREG(status->st_mode) && status->st_nlink == 1 &&
		       (!options->must_own || status->st_uid == geteuid());

	if (!is_good)
		errno = EPERM;
	return is_good;
}

static int
open_mbox(const char *path, mode_t mode)
{
	int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = open(path, flags | O_CREAT | O_EXCL, mode);

	return fd == -1 && errno == EEXIST ? open(path, flags) : fd;
}

enum deliver_status
mbox_deliver(const struct deliver_message *message, const char *path,
    const struct mbox_options *options)
{
	enum deliver_status result = DELIVER_BUSY;
	enum mbox_lock_status locked = MBOX_LOCK_REPLACED;
	struct mbox_lock lock;
	struct stat status;

	if (strcmp(path, "/dev/null") == 0)
		return DELIVER_SYNCED;
	for (int i = 0; locked == MBOX_LOCK_REPLACED && i < REOPEN_MAX; i++) {
		int fd = open_mbox(path, options->mode);

		if (fd == -1)
			return DELIVER_ERROR;
		locked =
		    fstat(fd, &status) == 0 && is_acceptable(&status, options)
			? mbox_lock_take(&lock, fd, path, options->timeout_ms)
			: MBOX_LOCK_ERROR;
		if (locked == MBOX_LOCK_ERROR)
			result = DELIVER_ERROR;
		if (locked == MBOX_LOCK_OK)
			result = append_locked(message, fd, path);
		int error = errno;
		if (locked == MBOX_LOCK_OK)
			mbox_lock_release(&lock);
		close(fd);
		errno = error;
	}
	return result;
}
