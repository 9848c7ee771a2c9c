/*
 * deflate_fuzz - whatever a client sends for DEFLATE: it comes out in pieces
 * of the reader's size, ends, and is the same when it is sent on.
 */

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
make_file(struct span bytes)
{
	int fd = memfd_create("deflate", MFD_CLOEXEC);

	if (fd == -1 || !write_all(fd, bytes) || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

/* The sum of what is read from it, and to another if that is not NULL. */
static uint64_t
read_sum(int fd, struct writer *on)
{
	static struct reader in;
	static struct writer none;
	struct deflate *deflate = deflate_new();
	uint64_t sum = 0;
	struct span bytes;

	reader_init(&in, fd, 1000);
	writer_init(&none, fd, 1000);
	deflate_begin(deflate, &in, &none);
	while (reader_peek(&in, &bytes) == IO_OK) {
		if (bytes.len == 0 || bytes.len > READER_SIZE)
			abort();
		for (size_t i = 0; i < bytes.len; i++)
			sum = sum * 31 + (unsigned char)bytes.ptr[i];
		if (on != NULL)
			write_span(on, bytes);
		reader_consume(&in, bytes.len);
	}
	deflate_free(deflate);
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct writer out;
	static struct reader none;
	int from = make_file((struct span){ (const char *)data, size });
	int to = make_file((struct span){ NULL, 0 });
	struct deflate *deflate = deflate_new();

	reader_init(&none, to, 1000);
	writer_init(&out, to, 1000);
	deflate_begin(deflate, &none, &out);
	uint64_t sum = read_sum(from, &out);
	if (writer_flush(&out) != IO_OK || lseek(to, 0, SEEK_SET) != 0 ||
	    read_sum(to, NULL) != sum)
		abort();
	deflate_free(deflate);
	close(from);
	close(to);
	return 0;
}
