/*
 * mbox_fuzz - any file is an mbox or refused; what is found in it is in order,
 * and sizes are those of what is handed out.
 */

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/mbox_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
count(void *context, struct span piece)
{
	*(uint64_t *)context += piece.len;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mbox_list list;
	uint64_t at = 0;
	int fd = memfd_create("mbox", MFD_CLOEXEC);

	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (!mbox_scan(fd, &list)) {
		close(fd);
		return 0;
	}
	for (size_t i = 0; i < list.count; i++) {
		const struct mbox_message *message = &list.messages[i];
		uint64_t octets = 0;
		struct crlf out = { count, &octets, '\n' };

		if (message->from < at || message->start <= message->from ||
		    message->end < message->start || message->end > size)
			abort();
		at = message->end;
		if (!mbox_unquote(fd, message, &out) || !crlf_end(&out) ||
		    octets != message->octets ||
		    mbox_is_there(fd, message) != 1)
			abort();
	}
	mbox_list_free(&list);
	close(fd);
	return 0;
}
