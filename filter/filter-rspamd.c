/*
 * filter-rspamd - Rspamd's verdict, for smtpd, asked over HTTP (/checkv2).
 *
 * started by  service/smtpd/run, as a neighbour; or by hand
 * uid         mta-rspamd (by hand: the caller's)
 * fd 0        requests and sessions, filter(5); by hand: the message
 * fd 1        by hand: the edited message
 * fd 2        the log
 * reads       control/rspamd timeoutrspamd; by hand me
 * writes      nothing; connects to Rspamd
 * runs        nothing
 * exits       0 when the other end is gone; by hand the verdict, filter(5);
 *             EX_USAGE; EX_TEMPFAIL a broken control file; EX_SOFTWARE after
 *             three crashes
 */

#include <stdio.h>
#include <string.h>

#include "base/die.h"
#include "filter/hand.h"
#include "filter/rspamd.h"

static const char usage[] =
    "usage: filter-rspamd   (started by neighbour(8); or by hand: filter(5))";

int
main(int argc, char **argv)
{
	static struct rspamd rspamd;
	const struct filter_role role = { .allowed = SANDBOX_CONNECT |
						     SANDBOX_CONNECT_LOCAL,
		.session_allowed = SANDBOX_CONNECT | SANDBOX_CONNECT_LOCAL,
		.prepare = rspamd_prepare,
		.answer = rspamd_answer,
		.context = &rspamd };

	program_name("filter-rspamd");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	rspamd_read_settings(&rspamd);
	if (argc == 1 && judging_is_wanted())
		return judging_serve(&role);
	return hand_run(&role, argc, argv);
}
