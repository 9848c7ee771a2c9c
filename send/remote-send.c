/*
 * remote-send - send mail to other hosts by SMTP.
 *
 * started by  service/queue/run, as a neighbour of queue-manager
 * uid         mta-remote
 * fd 0        channels to open, delivery(5)
 * fd 2        the log
 * fd 12       resolve, resolve(5)
 * reads       control/me helohost smtproutes timeoutconnect; the messages it
 *             is handed
 * writes      nothing; one host's connection for each channel
 * runs        nothing; forks a child for each channel
 * exits       0 when the manager is gone; EX_USAGE; EX_TEMPFAIL
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/sandbox.h"
#include "queue/neighbour.h"
#include "send/channel.h"

static const char usage[] =
    "usage: remote-send   (started by service/queue/run)";

enum {
	SMTP_PORT = 25
};

static void
read_settings(struct send_settings *settings)
{
	static struct control_list routes;
	struct buf me = control_me();

	settings->helo = control_value("helohost", buf_string(&me));
	routes = control_list("smtproutes");
	settings->routes = &routes;
	settings->port = SMTP_PORT;
	settings->connect_timeout_ms =
	    (int64_t)control_number("timeoutconnect", 30, 1, 600) * 1000;
	buf_free(&me);
}

/* A child for one channel; it ends when the manager closes it. */
static void
open_channel(const struct send_settings *settings,
    const struct sandbox_layer *layer, struct span destination, int fd)
{
	int resolve = neighbour_open_session(NEIGHBOUR_RESOLVE);

	if (resolve == -1)
		temp_fail("resolve is gone");
	pid_t pid = fork();
	if (pid == 0) {
		close(NEIGHBOUR_SELF);
		close(NEIGHBOUR_RESOLVE);
		sandbox_session(layer);
		_exit(channel_run(settings, resolve, destination, fd));
	}
	if (pid == -1)
		warn_errno("cannot fork for %.*s", (int)destination.len,
		    destination.ptr);
	close(resolve);
}

static void
serve(const struct send_settings *settings, const struct sandbox_layer *layer)
{
	static struct packet packet;
	struct span destination;
	int got;

	while ((got = packet_receive(NEIGHBOUR_SELF, &packet)) != 0) {
		if (got == -1)
			temp_fail("cannot receive a request");
		int fd = packet_take_fd(&packet, 0);
		packet_close_fds(&packet);
		if (fd == -1)
			continue;
		if (channel_parse_open(packet_span(&packet), &destination))
			open_channel(settings, layer, destination, fd);
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
	if (argc != 1 || !neighbour_is_given(NEIGHBOUR_RESOLVE))
		die(EX_USAGE, "%s", usage);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* nobody asks how a channel ended */
	read_settings(&settings);
	struct sandbox_layer *layer = sandbox_layer_new(SANDBOX_CONNECT);

	require_unprivileged();
	sandbox_enter(SANDBOX_FORK | SANDBOX_SOCKETPAIR | SANDBOX_CONNECT |
		      SANDBOX_LAYER);
	serve(&settings, layer);
	return EX_OK;
}
