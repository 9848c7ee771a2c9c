/*
 * header_fuzz - fields and address lists of any message text.
 */

#include <stdint.h>
#include <stdlib.h>

#include "mail/addrlist.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct span rest = header_of(bytes);
	struct span name;
	struct span value;
	struct buf address = buf_new(1 << 16);

	while (header_next(&rest, &name, &value))
		for (struct span list = value; addrlist_next(&list, &address);)
			if (address.len > value.len)
				abort();
	buf_free(&address);
	return 0;
}
