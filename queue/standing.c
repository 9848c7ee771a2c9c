#include "queue/standing.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"

enum {
	WAIT_MS = 10000
};

static bool
stat_state(const struct view *view, struct stat *status)
{
	return fstatat(view->spool.top, "state", status, AT_SYMLINK_NOFOLLOW) ==
	       0;
}

static void
print_state(const struct view *view)
{
	struct buf text = buf_new(SIZE_MAX / 2);
	int fd = openat(view->spool.top, "state", O_RDONLY | O_CLOEXEC);

	if (fd == -1 || read_all(fd, &text, WAIT_MS) != IO_OK)
		temp_fail("cannot read the manager's state");
	close(fd);
	struct span rest = buf_span(&text);
	printf("%9s %11s %7s %6s %9s %9s  %s\n", "Messages", "Connections",
	    "Allowed", "Limit", "Failures", "Blocked s", "Destination");
	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');
		struct span name = span_cut(&line, ' ');
		static const int widths[] = { 9, 11, 7, 6, 9, 9 };

		for (size_t i = 0; i < 6; i++) {
			struct span number = span_cut(&line, ' ');

			printf(
			    "%*.*s ", widths[i], (int)number.len, number.ptr);
		}
		printf(" %.*s%s%.*s\n", (int)name.len, name.ptr,
		    line.len > 0 ? " by " : "", (int)line.len,
		    line.len > 0 ? line.ptr : "");
	}
	buf_free(&text);
}

void
standing_print(const struct view *view)
{
	struct stat before = { .st_ino = 0 };
	struct stat now;
	int64_t deadline = clock_ms() + WAIT_MS;

	if (!view->sees_all)
		die(EX_NOPERM, "for root and group mta-admin only");
	stat_state(view, &before);
	view_tell(view, span_of("state\n"));
	while (!stat_state(view, &now) ||
	       (now.st_ino == before.st_ino &&
		   now.st_mtim.tv_nsec == before.st_mtim.tv_nsec)) {
		if (clock_ms() > deadline)
			die(EX_UNAVAILABLE, "queue-manager does not answer");
		usleep(10000);
	}
	print_state(view);
}
