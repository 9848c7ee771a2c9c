/*
 * turnstile_test - how long connections wait while others begin.
 */

#include "net/turnstile.h"

#include <sched.h>
#include <unistd.h>

#include "test.h"

static struct turnstile turnstile = { .burst = 2 };
static struct place first = { .pid = 11 };
static struct place second = { .pid = 12 };
static struct place third = { .pid = 13 };

static void
test_time(void)
{
	turnstile_pass(&turnstile, &first, 1000);
	CHECK("one has begun", turnstile_wait_ms(&turnstile, 1000) == 0);
	turnstile_pass(&turnstile, &second, 1005);
	CHECK("two: the third waits until the first is grown",
	    turnstile_wait_ms(&turnstile, 1005) == TURNSTILE_MS - 5);
	CHECK("to the last ms",
	    turnstile_wait_ms(&turnstile, 1000 + TURNSTILE_MS - 1) == 1);
	CHECK("and no longer",
	    turnstile_wait_ms(&turnstile, 1000 + TURNSTILE_MS) == 0);
	turnstile_pass(&turnstile, &third, 1000 + TURNSTILE_MS);
	CHECK("then the second is the oldest",
	    turnstile_wait_ms(&turnstile, 1000 + TURNSTILE_MS) == 5);
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
	    turnstile_wait_ms(&turnstile, 2010) == TURNSTILE_MS - 10);
	CHECK("the second counts once and from its later client",
	    turnstile_wait_ms(&turnstile, 2000 + TURNSTILE_MS) == 0);
	turnstile_pass(&turnstile, &third, 2000 + TURNSTILE_MS);
	CHECK("so that it is the oldest then",
	    turnstile_wait_ms(&turnstile, 2000 + TURNSTILE_MS) == 10);
}

static void
test_off(void)
{
	struct turnstile none = { .burst = 0 };

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
	test_time();
	test_end();
	test_again();
	test_off();
	test_usual();
	return test_result();
}
