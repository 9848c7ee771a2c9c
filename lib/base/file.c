#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

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
static bool
keeps_names(int fd)
{
	struct statfs on;

	return fstatfs(fd, &on) == 0 &&
	       (on.f_type == EXT4_SUPER_MAGIC || on.f_type == XFS_SUPER_MAGIC);
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
