#ifndef IMAPD_CHILDREN_H
#define IMAPD_CHILDREN_H

/*
 * children - names of folders, and whether one of them lies below another:
 * RECURSIVEMATCH, RFC 5258 section 3.5.
 *
 * Limits  CHILDREN_BYTES_MAX bytes of names.
 * Memory  they are copied; children_free leaves none.
 */

#include "base/buf.h"

enum {
	CHILDREN_BYTES_MAX = 8 << 20
};

struct children {
	struct buf names; /* each ended by LF */
	struct span *sorted;
	size_t count;
};

struct children children_new(void);
void children_free(struct children *children);

/* False if there is no room for it. */
bool children_add(struct children *children, struct span name);

/* After the last was added. */
void children_sort(struct children *children);

/* Of those that were sorted: is name one? */
bool children_has_name(const struct children *children, struct span name);

/* Of those that were sorted: is one below parent, "PARENT/..."? */
bool children_has_below(const struct children *children, struct span parent);

#endif
