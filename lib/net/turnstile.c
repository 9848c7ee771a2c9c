#include "net/turnstile.h"

#include <sched.h>
#include <unistd.h>

#include "base/span.h"

enum {
	LOOK_AGAIN_MS = 1, /* whether the machine is still busy */
	WAITING = 2,       /* for each processor, who runs included */
	LINE_MAX_BYTES = 128
};

/* The set has no room for the processors of the largest machines. */
static uint64_t
count_processors(void)
{
	cpu_set_t usable;

	if (sched_getaffinity(0, sizeof(usable), &usable) == 0)
		return (uint64_t)CPU_COUNT(&usable);
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (uint64_t)online : 1;
}

uint64_t
turnstile_usual_burst(void)
{
	uint64_t burst = count_processors() * TURNSTILE_PER_PROCESSOR;

	return burst < TURNSTILE_MAX ? burst : TURNSTILE_MAX;
}

void
turnstile_init(struct turnstile *turnstile, uint64_t burst, int load)
{
	turnstile->burst = burst;
	turnstile->processors = count_processors();
	turnstile->load = load;
	turnstile->count = 0;
}

/* proc_loadavg(5): "0.65 2.17 2.31 RUNNABLE/ALL PID", and we are one. */
static bool
is_busy(const struct turnstile *turnstile)
{
	char line[LINE_MAX_BYTES];
	ssize_t got = pread(turnstile->load, line, sizeof(line), 0);
	struct span rest = { line, got > 0 ? (size_t)got : 0 };
	uint64_t runnable;

	for (int i = 0; i < 3; i++)
		span_cut(&rest, ' ');
	return span_number(span_cut(&rest, '/'), 10, UINT32_MAX, &runnable) &&
	       runnable > WAITING * turnstile->processors + 1;
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
	    !is_busy(turnstile))
		return 0;
	int64_t until_grown = turnstile->young[0].until_ms - now_ms;
	return until_grown < LOOK_AGAIN_MS ? (int)until_grown : LOOK_AGAIN_MS;
}
