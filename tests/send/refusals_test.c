/*
 * refusals_test - which login may be tried when, on a clock of our own; and
 * what children share.
 */

#include <sys/wait.h>
#include <unistd.h>

#include "send/refusals.h"
#include "test.h"

static const uint64_t joe = 1, ann = 2;
static int64_t left;

static void
test_pauses(void)
{
	static struct refusals refusals;
	int64_t now = 1000;
	int64_t pause = REFUSAL_FIRST_MS;

	CHECK("the first may try",
	    refusals_ask(&refusals, joe, now, &left) == REFUSAL_TRY);
	CHECK("others wait for it",
	    refusals_ask(&refusals, joe, now, &left) == REFUSAL_WAIT);
	CHECK("not of another login",
	    refusals_ask(&refusals, ann, now, &left) == REFUSAL_TRY);
	refusals_settle(&refusals, ann, now, REFUSAL_GOOD);
	CHECK("a good one is anybody's",
	    refusals_ask(&refusals, ann, now, &left) == REFUSAL_TRY &&
		refusals_ask(&refusals, ann, now, &left) == REFUSAL_TRY);
	CHECK(
	    "nothing is known yet", !refusals_has(&refusals, joe, now, &left));
	for (int i = 0; i < 30; i++) {
		refusals_settle(&refusals, joe, now, REFUSAL_BAD);
		refusals_settle(&refusals, joe, now, REFUSAL_BAD);
		CHECK("refused, for a time that doubles",
		    refusals_ask(&refusals, joe, now, &left) ==
			    REFUSAL_REFUSED &&
			left == pause &&
			refusals_has(&refusals, joe, now, &left));
		now += pause;
		pause = pause * 2 < REFUSAL_MAX_MS ? pause * 2 : REFUSAL_MAX_MS;
		CHECK("then one tries it again",
		    !refusals_has(&refusals, joe, now, &left) &&
			refusals_ask(&refusals, joe, now, &left) ==
			    REFUSAL_TRY &&
			refusals_ask(&refusals, joe, now, &left) ==
			    REFUSAL_WAIT);
	}
	refusals_settle(&refusals, joe, now, REFUSAL_GOOD);
	refusals_settle(&refusals, joe, now, REFUSAL_BAD);
	CHECK("a good one begins anew",
	    refusals_has(&refusals, joe, now, &left) &&
		left == REFUSAL_FIRST_MS);
}

static void
test_trial(void)
{
	static struct refusals refusals;

	refusals_ask(&refusals, joe, 0, &left);
	CHECK("who tries it may have died",
	    refusals_ask(&refusals, joe, REFUSAL_TRIAL_MS - 1, &left) ==
		    REFUSAL_WAIT &&
		refusals_ask(&refusals, joe, REFUSAL_TRIAL_MS, &left) ==
		    REFUSAL_TRY);
	refusals_settle(&refusals, joe, 0, REFUSAL_UNKNOWN);
	CHECK("or have learnt nothing: the next tries",
	    refusals_ask(&refusals, joe, 0, &left) == REFUSAL_TRY);
	refusals_settle(&refusals, joe, 0, REFUSAL_BAD);
	refusals_ask(&refusals, joe, REFUSAL_FIRST_MS, &left);
	refusals_settle(&refusals, joe, REFUSAL_FIRST_MS, REFUSAL_UNKNOWN);
	refusals_ask(&refusals, joe, REFUSAL_FIRST_MS, &left);
	refusals_settle(&refusals, joe, REFUSAL_FIRST_MS, REFUSAL_BAD);
	CHECK("which does not shorten the next pause",
	    refusals_has(&refusals, joe, REFUSAL_FIRST_MS, &left) &&
		left == 2 * REFUSAL_FIRST_MS);
	CHECK("without memory all is tried",
	    refusals_ask(NULL, joe, 0, &left) == REFUSAL_TRY &&
		!refusals_has(NULL, joe, 0, &left));
	refusals_settle(NULL, joe, 0, REFUSAL_BAD);
	for (uint64_t i = 1; i <= 2 * REFUSAL_LOGINS; i++)
		refusals_settle(&refusals, i, 0, REFUSAL_BAD);
	CHECK("of too many logins the last are known",
	    refusals_has(&refusals, (uint64_t)2 * REFUSAL_LOGINS, 0, &left));
}

static void
test_hosts(void)
{
	static struct refusal_hosts hosts;
	const struct span one = span_of("one.example");
	struct refusals *refusals = refusals_of(&hosts, one, 25);
	int status;

	CHECK("one page for a host and port",
	    refusals != NULL &&
		refusals == refusals_of(&hosts, span_of("ONE.example"), 25) &&
		refusals != refusals_of(&hosts, one, 587));
	if (fork() == 0) {
		refusals_keep(&hosts, refusals);
		refusals_settle(refusals, joe, 0, REFUSAL_BAD);
		_exit(0);
	}
	wait(&status);
	CHECK("what one child learns another knows",
	    status == 0 && refusals_has(refusals, joe, 0, &left));
	for (uint16_t i = 0; i < REFUSAL_HOSTS + 10; i++)
		if (refusals_of(&hosts, one, i) == NULL)
			_exit(1);
	refusals = refusals_of(&hosts, one, 25);
	CHECK("of too many hosts the first are forgotten",
	    !refusals_has(refusals, joe, 0, &left));
}

/* A child that talks to a host yet when another gets its place. */
static void
test_recycling(void)
{
	static struct refusal_hosts hosts;
	const struct span old = span_of("old.example");
	struct refusals *refusals = refusals_of(&hosts, old, 25);
	int go[2];
	int status;
	char byte;

	if (refusals == NULL || pipe(go) == -1)
		_exit(1);
	if (fork() == 0) {
		refusals_keep(&hosts, refusals);
		close(go[1]);
		if (read(go[0], &byte, 1) != 0)
			_exit(1);
		refusals_settle(refusals, joe, 0, REFUSAL_BAD);
		_exit(refusals_has(refusals, joe, 0, &left) ? 0 : 1);
	}
	for (uint16_t i = 0; i < REFUSAL_HOSTS - 1; i++)
		refusals_of(&hosts, span_of("more.example"), i);
	refusals = refusals_of(&hosts, span_of("new.example"), 25);
	close(go[1]);
	wait(&status);
	CHECK("what it learns is not of the other",
	    status == 0 && refusals != NULL &&
		!refusals_has(refusals, joe, 0, &left));
}

int
main(void)
{
	test_pauses();
	test_trial();
	test_hosts();
	test_recycling();
	return test_result();
}
