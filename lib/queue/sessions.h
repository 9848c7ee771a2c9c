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
 * Made before the jail closes; ends the program if it cannot be.  handle is
 * called for each packet that opens no session; descriptors that it does not
 * take are closed.  False closes the session.
 */
struct sessions *sessions_open(
    bool (*handle)(void *context, int session, struct packet *packet),
    void *context);

/* Answer until the control pair closes; then all is given back. */
void sessions_serve(struct sessions *sessions);

#endif
