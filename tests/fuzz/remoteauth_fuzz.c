/*
 * remoteauth_fuzz - packets of remoteauth(5): what is taken can be said again,
 * and holds nothing that could end a command.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "queue/remoteauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span packet = { (const char *)data, size };
	struct buf again = buf_new(2 * (size_t)PACKET_MAX);
	struct remoteauth_request request;
	struct remoteauth_request same;
	struct remoteauth_step step;
	struct remoteauth_selected selected;

	if (size > PACKET_MAX)
		return 0;
	if (remoteauth_parse_request(packet, &request)) {
		remoteauth_add_request(&again, &request);
		if (!remoteauth_parse_request(buf_span(&again), &same) ||
		    same.kind != request.kind)
			abort();
	}
	if (remoteauth_parse_step(packet, &step) && step.why.len == 0 &&
	    memchr(step.response.len == 0 ? "" : step.response.ptr, '\n',
		step.response.len) != NULL)
		abort();
	remoteauth_parse_selected(packet, &selected);
	buf_free(&again);
	return 0;
}
