#include "net/serve.h"

#include <arpa/inet.h>
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
#include "net/network.h"
#include "net/proxy.h"
#include "queue/neighbour.h"

enum {
	READY_FD = 3,
	CHILDREN_MAX = 4096,
	CRASHES_MAX = 3,
	PROXY_TIMEOUT_MS = 10000,
	BACK_OFF_MS = 100,
	DRAIN_MS = 5000,       /* what sessions have to end after SIGTERM */
	IPV4_PREFIX = 96 + 24, /* of the mapped address */
	IPV6_PREFIX = 64
};

struct child {
	pid_t pid; /* 0: free */
	unsigned char network[16];
};

struct server {
	struct serve *serve;
	struct sandbox_layer *layer;
	/* listeners, signals, neighbours (which are only to be there) */
	struct pollfd polled[2 * SERVE_LISTEN_MAX + 1 + SERVE_NEIGHBOURS_MAX];
	nfds_t listeners;
	nfds_t
	    plain_listeners; /* the first ones; those behind begin with TLS */
	struct child *children;
	uint64_t child_count;
	unsigned crashes;
	bool is_stopping;
	int64_t drain_until_ms; /* of SIGTERM; 0: as long as sessions take */
	sigset_t old_mask;
};

static struct network_list proxies;

void
serve_configure(struct serve *serve, const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "%sconnections", name);
	serve->connections_max = control_number(file, 500, 1, CHILDREN_MAX);
	snprintf(file, sizeof(file), "%spernetwork", name);
	serve->connections_per_network_max =
	    control_number(file, 100, 1, CHILDREN_MAX);
	proxies = network_list("proxynets", "");
}

static bool
is_listener(int fd)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 &&
	       value != 0;
}

bool
serve_is_listening(void)
{
	return is_listener(SERVE_LISTEN_FD) || is_listener(SERVE_TLS_LISTEN_FD);
}

/* ---- who is there ---- */

