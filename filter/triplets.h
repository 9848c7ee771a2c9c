#ifndef FILTER_TRIPLETS_H
#define FILTER_TRIPLETS_H

/*
 * triplets - who has come when, for greylisting (RFC 6647): a table of hashes
 * in a mapped file.
 *
 * Limits  TRIPLETS_BYTES, for ever.  A new one takes one of TRIPLETS_WAYS
 *         slots: a free or expired one, else the oldest that has not come
 *         again, else the oldest.
 * Errors  each slot has a check of its own: what a power cut has torn is no
 *         triplet.  A file that cannot be had is a line of the log, and the
 *         table is then in memory.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TRIPLETS_SLOTS = 1 << 16,
	TRIPLETS_WAYS = 8,
	TRIPLETS_BYTES = TRIPLETS_SLOTS * 24
};

struct triplet {
	uint64_t key;
	uint32_t first_s; /* since 1970 */
	uint32_t last_s;
	uint32_t passes; /* 0: it has not waited yet */
	uint32_t check;
};

/* control/greylist and control/greylistallow. */
struct triplets_rules {
	uint32_t wait_s;   /* before it may come again */
	uint32_t expire_s; /* ... and until when */
	uint32_t keep_s;   /* one that has, after its last time */
	uint32_t allow;    /* triplets that did, until the network may; 0: no */
};

struct triplets {
	struct triplets_rules rules;
	struct triplet *slots;
};

void triplets_open(struct triplets *triplets, const char *path);

/* Seconds that a triplet of a network must wait; 0: it may pass. */
uint32_t triplets_ask(struct triplets *triplets, uint64_t triplet,
    uint64_t network, uint32_t now_s);

#endif
