/*
 * rfc3339_fuzz - any text is a date-time or not; one that is in UTC without a
 * fraction is written as it was.
 */

#include <stdint.h>
#include <stdlib.h>

#include "mail/rfc3339.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct buf again = buf_new(64);
	int64_t seconds;
	int64_t same;

	if (rfc3339_parse(text, &seconds) && seconds < 253402300800) {
		rfc3339_add(&again, seconds);
		if (!rfc3339_parse(buf_span(&again), &same) || same != seconds)
			abort();
	}
	buf_free(&again);
	return 0;
}
