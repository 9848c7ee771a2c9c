#ifndef SIEVE_SUGGEST_H
#define SIEVE_SUGGEST_H

/*
 * suggest - of some names, the one that a wrong one was most likely to be.
 */

#include "base/span.h"

struct suggestion {
	struct span wrong;
	const char *best; /* NULL: none is near */
	size_t distance;  /* of best; what is not below this is not taken */
};

struct suggestion suggest_for(struct span wrong);

/* name may be it: the nearest so far is kept, of equals the first. */
void suggest(struct suggestion *suggestion, const char *name);

#endif
