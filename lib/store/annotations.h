#ifndef STORE_ANNOTATIONS_H
#define STORE_ANNOTATIONS_H

/*
 * annotations - RFC 5464's entries, in the file estafeta-annotations of a
 * folder, or estafeta-annotations.server of the account.
 *
 * File    a line "estafeta-annotations 1", then records "LEN ENTRY LEN VALUE"
 *         as netstrings, in the order in which they were set.
 * Limits  ANNOTATIONS_MAX bytes a file, ANNOTATION_ENTRY_MAX an entry.
 */

#include "base/buf.h"

enum {
	ANNOTATIONS_MAX = 1 << 20,
	ANNOTATION_ENTRY_MAX = 1024
};

/* Pure: the next record of *rest, which began as a file's text. */
bool annotations_begin(struct span *rest);
bool annotations_next(
    struct span *rest, struct span *entry, struct span *value);

#endif
