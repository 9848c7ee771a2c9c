#ifndef STORE_MBOX_LINES_H
#define STORE_MBOX_LINES_H

/*
 * mbox_lines - the lines of an mbox, or pieces of MBOX_BLOCK bytes of longer
 * ones, with where they are.
 *
 * Memory   a piece is valid until the next one.
 */

#include "base/span.h"

enum {
	MBOX_BLOCK = 65536
};

struct mbox_lines {
	int fd;
	uint64_t offset; /* in the file, of bytes[start] */
	uint64_t limit;
	size_t start;
	size_t end;
	bool is_at_start;
	char bytes[MBOX_BLOCK];
};

struct mbox_piece {
	struct span bytes;
	uint64_t offset;
	bool is_start; /* of a line */
};

void mbox_lines_open(
    struct mbox_lines *lines, int fd, uint64_t offset, uint64_t limit);

/* 1 and *piece, 0 at the limit or the end, -1 with errno set. */
int mbox_lines_next(struct mbox_lines *lines, struct mbox_piece *piece);

bool mbox_is_empty_line(const struct mbox_piece *piece);

#endif
