/*
 * neighbour - give the next program a neighbour, joined by a socketpair.
 *
 * started by  service/NAME/run, as one link of its chain
 * uid         whatever it is started with; it changes nothing
 * reads       whether a file of control/ is there
 * fd          its neighbour's number (lib/queue/neighbour.h) becomes one end;
 *             the other end is the neighbour's standard input
 * runs        the neighbour's chain, as a child; then the next program, as
 *             itself.  With -w the child stays, and runs the chain as a child
 *             of its own whenever something is asked
 * exits       EX_USAGE; EX_OSERR if the kernel refuses; else never; the child
 *             of -w 0 when the pair closes, EX_TEMPFAIL when the chain failed
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "queue/neighbour.h"

static const char usage[] =
    "usage: neighbour [-w] [-c FILE] NAME { PROGRAM [ARGUMENT...] } NEXT "
    "[ARGUMENT...]\n"
    "       -w: start it when it is asked something; it may end when idle\n"
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

static _Noreturn void
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
await_end(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			die_errno(EX_OSERR, "cannot wait for the neighbour");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EX_OK)
		exit(EX_TEMPFAIL);
}

/*
 * One that has nothing to do ends with 0 (neighbour_rest_ms).  What is asked
 * at that moment stays in the pair, which is open here, for the next.  One
 * that fails takes the pair along, and so the asker.
 */
static _Noreturn void
run_when_asked(char **argv)
{
	for (;;) {
		await_request();
		pid_t child = fork();
		if (child == -1)
			die_errno(EX_OSERR, "cannot fork");
		if (child == 0) {
			if (setenv(NEIGHBOUR_RESTS, "1", 1) == -1)
				die_errno(EX_OSERR, "cannot say who waits");
			execute(argv);
		}
		await_end(child);
	}
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
		run_when_asked(argv);
	if (unsetenv(NEIGHBOUR_RESTS) == -1)
		die_errno(EX_OSERR, "cannot clean the environment");
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
	int option;
	bool is_waiting = false;
	const char *file = NULL;

	program_name("neighbour");
	while ((option = getopt(argc, argv, "+:c:hw")) != -1)
		if (option == 'h')
			return puts(usage) == EOF ? EX_IOERR : EX_OK;
		else if (option == 'w')
			is_waiting = true;
		else if (option == 'c')
			file = optarg;
		else
			die(EX_USAGE, "%s", usage);
	argc -= optind;
	argv += optind;
	if (argc < 5 || strcmp(argv[1], "{") != 0)
		die(EX_USAGE, "%s", usage);
	int number = neighbour_number(argv[0]);
	if (number == -1)
		die(EX_USAGE, "no neighbour has the name %s", argv[0]);
	int close_at = closing_brace(argv, 1);
	if (close_at == 2 || argv[close_at + 1] == NULL)
		die(EX_USAGE, "%s", usage);
	argv[close_at] = NULL;
	if (file != NULL && !is_wanted(file))
		execute(argv + close_at + 1);

	if (!packet_pair(ends))
		die_errno(EX_OSERR, "cannot make a socketpair");
	start_neighbour(ends, is_waiting, argv + 2);
	if (dup2(ends[0], number) == -1)
		die_errno(EX_OSERR, "cannot place the pair");
	execute(argv + close_at + 1);
}
