#include "service/tls_server.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/sandbox.h"
#include "queue/neighbour.h"

enum {
	REFRESH_MS = 2000, /* certificates are asked for that often, at most */
	REFRESH_WAIT_MS = 200,
	START_WAIT_MS = 20000,
	CHILDREN_MAX = 4096,
	CONNECTIONS_MAX = 8, /* of one session at once, in client mode */
	CRASHES_MAX = 3,
	REAP_NAP_MS = 50
};

struct server {
	struct tls_context *context;
	struct sandbox_layer *layer;
	struct event_base *base;
	int64_t handshake_timeout_ms;
	int64_t refreshed_ms;
	unsigned children;
	unsigned waiting; /* sessions that no child has */
	unsigned crashes;
	bool was_asked; /* since the last look whether it may rest */
	struct packet packet;
	struct waiting *sessions; /* client mode: all of them */
};

/*
 * One that waits for its client to want TLS; most never do.  In client mode:
 * one whose connections come one after another.
 */
struct waiting {
	struct server *server;
	int fd;
	struct event *readable;
	struct waiting *next; /* client mode */
	/* Those that serve its connections; 0: none.  The last one may still */
	/* say goodbye while the next begins. */
	pid_t children[CONNECTIONS_MAX];
};

static void
end_waiting(struct waiting *waiting)
{
	struct waiting **link = &waiting->server->sessions;

	while (*link != NULL && *link != waiting)
		link = &(*link)->next;
	if (*link != NULL)
		*link = waiting->next;
	event_free(waiting->readable);
	close(waiting->fd);
	waiting->server->waiting--;
	free(waiting);
}

/* The place of a child in a session, or NULL; child 0: a free one. */
static pid_t *
find_child(struct waiting *waiting, pid_t child)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (waiting->children[i] == child)
			return &waiting->children[i];
	return NULL;
}

/*
 * Client mode: a session whose child ended otherwise than it should may wait
 * for an answer that never comes; its end is one.
 */
static void
end_connection(struct server *server, pid_t child, int status)
{
	struct waiting *waiting = server->sessions;
	pid_t *place = NULL;

	while (waiting != NULL && (place = find_child(waiting, child)) == NULL)
		waiting = waiting->next;
	if (waiting == NULL)
		return;
	*place = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EX_OK)
		end_waiting(waiting);
}

static void
reap(struct server *server)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		server->children--;
		end_connection(server, pid, status);
		if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGTERM)
			continue;
		log_event("a session died of signal %d", WTERMSIG(status));
		/* A fresh address layout for whoever tries to guess ours. */
		if (++server->crashes == CRASHES_MAX) {
			log_event("%d crashes: starting anew", CRASHES_MAX);
			event_base_loopbreak(server->base);
		}
	}
}

/* In client mode: what the parent's last packet asks for. */
static int
run_connection(struct server *server, int session, const int plain[2], int peer)
{
	static struct tls_connect connect;

	/* With no descriptor in it any more, it would not be one. */
	if (!tls_parse_connect(&server->packet, &connect))
		die(EX_PROTOCOL, "no request of tls(5)");
	return tls_session_run_client(server->context, session, &connect, peer,
	    plain, server->handshake_timeout_ms);
}

static _Noreturn void
run_child(struct server *server, int session, int keyd)
{
	int peer = server->context->is_client && server->packet.fd_count > 0
		       ? server->packet.fds[0]
		       : -1;
	int plain[2];

	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, plain) == -1)
		temp_fail("cannot begin a session");
	close(NEIGHBOUR_SELF);
	sandbox_session(server->layer,
	    (const int[]){ session, plain[0], plain[1],
		server->context->is_client ? peer : keyd },
	    4);
	if (server->context->is_client)
		_exit(run_connection(server, session, plain, peer));
	server->context->keyd = (struct key_channel){ .session = keyd };
	_exit(tls_session_run(
	    server->context, session, plain, server->handshake_timeout_ms));
}

/* The child, or -1 after a log line. */
static pid_t
begin(struct server *server, int session)
{
	int64_t now = clock_ms();

	if (server->children >= CHILDREN_MAX) {
		log_event("more than %d clients: one is refused", CHILDREN_MAX);
		return -1;
	}
	bool has_keyd = !server->context->is_client;
	if (has_keyd && now - server->refreshed_ms >= REFRESH_MS) {
		tls_context_refresh(server->context, REFRESH_WAIT_MS);
		server->refreshed_ms = now;
	}
	int keyd = has_keyd ? neighbour_open_session(NEIGHBOUR_KEY) : -1;
	if (has_keyd && keyd == -1) {
		if (errno == EPIPE || errno == ECONNRESET)
			die(EX_TEMPFAIL, "keyd is gone: starting anew");
		warn_errno("cannot open a session with keyd");
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0)
		run_child(server, session, keyd);
	if (pid == -1)
		warn_errno("cannot fork");
	else
		server->children++;
	if (keyd != -1)
		close(keyd);
	return pid;
}

