#include "filter/triplets.h"

#include <stdlib.h>
#include <unistd.h>

#include "test.h"

enum {
	NOW = 1000000,
	HOUR = 3600,
	DAY = 86400
};

static const struct triplets_rules rules = {
	.wait_s = 300, .expire_s = 48 * HOUR, .keep_s = 35 * DAY, .allow = 3
};

static void
test_waiting(struct triplets *all)
{
	CHECK("new", triplets_ask(all, 1, 100, NOW) == 300);
	CHECK("too soon", triplets_ask(all, 1, 100, NOW + 299) == 1);
	CHECK("in time", triplets_ask(all, 1, 100, NOW + 300) == 0);
	CHECK("kept", triplets_ask(all, 1, 100, NOW + 30 * DAY) == 0);
	CHECK(
	    "by its last time", triplets_ask(all, 1, 100, NOW + 60 * DAY) == 0);
	CHECK("forgotten", triplets_ask(all, 1, 100, NOW + 96 * DAY) == 300);
	CHECK("another", triplets_ask(all, 2, 101, NOW) == 300);
	CHECK("came too late",
	    triplets_ask(all, 2, 101, NOW + 48 * HOUR + 1) == 300);
	CHECK("the clock was set back", triplets_ask(all, 2, 101, NOW) == 300);
}

static void
test_network(struct triplets *all)
{
	for (uint64_t i = 10; i < 13; i++)
		triplets_ask(all, i, 200, NOW);
	for (uint64_t i = 10; i < 13; i++)
		CHECK("has waited", triplets_ask(all, i, 200, NOW + 300) == 0);
	CHECK("its network is let in",
	    triplets_ask(all, 13, 200, NOW + 301) == 0);
	CHECK("no other is", triplets_ask(all, 13, 201, NOW + 301) == 300);
}

/* What has waited outlasts what never comes again. */
static void
test_crowd(struct triplets *all)
{
	uint64_t set = TRIPLETS_SLOTS / TRIPLETS_WAYS;

	triplets_ask(all, 5, 300, NOW);
	CHECK("it waits", triplets_ask(all, 5, 300, NOW + 300) == 0);
	for (uint64_t i = 1; i < 1000; i++)
		triplets_ask(all, 5 + i * set, 300 + i, NOW + 300);
	CHECK("a crowd", triplets_ask(all, 5, 300, NOW + 400) == 0);
}

static void
test_file(void)
{
	char path[] = "/tmp/triplets.XXXXXX";
	struct triplets first = { .rules = rules };
	struct triplets again = { .rules = rules };

	close(mkstemp(path));
	triplets_open(&first, path);
	test_waiting(&first);
	test_network(&first);
	test_crowd(&first);
	triplets_ask(&first, 77, 400, NOW);
	triplets_open(&again, path);
	CHECK(
	    "kept in the file", triplets_ask(&again, 77, 400, NOW + 300) == 0);
	for (size_t i = 0; i < TRIPLETS_SLOTS; i++)
		again.slots[i].passes++; /* torn: the checks are wrong */
	CHECK("torn", triplets_ask(&again, 77, 400, NOW + 300) == 300);
	unlink(path);
}

int
main(void)
{
	test_file();
	return test_result();
}
