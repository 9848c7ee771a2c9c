#ifndef NET_TURNSTILE_H
#define NET_TURNSTILE_H

/*
 * turnstile - how many sessions may begin at once.
 *
 * Fifty sessions that share two processors each take as long as all of them
 * do: one after another, none would be slower and most be done long before.  So
 * no more than a burst of them is in its first TURNSTILE_MS at a time; further
 * connections stay in the kernel's queue until one of these has ended, or is
 * older.  Who waits for a distant client does not count for longer than that:
 * a burst of 16 lets 800 sessions a second begin, however long they take.
 */

#include <stdint.h>

#include "net/places.h"

enum {
	TURNSTILE_MS = 20,
	TURNSTILE_PER_PROCESSOR = 8,
	TURNSTILE_MAX = 1024
};

struct turnstile {
	uint64_t burst; /* up to TURNSTILE_MAX; 0: as many as come */
	uint64_t count;
	struct {
		const struct place *place;
		pid_t pid;
		int64_t until_ms;
	} young[TURNSTILE_MAX];
};

/* The usual burst of this machine, from 1 to TURNSTILE_MAX. */
uint64_t turnstile_usual_burst(void);

/* The client at that place has just begun. */
void turnstile_pass(
    struct turnstile *turnstile, const struct place *place, int64_t now_ms);

/* For how long no further one may begin, if none ends before; 0: one may. */
int turnstile_wait_ms(struct turnstile *turnstile, int64_t now_ms);

#endif
