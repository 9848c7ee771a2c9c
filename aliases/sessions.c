#include "aliases/sessions.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/neighbour.h"

struct server {
	struct directory *directory;
	struct event_base *base;
	struct buf reply;
	struct packet packet;
};

struct session {
	struct server *server;
	int fd;
	struct event *readable;
};

static void handle_readable(evutil_socket_t fd, short what, void *context);

bool
sessions_answer(
    struct directory *directory, struct span request, struct buf *reply)
{
	struct lookup_answer answer;
	struct span address;

	buf_clear(reply);
	if (!record_find(request, 'A', &address))
		return false;
	answer_find(directory, address, &answer);
	lookup_add_answer(reply, &answer);
	if (reply->overflow) {
		buf_clear(reply);
		lookup_add_answer(
		    reply, &(struct lookup_answer){ .kind = LOOKUP_LATER,
			       .text = span_of("the answer is too long") });
	}
	return true;
}

/* What cannot be watched is closed: its client hears that we are gone. */
static void
open_session(struct server *server, int fd)
{
	struct session *session = malloc(sizeof(*session));

	if (session == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(fd);
	*session = (struct session){ .server = server, .fd = fd };
	session->readable = event_new(
	    server->base, fd, EV_READ | EV_PERSIST, handle_readable, session);
	if (session->readable == NULL ||
	    event_add(session->readable, NULL) != 0)
		temp_fail("out of memory");
}

static void
close_session(struct session *session)
{
	if (session->fd == NEIGHBOUR_SELF) {
		event_base_loopbreak(session->server->base);
		return;
	}
	event_free(session->readable);
	close(session->fd);
	free(session);
}

/* False if the session is to be closed. */
static bool
handle_request(struct session *session)
{
	struct server *server = session->server;

	packet_close_fds(&server->packet);
	if (!sessions_answer(server->directory, packet_span(&server->packet),
		&server->reply)) {
		if (session->fd != NEIGHBOUR_SELF)
			return false;
		lookup_add_answer(&server->reply,
		    &(struct lookup_answer){ .kind = LOOKUP_LATER,
			.text = span_of("that is no request of lookup(5)") });
	}
	/* A client that reads no answers loses its session, not our time. */
	return packet_send(session->fd, buf_span(&server->reply), NULL, 0) ||
	       session->fd == NEIGHBOUR_SELF;
}

static void
handle_readable(evutil_socket_t fd, short what, void *context)
{
	struct session *session = context;
	struct server *server = session->server;

	(void)what;
	int got = packet_receive(fd, &server->packet);
	if (got == -1 && (errno == EAGAIN || errno == EBADMSG)) {
		if (errno == EAGAIN || fd == NEIGHBOUR_SELF)
			return;
		got = 0;
	}
	int opened = got == 1 ? neighbour_accept_session(&server->packet) : -1;
	if (opened != -1) {
		packet_close_fds(&server->packet);
		open_session(server, opened);
	} else if (got != 1 || !handle_request(session)) {
		close_session(session);
	}
}

struct server *
sessions_open(struct directory *directory)
{
	struct server *server = malloc(sizeof(*server));

	if (server == NULL)
		temp_fail("out of memory");
	server->directory = directory;
	server->reply = buf_new(PACKET_MAX);
	server->base = event_base_new();
	if (server->base == NULL)
		temp_fail("cannot make an event loop");
	open_session(server, NEIGHBOUR_SELF);
	return server;
}

void
sessions_serve(struct server *server)
{
	event_base_dispatch(server->base);
	event_base_free(server->base);
	buf_free(&server->reply);
	free(server);
}
