/*
 * quit - QUIT: the end of a session, and perhaps not of its process.
 */

#include <poll.h>

#include "net/reuse.h"
#include "smtpd/session.h"

enum {
	LAST_REPLIES = 1024 /* bytes that no client lacks room for */
};

/*
 * Nothing of it is left in the process or in its neighbours.  TLS, even one
 * that never came about, a log-in and a claim stay behind with their process,
 * and one that a neighbour has failed may be of no more use.
 */
static bool
is_spotless(const struct session *session)
{
	return session->messages > 0 && !session->has_refused &&
	       !session->is_tls && session->user.len == 0 &&
	       session->forwarded.len == 0 &&
	       session->peer == session->accepted && !session->is_proxy &&
	       session->neighbours.filters == NULL;
}

/* Its last replies wait for nobody: the client has room for them. */
static bool
can_end_at_once(const struct session *session)
{
	struct pollfd client = { .fd = session->out.fd, .events = POLLOUT };

	return session->out.used < LAST_REPLIES && poll(&client, 1, 0) == 1 &&
	       client.revents == POLLOUT;
}

void
handle_quit(struct session *session, struct span argument)
{
	(void)argument;
	reply(session, "221 2.0.0 bye");
	session->is_done = true;
	session->is_free = session->neighbours.acceptor != -1 &&
			   is_spotless(session) && can_end_at_once(session) &&
			   reuse_say_free(session->neighbours.acceptor);
}
