/*
 * filter-guard - refuse clients by lists, names and greylisting, for smtpd.
 *
 * started by  service/smtpd/run, as a neighbour; or by hand
 * uid         mta-guard (by hand: the caller's)
 * fd 0        requests and sessions, filter(5); by hand: the message
 * fd 1        by hand: the message
 * fd 2        the log
 * fd 12       resolve, resolve(5)
 * fd 65       greylist, greylist(8)
 * reads       control/dnsbl dnsblreject weights timeoutguard greylist
 *             greylistweight relayclients; by hand me
 * writes      nothing
 * runs        nothing
 * exits       0 when the other end is gone; by hand the verdict, filter(5);
 *             EX_USAGE; EX_TEMPFAIL a broken control file; EX_UNAVAILABLE a
 *             neighbour is gone; EX_SOFTWARE after three crashes
 */

#include <stdio.h>
#include <string.h>

#include "base/die.h"
#include "filter/guard.h"
#include "filter/hand.h"

static const char usage[] =
    "usage: filter-guard   (started by neighbour(8); or by hand: filter(5))";

int
main(int argc, char **argv)
{
	static struct guard guard;
	static const int neighbours[] = { NEIGHBOUR_RESOLVE,
		NEIGHBOUR_GREYLIST };
	const struct filter_role role = { .allowed = SANDBOX_SOCKETPAIR,
		.session_allowed = SANDBOX_PIPES,
		.neighbours = neighbours,
		.neighbour_count = 2,
		.prepare = guard_prepare,
		.answer = guard_answer,
		.context = &guard };

	program_name("filter-guard");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	guard_read_settings(&guard);
	if (argc != 1 || !judging_is_wanted())
		return hand_run(&role, argc, argv);
	guard_test_lists(&guard);
	return judging_serve(&role);
}
