#ifndef BASE_TABLE_H
#define BASE_TABLE_H

/*
 * table - a compiled map (cdb, by tinycdb) that is replaced whole by rename.
 *
 * Memory  the file is mapped read-only and shared; a value found stays valid
 *         until the next table_ call on the same table.
 * Errors  -1 with errno set: the caller defers.
 */

#include <cdb.h>
#include <sys/stat.h>

#include "base/span.h"

struct table {
	const char *path;
	bool is_open;
	struct cdb cdb;
	struct stat opened;
};

/* The file is opened by the first table_find; it may be missing (empty). */
void table_init(struct table *table, const char *path);
void table_close(struct table *table);

/*
 * 1 and *value if the key is there, 0 if not, -1 on error.  If the file was
 * replaced since, the new one is opened first.
 */
int table_find(struct table *table, struct span key, struct span *value);

/*
 * Write a new table beside path and put it in its place, synced:
 * table_begin, any number of table_add, table_commit (or table_abort).
 * Each returns false with errno set; after that only table_abort is allowed.
 */
struct table_maker {
	const char *path;
	char temporary[256];
	int fd;
	struct cdb_make cdb;
};

bool table_begin(struct table_maker *maker, const char *path);
bool table_add(struct table_maker *maker, struct span key, struct span value);
bool table_commit(struct table_maker *maker);
void table_abort(struct table_maker *maker);

#endif
