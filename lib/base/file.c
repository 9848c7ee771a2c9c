#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/io.h"

bool
folder_sync(const char *path)
{
	struct span name = span_of(path);
	size_t slash = span_last_index(name, '/');
	char folder[PATH_MAX];

	if (slash == name.len)
		snprintf(folder, sizeof(folder), ".");
	else
		snprintf(folder, sizeof(folder), "%.*s/", (int)slash, path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return false;
	bool is_synced = fsync(fd) == 0;
	close(fd);
	return is_synced;
}

/* Does an fsync of a file keep every name of before, too (power_test)? */
static struct {
	dev_t device;
	bool keeps_names;
} known;

/*
 * ext4 can be without one (and ext2 is ext4's, with the same magic number).  A
 * jail that opens no files lets names be looked up.
 */
static bool
has_journal(dev_t device)
{
	char path[64];
	char target[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(device),
	    minor(device));
	ssize_t len = readlink(path, target, sizeof(target));
	if (len <= 0 || (size_t)len >= sizeof(target))
		return false;
	struct span name = { target, (size_t)len };
	size_t slash = span_last_index(name, '/');
	if (slash < name.len)
		name = span_slice(name, slash + 1, name.len);
	int printed = snprintf(path, sizeof(path), "/proc/fs/jbd2/%.*s-8",
	    (int)name.len, name.ptr);
	return printed > 0 && (size_t)printed < sizeof(path) &&
	       stat(path, &status) == 0;
}

void
file_know_system(int fd)
{
	struct statfs on;
	struct stat status;

	known.keeps_names = false;
	if (fstatfs(fd, &on) == -1 || fstat(fd, &status) == -1)
		return;
	known.device = status.st_dev;
	known.keeps_names =
	    on.f_type == XFS_SUPER_MAGIC ||
	    (on.f_type == EXT4_SUPER_MAGIC && has_journal(status.st_dev));
}

static bool
keeps_names(int fd)
{
	struct stat status;

	return known.keeps_names && fd_status(fd, &status) &&
	       status.st_dev == known.device;
}

/*
 * A file system that is being shut down can end the journal's work under an
 * fsync, which then reports success (seen with ext4 of Linux 6.18).  From that
 * moment on it refuses to read, so one follows.
 */
bool
file_sync_named(int fd)
{
	char first;

	if (!keeps_names(fd))
		return syncfs(fd) == 0;
	return fsync(fd) == 0 && pread(fd, &first, 1, 0) != -1;
}

void
file_start_sync(int fd)
{
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* To where the journal's next commit finds them. */
static bool
write_bytes(int fd)
{
	return sync_file_range(fd, 0, 0,
		   SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		       SYNC_FILE_RANGE_WAIT_AFTER) == 0;
}

bool
file_sync_bytes(int fd)
{
	return keeps_names(fd) ? write_bytes(fd) : fsync(fd) == 0;
}

/*
 * The journal may have been committed after the last file's bytes came in place
 * and before another's: an fsync of the last would then find nothing to do.  So
 * it changes once more, after all that is to be kept.
 */
bool
file_sync_all(const int *fds, size_t count)
{
	int last = fds[count - 1];

	if (count == 1 || !keeps_names(last))
		return count == 1 ? file_sync_named(last) : syncfs(last) == 0;
	for (size_t i = 0; i < count; i++)
		if (sync_file_range(fds[i], 0, 0, SYNC_FILE_RANGE_WRITE) == -1)
			return false;
	for (size_t i = 0; i < count; i++)
		if (!write_bytes(fds[i]))
			return false;
	return futimens(last, NULL) == 0 && file_sync_named(last);
}

bool
file_commit(int fd, const char *temporary, const char *path)
{
	return fsync(fd) == 0 && rename(temporary, path) == 0 &&
	       folder_sync(path);
}

int
file_open_quietly(int folder, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(folder, name, flags | O_NOATIME);

	if (fd == -1 && errno == EPERM) /* it is another's: open(2) */
		fd = openat(folder, name, flags);
	return fd;
}
