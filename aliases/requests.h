#ifndef ALIASES_REQUESTS_H
#define ALIASES_REQUESTS_H

/*
 * requests - lookup(8)'s wire, lookup(5): what comes on a session.
 */

#include "aliases/answer.h"
#include "base/packet.h"

/*
 * For sessions_open (queue/sessions.h); context is the struct directory.
 * What is no request ends a session; the control pair is told LOOKUP_LATER.
 */
bool requests_handle(
    void *context, int session, struct packet *packet, uint64_t before);

/* The answer to one request packet; false if it is none. */
bool requests_answer(
    struct directory *directory, struct span request, struct buf *reply);

#endif
