#ifndef ALIASES_COLLECT_H
#define ALIASES_COLLECT_H

/*
 * collect - a whole alias file in memory, checked: syntax and doubles.
 *
 * Memory  collection_read makes it, collection_free gives it back; the spans
 *         of collection_name and collection_target point into it.
 */

#include "aliases/aliases.h"

struct collected {
	size_t name; /* offsets into bytes */
	size_t name_len;
	size_t target_len; /* the target follows the name */
	unsigned line;
};

struct collection {
	struct buf bytes;
	struct collected *entries; /* sorted by name */
	size_t count;
	size_t room;
	size_t longest; /* right-hand side, bytes */
	size_t total;   /* names and right-hand sides, bytes */
	size_t error_count;
};

/*
 * Read all of text; each error is told to complain and counted.  With no
 * error, the entries are usable.  Out of memory ends the program.
 */
void collection_read(struct collection *collection, const char *path,
    struct span text,
    void (*complain)(const char *path, unsigned line, const char *mend));
void collection_free(struct collection *collection);

struct span collection_name(const struct collection *collection, size_t i);
struct span collection_target(const struct collection *collection, size_t i);

/* Is there an entry with this (lower-case) name? */
bool collection_has(const struct collection *collection, struct span name);

#endif
