/*
 * queuefile_fuzz - any file in the queue is a message or is refused.
 */

#include <stdint.h>
#include <stdlib.h>

#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct queue_name name = { .is_plain = size % 2 == 1, .length = size };
	struct queue_file file;
	struct slot slot;
	int fd = memfd_create("queue", 0);

	if (fd == -1 || !write_all(fd, bytes))
		abort();
	if (queue_file_read(&file, fd, &name)) {
		queue_file_check(&file);
		for (uint64_t i = 0; i < file.slot_count && i < 10; i++)
			slot_read(&file, i, &slot);
		queue_file_free(&file);
	}
	close(fd);
	return 0;
}
