/*
 * remote-send - send mail to other hosts by SMTP.
 *
 * started by  service/queue/run, as a neighbour of queue-manager
 * uid         mta-remote
 * fd 0        channels to open, delivery(5); by hand: the message
 * fd 2        the log
 * fd 12       resolve, resolve(5)
 * fd 18       tlsd's client mode, tls(5); without it mail goes in clear
 *             (a channel may bring a customer's connection, to be used)
 * fd 66       remote-auth, remoteauth(5); without it we log in nowhere
 * fd 69       sts, sts(5); without it no domain's own policy counts
 * reads       control/me helohost smtproutes timeoutconnect tlspolicy
 *             sourceaddress discardehlo concurrencyremote sts
 *             timeouttransaction maxuseremote; the messages it is handed
 * writes      nothing; one host's connection for each channel
 * runs        nothing; forks children, which carry one channel each at a time
 * exits       0 when the manager is gone; EX_USAGE; EX_TEMPFAIL; by hand as
 *             byhand.h says
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/die.h"
#include "base/sandbox.h"
#include "net/discards.h"
#include "net/routes.h"
#include "net/sources.h"
#include "queue/neighbour.h"
#include "send/byhand.h"
#include "send/channel.h"
#include "send/children.h"
#include "send/login.h"
#include "send/refusals.h"
#include "send/strict.h"
#include "send/workers.h"

static const char usage[] =
    "usage: remote-send   (started by service/queue/run)\n"
    "       remote-send HOST[:PORT] SENDER RECIPIENT... <MESSAGE";

enum {
	SMTP_PORT = 25
};

static void
read_settings(struct send_settings *settings)
{
	static struct control_list routes;

	settings->me = control_me();
	settings->helo = control_host("helohost", buf_string(&settings->me));
	routes = routes_read();
	settings->routes = &routes;
	settings->policies = tlspolicy_read();
	settings->sources = sources_read();
	settings->discards = discards_read();
	settings->port = SMTP_PORT;
	settings->has_tls = neighbour_is_given(NEIGHBOUR_TLS);
	settings->has_auth = neighbour_is_given(NEIGHBOUR_REMOTE_AUTH);
	settings->has_sts = control_number("sts", 1, 0, 1) == 1 &&
			    neighbour_is_given(NEIGHBOUR_STS);
	settings->connect_timeout_ms =
	    (int64_t)control_number("timeoutconnect", 30, 1, 600) * 1000;
	settings->children_max =
	    control_number("concurrencyremote", 100, 1, 500);
	settings->transaction_ms =
	    (int64_t)control_number("timeouttransaction", 3600, 1, 86400) *
	    1000;
}

/* What it needs for each channel. */
struct parent {
	const struct send_settings *settings;
	const struct sandbox_layer *layer;
	struct refusal_hosts refusal_hosts;
	struct workers workers;
	uint64_t children;
};

/* At the limit the next channel waits, and only the manager's end is heard. */
static bool
wait_packet(struct parent *parent, bool is_full)
{
	const struct send_settings *settings = parent->settings;
	struct workers *workers = &parent->workers;
	/* poll passes over -1. */
	struct pollfd wait[6] = { { .fd = NEIGHBOUR_SELF,
				      .events = is_full ? 0 : POLLIN },
		{ .fd = NEIGHBOUR_RESOLVE },
		{ .fd = settings->has_tls ? NEIGHBOUR_TLS : -1 },
		{ .fd = settings->has_auth ? NEIGHBOUR_REMOTE_AUTH : -1 },
		{ .fd = settings->has_sts ? NEIGHBOUR_STS : -1 },
		{ .fd = workers->watch, .events = POLLIN } };
	bool is_any = children_wait(wait, 6, workers_sleep_ms(workers));

	workers_sweep(workers);
	if (!is_any)
		return false;
	if (wait[1].revents != 0)
		die(EX_TEMPFAIL, "resolve is gone");
	if (wait[2].revents != 0)
		die(EX_TEMPFAIL, "tlsd is gone");
	if (wait[3].revents != 0)
		die(EX_TEMPFAIL, "remote-auth is gone");
	if (wait[4].revents != 0)
		die(EX_TEMPFAIL, "sts is gone");
	if (wait[5].revents != 0)
		workers_hear(workers);
	return wait[0].revents != 0;
}

static void
close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

/* In the child: this channel, and those that it is handed. Exit code. */
static int
carry(const struct send_settings *settings, struct helpers *helpers,
    const struct channel_opening *target, int fd, int given, int end)
{
	static struct packet packet;
	struct channel_opening next = *target;
	const int sts = helpers->sts;

	for (;;) {
		helpers->sts = strict_counts(settings, &next) ? sts : -1;
		int status = channel_run(settings, helpers, &next, fd, given);

		close_fd(helpers->tls);
		if (status != EX_OK || !workers_next(end, fd, &packet))
			return status;
		fd = packet_take_fd(&packet, 0);
		helpers->tls = packet_take_fd(&packet, 1);
		packet_close_fds(&packet);
		if (fd == -1 ||
		    !channel_parse_open(packet_span(&packet), &next))
			return EX_PROTOCOL;
		helpers->manager = next.asks ? fd : -1;
	}
}

