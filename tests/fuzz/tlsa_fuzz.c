/*
 * tlsa_fuzz - TLSA records: what comes of a record's bytes is a text that is
 * one, with the same numbers; any text is one or is refused.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/tlsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tlsa tlsa;
	struct span bytes = { (const char *)data, size };
	struct buf text = buf_new(TLSA_TEXT_MAX);

	if (tlsa_parse(bytes, &tlsa) && tlsa.len > size / 2)
		abort();
	if (tlsa_add_text(&text, bytes, TLSA_TEXT_MAX)) {
		if (text.overflow || !tlsa_parse(buf_span(&text), &tlsa) ||
		    tlsa.usage != data[0] || tlsa.matching != data[2])
			abort();
		if (tlsa.len > 0 && (tlsa.len != size - 3 ||
					memcmp(tlsa.data, data + 3, size - 3)))
			abort();
	}
	buf_free(&text);
	return 0;
}
