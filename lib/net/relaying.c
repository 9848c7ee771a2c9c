#include "net/relaying.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"

struct relaying {
	const struct relaying_ends *ends;
	struct reader *in; /* of the client: unread bytes, start to end */
	int session;
	size_t passable;      /* of these, as far as dialogue said */
	bool is_client_gone;  /* nobody reads there any more */
	bool is_client_ended; /* it says nothing more */
	bool is_deaf;         /* the session reads nothing more */
	bool is_over;
	bool is_broken;   /* by what the session said too early */
	int64_t moved_ms; /* the last byte down, or UNAUTHENTICATE */
	size_t down_start;
	size_t down_end;
	char down[RELAYING_DOWN_MAX];
};

static enum relaying_state
state_of(const struct relaying *relaying)
{
	return relaying->is_broken
		   ? RELAYING_BROKEN
		   : relaying->ends->protocol->state(relaying->ends->dialogue);
}

/* ---- up ---- */

static void
listen_to_client(struct relaying *relaying)
{
	const struct reader *in = relaying->in;
	size_t known = in->start + relaying->passable;

	bool was_leaving = state_of(relaying) == RELAYING_LEAVING;
	relaying->passable +=
	    relaying->ends->protocol->hear_client(relaying->ends->dialogue,
		(struct span){ in->bytes + known, in->end - known });
	/* The time for the answer begins. */
	if (state_of(relaying) == RELAYING_LEAVING && !was_leaving)
		relaying->moved_ms = clock_ms();
}

/* To the front: what follows needs room. */
static void
make_room(struct reader *in)
{
	if (in->start == 0)
		return;
	memmove(in->bytes, in->bytes + in->start, in->end - in->start);
	in->end -= in->start;
	in->start = 0;
	reader_wipe(in);
}

static void
read_client(struct relaying *relaying)
{
	struct reader *in = relaying->in;

	make_room(in);
	ssize_t got =
	    read(in->fd, in->bytes + in->end, sizeof(in->bytes) - in->end);
	if (got > 0)
		in->end += (size_t)got;
	else if (got == 0)
		relaying->is_client_ended = true;
	else if (errno != EAGAIN && errno != EINTR)
		relaying->is_over = true;
	if (in->high < in->end)
		in->high = in->end;
}

static void
write_session(struct relaying *relaying)
{
	struct reader *in = relaying->in;
	ssize_t put =
	    write(relaying->session, in->bytes + in->start, relaying->passable);

	if (put >= 0) {
		in->start += (size_t)put;
		relaying->passable -= (size_t)put;
	} else if (errno != EAGAIN && errno != EINTR) {
		/* What it said before is to be heard. */
		relaying->is_deaf = true;
	}
}

/* All of the client's is passed on, and it says nothing more. */
static void
pass_end(struct relaying *relaying)
{
	const struct reader *in = relaying->in;

	if (relaying->is_client_ended && !relaying->is_deaf &&
	    in->start == in->end) {
		shutdown(relaying->session, SHUT_WR);
		relaying->is_deaf = true;
	}
}

/* ---- down ---- */

static void
read_session(struct relaying *relaying)
{
	ssize_t got =
	    read(relaying->session, relaying->down, sizeof(relaying->down));

	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		relaying->is_over = true;
		return;
	}
	relaying->moved_ms = clock_ms();
	relaying->down_start = 0;
	relaying->down_end =
	    relaying->ends->protocol->hear_session(relaying->ends->dialogue,
		(struct span){ relaying->down, (size_t)got });
	/* An answer to what it cannot have heard yet: what is left of that
	   would be taken for the next log-in. */
	relaying->is_broken |=
	    state_of(relaying) == RELAYING_LEFT && relaying->passable > 0;
}

static void
write_client(struct relaying *relaying)
{
	ssize_t put =
	    write(relaying->in->fd, relaying->down + relaying->down_start,
		relaying->down_end - relaying->down_start);

	if (put >= 0) {
		relaying->moved_ms = clock_ms();
		relaying->down_start += (size_t)put;
	} else if (errno != EAGAIN && errno != EINTR) {
		relaying->is_over = true;
	}
}