/* A child for a channel, until the manager closes it. */
static void
open_channel(struct parent *parent, const struct channel_opening *target,
    const struct helpers *helpers, int fd, int given, const int ends[2])
{
	const int kept[] = { fd, given, helpers->resolve, helpers->tls,
		helpers->auth, helpers->sts, ends[0] };
	pid_t self = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		/* Nobody hears a verdict any more when the manager is gone. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1 || getppid() != self)
			_exit(EX_TEMPFAIL);
		close(NEIGHBOUR_SELF);
		refusals_keep(&parent->refusal_hosts, helpers->refusals);
		sandbox_session(parent->layer, kept, 7);
		struct helpers own = *helpers;
		_exit(
		    carry(parent->settings, &own, target, fd, given, ends[0]));
	}
	if (pid == -1)
		warn_errno("cannot fork for %.*s", (int)target->destination.len,
		    target->destination.ptr);
	else
		parent->children++;
}

/* Only for a host that an administrator named. */
static void
open_login(struct parent *parent, const struct channel_opening *target,
    struct helpers *helpers)
{
	struct route route = { .port = parent->settings->port };

	if (!parent->settings->has_auth ||
	    !target_route(parent->settings, target, &route))
		return;
	helpers->auth = login_open_session(route.host, route.port);
	if (helpers->auth == -1)
		temp_fail("remote-auth is gone");
	helpers->refusals =
	    refusals_of(&parent->refusal_hosts, route.host, route.port);
}

/* One that may log in has no other host behind that one. */
static void
open_to_new(struct parent *parent, const struct channel_opening *target,
    struct helpers *helpers, int fd)
{
	int ends[2] = { -1, -1 };

	if (parent->children >= parent->settings->children_max)
		workers_make_room(&parent->workers);
	helpers->resolve = neighbour_open_session(NEIGHBOUR_RESOLVE);
	if (helpers->resolve == -1)
		temp_fail("resolve is gone");
	if (parent->settings->has_sts)
		helpers->sts = neighbour_open_session(NEIGHBOUR_STS);
	if (parent->settings->has_sts && helpers->sts == -1)
		temp_fail("sts is gone");
	if (helpers->auth == -1)
		workers_open(&parent->workers, ends);
	uint64_t before = parent->children;
	open_channel(parent, target, helpers, fd, -1, ends);
	workers_keep(&parent->workers, ends, parent->children > before);
	close(helpers->resolve);
	close_fd(helpers->sts);
}

/* With whom it needs to find its host, and to be safe with it. */
static void
open_to_host(struct parent *parent, const struct channel_opening *target,
    struct span opening, int fd)
{
	const struct send_settings *settings = parent->settings;
	struct helpers helpers = { .manager = target->asks ? fd : -1,
		.resolve = -1,
		.tls = settings->has_tls ? neighbour_open_session(NEIGHBOUR_TLS)
					 : -1,
		.auth = -1,
		.sts = -1 };

	if (settings->has_tls && helpers.tls == -1)
		temp_fail("tlsd is gone");
	open_login(parent, target, &helpers);
	if (helpers.auth != -1 ||
	    !workers_hand_over(&parent->workers, opening, fd, helpers.tls))
		open_to_new(parent, target, &helpers, fd);
	close_fd(helpers.tls);
	close_fd(helpers.auth);
}

/* A customer made the connection: there is nobody to be asked. */
static void
open_to_customer(struct parent *parent, const struct channel_opening *target,
    int fd, int given)
{
	const struct helpers none = {
		.resolve = -1, .tls = -1, .auth = -1, .sts = -1, .manager = -1
	};
	const int ends[2] = { -1, -1 };

	open_channel(parent, target, &none, fd, given, ends);
}

/*
 * The manager counts channels; a child that says QUIT to a slow host outlives
 * its own.
 */
static bool
is_full(const struct parent *parent)
{
	return parent->children >=
	       parent->settings->children_max + parent->workers.free;
}

static void
serve(struct parent *parent)
{
	static struct packet packet;
	struct channel_opening opening;
	int got;

	for (;;) {
		bool was_full = is_full(parent);
		bool has_packet = wait_packet(parent, was_full);

		children_reap(&parent->children);
		if (!has_packet)
			continue;
		if (was_full)
			return;
		got = packet_receive(NEIGHBOUR_SELF, &packet);
		if (got == 0)
			return;
		if (got == -1 && errno != EBADMSG)
			temp_fail("cannot receive a request");
		int fd = packet_take_fd(&packet, 0);
		int given = packet_take_fd(&packet, 1);
		packet_close_fds(&packet);
		if (got == -1 || !neighbour_is_pair_end(fd) ||
		    !channel_parse_open(packet_span(&packet), &opening) ||
		    (given == -1) != (opening.server.len == 0))
			log_event("no channel of delivery(5)");
		else if (given == -1)
			open_to_host(
			    parent, &opening, packet_span(&packet), fd);
		else
			open_to_customer(parent, &opening, fd, given);
		close_fd(fd);
		close_fd(given);
	}
}

int
main(int argc, char **argv)
{
	static struct send_settings settings;
	static struct parent parent = { .settings = &settings };

	program_name("remote-send");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 4 && argv[1][0] != '-') {
		read_settings(&settings);
		return byhand_run(&settings, argv + 1);
	}
	if (argc != 1 || !neighbour_is_given(NEIGHBOUR_RESOLVE))
		die(EX_USAGE, "%s", usage);
	read_settings(&settings);
	children_hold();
	require_unprivileged();
	workers_init(
	    &parent.workers, control_number("maxuseremote", 20, 1, 1000000));
	parent.layer = sandbox_enter_for_sessions(
	    SANDBOX_FORK | SANDBOX_SOCKETPAIR | SANDBOX_CONNECT,
	    SANDBOX_CONNECT);
	serve(&parent);
	return EX_OK;
}
