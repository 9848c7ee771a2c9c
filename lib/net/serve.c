#include "net/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "net/given.h"
#include "net/places.h"
#include "net/reuse.h"
#include "net/turnstile.h"
#include "queue/neighbour.h"

enum {
	READY_FD = 3,
	CRASHES_MAX = 3,
	BACK_OFF_MS = 100,
	DRAIN_MS = 5000, /* what sessions have to end after SIGTERM */
	IPV4_NETWORK = 24,
	IPV6_NETWORK = 64
};

/* Behind the listeners. */
enum own {
	OWN_SIGNALS,
	OWN_LATE,  /* late sessions */
	OWN_REUSE, /* processes that are free */
	OWN_COUNT
};

struct server {
	struct serve *serve;
	pid_t self; /* the acceptor */
	struct sandbox_layer *layer;
	/* listeners, own, neighbours (only to be there) */
	struct pollfd polled[2 * SERVE_LISTEN_MAX + OWN_COUNT + GIVEN_MAX];
	nfds_t listeners;
	nfds_t
	    plain_listeners; /* the first ones; those behind begin with TLS */
	struct places places;
	int late_watch;
	struct reuse reuse;
	struct turnstile turnstile;
	nfds_t first; /* listener whose turn it is */
	unsigned crashes;
	bool is_stopping;
	int64_t drain_until_ms; /* of SIGTERM; 0: as long as sessions take */
	sigset_t old_mask;
};

static uint64_t
limit(const struct serve *serve, const char *what, uint64_t fallback,
    uint64_t min, uint64_t max)
{
	char file[64];

	snprintf(file, sizeof(file), "%s%s", serve->name, what);
	return control_number(file, fallback, min, max);
}

void
serve_configure(struct serve *serve, const char *name)
{
	snprintf(serve->name, sizeof(serve->name), "%s", name);
	serve->connections_max =
	    limit(serve, "connections", 500, 1, PLACES_MAX);
	serve->connections_per_network_max =
	    limit(serve, "pernetwork", 100, 1, PLACES_MAX);
	uint64_t rate = limit(serve, "rate", 600, 0, 1000000);
	frequency_init(&serve->frequency, rate,
	    limit(serve, "widerate", 4 * rate, 0, 4000000));
	serve->burst =
	    limit(serve, "burst", turnstile_usual_burst(), 0, TURNSTILE_MAX);
	serve->strain = strain_make(serve->connections_max);
}

static bool
is_listener(int fd)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 &&
	       value != 0;
}

/* It speaks for others: control/proxynets. */
static bool
is_proxy(const struct serve *serve, const struct peer *peer)
{
	return network_list_has(&serve->frequency.proxies, &peer->address);
}

bool
serve_is_listening(void)
{
	return is_listener(SERVE_LISTEN_FD) || is_listener(SERVE_TLS_LISTEN_FD);
}

/* ---- the child ---- */

/*
 * Who outlives its parent would keep a port, or a log's pipe, for nobody.  The
 * parent may have died before this: then it is another's child already.  The
 * acceptor's own, listen(8), has seen to that moment itself.
 */
static void
end_with_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1)
		temp_fail("cannot ask for the parent's death signal");
	if (parent != 0 && getppid() != parent)
		die(EX_TEMPFAIL, "the parent is gone");
}

/* again: on which it is handed clients after this one, or -1. */
static _Noreturn void
run_child(struct server *server, int client, struct peer *peer,
    const struct given *sessions, int again)
{
	struct serve *serve = server->serve;
	int kept[GIVEN_MAX + 3] = { client, again,
		serve->keeps_load ? SERVE_LOAD_FD : -1 };

	for (int i = 0; i < sessions->count; i++)
		kept[i + 3] = sessions->fds[i];
	sigprocmask(SIG_SETMASK, &server->old_mask, NULL);
	end_with_parent(server->self);
	sandbox_session(server->layer, kept, (size_t)sessions->count + 3);
	if (is_proxy(serve, peer) && !peer_read_proxy_header(client, peer))
		_exit(EX_PROTOCOL);
	for (uint64_t uses = 1;; uses++) {
		int code = serve->run(client, peer, sessions->fds,
		    uses < serve->use_max ? again : -1, serve->context);

		if (code != SERVE_AGAIN)
			_exit(code);
		client = reuse_next(again, client, peer);
		if (client == -1)
			_exit(EX_OK);
	}
}

/* ---- the parent ---- */

