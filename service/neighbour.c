/*
 * neighbour - give the next program a neighbour, joined by a socketpair.
 *
 * started by  service/NAME/run, as one link of its chain
 * uid         whatever it is started with; it changes nothing
 * reads       whether a file of control/ is there
 * fd          its neighbour's number (lib/queue/neighbour.h) becomes one end;
 *             the other end is the neighbour's standard input
 * runs        the neighbour's chain, as a child; then the next program, as
 *             itself
 * exits       EX_USAGE; EX_OSERR if the kernel refuses; else never
 */

#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "queue/neighbour.h"

static const char usage[] =
    "usage: neighbour [-w] [-c FILE] NAME { PROGRAM [ARGUMENT...] } NEXT "
    "[ARGUMENT...]\n"
    "       -w: start it when it is first asked something\n"
    "       -c: only if control/FILE is there; else there is none";

enum {
	READY_FD = 3 /* s6's notification descriptor: the next program's */
};

/* The index of the brace that closes the one at open; braces nest. */
static int
closing_brace(char **argv, int open)
{
	int depth = 0;

	for (int i = open; argv[i] != NULL; i++) {
		if (strcmp(argv[i], "{") == 0)
			depth++;
		else if (strcmp(argv[i], "}") == 0 && --depth == 0)
			return i;
	}
	die(EX_USAGE, "'{' without its '}'; %s", usage);
}

static void
execute(char **argv)
{
	execvp(argv[0], argv);
	die_errno(EX_OSERR, "cannot execute %s", argv[0]);
}

/* Sleep until something is asked; without a next program there is no need. */
static void
await_request(void)
{
	struct pollfd wait = { .fd = NEIGHBOUR_SELF, .events = POLLIN };

	while (poll(&wait, 1, -1) != 1)
		;
	if (wait.revents & POLLHUP)
		exit(EX_OK);
}

static void
start_neighbour(const int ends[2], bool is_waiting, char **argv)
{
	pid_t child = fork();

	if (child == -1)
		die_errno(EX_OSERR, "cannot fork");
	if (child > 0)
		return;
	if (dup2(ends[1], NEIGHBOUR_SELF) == -1)
		die_errno(EX_OSERR, "cannot place the pair");
	close(READY_FD);
	for (int fd = NEIGHBOUR_INJECT; fd < NEIGHBOUR_INJECT + 96; fd++)
		close(fd); /* pairs and listeners that are not its own */
	/* Our own copies would keep the pair open while we wait. */
	close(ends[0]);
	if (ends[1] != NEIGHBOUR_SELF)
		close(ends[1]);
	if (is_waiting)
		await_request();
	execute(argv);
}

/* What is not configured costs nothing. */
static bool
is_wanted(const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", MTA_CONTROL, file);
	return access(path, F_OK) == 0;
}

int
main(int argc, char **argv)
{
	int ends[2];
	bool is_waiting = argc > 1 && strcmp(argv[1], "-w") == 0;

	program_name("neighbour");
	argc -= is_waiting;
	argv += is_waiting;
	bool has_condition = argc > 2 && strcmp(argv[1], "-c") == 0;
	const char *file = argv[has_condition ? 2 : 0];
	argc -= has_condition ? 2 : 0;
	argv += has_condition ? 2 : 0;
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc < 6 || strcmp(argv[2], "{") != 0)
		die(EX_USAGE, "%s", usage);
	int number = neighbour_number(argv[1]);
	if (number == -1)
		die(EX_USAGE, "no neighbour has the name %s", argv[1]);
	int close_at = closing_brace(argv, 2);
	if (close_at == 3 || argv[close_at + 1] == NULL)
		die(EX_USAGE, "%s", usage);
	argv[close_at] = NULL;
	if (has_condition && !is_wanted(file))
		execute(argv + close_at + 1);

	if (!packet_pair(ends))
		die_errno(EX_OSERR, "cannot make a socketpair");
	start_neighbour(ends, is_waiting, argv + 3);
	if (dup2(ends[0], number) == -1)
		die_errno(EX_OSERR, "cannot place the pair");
	execute(argv + close_at + 1);
}
