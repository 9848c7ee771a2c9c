#include "store/account.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/io.h"
#include "store/account_state.h"
#include "store/special_use.h"
#include "store/store_kind.h"

enum {
	LOCK_WAIT_NS = 2000000
};

enum account_status
account_error(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
		return ACCOUNT_NONEXISTENT;
	case EEXIST:
		return ACCOUNT_EXISTS;
	case EAGAIN:
		return ACCOUNT_IN_USE;
	case EDQUOT:
		return ACCOUNT_OVER_QUOTA;
	case EROFS:
	case EACCES:
	case EPERM:
		return ACCOUNT_READ_ONLY;
	case ENAMETOOLONG:
		return ACCOUNT_INVALID;
	default:
		return ACCOUNT_ERROR;
	}
}

void *
account_allocate(size_t count, size_t size)
{
	void *memory = store_allocate(NULL, count, size);

	memset(memory, 0, count * size);
	return memory;
}

/* ---- files ---- */

int
account_open_folder(const struct account *account, struct span name)
{
	struct account_path path = account_path(name);
	int fd = -1;

	if (path.path == NULL)
		errno = ENAMETOOLONG;
	else
		fd = openat(account->root, path.path,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	account_path_free(&path);
	return fd;
}

bool
account_make_maildir(int folder)
{
	static const char *const parts[] = { "tmp", "new", "cur" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (mkdirat(folder, parts[i], ACCOUNT_MODE) == -1 &&
		    errno != EEXIST)
			return false;
	return fsync(folder) == 0;
}

int
account_lock(int folder)
{
	const struct timespec pause = { .tv_nsec = LOCK_WAIT_NS };
	int64_t until_ms = clock_ms() + ACCOUNT_LOCK_MS;
	int fd = openat(folder, "estafeta-lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, ACCOUNT_FILE_MODE);

	if (fd == -1)
		return -1;
	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    clock_ms() > until_ms) {
			int error = errno;

			close(fd);
			errno = error;
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

bool
account_read_file(int folder, const char *name, struct buf *text)
{
	int fd = openat(
	    folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return false;
	bool is_read = read_all(fd, text, ACCOUNT_READ_MS) == IO_OK;
	close(fd);
	if (!is_read)
		errno = EIO;
	return is_read;
}

bool
account_write_file(int folder, const char *name, struct span text)
{
	struct buf temporary = buf_new(NAME_MAX);

	buf_printf(&temporary, "%s.new", name);
	const char *path = buf_string(&temporary);
	int fd =
	    path == NULL
		? -1
		: openat(folder, path,
		      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		      ACCOUNT_FILE_MODE);
	bool is_written = fd != -1 && write_all(fd, text) && fsync(fd) == 0 &&
			  renameat(folder, path, folder, name) == 0 &&
			  fsync(folder) == 0;
	int error = errno;
	if (fd != -1)
		close(fd);
	buf_free(&temporary);
	errno = error;
	return is_written;
}

/*
 * Two folders made in one second must not have the same.  Without a lock: two
 * that are made at one instant may, which their MAILBOXIDs tell apart.
 */
uint32_t
account_next_uid_validity(const struct account *account)
{
	static const char name[] = "estafeta-uidvalidity";
	struct buf text = buf_new(64);
	uint64_t last = 0;
	uint64_t next = (uint64_t)time(NULL);

	if (account_read_file(account->root, name, &text))
		span_number(
		    span_trim(buf_span(&text)), 10, UINT32_MAX - 2, &last);
	if (next <= last)
		next = last + 1;
	buf_clear(&text);
	buf_printf(&text, "%llu\n", (unsigned long long)next);
	bool is_written =
	    account_write_file(account->root, name, buf_span(&text));
	buf_free(&text);
	return is_written ? (uint32_t)next : 0;
}

/* ---- opening ---- */

/* The root and all that is missing above it belongs to the administrator. */
static bool
open_root(struct account *account, bool *is_made)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	account->root = open(account->path, flags);
	/* Of several first sessions at once one makes it. */
	if (account->root == -1 && errno == ENOENT &&
	    (mkdir(account->path, ACCOUNT_MODE) == 0 || errno == EEXIST))
		account->root = open(account->path, flags);
	*is_made = account->root != -1 &&
		   faccessat(account->root, "cur", F_OK, 0) == -1;
	if (*is_made && (!account_make_maildir(account->root) ||
			    !folder_sync(account->path)))
		return false;
	return account->root != -1;
}

/* SQLite goes by path, without links, and a jail knows no current folder. */
static void
make_absolute(struct account *account)
{
	char *path = realpath(account->path, NULL);

	if (path == NULL)
		return;
	free(account->path);
	account->path = path;
}

enum account_status
account_open(struct account **account, const char *name)
{
	struct span prefix = span_of("maildir:");
	struct span text = span_of(name);
	bool is_made = false;
	enum account_status status = ACCOUNT_OK;

	if (!span_starts(text, prefix))
		return ACCOUNT_INVALID;
	struct account *new = account_allocate(1, sizeof(*new));
	*new = (struct account){ .path = store_copy(
				     span_slice(text, prefix.len, text.len)),
		.root = -1,
		.watch = -1,
		.watch_tree = -1 };
	maildir_host(new->host);
	account_settings_read(&new->settings);
	if (!open_root(new, &is_made))
		status = account_error();
	else
		make_absolute(new);
	if (status == ACCOUNT_OK && is_made)
		status = special_use_make(new);
	if (status == ACCOUNT_OK) {
		*account = new;
		return ACCOUNT_OK;
	}
	int error = errno;
	account_close(new);
	errno = error;
	return status;
}

void
account_close(struct account *account)
{
	account_rest(account);
	if (account->root != -1)
		close(account->root);
	if (account->watch != -1)
		close(account->watch);
	for (size_t i = 0; i < account->watched_count; i++)
		free(account->watched[i].name);
	free(account->watched);
	account_settings_free(&account->settings);
	free(account->path);
	free(account);
}
