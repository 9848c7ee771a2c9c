#include "store/mbox_lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
mbox_lines_open(
    struct mbox_lines *lines, int fd, uint64_t offset, uint64_t limit)
{
	lines->fd = fd;
	lines->offset = offset;
	lines->limit = limit;
	lines->start = lines->end = 0;
	lines->is_at_start = true;
}

/* 1 if there is more, 0 at the end, -1 with errno set. */
static int
lines_fill(struct mbox_lines *lines)
{
	size_t have = lines->end - lines->start;
	uint64_t left = lines->limit - lines->offset - have;
	ssize_t got;

	memmove(lines->bytes, lines->bytes + lines->start, have);
	lines->start = 0;
	lines->end = have;
	size_t want =
	    left < MBOX_BLOCK - have ? (size_t)left : MBOX_BLOCK - have;
	do
		got = pread(lines->fd, lines->bytes + have, want,
		    (off_t)(lines->offset + have));
	while (got == -1 && errno == EINTR);
	if (got > 0)
		lines->end += (size_t)got;
	return got > 0 ? 1 : (int)got;
}

int
mbox_lines_next(struct mbox_lines *lines, struct mbox_piece *piece)
{
	for (;;) {
		struct span have = { lines->bytes + lines->start,
			lines->end - lines->start };
		size_t newline = span_index(have, '\n');
		int more = 1;

		if (newline == have.len && have.len < MBOX_BLOCK)
			more = lines_fill(lines);
		if (more == -1 || (more == 0 && have.len == 0))
			return more;
		if (newline == have.len && have.len < MBOX_BLOCK && more == 1)
			continue;
		have.ptr = lines->bytes + lines->start;
		size_t take = newline < have.len ? newline + 1 : have.len;
		*piece = (struct mbox_piece){ span_slice(have, 0, take),
			lines->offset, lines->is_at_start };
		lines->is_at_start = newline < have.len;
		lines->start += take;
		lines->offset += take;
		return 1;
	}
}

bool
mbox_is_empty_line(const struct mbox_piece *piece)
{
	return piece->is_start &&
	       (span_equal(piece->bytes, span_of("\n")) ||
		   span_equal(piece->bytes, span_of("\r\n")));
}
