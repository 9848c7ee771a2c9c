#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "store/arrivals.h"
#include "store/quota.h"
#include "store/store_kind.h"

enum {
	MESSAGES_MAX = 100000, /* of one MULTIAPPEND */
	PIECE = 65536
};

struct appended {
	char *temporary; /* its name in tmp/ */
	uint32_t flags;
	struct buf keywords; /* each ended by LF */
	int64_t date_s;
};

struct folder_append {
	struct account *account;
	struct folder *folder;
	struct appended *messages;
	size_t count;
	size_t room;
	int fd; /* of the last message */
	struct buf pending;
	uint64_t octets;            /* of all */
	enum account_status status; /* the first trouble; sticky */
};

static enum account_status
trouble(struct folder_append *append, enum account_status status)
{
	if (append->status == ACCOUNT_OK)
		append->status = status;
	return append->status;
}

enum account_status
folder_append_begin(
    struct folder_append **append, struct account *account, struct span name)
{
	struct folder *folder = NULL;
	enum account_status status = folder_target(&folder, account, name);

	if (status != ACCOUNT_OK)
		return status;
	*append = account_allocate(1, sizeof(**append));
	**append = (struct folder_append){ .account = account,
		.folder = folder,
		.fd = -1,
		.pending = buf_new(PIECE) };
	return ACCOUNT_OK;
}

/*
 * The bytes go to the disk now, so that a name that a power cut keeps never
 * names less than them.
 */
static bool
finish_file(struct folder_append *append)
{
	struct stat status = { 0 };

	if (append->fd == -1)
		return true;
	const struct appended *last = &append->messages[append->count - 1];
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (time_t)last->date_s } };
	if (last->date_s == INT64_MIN)
		times[1].tv_nsec = UTIME_OMIT;
	bool is_good = write_all(append->fd, buf_span(&append->pending)) &&
		       fstat(append->fd, &status) == 0 &&
		       futimens(append->fd, times) == 0 &&
		       sync_file_range(append->fd, 0, 0,
			   SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			       SYNC_FILE_RANGE_WAIT_AFTER) == 0;
	if (!is_good && errno == ENOSYS)
		is_good = fdatasync(append->fd) == 0;
	if (is_good)
		append->octets += (uint64_t)status.st_size;
	int error = errno;
	close(append->fd);
	append->fd = -1;
	buf_clear(&append->pending);
	errno = error;
	return is_good;
}

static void
add_message(struct folder_append *append)
{
	if (append->count == append->room) {
		append->room = append->room == 0 ? 1 : 2 * append->room;
		append->messages = store_allocate(
		    append->messages, append->room, sizeof(*append->messages));
	}
	append->messages[append->count++] =
	    (struct appended){ .keywords = buf_new((size_t)FOLDER_KEYWORDS_MAX *
						   (FOLDER_KEYWORD_MAX + 1)) };
}

static bool
open_file(struct folder_append *append, struct appended *message)
{
	struct buf name = buf_new(UINT8_MAX);

	buf_add_string(&name, "tmp/");
	maildir_add_unique(&name, append->account->host);
	message->temporary = store_copy(buf_span(&name));
	buf_free(&name);
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	append->fd = openat(
	    append->folder->root, message->temporary, flags, ACCOUNT_FILE_MODE);
	if (append->fd == -1 && errno == ENOENT &&
	    account_make_maildir(append->folder->root))
		append->fd = openat(append->folder->root, message->temporary,
		    flags, ACCOUNT_FILE_MODE);
	return append->fd != -1;
}

enum account_status
folder_append_message(struct folder_append *append, uint32_t flags,
    const struct span *keywords, size_t keyword_count, int64_t date_s)
{
	if (append->status != ACCOUNT_OK)
		return append->status;
	if (!finish_file(append))
		return trouble(append, account_error());
	if (append->count == MESSAGES_MAX)
		return trouble(append, ACCOUNT_LIMIT);
	add_message(append);
	struct appended *message = &append->messages[append->count - 1];
	message->flags = flags & (uint32_t)(MESSAGE_SEEN | MESSAGE_ANSWERED |
					    MESSAGE_FLAGGED | MESSAGE_DELETED |
					    MESSAGE_DRAFT);
	message->date_s = date_s;
	for (size_t i = 0; i < keyword_count; i++) {
		buf_add(&message->keywords, keywords[i]);
		buf_add_char(&message->keywords, '\n');
	}
	if (!open_file(append, message))
		return trouble(append, account_error());
	return ACCOUNT_OK;
}

