#include "net/rate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/die.h"

enum {
	MINUTE_US = 60 * 1000 * 1000
};

/* full_us: when the bucket will be full again; in the past it is. */
struct bucket {
	unsigned char network[16];
	int64_t full_us;
	uint64_t bits; /* 0: free */
};

_Static_assert(sizeof(struct bucket) * RATE_SETS * RATE_WAYS == RATE_BYTES,
    "rate.h tells its users how much memory this takes");

struct rate {
	uint64_t secret;
	struct bucket (*sets)[RATE_WAYS];
};

/* A session has no need to know who else was here. */
struct rate *
rate_new(void)
{
	struct rate *rate = malloc(sizeof(*rate));
	void *sets = mmap(NULL, RATE_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (rate == NULL || sets == MAP_FAILED ||
	    madvise(sets, RATE_BYTES, MADV_DONTFORK) == -1)
		temp_fail("out of memory");
	rate->sets = sets;
	if (getrandom(&rate->secret, sizeof(rate->secret), 0) !=
	    sizeof(rate->secret))
		temp_fail("no random numbers");
	return rate;
}

/* The key's bucket, or the one that it takes over. */
static struct bucket *
find(struct rate *rate, const unsigned char network[16], unsigned bits)
{
	uint64_t hash = XXH64(network, 16, rate->secret + bits);
	struct bucket *set = rate->sets[hash % RATE_SETS];
	struct bucket *quietest = set;

	for (size_t i = 0; i < RATE_WAYS; i++) {
		if (set[i].bits == bits &&
		    memcmp(set[i].network, network, 16) == 0)
			return &set[i];
		if (set[i].full_us < quietest->full_us)
			quietest = &set[i];
	}
	memcpy(quietest->network, network, 16);
	quietest->bits = bits;
	quietest->full_us = 0;
	return quietest;
}

bool
rate_take(struct rate *rate, const unsigned char network[16], unsigned bits,
    uint64_t limit, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000;

	if (limit == 0)
		return true;
	struct bucket *bucket = find(rate, network, bits);
	int64_t from = bucket->full_us > now_us ? bucket->full_us : now_us;
	int64_t full_us = from + MINUTE_US / (int64_t)limit;

	if (full_us - now_us > MINUTE_US)
		return false;
	bucket->full_us = full_us;
	return true;
}
