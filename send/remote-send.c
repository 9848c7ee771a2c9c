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
 *             timeouttransaction; the messages it is handed
 * writes      nothing; one host's connection for each channel
 * runs        nothing; forks a child for each channel
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

/* At the limit the next channel waits, and only the manager's end is heard. */
static bool
wait_packet(const struct send_settings *settings, bool is_full)
{
	/* poll passes over -1. */
	struct pollfd wait[5] = { { .fd = NEIGHBOUR_SELF,
				      .events = is_full ? 0 : POLLIN },
		{ .fd = NEIGHBOUR_RESOLVE },
		{ .fd = settings->has_tls ? NEIGHBOUR_TLS : -1 },
		{ .fd = settings->has_auth ? NEIGHBOUR_REMOTE_AUTH : -1 },
		{ .fd = settings->has_sts ? NEIGHBOUR_STS : -1 } };

	if (!children_wait(wait, 5, -1))
		return false;
	if (wait[1].revents != 0)
		die(EX_TEMPFAIL, "resolve is gone");
	if (wait[2].revents != 0)
		die(EX_TEMPFAIL, "tlsd is gone");
	if (wait[3].revents != 0)
		die(EX_TEMPFAIL, "remote-auth is gone");
	if (wait[4].revents != 0)
		die(EX_TEMPFAIL, "sts is gone");
	return true;
}

/* What it needs for each channel. */
struct parent {
	const struct send_settings *settings;
	const struct sandbox_layer *layer;
	struct refusal_hosts refusal_hosts;
};

/* A child for one channel, until the manager closes it; false if none. */
static bool
open_channel(const struct parent *parent, const struct channel_opening *target,
    const struct helpers *helpers, int fd, int given)
{
	const int kept[] = { fd, given, helpers->resolve, helpers->tls,
		helpers->auth, helpers->sts };
	pid_t self = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		/* Nobody hears a verdict any more when the manager is gone. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1 || getppid() != self)
			_exit(EX_TEMPFAIL);
		close(NEIGHBOUR_SELF);
		refusals_keep(&parent->refusal_hosts, helpers->refusals);
		sandbox_session(parent->layer, kept, 6);
		struct helpers own = *helpers;
		_exit(channel_run(parent->settings, &own, target, fd, given));
	}
	if (pid == -1)
		warn_errno("cannot fork for %.*s", (int)target->destination.len,
		    target->destination.ptr);
	return pid != -1;
}

static void
close_fd(int fd)
{
	if (fd != -1)
		close(fd);
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

/* With whom it needs to find its host, and to be safe with it. */
static bool
open_to_host(
    struct parent *parent, const struct channel_opening *target, int fd)
{
	const struct send_settings *settings = parent->settings;
	struct helpers helpers = { .manager = target->asks ? fd : -1,
		.resolve = neighbour_open_session(NEIGHBOUR_RESOLVE),
		.tls = settings->has_tls ? neighbour_open_session(NEIGHBOUR_TLS)
					 : -1,
		.auth = -1,
		.sts = strict_open_session(settings, target) };

	if (helpers.resolve == -1)
		temp_fail("resolve is gone");
	if (settings->has_tls && helpers.tls == -1)
		temp_fail("tlsd is gone");
	open_login(parent, target, &helpers);
	bool is_open = open_channel(parent, target, &helpers, fd, -1);
	close_fd(helpers.resolve);
	close_fd(helpers.tls);
	close_fd(helpers.auth);
	close_fd(helpers.sts);
	return is_open;
}

/* A customer made the connection: there is nobody to be asked. */
static bool
open_to_customer(const struct parent *parent,
    const struct channel_opening *target, int fd, int given)
{
	const struct helpers none = {
		.resolve = -1, .tls = -1, .auth = -1, .sts = -1, .manager = -1
	};

	return open_channel(parent, target, &none, fd, given);
}

static void
serve(struct parent *parent)
{
	const struct send_settings *settings = parent->settings;
	static struct packet packet;
	struct channel_opening opening;
	uint64_t children = 0;
	int got;

	for (;;) {
		/*
		 * The manager counts channels; a child that says QUIT to a slow
		 * host outlives its own.
		 */
		bool is_full = children >= settings->children_max;
		bool has_packet = wait_packet(settings, is_full);

		children_reap(&children);
		if (!has_packet)
			continue;
		if (is_full)
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
		else if (given == -1
			     ? open_to_host(parent, &opening, fd)
			     : open_to_customer(parent, &opening, fd, given))
			children++;
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
	parent.layer = sandbox_enter_for_sessions(
	    SANDBOX_FORK | SANDBOX_SOCKETPAIR | SANDBOX_CONNECT,
	    SANDBOX_CONNECT);
	serve(&parent);
	return EX_OK;
}
