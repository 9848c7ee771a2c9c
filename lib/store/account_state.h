#ifndef STORE_ACCOUNT_STATE_H
#define STORE_ACCOUNT_STATE_H

/*
 * account_state - what the modules behind account.h and folder.h share of an
 * account.
 */

#include <sys/stat.h>

#include "base/buf.h"
#include "store/account.h"
#include "store/account_settings.h"
#include "store/maildir_name.h"

enum {
	ACCOUNT_MODE = 0700,
	ACCOUNT_FILE_MODE = 0600,
	ACCOUNT_LOCK_MS = 15000,
	ACCOUNT_READ_MS = 10000,
	ACCOUNT_SMALL_MAX = 4 << 20, /* subscriptions, special uses, ... */
	ACCOUNT_WATCHED_MAX = 4096
};

struct account_watched {
	char *name;
	int cur;
	int new;
	int folder; /* both are in */
};

struct account_watched_rights {
	char *name;
	int folder;
};

struct account {
	char *path; /* absolute: SQLite wants one */
	int root;
	char host[MAILDIR_HOST_MAX + 1];
	struct account_settings settings;
	struct folder
	    *target; /* of the last APPEND, COPY or MOVE; may be NULL */
	int watch;
	int watch_tree; /* -1: it is not */
	struct account_watched *watched;
	size_t watched_count;
	struct account_watched_rights *watched_rights;
	size_t watched_rights_count;
};

/* The status that errno stands for. */
enum account_status account_error(void);

/* Memory that is zero; the end of the program if there is none. */
void *account_allocate(size_t count, size_t size);

/* The same in a buf of its own; path NULL if there is none. */
struct account_path {
	struct buf text;
	const char *path;
};
struct account_path account_path(struct span name);
void account_path_free(struct account_path *path);

/* How many folders there are, with INBOX; false with errno set. */
bool account_count_folders(const struct account *account, uint64_t *count);

/* Append the name of a folder on disk, ".A.B"; false if it is none. */
bool account_add_name(struct buf *into, struct span path);

bool account_is_inbox(struct span name);

/* Open a folder (O_PATH is not used: it is synced); -1 with errno. */
int account_open_folder(const struct account *account, struct span name);

/* Make cur/, new/, tmp/ in it; false with errno set. */
bool account_make_maildir(int folder);

/*
 * The lock of a folder's or the account's files: flock(2) of estafeta-lock
 * there, waited for ACCOUNT_LOCK_MS.  -1 with errno set, EAGAIN if that passed.
 */
int account_lock(int folder);

/* Read a small file of the folder into text; false with errno set. */
bool account_read_file(int folder, const char *name, struct buf *text);

/*
 * Write it anew, durable, by rename of NAME.new; of several writers one after
 * another (flock(2) of that).  change gives the text while no other writes;
 * false to leave the file as it is.  False with errno set.
 */
bool account_change_file(int folder, const char *name,
    bool (*change)(void *context, struct buf *text), void *context);
bool account_write_file(int folder, const char *name, struct span text);

/*
 * The next UIDVALIDITY: never one that this account gave out before.  The
 * account must be writable; 0 with errno set.
 */
uint32_t account_next_uid_validity(const struct account *account);

/*
 * The same for who has other things to do while it is written.  *fd, the
 * caller's to close if it is not -1, keeps others from the next one.  Before
 * anybody is told of it comes the end, which closes *fd, and behind that a
 * file_sync_named in the account's own folder; false with errno set.
 */
uint32_t account_begin_uid_validity(const struct account *account, int *fd);
bool account_end_uid_validity(const struct account *account, int *fd);

#endif
