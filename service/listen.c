/*
 * listen - bind a service's addresses, and keep them while the role behind
 * them restarts.
 *
 * started by  service/NAME/run, as root; or as a neighbour of a program that
 *             its role serves: then it ends with that one
 * uid         root: to bind, and to start the chain (confine) again
 * fd 20, ...  the listening sockets, for the chain (lib/net/serve.h); those
 *             of ports that begin with TLS at 36 and the numbers after it
 * fd 52       /proc/loadavg, if there is one, for the chain
 * fd 0        a neighbour's pair, for the chain
 * fd 3        readiness, for the chain
 * reads       control/NAMEaddresses
 * runs        the chain; again when it ends, later each time it fails early
 * signals     HUP: start a new chain and let the old one end its sessions;
 *             TERM: end the chain, then exit
 * exits       0 after TERM; EX_USAGE; EX_OSERR if an address can't be bound
 */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "net/serve.h"
#include "queue/neighbour.h"
#include "service/addresses.h"

static const char usage[] =
    "usage: listen NAME [ADDRESS:]PORT[/tls]... PROGRAM [ARGUMENT...]\n"
    "       addresses: control/NAMEaddresses, one ADDRESS or ADDRESS:PORT a "
    "line";

enum {
	PORTS_MAX = 4,
	BACKLOG = 1024,
	EARLY_MS = 5000, /* a chain that ends sooner is held back */
	BACKOFF_MAX_S = 30,
	FORERUNNER_MS = 10000
};

struct chain {
	pid_t pid;
	int64_t started_ms;
	unsigned failures;
};

/*
 * A neighbour's forerunner may be about to let go of the port, when the program
 * that they serve was started again.
 */
static int
bind_patiently(int fd, const struct addrinfo *info)
{
	bool is_neighbour = neighbour_is_pair_end(NEIGHBOUR_SELF);
	int64_t until_ms = clock_ms() + FORERUNNER_MS;
	int result;

	while ((result = bind(fd, info->ai_addr, info->ai_addrlen)) == -1 &&
	       errno == EADDRINUSE && is_neighbour && clock_ms() < until_ms)
		poll(NULL, 0, 20);
	return result;
}

/* Bind one address at number fd. */
static void
bind_one(const char *name, const struct addrinfo *info, const char *shown,
    const char *port, int fd)
{
	const int on = 1;
	int made = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (made == -1 && errno == EAFNOSUPPORT)
		die(EX_OSERR,
		    "this kernel has no IPv6: take %s out of %s/%s"
		    "addresses",
		    shown, MTA_CONTROL, name);
	if (made == -1)
		die_errno(EX_OSERR, "cannot make a socket");
	/* Connections inherit TCP_NODELAY: who writes here writes whole
	 * answers, and the end of one must not wait for the client's
	 * acknowledgement. */
	if (setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1 ||
	    (info->ai_family == AF_INET6 &&
		setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ==
		    -1))
		die_errno(EX_OSERR, "cannot set up a socket");
	if (bind_patiently(made, info) == -1) {
		if (errno == EADDRINUSE)
			die(EX_OSERR,
			    "port %s of %s is taken by another program: stop "
			    "that one (ss -ltnp 'sport = :%s' names it), or "
			    "choose addresses in %s/%saddresses",
			    port, shown, port, MTA_CONTROL, name);
		die_errno(EX_OSERR, "cannot bind port %s of %s", port, shown);
	}
	if (listen(made, BACKLOG) == -1)
		die_errno(
		    EX_OSERR, "cannot listen on port %s of %s", port, shown);
	if (made != fd) {
		if (dup2(made, fd) == -1)
			die_errno(EX_OSERR, "cannot place a socket");
		close(made);
	}
}

static void
bind_address(const char *name, struct span host, struct span port, int fd)
{
	struct buf host_text = buf_new(256);
	struct buf port_text = buf_new(16);
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM
	};
	struct addrinfo *found = NULL;

	buf_add(&host_text, host);
	buf_add(&port_text, port);
	const char *host_string = buf_string(&host_text);
	const char *port_string = buf_string(&port_text);
	if (host_string == NULL || port_string == NULL ||
	    getaddrinfo(host_string, port_string, &hints, &found) != 0)
		die(EX_CONFIG,
		    "%s/%saddresses: %.*s is not ADDRESS or ADDRESS:PORT "
		    "(numbers only)",
		    MTA_CONTROL, name, (int)host.len, host.ptr);
	bind_one(name, found, host_string, port_string, fd);
	freeaddrinfo(found);
	buf_free(&host_text);
	buf_free(&port_text);
}

