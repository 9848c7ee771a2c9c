#include "net/turnstile.h"

#include <sched.h>

uint64_t
turnstile_usual_burst(void)
{
	cpu_set_t usable;
	uint64_t processors = 1;

	if (sched_getaffinity(0, sizeof(usable), &usable) == 0)
		processors = (uint64_t)CPU_COUNT(&usable);
	uint64_t burst = processors * TURNSTILE_PER_PROCESSOR;
	return burst < TURNSTILE_MAX ? burst : TURNSTILE_MAX;
}

/* Its place may be another's by now, or its process have another client. */
static bool
is_young(const struct turnstile *turnstile, uint64_t i, int64_t now_ms)
{
	const struct place *place = turnstile->young[i].place;

	return now_ms < turnstile->young[i].until_ms && !place->is_free &&
	       place->pid == turnstile->young[i].pid;
}

/* Those that are left stay in the order in which they came. */
static void
forget_grown(struct turnstile *turnstile, int64_t now_ms)
{
	uint64_t left = 0;

	for (uint64_t i = 0; i < turnstile->count; i++)
		if (is_young(turnstile, i, now_ms))
			turnstile->young[left++] = turnstile->young[i];
	turnstile->count = left;
}

static void
forget_place(struct turnstile *turnstile, const struct place *place)
{
	uint64_t left = 0;

	for (uint64_t i = 0; i < turnstile->count; i++)
		if (turnstile->young[i].place != place)
			turnstile->young[left++] = turnstile->young[i];
	turnstile->count = left;
}

void
turnstile_pass(
    struct turnstile *turnstile, const struct place *place, int64_t now_ms)
{
	forget_grown(turnstile, now_ms);
	forget_place(turnstile, place);
	if (turnstile->count >= turnstile->burst)
		return; /* off, or more ports than one had a client */
	turnstile->young[turnstile->count].place = place;
	turnstile->young[turnstile->count].pid = place->pid;
	turnstile->young[turnstile->count++].until_ms = now_ms + TURNSTILE_MS;
}

int
turnstile_wait_ms(struct turnstile *turnstile, int64_t now_ms)
{
	forget_grown(turnstile, now_ms);
	if (turnstile->burst == 0 || turnstile->count < turnstile->burst)
		return 0;
	return (int)(turnstile->young[0].until_ms - now_ms);
}
