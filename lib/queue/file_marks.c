#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "queue/file.h"

static const char held_attribute[] = "user.estafeta.held";

void
queue_file_why_held(int fd, char why[QUEUE_WHY_MAX + 1])
{
	ssize_t got = fgetxattr(fd, held_attribute, why, QUEUE_WHY_MAX);

	why[got > 0 ? got : 0] = '\0';
}

bool
queue_file_set_why_held(int fd, struct span why)
{
	return fsetxattr(fd, held_attribute, why.ptr, why.len, 0) == 0;
}

static const char tls_attribute[] = "user.estafeta.requiretls";

const char *
queue_file_tls(int fd)
{
	char value[4];
	ssize_t got = fgetxattr(fd, tls_attribute, value, sizeof(value));

	if (got <= 0)
		return "-";
	return span_equal((struct span){ value, (size_t)got }, span_of("yes"))
		   ? "yes"
		   : "no";
}

bool
queue_file_set_tls(int fd, struct span value)
{
	if (span_equal(value, span_of("-")))
		return fremovexattr(fd, tls_attribute) == 0 || errno == ENODATA;
	return fsetxattr(fd, tls_attribute, value.ptr, value.len, 0) == 0;
}

void
queue_file_take_tls(struct queue_file *file)
{
	const char *value = queue_file_tls(file->fd);

	if (strcmp(value, "-") != 0)
		file->envelope.requires_tls = strcmp(value, "yes") == 0;
}