static bool
has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return false;
	close(fd);
	return true;
}

/* A port of the command line, and the next descriptor for its addresses. */
struct port {
	struct span usual; /* its address, where nothing else is said */
	struct span number;
	int *next_fd;
};

struct ports {
	struct port ports[PORTS_MAX];
	size_t count;
	int plain_fd;
	int tls_fd;
};

/* "587", "465/tls", "127.0.0.1:24"; false if it is none: the program. */
static bool
add_port(struct ports *ports, const char *text)
{
	struct span kind = span_of(text);
	struct span number = span_cut(&kind, '/');
	size_t colon = span_last_index(number, ':');
	struct span usual = span_of("*");
	bool is_tls = span_equal(kind, span_of("tls"));
	bool is_whole = number.len == strlen(text) || is_tls;
	uint64_t value;

	if (colon < number.len) {
		usual = span_slice(number, 0, colon);
		number = span_slice(number, colon + 1, number.len);
	}
	if (!is_whole || !span_number(number, 10, UINT16_MAX, &value))
		return false;
	if (ports->count == PORTS_MAX)
		die(EX_USAGE, "more than %d ports; %s", PORTS_MAX, usage);
	ports->ports[ports->count++] = (struct port){ usual, number,
		is_tls ? &ports->tls_fd : &ports->plain_fd };
	return true;
}

static void
bind_at(const char *name, struct span host, struct span number, int *next_fd)
{
	bool is_tls = *next_fd >= SERVE_TLS_LISTEN_FD;
	int first = is_tls ? SERVE_TLS_LISTEN_FD : SERVE_LISTEN_FD;

	if (*next_fd == first + SERVE_LISTEN_MAX)
		die(EX_CONFIG, "%s/%saddresses: more than %d addresses",
		    MTA_CONTROL, name, SERVE_LISTEN_MAX);
	bind_address(name, host, number, (*next_fd)++);
}

/* One host, on the port that its line names or on each of the service's. */
static void
bind_host(const char *name, struct span host, struct span number,
    const struct ports *ports)
{
	bool is_bound = false;

	for (size_t i = 0; i < ports->count; i++) {
		const struct port *port = &ports->ports[i];

		if (number.len > 0 && !span_equal(number, port->number))
			continue;
		bind_at(name, host, port->number, port->next_fd);
		is_bound = true;
	}
	/* Another port than the usual ones is as the first of them. */
	if (!is_bound)
		bind_at(name, host, number, ports->ports[0].next_fd);
}

/* "*" is all addresses. */
static void
bind_hosts(const char *name, struct span host, struct span number,
    const struct ports *ports)
{
	if (!span_equal(host, span_of("*"))) {
		bind_host(name, host, number, ports);
		return;
	}
	bind_host(name, span_of("0.0.0.0"), number, ports);
	if (has_ipv6())
		bind_host(name, span_of("::"), number, ports);
}

static void
bind_line(const char *name, struct span text, const struct ports *ports)
{
	struct buf host = buf_new(256);
	struct buf number = buf_new(16);

	addresses_split(text, &host, &number);
	bind_hosts(name, buf_span(&host), buf_span(&number), ports);
	buf_free(&host);
	buf_free(&number);
}

/* A chain's jail has no /proc: net/turnstile.h. */
static void
open_load(void)
{
	int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	if (dup2(fd, SERVE_LOAD_FD) == -1)
		die_errno(EX_OSERR, "cannot place /proc/loadavg");
	close(fd);
}

static void
bind_all(const char *name, const struct ports *ports)
{
	char file[64];

	snprintf(file, sizeof(file), "%saddresses", name);
	struct control_list addresses = addresses_read(file);

	for (size_t i = 0; i < addresses.count; i++)
		bind_line(name, addresses.items[i], ports);
	for (size_t i = 0; addresses.count == 0 && i < ports->count; i++)
		bind_hosts(
		    name, ports->ports[i].usual, ports->ports[i].number, ports);
	control_list_free(&addresses);
}

