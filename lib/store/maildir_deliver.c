#include "store/maildir_deliver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum {
	FOLDER_MODE = 0700,
	COPY_MODE = 0600,
	LINK_MODE = 0640, /* the queue's group can still read it on a retry */
	HEAD_MAX = 2048
};

struct maildir {
	const struct deliver_message *message;
	const char *path;
	const char *name;
	bool is_made; /* by us, just now */
	char temporary[PATH_MAX];
	char target[PATH_MAX];
};

void
maildir_add_name(struct buf *into, const struct maildir_name *name)
{
	struct span host = name->host;

	buf_printf(into, "%llu.Q%.*s", (unsigned long long)name->seconds,
	    (int)name->id.len, name->id.ptr);
	if (name->recipient.len > 0)
		buf_printf(into, "R%016llx",
		    (unsigned long long)XXH3_64bits(
			name->recipient.ptr, name->recipient.len));
	buf_add_char(into, '.');
	for (size_t i = 0; i < host.len && i < 64; i++) {
		if (host.ptr[i] == '/' || host.ptr[i] == ':')
			buf_printf(into, "\\%03o", host.ptr[i]);
		else
			buf_add_char(into, host.ptr[i]);
	}
}

static bool
make_folder(const char *path, const char *below)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s%s", path, below);
	return mkdir(folder, FOLDER_MODE) == 0 || errno == EEXIST;
}

static bool
make_maildir(struct maildir *in)
{
	in->is_made = true;
	return make_folder(in->path, "") && make_folder(in->path, "/tmp") &&
	       make_folder(in->path, "/new") && make_folder(in->path, "/cur");
}

static bool
sync_folder(const char *path, const char *below)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s%s", path, below);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return false;
	bool is_synced = fsync(fd) == 0;
	int error = errno;
	close(fd);
	errno = error;
	return is_synced;
}

/* The message's name, and those of the folders if they are new. */
static bool
sync_names(const struct maildir *in)
{
	return sync_folder(
		   in->path, in->message->letters == NULL ? "/new" : "/cur") &&
	       (!in->is_made ||
		   (sync_folder(in->path, "") && sync_folder(in->path, "/..")));
}

/* ---- was it delivered before? ---- */

static bool
is_name_or_flagged(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return strncmp(entry, name, len) == 0 &&
	       (entry[len] == '\0' || entry[len] == ':');
}

/* In cur/: moved there by a reader, with its flags. */
static bool
is_in_cur(const struct maildir *in, off_t size)
{
	char folder[PATH_MAX];
	struct stat status;
	const struct dirent *entry;
	bool is_found = false;

	snprintf(folder, sizeof(folder), "%s/cur", in->path);
	DIR *entries = opendir(folder);
	if (entries == NULL)
		return false;
	while (!is_found && (entry = readdir(entries)) != NULL)
		is_found =
		    is_name_or_flagged(entry->d_name, in->name) &&
		    fstatat(dirfd(entries), entry->d_name, &status, 0) == 0 &&
		    status.st_size == size;
	closedir(entries);
	return is_found;
}

/* The same bytes?  Both are at their start afterwards or are closed soon. */
static bool
is_same_content(int one, int other)
{
	char left[16384];
	char right[16384];
	off_t offset = 0;

	for (;;) {
		ssize_t got = pread(one, left, sizeof(left), offset);

		if (got < 0 ||
		    pread(other, right, sizeof(right), offset) != got ||
		    memcmp(left, right, (size_t)got) != 0)
			return false;
		if (got == 0)
			return true;
		offset += got;
	}
}

