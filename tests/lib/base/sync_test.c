/*
 * sync_test - files and their names, synced together.
 *
 * usage: sync_test [FOLDER yes|no]   yes: an fsync keeps names there, and is
 *                                    what is used (journal_test.sh)
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

static int
make(const char *folder)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/sync_test.XXXXXX", folder);
	int fd = mkstemp(path);
	CHECK("a new file", write(fd, "x", 1) == 1);
	unlink(path);
	return fd;
}

static void
test_one(const char *folder)
{
	int fd = make(folder);

	CHECK("a new file is synced with its name", file_sync_named(fd));
	CHECK("its bytes are", file_sync_bytes(fd));
	close(fd);
	CHECK("one that is closed is not",
	    !file_sync_named(fd) && errno == EBADF);
}

static time_t
changed_at(int fd)
{
	struct stat status = { 0 };

	CHECK("a file's time", fstat(fd, &status) == 0);
	return status.st_mtime;
}

/* Without the change of the last one a power cut of xfs loses others. */
static void
test_all(const char *folder, bool is_fsync)
{
	const struct timespec long_ago[2] = { { .tv_sec = 1 },
		{ .tv_sec = 1 } };
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = make(folder);
		CHECK("of long ago", futimens(fds[i], long_ago) == 0);
	}
	CHECK("new files are synced together", file_sync_all(fds, 2));
	CHECK("the last of them is changed, if that is what keeps them",
	    (changed_at(fds[1]) > 1) == is_fsync);
	CHECK("no other", changed_at(fds[0]) == 1);
	close(fds[0]);
	CHECK("one that is closed is missed",
	    !is_fsync || (!file_sync_all(fds, 2) && errno == EBADF));
	close(fds[1]);
}

int
main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "/tmp";

	/* Nobody said what file system that is. */
	test_one(folder);
	test_all(folder, false);
	if (argc > 2) {
		int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

		file_know_system(fd);
		close(fd);
		test_one(folder);
		test_all(folder, argv[2][0] == 'y');
	}
	return test_result();
}
