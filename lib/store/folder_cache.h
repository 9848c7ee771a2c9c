#ifndef STORE_FOLDER_CACHE_H
#define STORE_FOLDER_CACHE_H

/*
 * folder_cache - digests of an open folder's messages: from the index, or made
 * now, a batch at a time once a client asks for one message after another.
 */

#include "mail/mime.h"
#include "store/folder_state.h"
#include "store/index.h"
#include "store/message_file.h"

enum {
	CACHE_BATCH = 256,
	CACHE_BATCH_BYTES = 8 << 20, /* then no more is read ahead */
	CACHE_RUN = 3 /* messages in a row, then a batch is read */
};

struct cached_row {
	uint32_t uid;
	size_t start;
	size_t len;
};

struct cached_batch {
	struct buf bytes;
	struct cached_row rows[CACHE_BATCH];
	size_t count;
	size_t next; /* where the last one was found */
	size_t last; /* index that was asked for last */
	size_t run;
};

struct folder_cache {
	struct index *index;
	bool has_tried;
	struct cached_batch *batches[DIGEST_GROUPS];
	struct digest digest;
	struct buf made; /* texts of a digest that was made */
	struct buf row;
	struct buf out; /* what is handed out */

	/* The last message whose parts were looked for. */
	struct mime mime;
	uint32_t mime_uid;
	/* Where the last reading of a section ended. */
	uint32_t place_uid;
	uint64_t place_from;
	struct message_place place;
};

/*
 * The digest of message i, as far as the group goes; valid until the next
 * call.  ACCOUNT_NONEXISTENT: it is gone.
 */
enum account_status cache_digest(struct folder *folder, size_t i,
    enum digest_group group, const struct digest **digest);

/* Its parts, in folder->cache->mime: of the file that is open as fd. */
enum account_status cache_mime(struct folder *folder, size_t i, int fd);

/* The folder's cache, made if need be; its index, NULL without. */
struct folder_cache *cache_of(struct folder *folder);
struct index *cache_index(struct folder *folder);

#endif
