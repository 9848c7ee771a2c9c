#ifndef STORE_SIGNATURE_H
#define STORE_SIGNATURE_H

/*
 * signature - which messages cannot hold a needle: a set of the groups of three
 * bytes in a message's folded text, as bits at their hashes.
 *
 * Says "not there" for sure, "maybe" else: what may hold the needle is read.
 * SQLite's FTS5 would say it as surely, but takes a hundred times as long to
 * learn a text, which the first search would have to wait for.
 * Size     a power of two from SIGNATURE_MIN to SIGNATURE_MAX bytes, so that
 *          between an eighth and a quarter of the bits are set.
 */

#include "base/buf.h"

enum {
	SIGNATURE_MIN = 32,
	SIGNATURE_MAX = 65536,
	SIGNATURE_NEEDLE_MIN = 3 /* bytes: shorter ones say nothing */
};

struct signature {
	size_t words; /* of them, in use */
	uint64_t bits[SIGNATURE_MAX / sizeof(uint64_t)];
	size_t set;    /* bits */
	uint32_t last; /* the two bytes before */
	unsigned known;
};

/* Of a text of about so many bytes: one that is longer says less. */
void signature_begin(struct signature *signature, uint64_t bytes);

/* Text that follows what was added, already folded. */
void signature_add(struct signature *signature, struct span folded);

/* What was added and what follows do not touch. */
void signature_break(struct signature *signature);

/* Append it, folded to its size. */
void signature_end(struct signature *signature, struct buf *into);

/* False: no text with that signature holds the needle. */
bool signature_may_have(struct span signature, struct span needle);

#endif
