/*
 * queue-inject - put a message into the queue, on stable storage.
 *
 * started by  anyone, as a program (setuid mta-inject); or, as a service (-s),
 *             by neighbour(8) for smtpd, queue-bounce, local-deliver
 * uid         mta-inject
 * fd 0        program: the message; service: requests, inject(5)
 * fd 1        program: the envelope, envelope(5), written after the message
 * fd 2        the log
 * reads       control/me, control/databytes
 * writes      queue/tmp, queue/new, queue/trigger
 * runs        nothing
 * exits       0 kept; EX_USAGE; EX_DATAERR envelope broken or message too big;
 *             EX_TEMPFAIL not kept, try again
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/file.h"
#include "base/sandbox.h"
#include "queue/injector.h"

static const char usage[] =
    "usage: queue-inject <MESSAGE 1<ENVELOPE   (formats: envelope(5))\n"
    "       queue-inject -s                    (as a service: inject(5))";

/* Nothing that a caller set up may reach us: it may be anybody. */
static void
reset_process(void)
{
	static const struct itimerval none = { { 0, 0 }, { 0, 0 } };

	umask(0);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	setitimer(ITIMER_REAL, &none, NULL);
	closefrom(3);
	if (chdir("/") == -1)
		temp_fail("cannot change to /");
}

int
main(int argc, char **argv)
{
	program_name("queue-inject");
	bool is_service = argc == 2 && strcmp(argv[1], "-s") == 0;

	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 1 && !is_service)
		die(EX_USAGE, "%s", usage);
	uid_t caller = getuid();
	reset_process();
	struct injector injector = { .size_max = control_number("databytes",
					 INJECTOR_DATABYTES, 0, INT64_MAX) };
	spool_open(&injector.spool);
	file_know_system(injector.spool.arrived);

	require_unprivileged();
	if (is_service)
		return injector_serve(&injector);
	return injector_run_program(&injector, caller);
}
