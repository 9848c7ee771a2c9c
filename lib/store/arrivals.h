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
 *         all or not at all.  MOVE renames from where they were: who finds a
 *         message in the list without a file knows that it stayed there.
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
	bool is_listed; /* the list has them */
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

/*
 * COPY and APPEND: the files are in tmp/ and durable as such.  False with errno
 * set: arrivals_undo.
 */
bool arrivals_commit(struct arrivals *arrivals);

/* MOVE: the same in two halves, between which the files come into cur/. */
bool arrivals_announce(struct arrivals *arrivals);
bool arrivals_settle(struct arrivals *arrivals);

/*
 * Remove the first done files, wherever they are by now, and say in the list
 * that they are gone, if it has them; errno stays.
 */
void arrivals_undo(struct arrivals *arrivals, size_t done);

/* The list's half of that. */
void arrivals_retract(struct arrivals *arrivals);

void arrivals_take_uids(
    const struct arrivals *arrivals, struct folder_copied *copied);

/* Forget them in memory if they did not come. */
void arrivals_end(struct arrivals *arrivals);

#endif