static void
describe(const struct sockaddr_storage *address, char text[PEER_TEXT_MAX],
    uint16_t *port)
{
	unsigned char bytes[16];
	struct sockaddr_in6 ipv6;

	snprintf(text, PEER_TEXT_MAX, "local");
	*port = 0;
	if (!network_of_socket(address, bytes))
		return;
	memcpy(&ipv6, address, sizeof(ipv6)); /* the port has one place */
	*port = ntohs(ipv6.sin6_port);
	if (memcmp(bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0)
		inet_ntop(AF_INET, bytes + 12, text, PEER_TEXT_MAX);
	else
		inet_ntop(AF_INET6, bytes, text, PEER_TEXT_MAX);
}

void
peer_describe(int client, struct peer *peer)
{
	struct sockaddr_storage local = { 0 };
	socklen_t size = sizeof(peer->address);
	socklen_t local_size = sizeof(local);

	memset(peer, 0, sizeof(*peer));
	if (getpeername(client, (struct sockaddr *)&peer->address, &size) == -1)
		peer->address.ss_family = AF_UNSPEC;
	if (getsockname(client, (struct sockaddr *)&local, &local_size) == -1)
		local.ss_family = AF_UNSPEC;
	describe(&peer->address, peer->text, &peer->port);
	describe(&local, peer->local_text, &peer->local_port);
}

static void
network_of(const struct sockaddr_storage *address, unsigned char network[16])
{
	unsigned bits =
	    address->ss_family == AF_INET6 ? IPV6_PREFIX : IPV4_PREFIX;

	memset(network, 0, 16);
	if (!network_of_socket(address, network))
		return;
	if (memcmp(network, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0)
		bits = IPV4_PREFIX;
	memset(network + bits / 8, 0, 16 - bits / 8);
}

static uint64_t
count_network(const struct server *server, const unsigned char network[16])
{
	uint64_t count = 0;
	uint64_t seen = 0;

	for (size_t i = 0; seen < server->child_count; i++) {
		const struct child *child = &server->children[i];

		if (child->pid == 0)
			continue;
		seen++;
		if (memcmp(child->network, network, 16) == 0)
			count++;
	}
	return count;
}

/* ---- the child ---- */

/* A trusted balancer says whom it speaks for; its header is not optional. */
static bool
read_proxy_header(int client, struct peer *peer)
{
	char bytes[PROXY_HEADER_MAX];
	int64_t deadline = clock_ms() + PROXY_TIMEOUT_MS;
	struct sockaddr_storage real;
	size_t used;

	for (;;) {
		struct pollfd wait = { .fd = client, .events = POLLIN };
		int64_t left = deadline - clock_ms();

		if (left <= 0 || poll(&wait, 1, (int)left) != 1)
			return false;
		ssize_t got = recv(client, bytes, sizeof(bytes), MSG_PEEK);
		if (got <= 0)
			return false;
		enum proxy_status status = proxy_parse(
		    (struct span){ bytes, (size_t)got }, &real, &used);
		if (status == PROXY_BAD)
			return false;
		if (status == PROXY_OK)
			break;
		/* Wait for more than what is there: a short, bounded nap. */
		poll(NULL, 0, 20);
	}
	if (recv(client, bytes, used, 0) != (ssize_t)used)
		return false;
	if (real.ss_family != AF_UNSPEC) {
		peer->address = real;
		describe(&real, peer->text, &peer->port);
	}
	return true;
}

/* Who outlives its parent would keep a port, or a log's pipe, for nobody. */
static void
end_with_parent(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1)
		temp_fail("cannot ask for the parent's death signal");
}

static _Noreturn void
run_child(
    struct server *server, int client, struct peer *peer, const int *sessions)
{
	struct serve *serve = server->serve;
	int kept[SERVE_NEIGHBOURS_MAX + 1] = { client };

	for (int i = 0; i < serve->neighbour_count; i++)
		kept[i + 1] = sessions[i];
	sigprocmask(SIG_SETMASK, &server->old_mask, NULL);
	fd_set_nonblocking(client);
	end_with_parent();
	sandbox_session(
	    server->layer, kept, (size_t)serve->neighbour_count + 1);
	if (network_list_has(&proxies, &peer->address) &&
	    !read_proxy_header(client, peer))
		_exit(EX_PROTOCOL);
	_exit(serve->run(client, peer, sessions, serve->context));
}

/* ---- the parent ---- */

static void
refuse(const struct server *server, int client, const char *why,
    const struct peer *peer)
{
	log_event("refused client=%s reason=%s", peer->text, why);
	send(client, server->serve->busy, strlen(server->serve->busy),
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	close(client);
}

static struct child *
free_child(struct server *server)
{
	size_t i = 0;

	while (server->children[i].pid != 0)
		i++;
	return &server->children[i];
}

static void
close_all(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		close(fds[i]);
}

/* Sessions are of little use now: they have as long as after SIGTERM. */
static void
lose_neighbour(struct server *server)
{
	log_event("a neighbour is gone: starting anew");
	server->is_stopping = true;
	server->drain_until_ms = clock_ms() + DRAIN_MS;
}

/* A session with each neighbour; one that is gone takes us with it. */
static bool
open_sessions(struct server *server, int *sessions)
{
	struct serve *serve = server->serve;

	for (int i = 0; i < serve->neighbour_count; i++) {
		sessions[i] = neighbour_open_session(serve->neighbours[i]);
		if (sessions[i] != -1)
			continue;
		int error = errno;
		close_all(sessions, i);
		if (error == EPIPE || error == ECONNRESET)
			lose_neighbour(server);
		return false;
	}
	return true;
}

static void
begin_session(struct server *server, int client, struct peer *peer)
{
	int sessions[SERVE_NEIGHBOURS_MAX];
	struct child *child = free_child(server);

	network_of(&peer->address, child->network);
	if (server->child_count >= server->serve->connections_max) {
		refuse(server, client, "connections", peer);
		return;
	}
	if (!network_list_has(&proxies, &peer->address) &&
	    count_network(server, child->network) >=
		server->serve->connections_per_network_max) {
		refuse(server, client, "pernetwork", peer);
		return;
	}
	if (!open_sessions(server, sessions)) {
		refuse(server, client, "neighbour", peer);
		return;
	}
	pid_t pid = fork();
	if (pid == 0)
		run_child(server, client, peer, sessions);
	close_all(sessions, server->serve->neighbour_count);
	if (pid == -1) {
		refuse(server, client, "fork", peer);
		return;
	}
	close(client);
	child->pid = pid;
	server->child_count++;
}

static void
accept_client(struct server *server, nfds_t listener)
{
	struct peer peer;
	int client =
	    accept4(server->polled[listener].fd, NULL, NULL, SOCK_CLOEXEC);

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
	if (!WIFSIGNALED(status))
		return false;
	int number = WTERMSIG(status);
	return number == SIGSEGV || number == SIGABRT || number == SIGBUS ||
	       number == SIGSYS || number == SIGILL;
}

static void
reap(struct server *server)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		size_t i = 0;

		while (i < CHILDREN_MAX && server->children[i].pid != pid)
			i++;
		if (i == CHILDREN_MAX)
			continue; /* a neighbour: its pair tells us */
		server->children[i].pid = 0;
		server->child_count--;
		if (!is_crash(status))
			continue;
		log_event(
		    "session %d died of signal %d", (int)pid, WTERMSIG(status));
		if (++server->crashes == CRASHES_MAX) {
			log_event("%d crashes: starting anew", CRASHES_MAX);
			server->is_stopping = true;
		}
	}
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
	server->polled[server->listeners] =
	    (struct pollfd){ .fd = open_signals(server), .events = POLLIN };
	for (int i = 0; i < server->serve->neighbour_count; i++)
		server->polled[server->listeners + 1 + (nfds_t)i].fd =
		    server->serve->neighbours[i];
}