/* A code, and words that name the rule, and the end of its file's name. */
static void
refuse(const struct server *server, int client, const struct peer *peer,
    const char *code, const char *words, const char *file)
{
	struct buf reply = buf_new(256);

	const char *quote = server->serve->is_quoted ? "\"" : "";

	buf_printf(&reply, "%s %s%s", code, quote, words);
	if (file != NULL)
		buf_printf(
		    &reply, ": see control/%s%s", server->serve->name, file);
	buf_add_string(&reply, quote);
	log_event("refused client=%s reason=%s reply=%s", peer->text,
	    file == NULL ? "trouble" : file, buf_string(&reply));
	buf_add_string(&reply, "\r\n");
	send(client, reply.data, reply.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(client);
	buf_free(&reply);
}

/* Sessions are of little use now: they have as long as after SIGTERM. */
static void
lose_neighbour(struct server *server)
{
	log_event("a neighbour is gone: starting anew");
	server->is_stopping = true;
	server->drain_until_ms = clock_ms() + DRAIN_MS;
}

/* A late session has been asked. */
static void
tell_neighbour(struct server *server)
{
	if (given_tell(
		server->late_watch, &server->places, &server->serve->late))
		return;
	if (errno == EPIPE || errno == ECONNRESET)
		lose_neighbour(server);
	else
		warn_errno("cannot tell a neighbour of a session");
}

/* May it come in?  False after it was told why not. */
static bool
admit(const struct server *server, int client, const struct peer *peer,
    const unsigned char network[16])
{
	const struct serve *serve = server->serve;
	const char *rate = frequency_limit(&serve->frequency, peer);

	if (rate != NULL)
		refuse(server, client, peer, serve->over,
		    "your network connects too often", rate);
	else if (server->places.taken >= serve->connections_max)
		refuse(server, client, peer, serve->busy,
		    "too many connections", "connections");
	else if (!is_proxy(serve, peer) &&
		 places_of_network(&server->places, network) >=
		     serve->connections_per_network_max)
		refuse(server, client, peer, serve->busy,
		    "too many connections of your network", "pernetwork");
	else
		return true;
	return false;
}

/* A neighbour that is gone takes us with it. */
static bool
open_sessions(
    struct server *server, const struct peer *peer, struct given *sessions)
{
	const struct serve *serve = server->serve;
	const struct late *late = peer->begins_tls ? NULL : &serve->late;

	if (given_open(
		sessions, serve->neighbours, serve->neighbour_count, late))
		return true;
	if (errno == EPIPE || errno == ECONNRESET)
		lose_neighbour(server);
	return false;
}

/* A process of its own; NULL after the client was told why not. */
static struct place *
fork_session(struct server *server, int client, struct peer *peer,
    const unsigned char network[16])
{
	const struct serve *serve = server->serve;
	struct given sessions;
	int again[2];

	if (!open_sessions(server, peer, &sessions)) {
		refuse(server, client, peer, serve->busy,
		    "a part of this server is missing", NULL);
		return NULL;
	}
	reuse_open(&server->reuse, peer, !is_proxy(serve, peer), again);
	pid_t pid = fork();
	if (pid == 0)
		run_child(server, client, peer, &sessions, again[0]);
	if (pid == -1) {
		given_close(&sessions);
		reuse_close(again);
		refuse(server, client, peer, serve->busy,
		    "no process for you now", NULL);
		return NULL;
	}
	struct place *place = places_take(&server->places, pid, network);
	given_hand_over(&sessions, server->late_watch, &server->places, place);
	reuse_keep(&server->reuse, &server->places, place, peer, again);
	return place;
}

static void
begin_session(struct server *server, int client, struct peer *peer)
{
	unsigned char network[16];

	network_around(&peer->address, IPV4_NETWORK, IPV6_NETWORK, network);
	if (!admit(server, client, peer, network))
		return;
	struct place *place =
	    reuse_hand_over(&server->reuse, &server->places, peer, client);
	if (place == NULL)
		place = fork_session(server, client, peer, network);
	if (place == NULL)
		return;
	close(client);
	turnstile_pass(&server->turnstile, place, clock_ms());
	strain_measure(server->serve->strain, server->places.taken);
}

static void
accept_client(struct server *server, nfds_t listener)
{
	struct peer peer;
	int client = accept4(server->polled[listener].fd, NULL, NULL,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			warn_errno("cannot accept");
			poll(NULL, 0, BACK_OFF_MS);
		}
		return;
	}
	peer_describe(client, &peer);
	peer.begins_tls = listener >= server->plain_listeners;
	begin_session(server, client, &peer);
}

static bool
is_crash(int status)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	return number == SIGSEGV || number == SIGABRT || number == SIGBUS ||
	       number == SIGSYS || number == SIGILL;
}

static void
reap(struct server *server)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (!places_leave(&server->places, pid))
			continue; /* a neighbour: its pair tells us */
		if (!is_crash(status))
			continue;
		log_event(
		    "session %d died of signal %d", (int)pid, WTERMSIG(status));
		if (++server->crashes == CRASHES_MAX) {
			log_event("%d crashes: starting anew", CRASHES_MAX);
			server->is_stopping = true;
		}
	}
	strain_measure(server->serve->strain, server->places.taken);
}

