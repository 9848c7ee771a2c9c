/*
 * lookup_fuzz - any packet to lookup gets an answer that its clients can read,
 * or none.
 */

#include <stdint.h>
#include <stdlib.h>

#include "aliases/requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct directory directory;
	static bool is_open;
	struct span request = { (const char *)data, size };
	struct buf reply = buf_new(PACKET_MAX);
	struct lookup_answer answer;

	if (!is_open)
		directory_open(&directory);
	is_open = true;
	if (requests_answer(&directory, request, &reply) &&
	    !lookup_parse_answer(buf_span(&reply), &answer))
		abort();
	buf_free(&reply);
	return 0;
}
