#ifndef QUEUE_DRAFT_H
#define QUEUE_DRAFT_H

/*
 * draft - a message that is being judged: not accepted yet, it may be read
 * more than once and edited.
 *
 * The header is in memory (at most header_max bytes); the body is too while it
 * has at most DRAFT_HELD bytes, beyond that it goes into a file without a name
 * that open_scratch gives.  That file is never synced: what is not accepted
 * ends with the process.
 *
 * Form     lines ended by LF.  The header is the lines up to the first that is
 *          no field; the body has the empty line before it, which is added if
 *          the message went without.
 * Errors   sticky: error is an errno (EFBIG: over a limit), and what is added
 *          after it is dropped.
 */

#include <sys/types.h>

#include "base/buf.h"

enum {
	DRAFT_HELD = 60 << 10
};

struct draft {
	struct buf header;
	struct buf body;
	uint64_t body_max; /* 0: no limit */
	int scratch;       /* -1: all of the body is in memory */
	off_t start;       /* of the body in scratch */
	off_t end;
	bool is_body;
	int error;
	int (*open_scratch)(void *context); /* -1 with errno set */
	void *context;
};

void draft_init(struct draft *draft, size_t header_max, uint64_t body_max);
void draft_free(struct draft *draft);

/* One line, its LF taken off. */
void draft_add_line(struct draft *draft, struct span line);

/* All that was added by draft_add_line has come. */
bool draft_finish(struct draft *draft);

uint64_t draft_size(const struct draft *draft);

/* Give all bytes to take, in order, until it returns false. */
bool draft_read(const struct draft *draft,
    bool (*take)(void *context, struct span bytes), void *context);

/*
 * Replace the body (without its empty line) by what comes from the read end
 * of a pipe until its end, in timeout_ms.
 */
bool draft_replace_body(struct draft *draft, int fd, int64_t timeout_ms);

#endif
