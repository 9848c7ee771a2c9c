#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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

bool
file_commit(int fd, const char *temporary, const char *path)
{
	return fsync(fd) == 0 && rename(temporary, path) == 0 &&
	       folder_sync(path);
}
