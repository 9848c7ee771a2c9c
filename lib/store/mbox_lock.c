#include "store/mbox_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

enum {
	WAIT_FIRST_MS = 10,
	WAIT_MAX_MS = 500
};

/* After our process id. */
static const char mark[] = " estafeta\n";

static void
sleep_ms(int64_t ms)
{
	struct timespec time = { .tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&time, NULL);
}

static bool
set_file_lock(int fd, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static int64_t
boot_time(void)
{
	struct timespec up;

	return clock_gettime(CLOCK_BOOTTIME, &up) == 0
		   ? (int64_t)time(NULL) - up.tv_sec
		   : 0;
}

static bool
is_ours(const char *dot_path)
{
	char text[64];
	int fd = open(dot_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return false;
	ssize_t len = read(fd, text, sizeof(text));
	close(fd);
	return len > (ssize_t)strlen(mark) &&
	       memcmp(text + len - strlen(mark), mark, strlen(mark)) == 0;
}

/*
 * Remove a dot lock that was left behind; the next try may then take it.  One
 * of ours is: who made it had the fcntl lock too, and that is now with us.
 */
static void
remove_stale(const char *dot_path)
{
	struct stat status;

	if (lstat(dot_path, &status) == -1 || !S_ISREG(status.st_mode))
		return;
	if (time(NULL) - status.st_mtime > MBOX_LOCK_STALE_S ||
	    status.st_mtime < boot_time() || is_ours(dot_path))
		unlink(dot_path);
}

static bool
may_do_without(int error)
{
	return error == EACCES || error == EPERM || error == EROFS;
}

static enum mbox_lock_status
take_dot_lock(struct mbox_lock *lock)
{
	char text[48];
	int fd = open(lock->dot_path,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1 && errno == EEXIST) {
		remove_stale(lock->dot_path);
		return MBOX_LOCK_BUSY;
	}
	if (fd == -1)
		return may_do_without(errno) ? MBOX_LOCK_OK : MBOX_LOCK_ERROR;
	lock->has_dot_lock = true;
	int len = snprintf(text, sizeof(text), "%ld%s", (long)getpid(), mark);
	/* Its existence is the lock: without a text it just lasts longer. */
	if (write(fd, text, (size_t)len) == -1)
		errno = 0;
	close(fd);
	return MBOX_LOCK_OK;
}

static enum mbox_lock_status
check_same_file(int fd, const char *path)
{
	struct stat opened;
	struct stat named;

	if (fstat(fd, &opened) == -1)
		return MBOX_LOCK_ERROR;
	if (stat(path, &named) == -1)
		return errno == ENOENT ? MBOX_LOCK_REPLACED : MBOX_LOCK_ERROR;
	return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
		   ? MBOX_LOCK_OK
		   : MBOX_LOCK_REPLACED;
}

static enum mbox_lock_status
try_both(struct mbox_lock *lock, const char *path)
{
	if (!set_file_lock(lock->fd, F_WRLCK))
		return errno == EAGAIN || errno == EACCES ? MBOX_LOCK_BUSY
							  : MBOX_LOCK_ERROR;
	enum mbox_lock_status status = take_dot_lock(lock);
	if (status == MBOX_LOCK_OK)
		status = check_same_file(lock->fd, path);
	if (status != MBOX_LOCK_OK) {
		int error = errno;

		mbox_lock_release(lock);
		errno = error;
	}
	return status;
}

enum mbox_lock_status
mbox_lock_take(
    struct mbox_lock *lock, int fd, const char *path, int64_t timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;
	int64_t wait_ms = WAIT_FIRST_MS;

	*lock = (struct mbox_lock){ .fd = fd };
	if (strlen(path) + sizeof(".lock") > sizeof(lock->dot_path)) {
		errno = ENAMETOOLONG;
		return MBOX_LOCK_ERROR;
	}
	snprintf(lock->dot_path, sizeof(lock->dot_path), "%s.lock", path);
	for (;;) {
		enum mbox_lock_status status = try_both(lock, path);
		int64_t left = deadline - clock_ms();

		if (status != MBOX_LOCK_BUSY || left <= 0)
			return status;
		sleep_ms(wait_ms < left ? wait_ms : left);
		wait_ms = wait_ms * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : wait_ms * 2;
	}
}

void
mbox_lock_release(struct mbox_lock *lock)
{
	if (lock->has_dot_lock)
		unlink(lock->dot_path);
	lock->has_dot_lock = false;
	set_file_lock(lock->fd, F_UNLCK);
}
