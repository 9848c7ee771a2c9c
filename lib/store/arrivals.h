#ifndef STORE_ARRIVALS_H
#define STORE_ARRIVALS_H

/*
 * arrivals - messages that come into a folder together: what APPEND, COPY and
 * MOVE share.
 *
 * Order   each message's file waits in tmp/ under its base name; lines in the
 *         list give all of them their UIDs (the commit); then they are renamed
 *         into cur/, and that folder is synced.  Who finds a message in the
 *         list and its file still in tmp/ finishes the renaming, so they come
 *         all or not at all.  MOVE renames from where they were.
 */

#include "store/folder_state.h"

struct arrival {
	uint32_t flags; /* MAILDIR_PASSED among them */
	uint64_t keywords;
};

struct arrivals {
	struct folder *folder;
	size_t first; /* the folder's item of the first one */
	size_t count;
	uint64_t modseq;
	int64_t now_s;
	bool is_in_cur; /* nothing waits in tmp/ */
	bool was_known; /* cur/ had the time that the list noted */
};

/* Under the folder's lock, after folder_read. */
enum account_status arrivals_begin(
    struct arrivals *arrivals, struct folder *folder, size_t count);

/* The next one gets its UID and base name; false with errno set. */
bool arrivals_add(struct arrivals *arrivals, const struct arrival *arrival);

/*
 * Append "tmp/BASE", below the folder's root, of number k; or its name in
 * cur/.
 */
void arrivals_add_name(
    struct buf *into, const struct arrivals *arrivals, size_t k, bool in_tmp);

/* The files are in tmp/ (or in cur/ already) and durable as such. */
bool arrivals_commit(struct arrivals *arrivals);

/* Remove the first done files from tmp/; nothing has come. */
void arrivals_undo(struct arrivals *arrivals, size_t done);

void arrivals_take_uids(
    const struct arrivals *arrivals, struct folder_copied *copied);

/* Forget them in memory if they did not come. */
void arrivals_end(struct arrivals *arrivals);

#endif
