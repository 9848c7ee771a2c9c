#include <sys/xattr.h>

#include "queue/file.h"

static const char attribute[] = "user.estafeta.held";

void
queue_file_why_held(int fd, char why[QUEUE_WHY_MAX + 1])
{
	ssize_t got = fgetxattr(fd, attribute, why, QUEUE_WHY_MAX);

	why[got > 0 ? got : 0] = '\0';
}

bool
queue_file_set_why_held(int fd, struct span why)
{
	return fsetxattr(fd, attribute, why.ptr, why.len, 0) == 0;
}
