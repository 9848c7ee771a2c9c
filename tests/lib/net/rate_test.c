#include "net/rate.h"

#include <string.h>

#include "test.h"

enum {
	LIMIT = 10,
	MINUTE_MS = 60000
};

static unsigned
take_many(struct rate *rate, const unsigned char network[16], unsigned times,
    int64_t now_ms)
{
	unsigned taken = 0;

	while (times-- > 0)
		taken += rate_take(rate, network, 120, LIMIT, now_ms);
	return taken;
}

static void
test_one(struct rate *rate)
{
	const unsigned char network[16] = { 1 };
	const unsigned char other[16] = { 2 };
	int64_t now = 1000;

	CHECK("a burst", take_many(rate, network, 20, now) == LIMIT);
	CHECK("another network", take_many(rate, other, 1, now) == 1);
	CHECK("another length", rate_take(rate, network, 112, LIMIT, now));
	CHECK("one more in a while",
	    take_many(rate, network, 5, now + MINUTE_MS / LIMIT) == 1);
	CHECK("all again after a minute",
	    take_many(rate, network, 20, now + 3 * MINUTE_MS) == LIMIT);
	CHECK("no limit", rate_take(rate, network, 120, 0, now));
}

/* More networks than there is room: each new one may come, none is lost to a
 * full table. */
static void
test_many(struct rate *rate)
{
	unsigned char network[16] = { 3 };
	unsigned taken = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(network + 4, &i, sizeof(i));
		taken += rate_take(rate, network, 120, LIMIT, 1000);
	}
	CHECK("100,000 networks", taken == 100000);
}

int
main(void)
{
	struct rate *rate = rate_new();

	test_one(rate);
	test_many(rate);
	return test_result();
}
