#ifndef SERVICE_TURNS_H
#define SERVICE_TURNS_H

/*
 * turns - how many passwords and tokens checkpw checks at a time, in both of
 * its parts together.
 *
 * Limits   control/checkpwconcurrency; who finds no turn waits.  A turn is a
 *          lock, so that it is free again however its holder ends.
 */

#include <stdatomic.h>
#include <stdint.h>

struct turns {
	int file; /* in memory: a byte is a turn */
	uint64_t count;
	_Atomic uint32_t *left; /* how often one was; who waits looks at it */
};

/* Before the parts divide. */
void turns_prepare(struct turns *turns);

/* The first that is free; if none is, wait until one is. */
void turns_take(const struct turns *turns);
void turns_leave(const struct turns *turns);

#endif
