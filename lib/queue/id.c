#include "queue/id.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/die.h"
#include "base/io.h"

enum {
	TIME_DIGITS = 13
};

static const uint64_t random_mask = (UINT64_C(1) << 40) - 1;
static const uint64_t time_mask = (UINT64_C(1) << 52) - 1;

static struct queue_id
compose(uint64_t time_us, uint64_t bits)
{
	struct queue_id id;

	snprintf(id.text, sizeof(id.text), "%013llx%010llx",
	    (unsigned long long)(time_us & time_mask),
	    (unsigned long long)(bits & random_mask));
	return id;
}

struct queue_id
queue_id_make(void)
{
	uint64_t bits;

	if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
		temp_fail("cannot get random bytes");
	return compose(clock_utc_us(), bits);
}

struct queue_id
queue_id_derive(const struct queue_id *parent, struct span purpose)
{
	uint64_t seed = XXH3_64bits(parent->text, QUEUE_ID_LEN);

	return compose(queue_id_time_us(parent) + 1,
	    XXH3_64bits_withSeed(purpose.ptr, purpose.len, seed));
}

bool
queue_id_parse(struct span text, struct queue_id *id)
{
	if (text.len != QUEUE_ID_LEN)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	memcpy(id->text, text.ptr, QUEUE_ID_LEN);
	id->text[QUEUE_ID_LEN] = '\0';
	return true;
}

uint64_t
queue_id_time_us(const struct queue_id *id)
{
	uint64_t time_us = 0;

	span_number(
	    (struct span){ id->text, TIME_DIGITS }, 16, UINT64_MAX, &time_us);
	return time_us;
}
