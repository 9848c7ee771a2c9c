#ifndef STORE_MBOX_LOCK_H
#define STORE_MBOX_LOCK_H

/*
 * mbox_lock - one writer at a time for an mbox that strangers write too.
 *
 * Two locks, in the order that Debian's policy (11.6) gives: an fcntl lock of
 * the whole file (of the open file, so that closing another descriptor of it
 * does not lose it), then a dot lock, PATH.lock, with "PID estafeta".  If
 * the second is taken the first is let go while we wait: no dead lock with
 * programs that take them the other way round.  In a folder where we may not
 * make files (EACCES, EPERM, EROFS) the fcntl lock alone must do.
 *
 * A dot lock that was left behind is removed: one of ours, once the fcntl lock
 * is free; one that is older than MBOX_LOCK_STALE_S, or than the last boot.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	MBOX_LOCK_STALE_S = 300
};

enum mbox_lock_status {
	MBOX_LOCK_OK,
	MBOX_LOCK_BUSY,     /* someone else held it for all of timeout_ms */
	MBOX_LOCK_REPLACED, /* path is another file by now: open it again */
	MBOX_LOCK_ERROR     /* errno says why */
};

struct mbox_lock {
	int fd; /* the mailbox; not owned */
	bool has_dot_lock;
	char dot_path[PATH_MAX];
};

/*
 * Lock the mailbox open at fd (for writing) under the name path.  On any
 * other status than MBOX_LOCK_OK nothing is locked.  Wipes *lock first.
 */
enum mbox_lock_status mbox_lock_take(
    struct mbox_lock *lock, int fd, const char *path, int64_t timeout_ms);

/* Let go of both; call before closing fd. */
void mbox_lock_release(struct mbox_lock *lock);

#endif
