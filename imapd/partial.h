#ifndef IMAPD_PARTIAL_H
#define IMAPD_PARTIAL_H

/*
 * partial - which of a command's results are wanted: RFC 9394 section 4,
 * "1:500" from the first on, "-1:-100" from the last.
 */

#include "imapd/parse.h"

struct partial {
	bool is_given;
	bool is_from_last;
	uint32_t from; /* as they were sent */
	uint32_t to;
};

/* What follows PARTIAL and its space. */
bool partial_parse(struct partial *partial, struct parse *parse);

/* Of count results those from *first up to *end; all if it is not given. */
void partial_bounds(
    const struct partial *partial, size_t count, size_t *first, size_t *end);

#endif