/* ---- the loop ---- */

static bool
has_down(const struct relaying *relaying)
{
	return relaying->down_start < relaying->down_end;
}

/* Who has hung up is asked only for what can still come of it. */
static struct pollfd
wanted_of_client(const struct relaying *relaying)
{
	const struct reader *in = relaying->in;
	bool has_room = in->end - in->start < sizeof(in->bytes);
	short events = (short)((has_room && !relaying->is_client_ended &&
					   !relaying->is_deaf
				       ? POLLIN
				       : 0) |
			       (has_down(relaying) ? POLLOUT : 0));

	return (struct pollfd){
		.fd = events == 0 && relaying->is_client_gone ? -1 : in->fd,
		.events = events
	};
}

static struct pollfd
wanted_of_session(const struct relaying *relaying)
{
	bool is_writing = relaying->passable > 0 && !relaying->is_deaf;
	short events = (short)((has_down(relaying) ? 0 : POLLIN) |
			       (is_writing ? POLLOUT : 0));

	return (struct pollfd){ .fd = events == 0 ? -1 : relaying->session,
		.events = events };
}

static int
patience(const struct relaying *relaying, int64_t timeout_ms)
{
	if (state_of(relaying) != RELAYING_LEAVING && !has_down(relaying))
		return -1;
	int64_t left = relaying->moved_ms + timeout_ms - clock_ms();
	return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Both ways of it are closed: the command that is being passed on still is. */
static void
lose_client(struct relaying *relaying)
{
	relaying->is_client_gone = true;
	if (relaying->passable == 0 || relaying->is_deaf)
		relaying->is_over = true;
}

static void
attend(struct relaying *relaying, const struct pollfd polled[2])
{
	const short client = polled[0].revents;
	const short session = polled[1].revents;

	if ((client & POLLIN) != 0 || ((client & (POLLERR | POLLHUP)) != 0 &&
					  (polled[0].events & POLLIN) != 0))
		read_client(relaying);
	else if ((client & (POLLERR | POLLHUP)) != 0)
		lose_client(relaying);
	if ((client & POLLOUT) != 0)
		write_client(relaying);
	listen_to_client(relaying);
	if (relaying->passable > 0 && !relaying->is_deaf)
		write_session(relaying);
	if (session != 0 && !has_down(relaying)) {
		read_session(relaying);
		listen_to_client(relaying);
	}
	pass_end(relaying);
}

static bool
goes_on(const struct relaying *relaying)
{
	enum relaying_state state = state_of(relaying);

	return !relaying->is_over &&
	       (has_down(relaying) || state == RELAYING_ON ||
		   state == RELAYING_LEAVING);
}

static void
run(struct relaying *relaying, int64_t timeout_ms)
{
	listen_to_client(relaying);
	while (goes_on(relaying)) {
		struct pollfd polled[2] = { wanted_of_client(relaying),
			wanted_of_session(relaying) };
		int ready = poll(polled, 2, patience(relaying, timeout_ms));

		if (ready == 0)
			return;
		if (ready > 0)
			attend(relaying, polled);
	}
}

bool
relaying_run(const struct relaying_ends *ends, int64_t timeout_ms)
{
	static struct relaying relaying; /* large */

	relaying = (struct relaying){ .ends = ends,
		.in = ends->in,
		.session = ends->session,
		.moved_ms = clock_ms() };
	fd_set_nonblocking(ends->session);
	run(&relaying, timeout_ms);
	close(ends->session);
	enum relaying_state state = state_of(&relaying);
	if (state == RELAYING_BROKEN)
		log_event(
		    "relay ended client=%s reason=broken-dialogue", ends->peer);
	explicit_bzero(relaying.down, sizeof(relaying.down));
	reader_wipe(ends->in);
	return state == RELAYING_LEFT && !has_down(&relaying);
}
