#ifndef SERVICE_PENALTY_H
#define SERVICE_PENALTY_H

/*
 * penalty - how long the next log-in from a network has to wait.
 *
 * Each failure doubles the wait of the client's network (/24 of IPv4, /64 of
 * IPv6), from half a second to a given maximum; each minute without a failure
 * halves it.  Clients on loopback (a webmail, a balancer) stand for many
 * people: there each user's name counts for itself.
 *
 * Limits  PENALTY_SLOTS networks; a new one takes the place of the one that
 *         failed least recently of PENALTY_WAYS.
 */

#include <stdint.h>

#include "base/span.h"

enum {
	PENALTY_SLOTS = 4096,
	PENALTY_WAYS = 8
};

struct penalty_slot {
	uint64_t key; /* 0: free */
	int64_t last_ms;
	unsigned failures;
};

struct penalty {
	int64_t delay_max_ms;
	struct penalty_slot slots[PENALTY_SLOTS];
};

/* The key of a client: address is IPv4 mapped into IPv6; never 0. */
uint64_t penalty_key(const unsigned char address[16], struct span user);

/* How long to wait, now_ms on the monotonic clock. */
int64_t penalty_delay_ms(
    const struct penalty *penalty, uint64_t key, int64_t now_ms);

void penalty_add(struct penalty *penalty, uint64_t key, int64_t now_ms);

#endif
