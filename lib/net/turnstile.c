#include "net/turnstile.h"

#include "net/load.h"

enum {
	LOOK_AGAIN_MS = 1 /* whether the machine is still busy */
};

uint64_t
turnstile_usual_burst(void)
{
	uint64_t burst = load_processors() * TURNSTILE_PER_PROCESSOR;

	return burst < TURNSTILE_MAX ? burst : TURNSTILE_MAX;
}

void
turnstile_init(struct turnstile *turnstile, uint64_t burst, int load)
{
	turnstile->burst = burst;
	turnstile->processors = load_processors();
	turnstile->load = load;
	turnstile->count = 0;
}

/* Its place may be another's by now, or its process have another client. */
static bool
is_young(const struct turnstile *turnstile, uint64_t i, int64_t now_ms)
{
	const struct place *place = turnstile->young[i].place;

	return now_ms < turnstile->young[i].until_ms && !place->is_free &&
	       place->pid == turnstile->young[i].pid;
}

/* Those that are left stay in the order in which they came; gone may be NULL.
 */
static void
forget(struct turnstile *turnstile, const struct place *gone, int64_t now_ms)
{
	uint64_t left = 0;

	for (uint64_t i = 0; i < turnstile->count; i++)
		if (turnstile->young[i].place != gone &&
		    is_young(turnstile, i, now_ms))
			turnstile->young[left++] = turnstile->young[i];
	turnstile->count = left;
}

void
turnstile_pass(
    struct turnstile *turnstile, const struct place *place, int64_t now_ms)
{
	/* The client that this process had before counts no more. */
	forget(turnstile, place, now_ms);
	if (turnstile->count >= turnstile->burst)
		return; /* nobody counts, or the machine is not busy */
	turnstile->young[turnstile->count].place = place;
	turnstile->young[turnstile->count].pid = place->pid;
	turnstile->young[turnstile->count++].until_ms = now_ms + TURNSTILE_MS;
}

int
turnstile_wait_ms(struct turnstile *turnstile, int64_t now_ms)
{
	forget(turnstile, NULL, now_ms);
	if (turnstile->burst == 0 || turnstile->count < turnstile->burst ||
	    !load_is_high(turnstile->load, turnstile->processors))
		return 0;
	int64_t until_grown = turnstile->young[0].until_ms - now_ms;
	return until_grown < LOOK_AGAIN_MS ? (int)until_grown : LOOK_AGAIN_MS;
}
