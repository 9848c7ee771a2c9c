#ifndef NET_TURNSTILE_H
#define NET_TURNSTILE_H

/*
 * turnstile - how many sessions may begin at once while the machine is busy.
 *
 * Fifty sessions that share two processors are each as slow as all of them
 * together.  So while more than two processes want each processor, no more than
 * a burst of sessions is in its first TURNSTILE_MS at a time; further
 * connections stay in the kernel's queue until one of these has ended or is
 * older, or the machine is not busy.  Then it lets all in at once, however many
 * wait for distant clients.
 */

#include <stdint.h>

#include "net/places.h"

enum {
	TURNSTILE_MS = 20,
	TURNSTILE_PER_PROCESSOR = 10,
	TURNSTILE_MAX = 1024
};

struct turnstile {
	uint64_t burst;      /* up to TURNSTILE_MAX; 0: as many as come */
	uint64_t processors; /* that may be used */
	int load;            /* /proc/loadavg; if it is not: never busy */
	uint64_t count;
	struct {
		const struct place *place;
		pid_t pid;
		int64_t until_ms;
	} young[TURNSTILE_MAX];
};

/* The usual burst of this machine, from 1 to TURNSTILE_MAX. */
uint64_t turnstile_usual_burst(void);

/* Before the jail.  load is read from when it is asked, and stays the caller's.
 */
void turnstile_init(struct turnstile *turnstile, uint64_t burst, int load);

/* The client at that place has just begun. */
void turnstile_pass(
    struct turnstile *turnstile, const struct place *place, int64_t now_ms);

/* For how long no further one may begin, at least; 0: one may. */
int turnstile_wait_ms(struct turnstile *turnstile, int64_t now_ms);

#endif
