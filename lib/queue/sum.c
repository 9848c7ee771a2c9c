#include <stdlib.h>
#include <xxhash.h>

#include "base/die.h"
#include "queue/file.h"

struct queue_sum {
	XXH3_state_t *state;
};

struct queue_sum *
queue_sum_new(void)
{
	struct queue_sum *sum = malloc(sizeof(*sum));

	if (sum == NULL || (sum->state = XXH3_createState()) == NULL)
		temp_fail("out of memory");
	XXH3_64bits_reset(sum->state);
	return sum;
}

void
queue_sum_add(struct queue_sum *sum, struct span bytes)
{
	if (bytes.len > 0)
		XXH3_64bits_update(sum->state, bytes.ptr, bytes.len);
}

uint64_t
queue_sum_value(const struct queue_sum *sum)
{
	return XXH3_64bits_digest(sum->state);
}

void
queue_sum_free(struct queue_sum *sum)
{
	XXH3_freeState(sum->state);
	free(sum);
}
