/*
 * turnstile_test - how long connections wait while others begin, on a machine
 * that is busy or not.
 */

#include "net/turnstile.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

enum {
	LOOK_AGAIN_MS = 1 /* while the machine is busy */
};

static struct turnstile turnstile;
static struct place first = { .pid = 11 };
static struct place second = { .pid = 12 };
static struct place third = { .pid = 13 };

/* What /proc/loadavg says. */
static void
say_load(const char *text)
{
	if (ftruncate(turnstile.load, 0) == -1 ||
	    pwrite(turnstile.load, text, strlen(text), 0) == -1)
		exit(1);
}

/* So many others want a processor; the one that asks runs, too. */
static void
set_runnable(uint64_t others)
{
	char text[64];

	snprintf(text, sizeof(text), "0.65 2.17 2.31 %llu/456 7890\n",
	    (unsigned long long)others + 1);
	say_load(text);
}

static void
test_time(void)
{
	turnstile_pass(&turnstile, &first, 1000);
	CHECK("one has begun", turnstile_wait_ms(&turnstile, 1000) == 0);
	turnstile_pass(&turnstile, &second, 1005);
	CHECK("two: the third waits",
	    turnstile_wait_ms(&turnstile, 1005) == LOOK_AGAIN_MS);
	CHECK("until the first is grown, to the last ms",
	    turnstile_wait_ms(&turnstile, 1000 + TURNSTILE_MS - 1) == 1);
	CHECK("and no longer",
	    turnstile_wait_ms(&turnstile, 1000 + TURNSTILE_MS) == 0);
	turnstile_pass(&turnstile, &third, 1000 + TURNSTILE_MS);
	CHECK("then the second is the oldest",
	    turnstile_wait_ms(&turnstile, 1005 + TURNSTILE_MS - 1) == 1 &&
		turnstile_wait_ms(&turnstile, 1005 + TURNSTILE_MS) == 0);
}

/* Both places are taken at 2000. */
static void
take_both(void)
{
	first.is_free = second.is_free = false;
	turnstile_pass(&turnstile, &first, 2000);
	turnstile_pass(&turnstile, &second, 2000);
	CHECK("both are taken", turnstile_wait_ms(&turnstile, 2000) > 0);
}

static void
test_end(void)
{
	take_both();
	second.is_free = true;
	CHECK("a client has left", turnstile_wait_ms(&turnstile, 2001) == 0);
	take_both();
	first.pid = 0;
	CHECK("a process has ended", turnstile_wait_ms(&turnstile, 2001) == 0);
	first.pid = 11;
	take_both();
	second.pid = 99;
	CHECK("its place is another's by now",
	    turnstile_wait_ms(&turnstile, 2001) == 0);
	second.pid = 12;
}

/* One process with a client after another takes one place of the burst. */
static void
test_again(void)
{
	take_both();
	turnstile_pass(&turnstile, &second, 2010);
	CHECK("the first is the oldest",
	    turnstile_wait_ms(&turnstile, 2000 + TURNSTILE_MS - 1) == 1);
	CHECK("the second counts once and from its later client",
	    turnstile_wait_ms(&turnstile, 2000 + TURNSTILE_MS) == 0);
	turnstile_pass(&turnstile, &third, 2000 + TURNSTILE_MS);
	CHECK("so that it is the oldest then",
	    turnstile_wait_ms(&turnstile, 2010 + TURNSTILE_MS - 1) == 1);
}

/* Who holds up nobody waits for nobody. */
static void
test_load(void)
{
	static const char *const odd[] = { "", "\n", "0.65 2.17 2.31\n",
		"0.65 2.17 2.31 x/456 7890\n",
		"0.65 2.17 2.31 99999999999/456 7890\n" };

	take_both();
	set_runnable(2 * turnstile.processors);
	CHECK("one waits for each processor",
	    turnstile_wait_ms(&turnstile, 2001) == 0);
	set_runnable(2 * turnstile.processors + 1);
	CHECK("one more", turnstile_wait_ms(&turnstile, 2001) > 0);
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		say_load(odd[i]);
		CHECK("an odd load is none",
		    turnstile_wait_ms(&turnstile, 2001) == 0);
	}
	int load = turnstile.load;
	turnstile.load = -1;
	CHECK("nor is one that is not there",
	    turnstile_wait_ms(&turnstile, 2001) == 0);
	turnstile.load = load;
	set_runnable(2 * turnstile.processors + 1);
}

static void
test_off(void)
{
	static struct turnstile none;

	turnstile_init(&none, 0, turnstile.load);
	turnstile_pass(&none, &first, 3000);
	turnstile_pass(&none, &second, 3000);
	CHECK("0: nobody waits", turnstile_wait_ms(&none, 3000) == 0);
}

static void
test_usual(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	CHECK("processors", turnstile_usual_burst() >= TURNSTILE_PER_PROCESSOR);
	CHECK("bound to one",
	    sched_setaffinity(0, sizeof(one), &one) == 0 &&
		turnstile_usual_burst() == TURNSTILE_PER_PROCESSOR);
}

int
main(void)
{
	turnstile_init(&turnstile, 2, memfd_create("load", MFD_CLOEXEC));
	set_runnable(2 * turnstile.processors + 1);
	test_time();
	test_end();
	test_again();
	test_load();
	test_off();
	test_usual();
	return test_result();
}