/* Is what has our name in new/ this very message (fd), whole? */
static bool
is_in_new(const struct maildir *in, int fd)
{
	struct stat ours;
	struct stat theirs;
	int other = open(in->target, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (other == -1)
		return false;
	bool is_ours =
	    fstat(fd, &ours) == 0 && fstat(other, &theirs) == 0 &&
	    S_ISREG(theirs.st_mode) && ours.st_size == theirs.st_size &&
	    ((ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino) ||
		is_same_content(fd, other));
	close(other);
	return is_ours;
}

/* ---- copying ---- */

static bool
write_copy(const struct deliver_message *message, int fd)
{
	struct buf head = buf_new(HEAD_MAX);
	bool is_written =
	    deliver_add_head(&head, message) &&
	    write_all(fd, buf_span(&head)) &&
	    copy_bytes(message->fd, message->offset, message->length, fd);

	buf_free(&head);
	return is_written;
}

/* Give the copy its name; an equal one was delivered before. */
static bool
name_copy(struct maildir *in, int fd)
{
	if (renameat2(AT_FDCWD, in->temporary, AT_FDCWD, in->target,
		RENAME_NOREPLACE) == 0)
		return true;
	if (errno == EINVAL || errno == ENOSYS) /* a file system without it */
		return link(in->temporary, in->target) == 0 &&
		       unlink(in->temporary) == 0;
	if (errno != EEXIST)
		return false;
	if (is_in_new(in, fd))
		return unlink(in->temporary) == 0;
	return rename(in->temporary, in->target) == 0;
}

static int
open_copy(struct maildir *in)
{
	int flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(in->temporary, flags, COPY_MODE);

	if (fd == -1 && errno == ENOENT && make_maildir(in))
		fd = open(in->temporary, flags, COPY_MODE);
	return fd;
}

/*
 * On the queue's own file system the sync is left to who syncs the queue: a
 * copy that a power cut then tears has the wrong bytes, and is replaced.
 */
static bool
is_on_same_device(int fd, int other)
{
	struct stat one;
	struct stat two;

	return fstat(fd, &one) == 0 && fstat(other, &two) == 0 &&
	       one.st_dev == two.st_dev;
}

static enum deliver_status
copy_open(struct maildir *in, int fd)
{
	struct stat status;
	const struct deliver_message *message = in->message;
	bool is_local = is_on_same_device(
	    fd, message->is_edited ? message->queue_fd : message->fd);

	if (!write_copy(in->message, fd) || fstat(fd, &status) == -1)
		return DELIVER_ERROR;
	if (in->message->may_be_there && is_in_cur(in, status.st_size)) {
		unlink(in->temporary);
		return is_local ? DELIVER_LINKED : DELIVER_SYNCED;
	}
	if (!is_local && fsync(fd) == -1)
		return DELIVER_ERROR;
	if (!name_copy(in, fd))
		return DELIVER_ERROR;
	if (is_local)
		return DELIVER_LINKED;
	return sync_names(in) ? DELIVER_SYNCED : DELIVER_ERROR;
}

static enum deliver_status
deliver_copy(struct maildir *in)
{
	int fd = open_copy(in);

	if (fd == -1)
		return DELIVER_ERROR;
	enum deliver_status status = copy_open(in, fd);
	int error = errno;
	if (status == DELIVER_ERROR)
		unlink(in->temporary);
	close(fd);
	errno = error;
	return status;
}

/* ---- linking ---- */

static bool
link_queue_file(struct maildir *in)
{
	char from[32];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", in->message->fd);
	if (linkat(AT_FDCWD, from, AT_FDCWD, in->target, AT_SYMLINK_FOLLOW) ==
	    0)
		return true;
	return errno == ENOENT && make_maildir(in) &&
	       linkat(AT_FDCWD, from, AT_FDCWD, in->target,
		   AT_SYMLINK_FOLLOW) == 0;
}

/* A second name of the queue file is a delivery, wherever a reader put it. */
static bool
was_linked(const struct maildir *in, const struct stat *status)
{
	return status->st_nlink > 1 && (is_in_new(in, in->message->fd) ||
					   is_in_cur(in, status->st_size));
}

static enum deliver_status
deliver_link(struct maildir *in)
{
	struct stat status;

	if (fstat(in->message->fd, &status) == -1)
		return DELIVER_ERROR;
	if (was_linked(in, &status))
		return DELIVER_LINKED;
	if ((status.st_mode & ALLPERMS) != LINK_MODE &&
	    fchmod(in->message->fd, LINK_MODE) == -1)
		return deliver_copy(in);
	if (link_queue_file(in) ||
	    (errno == EEXIST && is_in_new(in, in->message->fd)))
		return DELIVER_LINKED;
	switch (errno) {
	case EEXIST: /* broken remains: the copy replaces them */
	case EXDEV:
	case EPERM:
	case EACCES:
	case EMLINK:
	case ENOENT:
		return deliver_copy(in);
	default:
		return DELIVER_ERROR;
	}
}

enum deliver_status
maildir_deliver(
    const struct deliver_message *message, const char *path, const char *name)
{
	struct maildir in = { .message = message, .path = path, .name = name };
	size_t size = sizeof(in.target);
	size_t letters =
	    message->letters == NULL ? 0 : strlen(message->letters);

	if (strlen(path) + strlen(name) + letters + sizeof("/tmp/:2,") + 24 >
		size ||
	    strlen(name) + letters > MAILDIR_NAME_MAX) {
		errno = ENAMETOOLONG;
		return DELIVER_ERROR;
	}
	snprintf(
	    in.temporary, size, "%s/tmp/%s.%ld", path, name, (long)getpid());
	if (message->letters == NULL)
		snprintf(in.target, size, "%s/new/%s", path, name);
	else
		snprintf(in.target, size, "%s/cur/%s:2,%s", path, name,
		    message->letters);
	return message->is_whole ? deliver_link(&in) : deliver_copy(&in);
}
