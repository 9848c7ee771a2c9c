#ifndef NET_RELAYING_H
#define NET_RELAYING_H

/*
 * relaying - between a client that may log in anew, of control/imapdreuse or
 * control/sievedreuse, and its session, which has one end of a pair for its
 * client: the connection itself, and what the client sends behind
 * UNAUTHENTICATE, never leaves this process.
 *
 * Limits   a reader's buffer up, RELAYING_DOWN_MAX bytes down; whose buffer is
 *          full is not read from.
 * Ends     of input are passed on, each in its direction; the session's ends
 *          it, once the client has all of it.  The session has a timeout for
 *          its client's silence; here is one for a client that takes nothing,
 *          and for a session that does not answer UNAUTHENTICATE: timeout_ms
 *          without a byte.
 */

#include <stdint.h>

#include "base/io.h"

enum {
	RELAYING_DOWN_MAX = 16384
};

enum relaying_state {
	RELAYING_ON,
	RELAYING_LEAVING, /* UNAUTHENTICATE was passed on, and was the last */
	RELAYING_LEFT,    /* it is answered: the session is to say no more */
	RELAYING_OVER,    /* the session said goodbye */
	RELAYING_BROKEN   /* pass nothing more on */
};

/*
 * What a protocol knows of both sides, purely: the next bytes of one go in, and
 * how many of them may be passed on comes out.  The client's others are given
 * again when the session has said more, the session's never.
 */
struct relaying_protocol {
	size_t (*hear_client)(void *dialogue, struct span bytes);
	size_t (*hear_session)(void *dialogue, struct span bytes);
	enum relaying_state (*state)(const void *dialogue);
};

struct relaying_ends {
	struct reader *in; /* the client's; its fd is non-blocking */
	int session;
	const struct relaying_protocol *protocol;
	void *dialogue;   /* a new one of that protocol */
	const char *peer; /* for the log */
};

/*
 * Relay until either side ends; the session is closed.  True if it ended with
 * UNAUTHENTICATE: what in has buffered then is the client's next command, if
 * anything.
 */
bool relaying_run(const struct relaying_ends *ends, int64_t timeout_ms);

#endif
