#include "net/wellknown.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"

#define FOLDER MTA_CONTROL "/wellknown"

enum {
	READ_TIMEOUT_MS = 10000
};

_Noreturn static void
complain(struct buf *name, const char *mend)
{
	die(EX_TEMPFAIL, "%s/%s: %s", FOLDER, buf_string(name), mend);
}

/* Takes name over. */
static void
take_file(struct wellknown *wellknown, int fd, struct buf *name)
{
	struct buf content = buf_new(WELLKNOWN_BYTES_MAX + 1); /* read_all */

	if (wellknown->count == WELLKNOWN_FILES_MAX)
		complain(name, "too many files: remove some");
	enum io_status status = read_all(fd, &content, READ_TIMEOUT_MS);
	if (status == IO_TOO_LONG)
		complain(name, "too long: make it shorter");
	if (status != IO_OK)
		complain(name, "cannot be read: see the system's log");
	wellknown->files[wellknown->count++] =
	    (struct wellknown_file){ *name, content };
	*name = buf_new(PATH_MAX);
}

static void take_folder(struct wellknown *wellknown, int fd,
    const struct buf *folder, unsigned depth);

/* What nobody but its owner may read was not meant for the world. */
static void
take_entry(
    struct wellknown *wellknown, int fd, struct buf *name, unsigned depth)
{
	struct stat status;

	if (fd == -1)
		complain(name, errno == ELOOP ? "a link: put the file itself "
						"there"
					      : strerror(errno));
	if (fstat(fd, &status) == -1)
		complain(name, strerror(errno));
	if ((status.st_mode & S_IROTH) == 0)
		complain(name, "it is to be shown to everybody, who may not "
			       "read it: chmod 644, 755 for a folder");
	if (S_ISDIR(status.st_mode) && depth < WELLKNOWN_DEPTH_MAX)
		take_folder(wellknown, fd, name, depth + 1);
	else if (S_ISREG(status.st_mode))
		take_file(wellknown, fd, name);
	else
		complain(name, S_ISDIR(status.st_mode)
				   ? "too many folders in folders: move it up"
				   : "neither a file nor a folder: remove it");
	close(fd);
}

static void
take_folder(struct wellknown *wellknown, int fd, const struct buf *folder,
    unsigned depth)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = own == -1 ? NULL : fdopendir(own);
	struct dirent *entry;
	struct buf name = buf_new(PATH_MAX);

	if (list == NULL)
		temp_fail("cannot list %s/%.*s", FOLDER, (int)folder->len,
		    folder->len == 0 ? "" : folder->data);
	while ((errno = 0, entry = readdir(list)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		buf_clear(&name);
		buf_add(&name, buf_span(folder));
		if (folder->len > 0)
			buf_add_char(&name, '/');
		buf_add_string(&name, entry->d_name);
		take_entry(wellknown,
		    openat(own, entry->d_name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
		    &name, depth);
	}
	if (errno != 0)
		temp_fail("cannot list %s", FOLDER);
	closedir(list);
	buf_free(&name);
}

struct wellknown
wellknown_read(void)
{
	struct wellknown wellknown = { NULL, 0 };
	const struct buf top = buf_new(0);
	int fd = open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1) {
		if (errno != ENOENT)
			temp_fail("cannot open %s", FOLDER);
		return wellknown;
	}
	wellknown.files = calloc(WELLKNOWN_FILES_MAX, sizeof(*wellknown.files));
	if (wellknown.files == NULL)
		temp_fail("out of memory");
	take_folder(&wellknown, fd, &top, 0);
	close(fd);
	return wellknown;
}

const struct wellknown_file *
wellknown_find(const struct wellknown *wellknown, struct span name)
{
	for (size_t i = 0; i < wellknown->count; i++)
		if (span_equal(buf_span(&wellknown->files[i].name), name))
			return &wellknown->files[i];
	return NULL;
}
