/*
 * resolve - look names up for those who may not.
 *
 * started by  a run script, as a neighbour of remote-send, sts and
 *             filter-guard
 * uid         mta-resolve
 * fd 0        requests and sessions, resolve(5)
 * fd 2        the log
 * reads       control/me nameservers trustanchor insecuredomains, and the file
 *             of keys that trustanchor names; /etc/resolv.conf, /etc/hosts
 * writes      nothing; asks the name servers
 * runs        nothing; libunbound has a thread of its own
 * exits       0 when the other end is gone; EX_USAGE; EX_TEMPFAIL
 */

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/sandbox.h"
#include "net/network.h"
#include "send/query.h"

static const char usage[] = "usage: resolve   (started by neighbour(8))";

struct resolver {
	struct validation validation;
	struct event_base *base;
	struct buf me;
	struct packet packet;
};

/* One client.  Freed when it is gone and its last answer has come. */
struct session {
	struct resolver *resolver;
	int fd;
	struct event *readable; /* NULL once the client is gone */
	unsigned pending;
};

static void handle_packet(evutil_socket_t fd, short what, void *context);

static void
open_session(struct resolver *resolver, int fd)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(fd);
	session->resolver = resolver;
	session->fd = fd;
	session->readable = event_new(
	    resolver->base, fd, EV_READ | EV_PERSIST, handle_packet, session);
	if (session->readable == NULL ||
	    event_add(session->readable, NULL) == -1)
		temp_fail("out of memory");
}

static void
free_if_over(struct session *session)
{
	if (session->readable != NULL || session->pending > 0)
		return;
	close(session->fd);
	free(session);
}

static void
close_session(struct session *session)
{
	if (session->fd == NEIGHBOUR_SELF)
		event_base_loopbreak(session->resolver->base);
	event_free(session->readable);
	session->readable = NULL;
	free_if_over(session);
}

/* The end of a session, or no request: the control pair outlives that. */
static void
refuse(struct session *session, int got)
{
	if (got != 0)
		log_event("no request of resolve(5)");
	if (got == 0 || session->fd != NEIGHBOUR_SELF)
		close_session(session);
}

static void
answer(struct query *query, void *context)
{
	struct session *session = context;
	struct buf packet = buf_new(PACKET_MAX);

	query_add_answer(query, &packet);
	if (session->readable != NULL)
		neighbour_answer(session->fd, buf_span(&packet), NULL, 0);
	buf_free(&packet);
	session->pending--;
	free_if_over(session);
}

static void
handle_packet(evutil_socket_t fd, short what, void *context)
{
	struct session *session = context;
	struct resolver *resolver = session->resolver;
	struct dns_request request;

	(void)what;
	int got = packet_receive(fd, &resolver->packet);
	if (got == -1 && errno == EAGAIN)
		return;
	if (got != 1) {
		refuse(session, got);
		return;
	}
	int opened = neighbour_accept_session(&resolver->packet);
	if (opened != -1) {
		open_session(resolver, opened);
	} else if (dns_parse_request(
		       packet_span(&resolver->packet), &request)) {
		session->pending++;
		query_begin(&resolver->validation, buf_span(&resolver->me),
		    &request, answer, session);
	} else {
		refuse(session, got);
	}
	packet_close_fds(&resolver->packet);
}

static void
handle_unbound(evutil_socket_t fd, short what, void *context)
{
	struct resolver *resolver = context;

	(void)fd, (void)what;
	ub_process(resolver->validation.unbound);
}

static void
set(struct ub_ctx *unbound, const char *option, const char *value)
{
	if (ub_ctx_set_option(unbound, option, value) != 0)
		die(EX_SOFTWARE, "libunbound refuses %s %s", option, value);
}

/* The system's name servers, or those of control/nameservers. */
static void
choose_servers(struct ub_ctx *unbound)
{
	struct control_list servers = network_name_servers();
	char text[64];

	for (size_t i = 0; i < servers.count; i++) {
		snprintf(text, sizeof(text), "%.*s", (int)servers.items[i].len,
		    servers.items[i].ptr);
		if (ub_ctx_set_fwd(unbound, text) != 0)
			control_complain("nameservers", servers.lines[i],
			    "write the address of a name server");
	}
	if (servers.count == 0 && ub_ctx_resolvconf(unbound, NULL) != 0)
		log_event("/etc/resolv.conf cannot be read: asking the root");
	ub_ctx_hosts(unbound, NULL);
	control_list_free(&servers);
}

/*
 * libunbound answers by itself for names that the public tree does not have
 * (RFC 6761, RFC 8375); a name server of a site may well have them.
 */
static void
answer_all_names(struct ub_ctx *unbound)
{
	static const char *const names[] = { "test", "home.arpa" };

	set(unbound, "unblock-lan-zones:", "yes");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (ub_ctx_zone_add(unbound, names[i], "transparent") != 0)
			temp_fail("libunbound does not begin: are there "
				  "broken keys in the file that "
				  "control/trustanchor names?");
}

static struct ub_ctx *
make_unbound(struct validation *validation)
{
	struct ub_ctx *unbound = ub_ctx_create();

	if (unbound == NULL)
		temp_fail("cannot make a resolver");
	/* A thread, not a process; this, and the keys, before a zone is added,
	   with which libunbound takes what it has and no more. */
	if (ub_ctx_async(unbound, 1) != 0)
		die(EX_SOFTWARE, "libunbound has no threads");
	set(unbound, "msg-cache-size:", "1m");
	set(unbound, "rrset-cache-size:", "2m");
	set(unbound, "key-cache-size:", "256k");
	set(unbound, "neg-cache-size:", "256k");
	set(unbound, "do-not-query-localhost:", "no");
	set(unbound, "outgoing-range:", "256");
	set(unbound, "num-queries-per-thread:", "512");
	choose_servers(unbound);
	validation_prepare(validation, unbound);
	answer_all_names(unbound);
	return unbound;
}

/* What was asked in the meantime has waited in the socket. */
static void
start_to_answer(void *context)
{
	open_session(context, NEIGHBOUR_SELF);
}

int
main(int argc, char **argv)
{
	static struct resolver resolver;

	program_name("resolve");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 1)
		die(EX_USAGE, "%s", usage);
	signal(SIGPIPE, SIG_IGN);
	resolver.me = control_me();
	struct ub_ctx *unbound = make_unbound(&resolver.validation);
	resolver.base = event_base_new();
	if (resolver.base == NULL)
		temp_fail("cannot make an event loop");
	struct event *ready = event_new(resolver.base, ub_fd(unbound),
	    EV_READ | EV_PERSIST, handle_unbound, &resolver);
	if (ready == NULL || event_add(ready, NULL) == -1)
		temp_fail("out of memory");

	require_unprivileged();
	/* libunbound's thread begins with the first question. */
	sandbox_enter(SANDBOX_CONNECT | SANDBOX_THREADS | SANDBOX_EPOLL |
		      SANDBOX_READ_FILES);
	validation_begin(
	    &resolver.validation, resolver.base, start_to_answer, &resolver);
	event_base_dispatch(resolver.base);
	return EX_OK;
}