/* Bytes go out in pieces that are worth a system call. */
enum account_status
folder_append_bytes(struct folder_append *append, struct span bytes)
{
	if (append->status != ACCOUNT_OK)
		return append->status;
	if (append->pending.len + bytes.len <= PIECE) {
		buf_add(&append->pending, bytes);
		return ACCOUNT_OK;
	}
	if (!write_all(append->fd, buf_span(&append->pending)) ||
	    !write_all(append->fd, bytes))
		return trouble(append, account_error());
	buf_clear(&append->pending);
	return ACCOUNT_OK;
}

static uint64_t
keyword_bits(struct folder *folder, const struct appended *message)
{
	struct span rest = buf_span(&message->keywords);
	uint64_t bits = 0;

	while (rest.len > 0)
		bits |= folder_keyword_bit(folder, span_cut(&rest, '\n'), true);
	return bits;
}

/* Under their own names now, which the list has. */
static bool
name_files(
    struct folder_append *append, const struct arrivals *arrivals, size_t *done)
{
	struct folder *folder = append->folder;
	struct buf name = buf_new(UINT8_MAX);
	bool is_good = true;

	for (*done = 0; *done < append->count && is_good; ++*done) {
		struct appended *message = &append->messages[*done];

		buf_clear(&name);
		arrivals_add_name(&name, arrivals, *done, true);
		const char *path = buf_string(&name);
		is_good =
		    path != NULL && renameat(folder->root, message->temporary,
					folder->root, path) == 0;
		if (is_good) {
			free(message->temporary);
			message->temporary = NULL;
		}
	}
	buf_free(&name);
	return is_good;
}

static enum account_status
commit_locked(struct folder_append *append, struct arrivals *arrivals)
{
	struct folder *folder = append->folder;
	enum account_status status = folder_read(folder);
	size_t done = 0;

	if (status == ACCOUNT_OK)
		status =
		    quota_check(append->account, append->octets, append->count);
	if (status == ACCOUNT_OK)
		status = arrivals_begin(arrivals, folder, append->count);
	for (size_t i = 0; i < append->count && status == ACCOUNT_OK; i++) {
		const struct appended *message = &append->messages[i];
		const struct arrival arrival = { .flags = message->flags,
			.keywords = keyword_bits(folder, message) };

		if (!arrivals_add(arrivals, &arrival))
			status = account_error();
	}
	if (status != ACCOUNT_OK)
		return status;
	if (name_files(append, arrivals, &done) && arrivals_commit(arrivals))
		return ACCOUNT_OK;
	status = account_error();
	arrivals_undo(arrivals, done);
	return status;
}

enum account_status
folder_append_commit(struct folder_append *append, struct folder_copied *copied)
{
	struct arrivals arrivals = { .folder = NULL };
	struct folder *folder = append->folder;

	if (append->status != ACCOUNT_OK)
		return append->status;
	if (!finish_file(append))
		return trouble(append, account_error());
	enum account_status status = folder_lock(folder);
	if (status != ACCOUNT_OK)
		return trouble(append, status);
	status = commit_locked(append, &arrivals);
	folder_unlock(folder);
	if (status == ACCOUNT_OK) {
		arrivals_take_uids(&arrivals, copied);
		quota_add(append->account, (int64_t)append->octets,
		    (int64_t)append->count);
	}
	arrivals_end(&arrivals);
	return status == ACCOUNT_OK ? ACCOUNT_OK : trouble(append, status);
}

void
folder_append_free(struct folder_append *append)
{
	if (append->fd != -1)
		close(append->fd);
	for (size_t i = 0; i < append->count; i++) {
		struct appended *message = &append->messages[i];

		if (message->temporary != NULL)
			unlinkat(append->folder->root, message->temporary, 0);
		free(message->temporary);
		buf_free(&message->keywords);
	}
	free(append->messages);
	buf_free(&append->pending);
	folder_target_done(append->folder);
	free(append);
}