static void
take_signal(struct server *server, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap(server);
	else
		server->is_stopping = true;
	if (info.ssi_signo == SIGTERM && server->drain_until_ms == 0)
		server->drain_until_ms = clock_ms() + DRAIN_MS;
}

static int
open_signals(struct server *server)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &server->old_mask);
	int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd == -1)
		temp_fail("cannot make a signalfd");
	return fd;
}

static void
add_listeners(struct server *server, int first)
{
	for (int fd = first; fd < first + SERVE_LISTEN_MAX && is_listener(fd);
	     fd++) {
		fd_set_cloexec(fd, true);
		server->polled[server->listeners++] =
		    (struct pollfd){ .fd = fd, .events = POLLIN };
	}
}

static void
open_listeners(struct server *server)
{
	add_listeners(server, SERVE_LISTEN_FD);
	server->plain_listeners = server->listeners;
	add_listeners(server, SERVE_TLS_LISTEN_FD);
	struct pollfd *own = &server->polled[server->listeners];
	own[OWN_SIGNALS].fd = open_signals(server);
	own[OWN_LATE].fd = server->late_watch;
	own[OWN_REUSE].fd = server->reuse.watch;
	for (int i = 0; i < OWN_COUNT; i++)
		own[i].events = POLLIN;
	for (int i = 0; i < server->serve->neighbour_count; i++)
		own[OWN_COUNT + i].fd = server->serve->neighbours[i];
}

/* What concerns sessions that have begun. */
static void
attend_sessions(struct server *server)
{
	const struct pollfd *own = &server->polled[server->listeners];

	if (own[OWN_SIGNALS].revents != 0)
		take_signal(server, own[OWN_SIGNALS].fd);
	if (own[OWN_LATE].revents != 0)
		tell_neighbour(server);
	if (own[OWN_REUSE].revents != 0) {
		reuse_hear(&server->reuse, &server->places);
		strain_measure(server->serve->strain, server->places.taken);
	}
}

/*
 * No new clients; those that are there may end what they began.  What is left
 * when the time of SIGTERM is over ends with us.
 */
static void
drain(struct server *server)
{
	struct pollfd *sessions = &server->polled[server->listeners];

	for (nfds_t i = 0; i < server->listeners; i++)
		close(server->polled[i].fd);
	reuse_end(&server->reuse, &server->places);
	while (server->places.taken > 0) {
		int64_t left = server->drain_until_ms - clock_ms();

		if (server->drain_until_ms != 0 && left <= 0)
			return;
		if (poll(sessions, OWN_COUNT,
			server->drain_until_ms == 0 ? -1 : (int)left) > 0)
			attend_sessions(server);
	}
}

/* While many sessions begin, no listener wakes us. */
static void
wait_for_event(struct server *server, nfds_t count)
{
	int wait = reuse_sleep_ms(&server->places);
	int until_next = turnstile_wait_ms(&server->turnstile, clock_ms());

	for (nfds_t i = 0; i < server->listeners; i++)
		server->polled[i].events = until_next == 0 ? POLLIN : 0;
	if (until_next != 0 && (wait == -1 || until_next < wait))
		wait = until_next;
	while (poll(server->polled, count, wait) == -1)
		continue;
}

/* One of each listener, of another one first each time. */
static void
accept_clients(struct server *server)
{
	nfds_t first = server->first++ % server->listeners;

	for (nfds_t n = 0; n < server->listeners && !server->is_stopping; n++) {
		nfds_t i = (first + n) % server->listeners;

		if (server->polled[i].revents & POLLIN &&
		    turnstile_wait_ms(&server->turnstile, clock_ms()) == 0)
			accept_client(server, i);
	}
}

int
serve_run(struct serve *serve)
{
	static struct server server;

	server.serve = serve;
	turnstile_init(&server.turnstile, serve->burst, SERVE_LOAD_FD);
	places_init(&server.places);
	server.late_watch = given_watch();
	reuse_init(&server.reuse, serve->use_max > 1);
	signal(SIGPIPE, SIG_IGN);
	open_listeners(&server);
	for (int i = 0; i < serve->neighbour_count; i++)
		fd_set_nonblocking(serve->neighbours[i]);
	end_with_parent(0);
	server.self = getpid();
	server.layer = sandbox_enter_for_sessions(
	    SANDBOX_FORK | SANDBOX_ACCEPT | SANDBOX_SOCKETPAIR,
	    serve->session_allowed);
	if (write(READY_FD, "\n", 1) == 1)
		close(READY_FD);
	while (!server.is_stopping) {
		nfds_t fixed = server.listeners + OWN_COUNT;
		nfds_t count = fixed + (nfds_t)serve->neighbour_count;

		wait_for_event(&server, count);
		reuse_sweep(&server.reuse, &server.places);
		for (nfds_t i = fixed; i < count; i++)
			if (server.polled[i].revents != 0)
				lose_neighbour(&server);
		attend_sessions(&server);
		accept_clients(&server);
	}
	drain(&server);
	return EX_OK;
}
