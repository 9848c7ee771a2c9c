/*
 * smtpd - receive mail by SMTP and LMTP.
 *
 * started by  service/{smtpd,submission,lmtp}/run, behind listen, neighbour and
 *             confine; service/queue/run as a neighbour (odmr);
 *             service/fetch/run as one (turned); or by hand and by sendmail
 *             -bs, for one client on descriptors 0 and 1
 * uid         mta-smtpd, mta-submit (by hand: the caller's)
 * fd 0, 1     by hand: the client; 0 with odmr: queue-manager, odmr(5), moved
 *             to 67; with turned: odmr-fetch, odmr(5)
 * fd 2        the log
 * fd 3        readiness
 * fd 10       queue-inject, inject(5)
 * fd 11       lookup, lookup(5)
 * fd 13       login, login(5) (submission, odmr)
 * fd 18       tlsd, tls(5)
 * fd 20, ...  listening sockets; 36, ... of ports that begin with TLS
 * fd 52       /proc/loadavg
 * fd 60, 61, 62, 63, 64
 *             filters, filter(5): those that control/filters names
 * reads       control/me databytes maxrecipients maxhops maxerrors
 *             timeoutsmtpd timeoutstrain sessionmax mindatarate datawindow
 *             maxheaderfields maxjunk greetdelay maxuse messagesatonce
 *             relayclients proxynets maxmessages
 *             futurereleasemax deliverbymin prioritymax xclientnets
 *             verpclients pipeconnectnets nosoliciting wellknown/,
 *             NAMEconnections NAMEpernetwork NAMErate NAMEwiderate for
 *             smtpd, submission, lmtp, odmr;
 *             filters timeoutfilter quarantine;
 *             submission: authmechanisms oauthchecker cleartextnets
 *             senderlogins hideclient imapdguests;
 *             odmr: the first three of these
 * writes      nothing: accepted mail goes to queue-inject
 * runs        nothing; by hand: queue-inject
 * exits       0; EX_USAGE; EX_TEMPFAIL if a neighbour is missing
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "net/solicitation.h"
#include "queue/neighbour.h"
#include "smtpd/session.h"

static const char usage[] =
    "usage: smtpd [submission | lmtp | odmr | turned]   (by service/NAME/run; "
    "or by hand, on a terminal)";

static int64_t
milliseconds(const char *name, uint64_t seconds, uint64_t max)
{
	return (int64_t)control_number(name, seconds, 1, max) * 1000;
}

static void
read_pace(struct pace_settings *pace)
{
	pace->command_ms = milliseconds("timeoutsmtpd", 300, 3600);
	pace->strained_ms = milliseconds("timeoutstrain", 10, 3600);
	pace->session_ms = milliseconds("sessionmax", 7200, 604800);
	pace->window_ms = milliseconds("datawindow", 30, 3600);
	pace->rate = control_number("mindatarate", 100, 0, 1 << 20);
}

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
	settings->fields_max =
	    control_number("maxheaderfields", 1000, 20, 100000);
	settings->junk_max = control_number("maxjunk", 100, 1, 100000);
	settings->greet_delay_s = control_number("greetdelay", 0, 0, 60);
	read_pace(&settings->pace);
	settings->early_clients = network_list("pipeconnectnets",
	    settings->greet_delay_s == 0 ? "0.0.0.0/0 ::/0" : "");
	settings->xclient_nets = network_list("xclientnets", "");
	settings->no_soliciting = solicitation_refused();
	settings->wellknown = wellknown_read();
	settings->verp_clients = network_list("verpclients", "127.0.0.0/8 ::1");
	settings->relay_clients =
	    network_list("relayclients", "127.0.0.0/8 ::1");
	if (settings->is_submission || settings->is_odmr)
		auth_configure(&settings->auth);
	if (!settings->is_submission)
		return;
	settings->sender_logins = auth_sender_logins();
	settings->has_burl = control_number("burl", 0, 0, 1) == 1 &&
			     control_number("imapdguests", 1, 0, 4096) > 0;
	settings->hides_client = control_number("hideclient", 0, 0, 1) == 1;
}

/* Whether it is given, and where its session is among those of a client. */
static int
add_neighbour(struct serve *server, int neighbour)
{
	if (!neighbour_is_given(neighbour))
		return -1;
	server->neighbours[server->neighbour_count] = neighbour;
	return server->neighbour_count++;
}

/*
 * What LMTP brings has been judged by whoever accepted it first, and ODMR
 * brings nothing.
 */
