#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/mbox_lock.h"
#include "store/mbox_rewrite.h"

enum {
	REOPEN_MAX = 5,
	COMMIT_TIMEOUT_MS = 30000
};

struct mbox {
	int fd; /* flocked: one session at a time; -1: no such file */
	struct mbox_list list;
	struct stat scanned; /* as it was then */
};

/* ---- reading ---- */

static int
open_file(const char *path)
{
	struct stat status;
	/* Not O_APPEND: it would send every pwrite to the end. */
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/*
 * Open and lock as mbox_lock.h has it, anew if the name is another file by
 * then.  STORE_OK with *fd -1: there is no such file.
 */
static enum store_status
open_locked(
    const char *path, int64_t timeout_ms, int *fd, struct mbox_lock *lock)
{
	for (int i = 0; i < REOPEN_MAX; i++) {
		*fd = open_file(path);
		if (*fd == -1)
			return errno == ENOENT ? STORE_OK : STORE_ERROR;
		enum mbox_lock_status status =
		    mbox_lock_take(lock, *fd, path, timeout_ms);
		if (status == MBOX_LOCK_OK)
			return STORE_OK;
		int error = errno;
		close(*fd);
		errno = error;
		*fd = -1;
		if (status == MBOX_LOCK_ERROR)
			return STORE_ERROR;
		if (status == MBOX_LOCK_BUSY)
			return STORE_BUSY;
	}
	return STORE_BUSY;
}

static void
add_message(struct store *store, const struct mbox_list *list, size_t i)
{
	const struct mbox_message *message = &list->messages[i];
	const struct uidl_facts facts = { .uid = message->uid,
		.uid_validity = list->uid_validity,
		.x_uidl = span_of(message->x_uidl) };

	store_add(store, store_copy(span_of(message->hash)), message->octets);
	store_add_facts(store, &facts);
}

static enum store_status
list(struct store *store, struct mbox *mbox, int64_t timeout_ms)
{
	if (!store_take_lock(mbox->fd, timeout_ms))
		return errno == EWOULDBLOCK ? STORE_BUSY : STORE_ERROR;
	if (!mbox_recover(mbox->fd) || !mbox_scan(mbox->fd, &mbox->list) ||
	    fstat(mbox->fd, &mbox->scanned) == -1)
		return STORE_ERROR;
	for (size_t i = 0; i < mbox->list.count; i++)
		add_message(store, &mbox->list, i);
	return STORE_OK;
}

static enum store_status
mbox_open(struct store *store, int64_t timeout_ms)
{
	struct mbox *mbox = store_allocate(NULL, 1, sizeof(*mbox));
	struct mbox_lock lock;

	*mbox = (struct mbox){ .fd = -1 };
	store->state = mbox;
	enum store_status status =
	    open_locked(store->path, timeout_ms, &mbox->fd, &lock);
	if (status != STORE_OK || mbox->fd == -1)
		return status;
	store->lock = mbox->fd;
	status = list(store, mbox, timeout_ms);
	int error = errno;
	mbox_lock_release(&lock);
	errno = error;
	return status;
}

/* Others may have written since: then look before we hand out. */
static bool
mbox_read(struct store *store, size_t i, struct crlf *out)
{
	struct mbox *mbox = store->state;
	const struct mbox_message *message = &mbox->list.messages[i];
	struct stat now;

	if (fstat(mbox->fd, &now) == -1)
		return false;
	if (now.st_size != mbox->scanned.st_size ||
	    now.st_mtim.tv_sec != mbox->scanned.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != mbox->scanned.st_mtim.tv_nsec) {
		int is_there = mbox_is_there(mbox->fd, message);

		if (is_there == 0)
			errno = ESTALE;
		if (is_there != 1)
			return false;
	}
	return mbox_unquote(mbox->fd, message, out);
}

/* ---- removing ---- */

/* Is this one of those to be removed? Each mark counts once. */
static bool
take_mark(struct store *store, bool *is_taken, size_t at, const char *hash)
{
	const struct mbox *mbox = store->state;
	const struct mbox_message *known = mbox->list.messages;

	if (at < store->count && !is_taken[at] &&
	    strcmp(known[at].hash, hash) == 0) {
		is_taken[at] = true;
		return store->messages[at].is_deleted;
	}
	for (size_t i = 0; i < store->count; i++) {
		if (!store->messages[i].is_deleted || is_taken[i] ||
		    strcmp(known[i].hash, hash) != 0)
			continue;
		is_taken[i] = true;
		return true;
	}
	return false;
}

/* What is in the file now counts, not what was there when we listed. */
static bool
remove_marked(struct store *store, int fd)
{
	struct mbox_list list;

	if (!mbox_recover(fd) || !mbox_scan(fd, &list))
		return false;
	bool *is_gone = store_allocate(NULL, list.count + 1, sizeof(bool));
	bool *is_taken = store_allocate(NULL, store->count + 1, sizeof(bool));
	memset(is_taken, 0, store->count + 1);
	for (size_t i = 0; i < list.count; i++)
		is_gone[i] =
		    take_mark(store, is_taken, i, list.messages[i].hash);
	bool is_good = mbox_rewrite(fd, &list, is_gone);
	int error = errno;
	free(is_gone);
	free(is_taken);
	mbox_list_free(&list);
	errno = error;
	return is_good;
}

static bool
mbox_commit(struct store *store)
{
	struct mbox_lock lock;
	int fd;
	size_t first = 0;

	while (first < store->count && !store->messages[first].is_deleted)
		first++;
	if (first == store->count)
		return true;
	enum store_status status =
	    open_locked(store->path, COMMIT_TIMEOUT_MS, &fd, &lock);
	if (status == STORE_BUSY)
		errno = EBUSY;
	if (status != STORE_OK)
		return false;
	if (fd == -1)
		return true;
	bool is_good = remove_marked(store, fd);
	int error = errno;
	mbox_lock_release(&lock);
	close(fd);
	errno = error;
	return is_good;
}

static void
mbox_close(struct store *store)
{
	struct mbox *mbox = store->state;

	if (mbox->fd != -1)
		close(mbox->fd);
	mbox_list_free(&mbox->list);
	free(mbox);
}

const struct store_kind store_mbox = {
	.prefix = "mbox:",
	.open = mbox_open,
	.read = mbox_read,
	.commit = mbox_commit,
	.close = mbox_close,
};
