#ifndef NET_RATE_H
#define NET_RATE_H

/*
 * rate - how often each of many keys may come in a minute.
 *
 * Each key may come LIMIT times at once, and then one LIMITth of a minute
 * apart for each (a bucket that fills evenly).
 *
 * Memory  RATE_BYTES, whatever comes: a key lies in one of a few places that a
 *         hash with a secret chooses; where they are all taken, the one that
 *         has been quiet longest is forgotten.  Children do not inherit it.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
	RATE_SETS = 1024,
	RATE_WAYS = 8,
	RATE_BYTES = RATE_SETS * RATE_WAYS * 32
};

struct rate;

/* Ends the program if there is no memory. */
struct rate *rate_new(void);

/*
 * May key (16 bytes of a network, and its length in bits) come now?  A limit
 * of 0 is none.  One that may not come is not counted.
 */
bool rate_take(struct rate *rate, const unsigned char network[16],
    unsigned bits, uint64_t limit, int64_t now_ms);

#endif
