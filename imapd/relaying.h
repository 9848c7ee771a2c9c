#ifndef IMAPD_RELAYING_H
#define IMAPD_RELAYING_H

/*
 * relaying - between a client of control/imapdreuse and its session, which has
 * one end of a pair for its client: the connection itself, and what the client
 * sends behind UNAUTHENTICATE (RFC 8437), never leaves this process.
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

/*
 * Relay until either side ends, in->fd being the client's and non-blocking;
 * session is closed.  tag is that of the log-in, which the session answers
 * first.  True if it ended with UNAUTHENTICATE: what in has buffered then is
 * the client's next command, if anything.  peer is for the log.
 */
bool relaying_run(struct reader *in, int session, struct span tag,
    int64_t timeout_ms, const char *peer);

#endif
