/*
 * turned - connections that odmr-fetch made to this host's provider and had
 * turned around (RFC 2645): each is served as one that came to port 25.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/sandbox.h"
#include "queue/neighbour.h"
#include "queue/odmr.h"
#include "smtpd/session.h"

/* What a session of odmr(5) is served with. */
struct turn {
	int session;
	int sessions[GIVEN_MAX]; /* with the neighbours, as struct serve's */
	int count;
};

/* The connection comes when the provider has turned it, or never. */
static int
serve_turn(const struct serve *serve, const struct turn *turn)
{
	static struct packet packet;
	static struct tls_facts tls;
	struct odmr_turned turned;
	struct peer peer = { .local_text = "local" };

	if (packet_receive(turn->session, &packet) != 1)
		return EX_OK;
	int client = packet_take_fd(&packet, 0);
	packet_close_fds(&packet);
	if (client == -1 || !odmr_parse_turned(packet_span(&packet), &turned) ||
	    !peer_set_address(&peer, turned.address)) {
		log_event("no connection of odmr(5)");
		return EX_PROTOCOL;
	}
	if (turned.tls.len > 0) {
		memcpy(tls.protocol, turned.tls.ptr, turned.tls.len);
		memcpy(tls.cipher, turned.cipher.ptr, turned.cipher.len);
		peer.tls = &tls;
	}
	serve->run(client, &peer, turn->sessions, -1, serve->context);
	return EX_OK;
}

static void
close_sessions(const struct turn *turn)
{
	for (int i = 0; i < turn->count; i++)
		close(turn->sessions[i]);
}

/* A neighbour that is gone takes us with it. */
static void
open_sessions(const struct serve *serve, struct turn *turn)
{
	turn->count = 0;
	while (turn->count < serve->neighbour_count) {
		int session =
		    neighbour_open_session(serve->neighbours[turn->count]);

		if (session == -1)
			temp_fail("a neighbour is gone");
		turn->sessions[turn->count++] = session;
	}
}

static void
begin_turn(
    const struct serve *serve, const struct sandbox_layer *layer, int session)
{
	struct turn turn = { .session = session };
	int kept[GIVEN_MAX + 1] = { session };

	pid_t self = getpid();
	open_sessions(serve, &turn);
	for (int i = 0; i < turn.count; i++)
		kept[i + 1] = turn.sessions[i];
	pid_t pid = fork();
	if (pid == 0) {
		/* The neighbours end with odmr-fetch, as our parent does. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1 || getppid() != self)
			_exit(EX_TEMPFAIL);
		close(NEIGHBOUR_SELF);
		sandbox_session(layer, kept, (size_t)turn.count + 1);
		_exit(serve_turn(serve, &turn));
	}
	if (pid == -1)
		warn_errno("cannot fork for a provider");
	close_sessions(&turn);
}

/* A descriptor that is readable when one of them has ended. */
static int
watch_children(void)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	int fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd == -1)
		temp_fail("cannot make a signalfd");
	return fd;
}

static void
reap(int children)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(children, &info, sizeof(info)) != sizeof(info))
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (WIFSIGNALED(status))
			log_event("session %d died of signal %d", (int)pid,
			    WTERMSIG(status));
}

/* False when odmr-fetch is gone. */
static bool
take_session(const struct serve *serve, const struct sandbox_layer *layer)
{
	static struct packet packet;
	int got = packet_receive(NEIGHBOUR_SELF, &packet);

	if (got == 0)
		return false;
	if (got == -1 && errno != EBADMSG)
		temp_fail("cannot receive a session");
	int session = got == 1 ? neighbour_accept_session(&packet) : -1;
	packet_close_fds(&packet);
	if (session == -1) {
		log_event("no session of odmr(5)");
		return true;
	}
	begin_turn(serve, layer, session);
	close(session);
	return true;
}

int
turned_serve(const struct serve *serve)
{
	struct pollfd wait[2] = { { .fd = NEIGHBOUR_SELF, .events = POLLIN },
		{ .fd = watch_children(), .events = POLLIN } };

	signal(SIGPIPE, SIG_IGN);
	require_unprivileged();
	struct sandbox_layer *layer = sandbox_enter_for_sessions(
	    SANDBOX_FORK | SANDBOX_SOCKETPAIR, serve->session_allowed);
	for (;;) {
		if (poll(wait, 2, -1) == -1)
			continue;
		if (wait[1].revents != 0)
			reap(wait[1].fd);
		if (wait[0].revents != 0 && !take_session(serve, layer))
			return EX_OK;
	}
}
