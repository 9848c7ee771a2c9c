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
	uint64_t octets;       /* of all */
	struct folder *source; /* that loses the one replaced, or NULL */
	size_t replaced;
	uint64_t replaced_octets;
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
	if (message->keywords.overflow)
		return trouble(append, ACCOUNT_LIMIT);
	if (!open_file(append, message))
		return trouble(append, account_error());
	return ACCOUNT_OK;
}

void
folder_append_replaces(
    struct folder_append *append, struct folder *folder, size_t i)
{
	append->source = folder;
	append->replaced = i;
	append->replaced_octets = folder_item_bytes(folder, &folder->items[i]);
}

/* Of what one message gives back nothing is asked for. */
static enum account_status
ask_quota(const struct folder_append *append, uint64_t octets)
{
	uint64_t messages = append->count;

	if (append->source != NULL && messages > 0) {
		uint64_t back = append->replaced_octets;

		octets = octets > back ? octets - back : 0;
		messages--;
		if (octets == 0 && messages == 0)
			return ACCOUNT_OK;
	}
	return quota_check(append->account, octets, messages);
}

/* With those that wait in tmp/, which are in no folder's sum yet. */
enum account_status
folder_append_room(struct folder_append *append, uint64_t octets)
{
	uint64_t all;

	if (append->status != ACCOUNT_OK)
		return append->status;
	if (__builtin_add_overflow(append->octets, octets, &all))
		return trouble(append, ACCOUNT_LIMIT);
	enum account_status status = ask_quota(append, all);
	return status == ACCOUNT_OK ? ACCOUNT_OK : trouble(append, status);
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

/* False: there is no room for one of them. */
static bool
keyword_bits(
    struct folder *folder, const struct appended *message, uint64_t *bits)
{
	struct span keywords[FOLDER_KEYWORDS_MAX];
	size_t count = 0;

	for (struct span rest = buf_span(&message->keywords); rest.len > 0;) {
		if (count == FOLDER_KEYWORDS_MAX)
			return false;
		keywords[count++] = span_cut(&rest, '\n');
	}
	return folder_keyword_bits(folder, keywords, count, bits);
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
		status = ask_quota(append, append->octets);
	if (status == ACCOUNT_OK)
		status = arrivals_begin(arrivals, folder, append->count);
	for (size_t i = 0; i < append->count && status == ACCOUNT_OK; i++) {
		const struct appended *message = &append->messages[i];
		struct arrival arrival = { .flags = message->flags };

		if (!keyword_bits(folder, message, &arrival.keywords))
			status = ACCOUNT_LIMIT;
		else if (!arrivals_add(arrivals, &arrival))
			status = account_error();
	}
	if (status != ACCOUNT_OK)
		return status;
	if (name_files(append, arrivals, &done) && arrivals_commit(arrivals))
		return ACCOUNT_OK;
	arrivals_undo(arrivals, done);
	return account_error();
}

/* Is it there to be replaced? Under both locks. */
static enum account_status
look_at_replaced(const struct folder_append *append)
{
	enum account_status status = folder_update(append->source, 0);

	if (status != ACCOUNT_OK)
		return status;
	return append->source->items[append->replaced].message.is_expunged
		   ? ACCOUNT_NONEXISTENT
		   : ACCOUNT_OK;
}

/*
 * The new one is durable before the old one goes; if that cannot go, the new
 * one goes again, as far as the disk lets it.  If the old one's file went, but
 * the list cannot say so, the new one is all there is: it stays.
 */
static enum account_status
remove_replaced(struct folder_append *append, const struct arrivals *arrivals)
{
	enum account_status status =
	    folder_expunge_locked(append->source, &append->replaced, 1);

	if (status == ACCOUNT_OK ||
	    append->source->items[append->replaced].message.is_expunged)
		return status;
	int error = errno;
	for (size_t i = 0; i < arrivals->count; i++) {
		size_t index = arrivals->first + i;

		folder_expunge_locked(append->folder, &index, 1);
	}
	errno = error;
	return status;
}

static enum account_status
commit_all(struct folder_append *append, struct arrivals *arrivals)
{
	enum account_status status = ACCOUNT_OK;

	if (append->source != NULL)
		status = look_at_replaced(append);
	if (status == ACCOUNT_OK)
		status = commit_locked(append, arrivals);
	if (status != ACCOUNT_OK)
		return status;
	quota_add(
	    append->account, (int64_t)append->octets, (int64_t)append->count);
	return append->source == NULL ? ACCOUNT_OK
				      : remove_replaced(append, arrivals);
}

enum account_status
folder_append_commit(struct folder_append *append, struct folder_copied *copied)
{
	struct arrivals arrivals = { .folder = NULL };
	struct folder *folder = append->folder;
	struct folder *source = append->source;

	if (append->status != ACCOUNT_OK)
		return append->status;
	if (!finish_file(append))
		return trouble(append, account_error());
	enum account_status status = source == NULL
					 ? folder_lock(folder)
					 : folder_lock_both(source, folder);
	if (status != ACCOUNT_OK)
		return trouble(append, status);
	status = commit_all(append, &arrivals);
	if (source == NULL)
		folder_unlock(folder);
	else
		folder_unlock_both(source, folder);
	if (status == ACCOUNT_OK)
		arrivals_take_uids(&arrivals, copied);
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
