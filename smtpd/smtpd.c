/*
 * smtpd - receive mail by SMTP and LMTP.
 *
 * started by  service/smtpd/run and service/lmtp/run, behind listen, neighbour
 *             and confine; or by hand and by sendmail -bs, for one client on
 *             descriptors 0 and 1
 * uid         mta-smtpd (by hand: the caller's)
 * fd 0, 1     by hand: the client
 * fd 2        the log
 * fd 3        readiness
 * fd 10       queue-inject, inject(5)
 * fd 11       lookup, lookup(5)
 * fd 20, ...  listening sockets
 * reads       control/me databytes maxrecipients maxmessages maxhops maxerrors
 *             timeoutsmtpd relayclients xclientnets futurereleasemax
 *             deliverbymin prioritymax smtpdconnections smtpdpernetwork
 *             lmtpconnections lmtppernetwork proxynets
 * writes      nothing: accepted mail goes to queue-inject
 * runs        nothing; by hand: queue-inject
 * exits       0; EX_USAGE; EX_TEMPFAIL if a neighbour is missing
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "queue/neighbour.h"
#include "smtpd/session.h"

static const char usage[] =
    "usage: smtpd [submission | lmtp]   (by service/NAME/run; or by hand, on a "
    "terminal)";

static void
read_settings(struct settings *settings)
{
	settings->me = control_me();
	settings->size_max =
	    control_number("databytes", 50 << 20, 0, INT64_MAX);
	settings->recipients_max =
	    control_number("maxrecipients", 1000, 100, 50000);
	settings->hops_max = control_number("maxhops", 100, 10, 1000);
	settings->errors_max = control_number("maxerrors", 20, 1, 1000);
	settings->messages_max =
	    control_number("maxmessages", 10000, 1, 1000000);
	settings->hold_max_s =
	    control_number("futurereleasemax", 604800, 0, 31536000);
	settings->by_min_s = control_number("deliverbymin", 60, 0, 86400);
	settings->priority_max = control_number("prioritymax", 4, 0, 9);
	settings->timeout_s = control_number("timeoutsmtpd", 300, 1, 3600);
	settings->xclient_nets = network_list("xclientnets", "");
	settings->relay_clients =
	    network_list("relayclients", "127.0.0.0/8 ::1");
}

static int
run(int client, const struct peer *peer, const int *sessions, void *context)
{
	return session_run(
	    client, client, peer, sessions[1], sessions[0], context);
}

static int
serve(struct settings *settings)
{
	struct serve server = {
		.busy = "421 4.3.2 too many connections: try again later\r\n",
		.neighbours = { NEIGHBOUR_INJECT, NEIGHBOUR_LOOKUP },
		.neighbour_count = 2,
		.session_allowed = SANDBOX_PIPES,
		.run = run,
		.context = settings,
	};

	if (!neighbour_is_given(NEIGHBOUR_INJECT) ||
	    !neighbour_is_given(NEIGHBOUR_LOOKUP))
		die(EX_TEMPFAIL, "inject and lookup must be neighbours");
	serve_configure(&server, settings->is_submission ? "submission"
				 : settings->is_lmtp     ? "lmtp"
							 : "smtpd");
	require_unprivileged();
	return serve_run(&server);
}

static int
by_hand(const struct settings *settings)
{
	struct peer peer;

	peer_describe(STDIN_FILENO, &peer);
	signal(SIGPIPE, SIG_IGN);
	return session_run(
	    STDIN_FILENO, STDOUT_FILENO, &peer, -1, -1, settings);
}

int
main(int argc, char **argv)
{
	static struct settings settings;

	program_name("smtpd");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	settings.is_submission =
	    argc == 2 && strcmp(argv[1], "submission") == 0;
	settings.is_lmtp = argc == 2 && strcmp(argv[1], "lmtp") == 0;
	if (argc != 1 && !settings.is_submission && !settings.is_lmtp)
		die(EX_USAGE, "%s", usage);
	read_settings(&settings);
	return serve_is_listening() ? serve(&settings) : by_hand(&settings);
}
