#include "queue/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/die.h"
#include "base/paths.h"

static int
open_folder(int at, const char *name)
{
	int fd = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		temp_fail("cannot open %s/%s (mtactl init makes it)", MTA_QUEUE,
		    name);
	return fd;
}

/*
 * Pages are what fills a pipe: a write that does not fit the last one begins
 * another, so that any two neighbours hold more than one page.
 */
static size_t
full_pipe(int fd)
{
	int size = fcntl(fd, F_GETPIPE_SZ);

	return size == -1 ? 0 : (size_t)size / PIPE_BUF / 2 * PIPE_BUF;
}

void
spool_open(struct spool *spool)
{
	spool->top = open_folder(AT_FDCWD, MTA_QUEUE);
	spool->arrived = open_folder(spool->top, "new");
	spool->temporary = open_folder(spool->top, "tmp");
	spool->trigger =
	    openat(spool->top, "trigger", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (spool->trigger == -1)
		temp_fail(
		    "cannot open %s/trigger (mtactl init makes it)", MTA_QUEUE);
	spool->trigger_full = full_pipe(spool->trigger);
}

int
spool_create(int folder, const char *name)
{
	int fd =
	    openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);

	if (fd == -1 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	int error = errno;
	unlinkat(folder, name, 0);
	close(fd);
	errno = error;
	return -1;
}

int
spool_scratch(const struct spool *spool)
{
	int fd = openat(spool->temporary, ".",
	    O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	struct queue_id id;

	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	/* A file system that has no such files: one that loses its name. */
	id = queue_id_make();
	fd = openat(spool->temporary, id.text,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd != -1)
		unlinkat(spool->temporary, id.text, 0);
	return fd;
}

/* A name that is never told is found: a manager that is behind scans new/. */
size_t
spool_notify(const struct spool *spool, struct span names)
{
	size_t told = 0;

	while (told < names.len) {
		struct span part = span_slice(names, told, PIPE_BUF);
		size_t end = span_last_index(part, '\n');

		if (end == part.len)
			break;
		part.len = end + 1; /* so much goes in whole, or not at all */
		if (write(spool->trigger, part.ptr, part.len) !=
		    (ssize_t)part.len)
			break;
		told += part.len;
	}
	return told;
}

void
spool_cur_path(const struct queue_name *name, char path[96])
{
	char text[QUEUE_NAME_MAX];

	queue_name_format(name, text);
	snprintf(path, 96, "cur/%c/%s", name->id.text[QUEUE_ID_LEN - 1], text);
}

void
spool_add_retry(struct buf *names, struct span domain)
{
	buf_add_char(names, '@');
	buf_add(names, domain);
	buf_add_char(names, '\n');
}
