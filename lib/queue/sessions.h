#ifndef QUEUE_SESSIONS_H
#define QUEUE_SESSIONS_H

/*
 * sessions - the loop of a neighbour that answers many: the control pair at
 * NEIGHBOUR_SELF and the sessions that were opened over it.
 *
 * A session whose packet is no request is closed, with a line in the log; the
 * control pair stays.  A
 * client that reads no answers is to lose its session, not the time of others:
 * sessions are non-blocking.
 */

#include "base/packet.h"

struct sessions;

/*
 * Made before the jail closes; ends the program if it cannot be.  Sessions are
 * opened over the control pair alone, SESSIONS_MAX at a time.  handle is called
 * for every other packet, with the number of those that came before it on its
 * session; descriptors that it does not take are closed.  False closes the
 * session.
 */
enum {
	SESSIONS_MAX = 4096
};
struct sessions *sessions_open(bool (*handle)(void *context, int session,
				   struct packet *packet, uint64_t before),
    void *context);

/* Answer until the control pair closes; then all is given back. */
void sessions_serve(struct sessions *sessions);

#endif
