/*
 * local_fuzz - what local-deliver's parts read: commands, headers.
 */

#include <stdint.h>
#include <stdlib.h>

#include "local/command.h"
#include "local/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct buf again = buf_new(4 * PACKET_MAX);
	struct command command;
	struct command other;

	header_has_delivered_to(bytes, span_of("joe@example.org"));
	if (size < PACKET_MAX && command_parse(bytes, &command)) {
		command_add(&again, &command);
		if (!command_parse(buf_span(&again), &other) ||
		    !span_equal(other.path, command.path) ||
		    other.length != command.length)
			abort();
	}
	buf_free(&again);
	return 0;
}
