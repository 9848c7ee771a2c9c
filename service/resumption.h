#ifndef SERVICE_RESUMPTION_H
#define SERVICE_RESUMPTION_H

/*
 * resumption - TLS sessions that a client may come back to, each once.
 *
 * They lie in keyd and not in a ticket, because a ticket's key would have to
 * be in every process that talks to the network.
 *
 * Limits  RESUMPTION_SLOTS sessions; a new one takes the place of the oldest
 *         of RESUMPTION_WAYS.
 */

#include "queue/tls.h"

enum {
	RESUMPTION_SLOTS = 4096,
	RESUMPTION_WAYS = 8
};

struct resumption_slot {
	unsigned char id[KEY_ID_LEN];
	unsigned char *bytes; /* NULL: free */
	uint32_t len;
	uint64_t turn; /* when it came */
};

struct resumption {
	struct resumption_slot slots[RESUMPTION_SLOTS];
	uint64_t turns;
};

/* Keep a session; false if there is no memory for it. */
bool resumption_store(
    struct resumption *sessions, const struct key_request *request);

/* Move it into *answer; is_good is 0 if it is not here. */
void resumption_fetch(struct resumption *sessions,
    const unsigned char id[KEY_ID_LEN], struct key_answer *answer);

#endif
