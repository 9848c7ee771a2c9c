/*
 * xtext_fuzz - any text is xtext or not, and what a report says of an ORCPT
 * holds no line end.
 */

#include <stdint.h>
#include <stdlib.h>

#include "mail/header.h"
#include "mail/xtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct buf meaning = buf_new(1 << 16);
	struct buf again = buf_new(1 << 18);

	if (xtext_decode(&meaning, text) != xtext_is_valid(text))
		abort();
	xtext_encode(&again, buf_span(&meaning));
	if (!xtext_is_valid(buf_span(&again)))
		abort();
	for (int i = 0; i < 4; i++) {
		if (!orcpt_is_valid(text, i & 1))
			continue;
		buf_clear(&again);
		orcpt_add_field(&again, text, i & 2);
		if (!header_is_safe(buf_span(&again)))
			abort();
	}
	buf_free(&meaning);
	buf_free(&again);
	return 0;
}