static void
start(struct chain *chain, char **argv, const sigset_t *old_mask)
{
	const pid_t self = getpid();

	chain->started_ms = clock_ms();
	chain->pid = fork();
	if (chain->pid == -1)
		die_errno(EX_OSERR, "cannot fork");
	if (chain->pid > 0)
		return;
	if (sigprocmask(SIG_SETMASK, old_mask, NULL) == -1)
		die_errno(EX_OSERR, "cannot restore signals");
	/* A chain that is still being made ends with us, too. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1)
		die_errno(EX_OSERR, "cannot ask for the parent's death signal");
	if (getppid() != self)
		exit(EX_TEMPFAIL);
	execvp(argv[0], argv);
	die_errno(EX_OSERR, "cannot execute %s", argv[0]);
}

/*
 * The next of the wanted signals; 0 when the time is over, -1: for ever.  As a
 * neighbour we end with the program at the other end, which has no right to
 * send a signal to root.
 */
static int
wait_signal(const sigset_t *wanted, int timeout_ms)
{
	struct signalfd_siginfo info = { .ssi_signo = 0 };
	struct pollfd wait[] = { { .fd = signalfd(-1, wanted, SFD_CLOEXEC),
				     .events = POLLIN },
		{ .fd = neighbour_is_pair_end(NEIGHBOUR_SELF) ? NEIGHBOUR_SELF
							      : -1 } };

	if (wait[0].fd == -1)
		die_errno(EX_OSERR, "cannot make a signalfd");
	if (poll(wait, 2, timeout_ms) > 0 &&
	    ((wait[1].revents & POLLHUP) ||
		read(wait[0].fd, &info, sizeof(info)) != sizeof(info)))
		info.ssi_signo = SIGTERM;
	close(wait[0].fd);
	return (int)info.ssi_signo;
}

/* The chain has ended: log why, and wait a little if it never stood. */
static void
hold_back(struct chain *chain, int wait_status)
{
	bool was_early = clock_ms() - chain->started_ms < EARLY_MS;

	if (WIFSIGNALED(wait_status))
		log_event("the chain was ended by signal %d; starting it again",
		    WTERMSIG(wait_status));
	else if (WEXITSTATUS(wait_status) != 0)
		log_event("the chain ended with code %d; starting it again",
		    WEXITSTATUS(wait_status));
	chain->failures = was_early ? chain->failures + 1 : 0;
	unsigned pause_s = chain->failures == 0  ? 0
			   : chain->failures > 5 ? BACKOFF_MAX_S
						 : 1U << (chain->failures - 1);
	sigset_t wake;

	sigemptyset(&wake);
	sigaddset(&wake, SIGTERM);
	if (wait_signal(&wake, (int)pause_s * 1000) == SIGTERM)
		exit(EX_OK);
}

/* Another may have the port at once, however long sessions take to end. */
static void
let_go(const struct ports *ports)
{
	for (int fd = SERVE_LISTEN_FD; fd < ports->plain_fd; fd++)
		close(fd);
	for (int fd = SERVE_TLS_LISTEN_FD; fd < ports->tls_fd; fd++)
		close(fd);
}

static int
stop(const struct chain *chain, const struct ports *ports)
{
	int status;

	let_go(ports);
	kill(chain->pid, SIGTERM);
	while (waitpid(chain->pid, &status, 0) == -1 && errno == EINTR)
		;
	return EX_OK;
}

/* Reap; true if the current chain is among the dead. */
static bool
reap(const struct chain *chain, int *wait_status)
{
	bool has_ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != chain->pid)
			continue;
		has_ended = true;
		*wait_status = status;
	}
	return has_ended;
}

int
main(int argc, char **argv)
{
	struct chain chain = { .pid = -1 };
	struct ports ports = { .plain_fd = SERVE_LISTEN_FD,
		.tls_fd = SERVE_TLS_LISTEN_FD };
	sigset_t signals;
	sigset_t old_mask;
	int wait_status = 0;

	program_name("listen");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	const char *name = argc > 1 ? argv[1] : "";
	argv += argc > 2 ? 2 : argc;
	while (argc > 3 && *argv != NULL && add_port(&ports, *argv))
		argv++;
	if (ports.count == 0 || *argv == NULL)
		die(EX_USAGE, "%s", usage);
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &old_mask);
	bind_all(name, &ports);
	open_load();
	start(&chain, argv, &old_mask);
	close(3); /* readiness is the chain's to tell */
	for (;;) {
		int signal_number = wait_signal(&signals, -1);

		if (signal_number == SIGTERM)
			return stop(&chain, &ports);
		if (signal_number == SIGHUP) {
			kill(chain.pid, SIGHUP);
			start(&chain, argv, &old_mask);
		} else if (reap(&chain, &wait_status)) {
			hold_back(&chain, wait_status);
			start(&chain, argv, &old_mask);
		}
	}
}
