/*
 * mboxrewrite_fuzz - any journal beside any file: what was begun is ended or
 * taken back, once; a unique id made of any file's fields is one.
 */

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "store/mbox_rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char name[] = "user.estafeta.rewrite";

static void
try_format(struct span format, struct span value)
{
	const struct uidl_facts facts = { .uid = 7,
		.uid_validity = 9,
		.name = value,
		.guid = value,
		.x_uidl = value };
	const struct uidl_formats formats = { .formats = { format },
		.count = 1 };
	struct buf uidl = buf_new(4096);

	if (uidl_is_format(format) && uidl_make(&uidl, &formats, &facts) &&
	    !uidl_is_valid(buf_span(&uidl)))
		abort();
	buf_free(&uidl);
}

/* The first line is the journal, or the format; the rest the file. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct span journal = span_cut(&rest, '\n');
	struct stat status;
	char byte;
	int fd = memfd_create("mbox", MFD_CLOEXEC);

	if (fd == -1 || write(fd, rest.ptr, rest.len) != (ssize_t)rest.len)
		abort();
	try_format(journal, rest);
	if (fsetxattr(fd, name, journal.ptr, journal.len, 0) == 0) {
		if (!mbox_recover(fd) || fstat(fd, &status) == -1 ||
		    fgetxattr(fd, name, &byte, 1) != -1 ||
		    (uint64_t)status.st_size > 2 * rest.len + 4)
			abort();
	}
	close(fd);
	return 0;
}
