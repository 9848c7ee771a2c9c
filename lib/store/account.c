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

enum account_status
account_has(const struct account *account, struct span name)
{
	int folder = account_open_folder(account, name);

	if (folder == -1)
		return account_error();
	close(folder);
	return ACCOUNT_OK;
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

static bool
wait_for_lock(int fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_WAIT_NS };
	int64_t until_ms = clock_ms() + ACCOUNT_LOCK_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    clock_ms() > until_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static int
open_locked(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	    ACCOUNT_FILE_MODE);

	if (fd == -1 || wait_for_lock(fd))
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

int
account_scratch(const struct account *account)
{
	struct buf name = buf_new(UINT8_MAX);
	const int mode = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
	int fd =
	    openat(account->root, "tmp", O_TMPFILE | mode, ACCOUNT_FILE_MODE);

	/* A file system without such files, NFS for one. */
	if (fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		buf_add_string(&name, "tmp/");
		maildir_add_unique(&name, account->host);
		const char *path = buf_string(&name);
		fd = openat(account->root, path, O_CREAT | O_EXCL | mode,
		    ACCOUNT_FILE_MODE);
		if (fd != -1)
			unlinkat(account->root, path, 0);
	}
	buf_free(&name);
	return fd;
}

int
account_lock(int folder)
{
	return open_locked(folder, "estafeta-lock");
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

/*
 * The file that is to become NAME, for one writer at a time: who waited for the
 * one that has been renamed meanwhile opens the next.  -1 with errno set.
 */
static int
open_new(int folder, const char *path)
{
	struct stat mine;
	struct stat there;

	for (;;) {
		int fd = path == NULL ? -1 : open_locked(folder, path);

		if (fd == -1)
			return -1;
		if (fstat(fd, &mine) == 0 &&
		    fstatat(folder, path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		    mine.st_ino == there.st_ino)
			return fd;
		close(fd);
	}
}

static bool
write_new(
    int folder, const char *path, int fd, const char *name, struct span text)
{
	return ftruncate(fd, 0) == 0 && write_all(fd, text) && fsync(fd) == 0 &&
	       renameat(folder, path, folder, name) == 0 && fsync(folder) == 0;
}

bool
account_change_file(int folder, const char *name,
    bool (*change)(void *context, struct buf *text), void *context)
{
	struct buf temporary = buf_new(NAME_MAX);
	struct buf text = buf_new(ACCOUNT_SMALL_MAX);

	buf_printf(&temporary, "%s.new", name);
	const char *path = buf_string(&temporary);
	int fd = open_new(folder, path);
	bool is_written = fd != -1 && change(context, &text) &&
			  !text.overflow &&
			  write_new(folder, path, fd, name, buf_span(&text));
	int error = errno;
	if (fd != -1)
		close(fd);
	buf_free(&text);
	buf_free(&temporary);
	errno = error;
	return is_written;
}

static bool
take_text(void *context, struct buf *text)
{
	buf_add(text, *(const struct span *)context);
	if (text->overflow)
		errno = EFBIG;
	return !text->overflow;
}

bool
account_write_file(int folder, const char *name, struct span text)
{
	return account_change_file(folder, name, take_text, &text);
}

/* ---- UIDVALIDITY ---- */

static const char validity_name[] = "estafeta-uidvalidity";
static const char new_validity_name[] = "estafeta-uidvalidity.new";

struct validity {
	int root;
	uint64_t next;
};

static bool
next_validity(void *context, struct buf *text)
{
	struct validity *validity = context;
	uint64_t last = 0;

	if (account_read_file(validity->root, validity_name, text))
		span_number(
		    span_trim(buf_span(text)), 10, UINT32_MAX - 2, &last);
	validity->next = (uint64_t)time(NULL);
	if (validity->next <= last)
		validity->next = last + 1;
	buf_clear(text);
	buf_printf(text, "%llu\n", (unsigned long long)validity->next);
	return true;
}

/* Two folders made in one second must not have the same. */
uint32_t
account_next_uid_validity(const struct account *account)
{
	struct validity validity = { .root = account->root };

	return account_change_file(
		   account->root, validity_name, next_validity, &validity)
		   ? (uint32_t)validity.next
		   : 0;
}

uint32_t
account_begin_uid_validity(const struct account *account, int *fd)
{
	struct validity validity = { .root = account->root };
	struct buf text = buf_new(ACCOUNT_SMALL_MAX);

	*fd = open_new(account->root, new_validity_name);
	bool is_written = *fd != -1 && next_validity(&validity, &text) &&
			  ftruncate(*fd, 0) == 0 &&
			  write_all(*fd, buf_span(&text));
	if (is_written)
		file_start_sync(*fd);
	buf_free(&text);
	return is_written ? (uint32_t)validity.next : 0;
}

/*
 * A power cut may leave the first of an account empty: nothing is lost with it,
 * for the clock has gone on.  A later one must not take its forerunner along.
 */
bool
account_end_uid_validity(const struct account *account, int *fd)
{
	bool is_first = faccessat(account->root, validity_name, F_OK, 0) == -1;
	bool is_good = (is_first || file_sync_bytes(*fd)) &&
		       renameat(account->root, new_validity_name, account->root,
			   validity_name) == 0;
	int error = errno;

	close(*fd);
	*fd = -1;
	errno = error;
	return is_good;
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
	if (account->root != -1)
		file_know_system(account->root);
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

int
account_root(const struct account *account)
{
	return account->root;
}

void
account_close(struct account *account)
{
	account_rest(account);
	if (account->root != -1)
		close(account->root);
	account_unwatch(account);
	account_settings_free(&account->settings);
	free(account->path);
	free(account);
}
