/*
 * remote-send - send mail to other hosts by SMTP.
 *
 * started by  service/queue/run, as a neighbour of queue-manager
 * uid         mta-remote
 * fd 0        channels to open, delivery(5); by hand: the message
 * fd 2        the log
 * fd 12       resolve, resolve(5)
 * fd 18       tlsd's client mode, tls(5); without it mail goes in clear
 * reads       control/me helohost smtproutes timeoutconnect tlspolicy
 *             concurrencyremote; the messages it is handed
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
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/sandbox.h"
#include "net/routes.h"
#include "queue/neighbour.h"
#include "send/byhand.h"
#include "send/channel.h"

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
	struct buf me = control_me();

	settings->helo = control_host("helohost", buf_string(&me));
	routes = routes_read();
	settings->routes = &routes;
	settings->policies = tlspolicy_read();
	settings->port = SMTP_PORT;
	settings->has_tls = neighbour_is_given(NEIGHBOUR_TLS);
	settings->connect_timeout_ms =
	    (int64_t)control_number("timeoutconnect", 30, 1, 600) * 1000;
	settings->children_max =
	    control_number("concurrencyremote", 100, 1, 500);
	buf_free(&me);
}

/* It only has to interrupt the wait for a packet. */
static void
note_child(int signal_number)
{
	(void)signal_number;
}

/* From now on SIGCHLD comes only within wait_packet, where it is awaited. */
static void
hold_children(void)
{
	const struct sigaction noted = { .sa_handler = note_child };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigaction(SIGCHLD, &noted, NULL);
	sigprocmask(SIG_BLOCK, &child, NULL);
}

/* False if a child ended first. */
static bool
wait_packet(bool has_tls)
{
	struct pollfd wait[3] = { { .fd = NEIGHBOUR_SELF, .events = POLLIN },
		{ .fd = NEIGHBOUR_RESOLVE }, { .fd = NEIGHBOUR_TLS } };
	sigset_t none;

	sigemptyset(&none);
	if (ppoll(wait, has_tls ? 3 : 2, NULL, &none) <= 0)
		return false;
	if (wait[1].revents != 0)
		die(EX_TEMPFAIL, "resolve is gone");
	if (has_tls && wait[2].revents != 0)
		die(EX_TEMPFAIL, "tlsd is gone");
	return true;
}

/*
 * The manager counts channels; a child that says QUIT to a slow host outlives
 * its own.  At the limit the next channel waits for one of those.
 */
static void
reap(uint64_t *children, uint64_t children_max)
{
	while (*children > 0 &&
	       waitpid(-1, NULL, *children < children_max ? WNOHANG : 0) > 0)
		(*children)--;
}

/* A child for one channel, until the manager closes it; false if none. */
static bool
open_channel(const struct send_settings *settings,
    const struct sandbox_layer *layer, struct span destination, int fd)
{
	const struct helpers helpers = { .resolve = neighbour_open_session(
					     NEIGHBOUR_RESOLVE),
		.tls = settings->has_tls ? neighbour_open_session(NEIGHBOUR_TLS)
					 : -1 };
	const int kept[] = { fd, helpers.resolve, helpers.tls };

	if (helpers.resolve == -1)
		temp_fail("resolve is gone");
	if (settings->has_tls && helpers.tls == -1)
		temp_fail("tlsd is gone");
	pid_t self = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		/* Nobody hears a verdict any more when the manager is gone. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1 || getppid() != self)
			_exit(EX_TEMPFAIL);
		close(NEIGHBOUR_SELF);
		sandbox_session(layer, kept, settings->has_tls ? 3 : 2);
		_exit(channel_run(settings, &helpers, destination, fd));
	}
	if (pid == -1)
		warn_errno("cannot fork for %.*s", (int)destination.len,
		    destination.ptr);
	close(helpers.resolve);
	if (helpers.tls != -1)
		close(helpers.tls);
	return pid != -1;
}

static void
serve(const struct send_settings *settings, const struct sandbox_layer *layer)
{
	static struct packet packet;
	struct span destination;
	uint64_t children = 0;
	int got;

	for (;;) {
		bool has_packet = wait_packet(settings->has_tls);

		reap(&children, settings->children_max);
		if (!has_packet)
			continue;
		got = packet_receive(NEIGHBOUR_SELF, &packet);
		if (got == 0)
			return;
		if (got == -1 && errno != EBADMSG)
			temp_fail("cannot receive a request");
		int fd = packet_take_fd(&packet, 0);
		packet_close_fds(&packet);
		if (got == -1 || !neighbour_is_pair_end(fd) ||
		    !channel_parse_open(packet_span(&packet), &destination))
			log_event("no channel of delivery(5)");
		else if (open_channel(settings, layer, destination, fd))
			children++;
		if (fd != -1)
			close(fd);
	}
}

int
main(int argc, char **argv)
{
	static struct send_settings settings;

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
	hold_children();
	require_unprivileged();
	serve(
	    &settings, sandbox_enter_for_sessions(
			   SANDBOX_FORK | SANDBOX_SOCKETPAIR | SANDBOX_CONNECT,
			   SANDBOX_CONNECT));
	return EX_OK;
}
