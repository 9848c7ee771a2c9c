#ifndef STORE_MAILDIR_SIZES_H
#define STORE_MAILDIR_SIZES_H

/*
 * maildir_sizes - how many octets each message of a Maildir has as it is sent,
 * so that a client's next visit need not read them all again.
 *
 * File     MAILDIR/.pop3.sizes, under the lock of its user: a line "estafeta
 *          sizes 1", then "OCTETS BYTES NANOSECONDS UNIQUE" for each message:
 *          octets as sent, size and time of change of the file, and its name
 *          up to the ':'.  A line that does not fit a file counts for nothing;
 *          the whole file may be removed at any time.
 * Names    ",S=" and ",W=" in a name (Maildir++, Dovecot) are believed if S is
 *          the file's size and its last line is ended.
 * Errors   none: without the file every size is counted anew.
 */

#include <sys/stat.h>

#include "base/buf.h"

struct maildir_size {
	struct span unique;
	uint64_t octets;
	uint64_t bytes;
	uint64_t changed_ns;
};

struct maildir_sizes {
	struct buf text; /* of the file; sizes point into it */
	struct maildir_size *sizes;
	size_t count;
	struct buf learned; /* lines to add */
	size_t learned_count;
};

/* root is the Maildir. */
void maildir_sizes_load(struct maildir_sizes *sizes, int root);

/* Is the size of the message with that unique name and file known? */
bool maildir_sizes_find(const struct maildir_sizes *sizes, struct span unique,
    const struct stat *status, uint64_t *octets);

void maildir_sizes_learn(struct maildir_sizes *sizes, struct span unique,
    const struct stat *status, uint64_t octets);

/* Add what was learned; anew, if most lines are of messages long gone. */
void maildir_sizes_save(
    struct maildir_sizes *sizes, int root, size_t message_count);

void maildir_sizes_free(struct maildir_sizes *sizes);

/* The W of a name whose S is bytes; false if there is none to believe. */
bool maildir_sizes_of_name(
    struct span unique, uint64_t bytes, uint64_t *octets);

#endif
