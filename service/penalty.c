#include "service/penalty.h"

#include <string.h>
#include <xxhash.h>

enum {
	DELAY_FIRST_MS = 500,
	HALVED_AFTER_MS = 60000,
	FAILURES_MAX = 16, /* more doubling than any maximum needs */
	IPV4_BYTES = 12 + 3,
	IPV6_BYTES = 8
};

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_loopback(const unsigned char address[16])
{
	static const unsigned char ipv6[16] = { [15] = 1 };

	return memcmp(address, ipv6, 16) == 0 ||
	       (memcmp(address, mapped, 12) == 0 && address[12] == 127);
}

uint64_t
penalty_key(const unsigned char address[16], struct span user)
{
	bool is_ipv4 = memcmp(address, mapped, 12) == 0;
	size_t len = is_ipv4 ? IPV4_BYTES : IPV6_BYTES;
	uint64_t key = XXH3_64bits(address, len);

	if (is_loopback(address))
		key = XXH3_64bits_withSeed(user.ptr, user.len, key);
	return key == 0 ? 1 : key;
}

static unsigned
failures_now(const struct penalty_slot *slot, int64_t now_ms)
{
	int64_t halvings = (now_ms - slot->last_ms) / HALVED_AFTER_MS;

	return halvings > 8 ? 0 : slot->failures >> halvings;
}

/* The first of the slots that key may have. */
static size_t
first_slot(uint64_t key)
{
	return (size_t)(key % (PENALTY_SLOTS / PENALTY_WAYS)) * PENALTY_WAYS;
}

int64_t
penalty_delay_ms(const struct penalty *penalty, uint64_t key, int64_t now_ms)
{
	const struct penalty_slot *slots = &penalty->slots[first_slot(key)];

	for (size_t i = 0; i < PENALTY_WAYS; i++) {
		unsigned failures = failures_now(&slots[i], now_ms);

		if (slots[i].key != key || failures == 0)
			continue;
		int64_t delay = (int64_t)DELAY_FIRST_MS << (failures - 1);
		return delay < penalty->delay_max_ms ? delay
						     : penalty->delay_max_ms;
	}
	return 0;
}

void
penalty_add(struct penalty *penalty, uint64_t key, int64_t now_ms)
{
	struct penalty_slot *slots = &penalty->slots[first_slot(key)];
	struct penalty_slot *slot = slots;

	for (size_t i = 0; i < PENALTY_WAYS; i++) {
		if (slots[i].key == key) {
			slot = &slots[i];
			break;
		}
		if (slot->key != 0 &&
		    (slots[i].key == 0 || slots[i].last_ms < slot->last_ms))
			slot = &slots[i];
	}
	unsigned failures = slot->key == key ? failures_now(slot, now_ms) : 0;
	if (failures < FAILURES_MAX)
		failures++;
	*slot = (struct penalty_slot){ key, now_ms, failures };
}