/* Client mode: a child reads what the packet says, the parent does not. */
static void
handle_connection(evutil_socket_t fd, short what, void *context)
{
	struct waiting *waiting = context;
	struct server *server = waiting->server;
	pid_t *place = find_child(waiting, 0);
	pid_t child = -1;
	int got = packet_receive(fd, &server->packet);

	(void)what;
	if (got == 1 && place != NULL)
		child = begin(server, fd);
	packet_close_fds(&server->packet);
	if (child == -1)
		end_waiting(waiting);
	else
		*place = child;
}

/* Its client wants TLS, or is gone: which, a child finds out. */
static void
handle_session(evutil_socket_t fd, short what, void *context)
{
	struct waiting *waiting = context;
	char peek;

	(void)what;
	if (recv(fd, &peek, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		begin(waiting->server, fd);
	end_waiting(waiting);
}

static void
add_session(struct server *server, int fd)
{
	struct waiting *waiting = malloc(sizeof(*waiting));

	if (waiting == NULL)
		temp_fail("out of memory");
	*waiting = (struct waiting){ .server = server, .fd = fd };
	waiting->readable =
	    server->context->is_client
		? event_new(server->base, fd, EV_READ | EV_PERSIST,
		      handle_connection, waiting)
		: event_new(server->base, fd, EV_READ, handle_session, waiting);
	if (waiting->readable == NULL ||
	    event_add(waiting->readable, NULL) != 0)
		temp_fail("out of memory");
	server->waiting++;
	if (server->context->is_client) {
		waiting->next = server->sessions;
		server->sessions = waiting;
	}
}

static void
handle_control(evutil_socket_t fd, short what, void *context)
{
	struct server *server = context;
	int got = packet_receive(fd, &server->packet);

	(void)what;
	if (got == 0)
		event_base_loopbreak(server->base);
	int session = got == 1 ? neighbour_accept_session(&server->packet) : -1;
	packet_close_fds(&server->packet);
	server->was_asked = true;
	if (session != -1)
		add_session(server, session);
}

/* Nothing to do since the last look, and nobody who may want something. */
static void
handle_rest(evutil_socket_t fd, short what, void *context)
{
	struct server *server = context;

	(void)fd, (void)what;
	if (!server->was_asked && server->children == 0 && server->waiting == 0)
		event_base_loopbreak(server->base);
	server->was_asked = false;
}

static void
handle_child(evutil_socket_t number, short what, void *context)
{
	(void)number, (void)what;
	reap(context);
}

/* A certificate that came later than begin waited for; or the end. */
static void
handle_keyd(evutil_socket_t fd, short what, void *context)
{
	struct server *server = context;
	int got = packet_receive(fd, &server->packet);

	(void)what;
	if (got == 0)
		die(EX_TEMPFAIL, "keyd is gone: starting anew");
	packet_close_fds(&server->packet);
	if (got == 1)
		tls_context_take(server->context, &server->packet);
}

/* An event for the life of the program. */
static void
watch(struct server *server, int fd, short what, event_callback_fn handle)
{
	struct event *event =
	    event_new(server->base, fd, what | EV_PERSIST, handle, server);

	if (event == NULL || event_add(event, NULL) != 0)
		temp_fail("cannot make an event loop");
}

static void
watch_rest(struct server *server, int64_t rest_ms)
{
	const struct timeval pause = { .tv_sec = rest_ms / 1000 };
	struct event *event =
	    event_new(server->base, -1, EV_PERSIST, handle_rest, server);

	if (event == NULL || event_add(event, &pause) != 0)
		temp_fail("cannot make an event loop");
}

static void
drain(struct server *server)
{
	int64_t deadline = clock_ms() + TLS_DRAIN_MS;

	for (;;) {
		reap(server);
		if (server->children == 0 || clock_ms() >= deadline)
			return;
		poll(NULL, 0, REAP_NAP_MS);
	}
}

void
tls_server_run(struct tls_context *context, int64_t handshake_timeout_ms)
{
	static struct server server;

	server.context = context;
	server.handshake_timeout_ms = handshake_timeout_ms;
	server.base = event_base_new();
	if (server.base == NULL)
		temp_fail("cannot make an event loop");
	if (!context->is_client) {
		fd_set_nonblocking(NEIGHBOUR_KEY);
		tls_context_refresh(context, START_WAIT_MS);
		server.refreshed_ms = clock_ms();
		tls_session_rehearse(context);
		watch(&server, NEIGHBOUR_KEY, EV_READ, handle_keyd);
	}
	watch(&server, NEIGHBOUR_SELF, EV_READ, handle_control);
	watch(&server, SIGCHLD, EV_SIGNAL, handle_child);
	const int64_t rest_ms = neighbour_rest_ms();
	if (rest_ms != -1)
		watch_rest(&server, rest_ms);
	server.layer = sandbox_enter_for_sessions(
	    SANDBOX_FORK | SANDBOX_SOCKETPAIR, SANDBOX_PIPES);
	event_base_dispatch(server.base);
	drain(&server);
}
