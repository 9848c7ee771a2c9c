/*
 * envelope_fuzz - no envelope reads outside its bytes, and the walk over its
 * recipients finds as many as the parse counted.
 */

#include <stdint.h>
#include <stdlib.h>

#include "queue/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct envelope envelope;
	struct recipient recipient;
	size_t count = 0;

	if (envelope_parse(bytes, &envelope) != ENVELOPE_OK)
		return 0;
	for (struct span rest = envelope.recipients;
	     envelope_next(&rest, &recipient);)
		count++;
	if (count != envelope.recipient_count)
		abort();
	return 0;
}
