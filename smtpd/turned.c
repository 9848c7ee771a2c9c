/*
 * turned - connections that odmr-fetch made to this host's provider and had
 * turned around (RFC 2645): each is served as one that came to port 25.
 */

#include <errno.h>
#include <signal.h>
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
	struct span address;
	struct peer peer = { .text = "" };

	if (packet_receive(turn->session, &packet) != 1)
		return EX_OK;
	int client = packet_take_fd(&packet, 0);
	packet_close_fds(&packet);
	if (client == -1 ||
	    !odmr_parse_turned(packet_span(&packet), &address) ||
	    !peer_set_address(&peer, address)) {
		log_event("no connection of odmr(5)");
		return EX_PROTOCOL;
	}
	return serve->run(client, &peer, turn->sessions, serve->context);
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

	open_sessions(serve, &turn);
	for (int i = 0; i < turn.count; i++)
		kept[i + 1] = turn.sessions[i];
	pid_t pid = fork();
	if (pid == 0) {
		close(NEIGHBOUR_SELF);
		sandbox_session(layer, kept, (size_t)turn.count + 1);
		_exit(serve_turn(serve, &turn));
	}
	if (pid == -1)
		warn_errno("cannot fork for a provider");
	close_sessions(&turn);
}

/* Those that ended since the last came. */
static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (WIFSIGNALED(status))
			log_event("session %d died of signal %d", (int)pid,
			    WTERMSIG(status));
}

int
turned_serve(const struct serve *serve)
{
	static struct packet packet;
	int got;

	signal(SIGPIPE, SIG_IGN);
	require_unprivileged();
	struct sandbox_layer *layer = sandbox_enter_for_sessions(
	    SANDBOX_FORK | SANDBOX_SOCKETPAIR, serve->session_allowed);
	while ((got = packet_receive(NEIGHBOUR_SELF, &packet)) != 0) {
		if (got == -1 && errno != EBADMSG)
			temp_fail("cannot receive a session");
		int session = got == 1 ? neighbour_accept_session(&packet) : -1;
		packet_close_fds(&packet);
		if (session == -1) {
			log_event("no session of odmr(5)");
			continue;
		}
		reap();
		begin_turn(serve, layer, session);
		close(session);
	}
	return EX_OK;
}
