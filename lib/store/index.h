#ifndef STORE_INDEX_H
#define STORE_INDEX_H

/*
 * index - rows of digests in a file of SQLite's, estafeta-index beside the
 * mail: index(5).
 *
 * Trust   none: a file that is damaged, of another folder or another version
 *         is removed and begun anew; what cannot be read or written now is
 *         as if it were not there.  Nothing is ever synced.
 * Others  sessions share it; one that is writing makes others do without.
 * Jail    needs openat, unlink, fcntl locks, pread, pwrite, ftruncate, below
 *         the mailbox, by the absolute path.
 */

#include "store/digest.h"
#include "store/uidlist.h"

enum {
	INDEX_CACHE_KIB = 128
};

struct index;

/* NULL if there cannot be one; path is the folder's, absolute. */
struct index *index_open(const char *path, const struct uidlist_header *header);
void index_close(struct index *index);

/* Hand out at most count rows of a group from first_uid on, by UID. */
void index_read(struct index *index, enum digest_group group,
    uint32_t first_uid, size_t count,
    void (*take)(void *context, uint32_t uid, struct span row), void *context);

/* Rows between begin and commit are stored together; false: none will be. */
bool index_begin(struct index *index);
void index_store(struct index *index, enum digest_group group, uint32_t uid,
    struct span row);
void index_commit(struct index *index);

/*
 * Drop the rows of messages that are gone, once they are most: next gives the
 * UIDs that are there, rising, then 0; count is how many.
 */
void index_trim(struct index *index, size_t count,
    uint32_t (*next)(void *context), void *context);

#endif
