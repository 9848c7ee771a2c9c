#ifndef IMAPD_ANNOTATIONS_H
#define IMAPD_ANNOTATIONS_H

/*
 * annotations - entries of folders that LIST tells: RFC 9590.
 */

#include "imapd/session.h"

/* Of METADATA_ENTRIES_MAX at most; they point into the command. */
struct annotations {
	struct span *entries;
	size_t count;
};

/* "(ENTRY ...)", at least one. */
bool annotations_parse(struct annotations *annotations, struct parse *parse);

/* "* METADATA NAME (ENTRY VALUE ...)", NIL for what a folder has not; nothing
 * if it cannot be read. */
void annotations_put(struct session *session, struct span name,
    const struct annotations *annotations);
void annotations_free(struct annotations *annotations);

#endif
