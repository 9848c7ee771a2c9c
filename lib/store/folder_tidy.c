#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/folder_state.h"

enum {
	TMP_HOURS = 36
};

/* What was left there so long ago is nobody's any more: maildir(5). */
static void
clean_tmp(const struct folder *folder)
{
	const struct dirent *entry;
	int64_t oldest = (int64_t)time(NULL) - (int64_t)TMP_HOURS * 3600;
	int fd = openat(folder->root, "tmp",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *list = fd == -1 ? NULL : fdopendir(fd);

	while (list != NULL && (entry = readdir(list)) != NULL) {
		struct stat status;

		if (entry->d_name[0] != '.' &&
		    fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISREG(status.st_mode) && status.st_ctime < oldest)
			unlinkat(fd, entry->d_name, 0);
	}
	if (list != NULL)
		closedir(list);
	else if (fd != -1)
		close(fd);
}

void
folder_tidy(struct folder *folder)
{
	folder_view_save(folder);
	if (folder->is_untidy && !folder->is_read_only)
		clean_tmp(folder);
	folder->is_untidy = false;
}
