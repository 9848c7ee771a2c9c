#ifndef QUEUE_SUPPRESSED_H
#define QUEUE_SUPPRESSED_H

/*
 * suppressed - addresses to which nothing more is sent; queue(5).
 *
 * Format  queue/suppressed, 4096 files named by a hash of the address in lower
 *         case; lines of fields with tabs between: kind (s suppressed, f a
 *         failure that counts), address, when, by whose uid (the manager's own:
 *         UINT32_MAX), why.  A line without its LF is none.  Domains are in
 *         A-labels, and asked for in either form.
 * Memory  none but for one file at a time: a million addresses are some 20 KiB
 *         a file.  SUPPRESSED_FILE_MAX bytes a file.
 * Errors  functions that return -1 leave errno; ENOSPC: its file is full.
 */

#include "base/buf.h"

enum {
	SUPPRESSED_FILES = 4096,
	SUPPRESSED_FILE_MAX = 1 << 20,
	SUPPRESSED_WHY_MAX = 120
};

struct suppressed {
	char kind;
	struct span address;
	int64_t when; /* seconds since 1970 */
	uint64_t uid;
	struct span why;
};

/* Does the queue's folder have such a list? */
bool suppressed_is_used(int top);

/* 1 if nothing is sent there; the entry points into *room, which is cleared. */
int suppressed_find(
    int top, struct span address, struct buf *room, struct suppressed *entry);

/* The next line of a file; false at its end. */
bool suppressed_next(struct span *rest, struct suppressed *entry);
/* A file's lines; 0, and none, if there is no such file. */
int suppressed_read(int top, unsigned number, struct buf *lines);

/*
 * 1: added; 0: it was there.  Makes the folder.  Who may not wait gets
 * EWOULDBLOCK while another changes the list.
 */
int suppressed_add(int top, const struct suppressed *entry, bool may_wait);
/* 1: removed, with its failures; 0: it was not there. */
int suppressed_remove(int top, struct span address);
/*
 * One that failed: remembered, and how many of its failures are not older than
 * since.  Those that are, of any address of its file, are forgotten.  Waits for
 * nobody: EWOULDBLOCK.
 */
int suppressed_count(int top, const struct suppressed *failure, int64_t since);

/* control/suppressafter: so many failures in so many seconds; 0: never. */
struct suppress_after {
	uint64_t failures;
	uint64_t seconds;
};

struct suppress_after suppress_after_read(void);

#endif
