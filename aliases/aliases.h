#ifndef ALIASES_ALIASES_H
#define ALIASES_ALIASES_H

/*
 * aliases - the text of aliases(5), entry by entry.
 *
 * Grammar  name: item, item ...   one entry a line; a line that begins with
 *          space continues it; lines that begin with # and empty lines are
 *          nothing, wherever they are.  The name is folded to lower case and
 *          may be quoted.  Items are those of mail/aliasitems.h.
 * Limits   ALIASES_TARGET_MAX bytes the right-hand side of one entry.
 * Memory   what an entry points at is valid until the next aliases_next.
 */

#include "base/buf.h"

enum {
	ALIASES_FILE_MAX = 64 << 20,
	ALIASES_TARGET_MAX = 12000 /* what fits lookup's answer */
};

struct aliases_entry {
	unsigned line;      /* where it begins */
	struct span name;   /* lower case, without quotes */
	struct span target; /* items as written, joined by ", " */
};

struct aliases_reader {
	struct span rest;
	unsigned line; /* of the first line of rest */
	struct buf logical;
	struct buf name;
	struct buf target;
	struct buf item;
};

/* Start reading text, which must outlive the reader. */
void aliases_open(struct aliases_reader *reader, struct span text);
void aliases_close(struct aliases_reader *reader);

enum aliases_status {
	ALIASES_OK,
	ALIASES_END,
	ALIASES_ERROR /* entry->line and *mend say where and what; go on */
};

enum aliases_status aliases_next(struct aliases_reader *reader,
    struct aliases_entry *entry, const char **mend);

#endif
