/*
 * base64_fuzz - what is decoded is the text's one reading: encoding it again
 * gives the text back.
 */

#include <stdlib.h>

#include "mail/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char bytes[4096];
	struct span text = { (const char *)data, size };
	struct buf again = buf_new(8192);
	size_t len;

	if (base64_decode(text, bytes, sizeof(bytes), &len)) {
		base64_add(&again, (struct span){ bytes, len });
		if (!span_equal(buf_span(&again), text))
			abort();
	}
	buf_free(&again);
	return 0;
}
