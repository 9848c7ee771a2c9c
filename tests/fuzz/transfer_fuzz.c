/*
 * transfer_fuzz - any message becomes lines, or 7 bits, or is refused.
 */

#include <stdint.h>
#include <stdlib.h>

#include "mail/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	bool has_8bit;
	bool has_control;
};

static void
look(void *context, struct span bytes)
{
	struct result *result = context;

	for (size_t i = 0; i < bytes.len; i++) {
		result->has_8bit |= (unsigned char)bytes.ptr[i] >= 0x80;
		result->has_control |=
		    bytes.ptr[i] == '\r' || bytes.ptr[i] == '\0';
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct transfer transfer;
	struct span rest = { (const char *)data, size };
	struct result result = { .has_8bit = false };

	if (size == 0)
		return 0;
	enum transfer_goal goal =
	    data[0] & 1 ? TRANSFER_TO_7BIT : TRANSFER_FROM_BINARY;
	transfer_init(&transfer, goal, look, &result);
	rest = span_slice(rest, 1, rest.len);
	while (span_index(rest, '\n') < rest.len) {
		struct span line = span_cut(&rest, '\n');
		bool has_cr = line.len > 0 && line.ptr[line.len - 1] == '\r';

		line.len -= has_cr;
		transfer_add(
		    &transfer, line, has_cr ? TRANSFER_CRLF : TRANSFER_LF);
	}
	if (transfer_finish(&transfer, rest) == TRANSFER_OK &&
	    (goal == TRANSFER_TO_7BIT ? result.has_8bit : result.has_control))
		abort();
	transfer_free(&transfer);
	return 0;
}
