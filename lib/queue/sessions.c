#include "queue/sessions.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/neighbour.h"

struct sessions {
	struct event_base *base;
	bool (*handle)(
	    void *context, int session, struct packet *packet, uint64_t before);
	void *context;
	unsigned count;
	struct packet packet;
};

struct session {
	struct sessions *sessions;
	int fd;
	uint64_t packets;
	struct event *readable;
};

static void handle_readable(evutil_socket_t fd, short what, void *context);

/* What cannot be watched is closed: its client hears that we are gone. */
static bool
open_session(struct sessions *sessions, int fd)
{
	struct session *session = malloc(sizeof(*session));

	if (session == NULL)
		temp_fail("out of memory");
	*session = (struct session){ .sessions = sessions, .fd = fd };
	session->readable = event_new(
	    sessions->base, fd, EV_READ | EV_PERSIST, handle_readable, session);
	if (sessions->count < SESSIONS_MAX && session->readable != NULL &&
	    event_add(session->readable, NULL) == 0) {
		fd_set_nonblocking(fd);
		sessions->count++;
		return true;
	}
	if (session->readable != NULL)
		event_free(session->readable);
	free(session);
	close(fd);
	return false;
}

static void
close_session(struct session *session)
{
	session->sessions->count--;
	event_free(session->readable);
	close(session->fd);
	free(session);
}

/* False if the other end is gone, or sent what no packet may be. */
static bool
take_packet(struct session *session, int got)
{
	struct sessions *sessions = session->sessions;
	struct packet *packet = &sessions->packet;
	int opened = -1;

	if (got != 1)
		return false;
	if (session->fd == NEIGHBOUR_SELF)
		opened = neighbour_accept_session(packet);
	if (opened != -1)
		open_session(sessions, opened);
	bool is_kept =
	    opened != -1 || sessions->handle(sessions->context, session->fd,
				packet, session->packets++);
	packet_close_fds(packet);
	return is_kept;
}

static void
handle_readable(evutil_socket_t fd, short what, void *context)
{
	struct session *session = context;
	struct sessions *sessions = session->sessions;
	bool is_control = fd == NEIGHBOUR_SELF;

	(void)what;
	int got = packet_receive(fd, &sessions->packet);
	if (got == -1 && errno == EAGAIN)
		return;
	if (take_packet(session, got))
		return;
	if (got != 0)
		log_event("no request of %s: %s",
		    is_control ? "the control pair" : "a session",
		    is_control ? "passed over" : "it is closed");
	if (!is_control)
		close_session(session);
	else if (got == 0)
		event_base_loopbreak(sessions->base);
}

struct sessions *
sessions_open(bool (*handle)(void *context, int session, struct packet *packet,
		  uint64_t before),
    void *context)
{
	struct sessions *sessions = malloc(sizeof(*sessions));

	if (sessions == NULL)
		temp_fail("out of memory");
	sessions->handle = handle;
	sessions->context = context;
	sessions->count = 0;
	sessions->base = event_base_new();
	if (sessions->base == NULL)
		temp_fail("cannot make an event loop");
	if (!open_session(sessions, NEIGHBOUR_SELF))
		temp_fail("cannot make an event loop");
	return sessions;
}

void
sessions_serve(struct sessions *sessions)
{
	event_base_dispatch(sessions->base);
	event_base_free(sessions->base);
	free(sessions);
}
