/*
 * proxy_fuzz - a PROXY header never claims more bytes than there are.
 */

#include <stdint.h>
#include <stdlib.h>

#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct sockaddr_storage address;
	size_t used = 0;

	if (proxy_parse(bytes, &address, &used) == PROXY_OK && used > size)
		abort();
	return 0;
}
