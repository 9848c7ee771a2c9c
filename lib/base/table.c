#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

void
table_init(struct table *table, const char *path)
{
	*table = (struct table){ .path = path };
}

void
table_close(struct table *table)
{
	if (!table->is_open)
		return;
	int fd = cdb_fileno(&table->cdb);
	cdb_free(&table->cdb);
	close(fd);
	table->is_open = false;
}

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Open the table, or a newer one: 1 open, 0 no such file, -1 error. */
static int
refresh(struct table *table)
{
	struct stat now;

	if (stat(table->path, &now) == -1) {
		table_close(table);
		return errno == ENOENT ? 0 : -1;
	}
	if (table->is_open && is_same_file(&now, &table->opened))
		return 1;
	table_close(table);
	int fd = open(table->path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstat(fd, &table->opened) == -1 || cdb_init(&table->cdb, fd) != 0) {
		close(fd);
		return -1;
	}
	table->is_open = true;
	return 1;
}

int
table_find(struct table *table, struct span key, struct span *value)
{
	int open_status = refresh(table);

	if (open_status != 1)
		return open_status;
	int found = cdb_find(&table->cdb, key.ptr, (unsigned)key.len);
	if (found != 1)
		return found;
	value->len = cdb_datalen(&table->cdb);
	value->ptr = cdb_getdata(&table->cdb);
	return value->ptr == NULL ? -1 : 1;
}

bool
table_begin(struct table_maker *maker, const char *path)
{
	maker->path = path;
	snprintf(maker->temporary, sizeof(maker->temporary), "%s.%ld.tmp", path,
	    (long)getpid());
	maker->fd = open(maker->temporary,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (maker->fd == -1)
		return false;
	return fchmod(maker->fd, 0644) == 0 &&
	       cdb_make_start(&maker->cdb, maker->fd) == 0;
}

bool
table_add(struct table_maker *maker, struct span key, struct span value)
{
	return cdb_make_add(&maker->cdb, key.ptr, (unsigned)key.len, value.ptr,
		   (unsigned)value.len) == 0;
}

bool
table_commit(struct table_maker *maker)
{
	bool is_written = cdb_make_finish(&maker->cdb) == 0;

	if (!is_written ||
	    !file_commit(maker->fd, maker->temporary, maker->path))
		return false;
	close(maker->fd);
	return true;
}

void
table_abort(struct table_maker *maker)
{
	int error = errno;

	if (maker->fd != -1) {
		close(maker->fd);
		unlink(maker->temporary);
	}
	errno = error;
}
