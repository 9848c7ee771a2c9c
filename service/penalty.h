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
 * Shared  the logins of all protocols count in one file, which each maps.  It
 *         is believed as far as it makes sense: what is torn, or was counted
 *         before the host started anew, is no failure at all.  Nobody is ever
 *         locked out by it: the wait has a maximum.
 *
 * Limits  PENALTY_SLOTS networks; a new one takes the place of the one that
 *         failed least recently of PENALTY_WAYS.
 */

#include <stdint.h>

#include "base/span.h"

enum {
	PENALTY_SLOTS = 4096,
	PENALTY_WAYS = 8,
	PENALTY_BYTES = PENALTY_SLOTS * 24
};

struct penalty_slot {
	uint64_t key; /* 0: free */
	int64_t last_ms;
	uint64_t failures;
};

struct penalty {
	int64_t delay_max_ms;
	int fd; /* of the file; -1: in this process's memory alone */
	struct penalty_slot *slots;
};

/*
 * Map the file, made if it is missing and mended if its size is wrong.  If
 * that cannot be done (a full disk), a line is logged, and this process counts
 * for itself.
 */
void penalty_open(
    struct penalty *penalty, const char *path, int64_t delay_max_ms);

/* Does address stand for many people, so that the name counts? */
bool penalty_is_loopback(const unsigned char address[16]);

/* The key of a client: address is IPv4 mapped into IPv6; never 0. */
uint64_t penalty_key(const unsigned char address[16], struct span user);

/* How long to wait, now_ms on the monotonic clock. */
int64_t penalty_delay_ms(
    const struct penalty *penalty, uint64_t key, int64_t now_ms);

void penalty_add(struct penalty *penalty, uint64_t key, int64_t now_ms);

#endif