static void
add_filters(struct settings *settings, struct serve *server)
{
	if (settings->is_lmtp || settings->is_odmr)
		return;
	filter_read_settings(
	    &settings->filter, settings->is_submission || settings->is_turned);
	settings->filters_at = server->neighbour_count;
	for (size_t i = 0; i < settings->filter.list.count; i++)
		add_neighbour(server, settings->filter.list.neighbours[i]);
}

static int
session_at(const int *sessions, int place)
{
	return place == -1 ? -1 : sessions[place];
}

static int
run(int client, const struct peer *peer, const int *sessions, int again,
    void *context)
{
	const struct settings *settings = context;
	const struct neighbours neighbours = { .inject = session_at(sessions,
						   settings->inject_at),
		.lookup = session_at(sessions, settings->lookup_at),
		.odmr = session_at(sessions, settings->odmr_at),
		.login = session_at(sessions, settings->login_at),
		.tls = session_at(sessions, settings->tls_at),
		.acceptor = again,
		.filters = settings->filter.list.count == 0
			       ? NULL
			       : sessions + settings->filters_at };

	return session_run(client, client, peer, &neighbours, settings)
		   ? SERVE_AGAIN
		   : EX_OK;
}

/*
 * Our own end of the pair with queue-manager, which is standard input, where no
 * session closes it.
 */
static void
move_odmr(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nothing == -1 || !neighbour_is_pair_end(NEIGHBOUR_SELF) ||
	    dup2(NEIGHBOUR_SELF, NEIGHBOUR_ODMR) == -1 ||
	    dup2(nothing, NEIGHBOUR_SELF) == -1)
		die(EX_USAGE, "odmr must be a neighbour of queue-manager");
	close(nothing);
}

/* Only those that a service has no use for are not given to it. */
static void
add_neighbours(struct settings *settings, struct serve *server)
{
	if (!settings->is_odmr && (!neighbour_is_given(NEIGHBOUR_INJECT) ||
				      !neighbour_is_given(NEIGHBOUR_LOOKUP)))
		die(EX_TEMPFAIL, "inject and lookup must be neighbours");
	if ((settings->is_submission || settings->is_odmr) &&
	    !neighbour_is_given(NEIGHBOUR_LOGIN))
		die(EX_TEMPFAIL, "login must be a neighbour");
	if (settings->is_odmr)
		move_odmr();
	settings->inject_at = add_neighbour(server, NEIGHBOUR_INJECT);
	settings->lookup_at = add_neighbour(server, NEIGHBOUR_LOOKUP);
	settings->login_at = add_neighbour(server, NEIGHBOUR_LOGIN);
	settings->tls_at = add_neighbour(server, NEIGHBOUR_TLS);
	settings->odmr_at = add_neighbour(server, NEIGHBOUR_ODMR);
	add_filters(settings, server);
}

static const char *
service_name(const struct settings *settings)
{
	return settings->is_submission ? "submission"
	       : settings->is_lmtp     ? "lmtp"
	       : settings->is_odmr     ? "odmr"
				       : "smtpd";
}

static int
serve(struct settings *settings)
{
	struct serve server = {
		.busy = "421 4.3.2",
		.over = "421 4.7.0",
		.late = { { NEIGHBOUR_TLS, NEIGHBOUR_ODMR } },
		.session_allowed = SANDBOX_PIPES,
		.keeps_load = true,
		.run = run,
		.context = settings,
	};

	add_neighbours(settings, &server);
	if (settings->is_turned)
		return turned_serve(&server);
	serve_configure(&server, service_name(settings));
	if (!settings->is_submission && !settings->is_odmr)
		server.use_max = control_number("maxuse", 100, 1, 1000000);
	settings->strain = server.strain;
	settings->tickets = tickets_make(SERVE_LOAD_FD);
	require_unprivileged();
	return serve_run(&server);
}

static int
by_hand(const struct settings *settings)
{
	const struct neighbours none = { -1, -1, -1, -1, -1, -1, NULL };
	struct peer peer;

	peer_describe(STDIN_FILENO, &peer);
	signal(SIGPIPE, SIG_IGN);
	session_run(STDIN_FILENO, STDOUT_FILENO, &peer, &none, settings);
	return EX_OK;
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
	settings.is_odmr = argc == 2 && strcmp(argv[1], "odmr") == 0;
	settings.is_turned = argc == 2 && strcmp(argv[1], "turned") == 0;
	if (argc != 1 && !settings.is_submission && !settings.is_lmtp &&
	    !settings.is_odmr && !settings.is_turned)
		die(EX_USAGE, "%s", usage);
	read_settings(&settings);
	return settings.is_turned || serve_is_listening() ? serve(&settings)
							  : by_hand(&settings);
}