/*
 * No new clients; those that are there may end what they began.  What is left
 * when the time of SIGTERM is over ends with us.
 */
static void
drain(struct server *server)
{
	struct pollfd *signals = &server->polled[server->listeners];

	for (nfds_t i = 0; i < server->listeners; i++)
		close(server->polled[i].fd);
	while (server->child_count > 0) {
		int64_t left = server->drain_until_ms - clock_ms();

		if (server->drain_until_ms != 0 && left <= 0)
			return;
		if (poll(signals, 1,
			server->drain_until_ms == 0 ? -1 : (int)left) == 1)
			take_signal(server, signals->fd);
	}
}

int
serve_run(struct serve *serve)
{
	static struct server server;

	server.serve = serve;
	server.children = calloc(CHILDREN_MAX, sizeof(*server.children));
	if (server.children == NULL)
		temp_fail("out of memory");
	signal(SIGPIPE, SIG_IGN);
	open_listeners(&server);
	for (int i = 0; i < serve->neighbour_count; i++)
		fd_set_nonblocking(serve->neighbours[i]);
	end_with_parent();
	server.layer = sandbox_enter_for_sessions(
	    SANDBOX_FORK | SANDBOX_ACCEPT | SANDBOX_SOCKETPAIR,
	    serve->session_allowed);
	if (write(READY_FD, "\n", 1) == 1)
		close(READY_FD);
	while (!server.is_stopping) {
		nfds_t fixed = server.listeners + 1;
		nfds_t count = fixed + (nfds_t)serve->neighbour_count;

		if (poll(server.polled, count, -1) == -1)
			continue;
		for (nfds_t i = fixed; i < count; i++)
			if (server.polled[i].revents != 0)
				lose_neighbour(&server);
		if (server.polled[server.listeners].revents != 0)
			take_signal(
			    &server, server.polled[server.listeners].fd);
		for (nfds_t i = 0; i < server.listeners; i++)
			if (server.polled[i].revents & POLLIN &&
			    !server.is_stopping)
				accept_client(&server, i);
	}
	drain(&server);
	return EX_OK;
}
