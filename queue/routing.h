#ifndef QUEUE_ROUTING_H
#define QUEUE_ROUTING_H

/*
 * routing - which destination an address belongs to.
 *
 * Local   one for each mailbox, so that a program that hangs, or a flood, is
 *         no other mailbox's concern; a message for many of them is one errand
 *         of manager->local, for an errand each would cost more than it helps.
 * Remote  the domain; or the route that an administrator gave, its own or one
 *         of control/smtproutes or senderroutes, so that mail for many domains
 *         is one transaction with a smarthost, which is left alone as a whole
 *         if it cannot be reached.  A domain of which control/ says more than
 *         that (limits, tlspolicy, discardehlo, sourceaddress, odmrdomains)
 *         stays by itself.
 */

#include "queue/manager.h"

enum {
	MAILBOXES_APART = 4 /* recipients of a message that is sorted by them */
};

struct routing {
	struct span name;  /* mailbox, domain or host; empty: manager->local */
	struct span route; /* as route_parse takes it; empty: none */
	bool is_local;
	struct buf room; /* what name may point into */
};

/*
 * The routing of a recipient of message, which is open; message may be NULL:
 * of any that has no route of its own and few recipients.  What it points into
 * lasts as long as address, the message and the settings do, and until
 * routing_free.
 */
void routing_find(const struct manager *manager, const struct message *message,
    struct span address, struct routing *routing);
void routing_free(struct routing *routing);

/* Of a destination's name, case ignored. */
uint32_t routing_hash(struct span name);

#endif
