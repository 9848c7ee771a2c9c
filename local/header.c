#include "local/header.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

enum {
	PIECE_SIZE = 8192
};

static const char field_name[] = "Delivered-To:";

bool
header_has_delivered_to(struct span header, struct span recipient)
{
	struct span name = span_of(field_name);

	while (header.len > 0) {
		struct span line = span_cut(&header, '\n');

		if (span_trim(line).len == 0)
			return false; /* the end of the header */
		if (span_starts_nocase(line, name) &&
		    span_equal_nocase(
			span_trim(span_slice(line, name.len, line.len)),
			recipient))
			return true;
	}
	return false;
}

/* Does the empty line that ends the header lie in bytes from start on? */
static bool
has_end(struct span bytes, size_t start)
{
	if (start > 0)
		start--;
	return memmem(bytes.ptr + start, bytes.len - start, "\n\n", 2) != NULL;
}

static enum header_status
read_header(int fd, uint64_t offset, uint64_t length, struct buf *header)
{
	while (header->len < length && header->len < HEADER_MAX) {
		size_t before = header->len;
		uint64_t left = length - before;
		size_t want = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
		ssize_t got = pread(fd, buf_room(header, PIECE_SIZE), want,
		    (off_t)(offset + before));

		if (got == -1 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EIO;
		if (got <= 0)
			return HEADER_ERROR;
		buf_grown(header, (size_t)got);
		if (has_end(buf_span(header), before))
			break;
	}
	return HEADER_NEW;
}

enum header_status
header_check(int fd, uint64_t offset, uint64_t length, struct span recipient)
{
	struct buf header = buf_new(HEADER_MAX + PIECE_SIZE);
	enum header_status status = read_header(fd, offset, length, &header);

	if (status == HEADER_NEW &&
	    header_has_delivered_to(buf_span(&header), recipient))
		status = HEADER_LOOP;
	int error = errno;
	buf_free(&header);
	errno = error;
	return status;
}
