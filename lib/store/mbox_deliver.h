#ifndef STORE_MBOX_DELIVER_H
#define STORE_MBOX_DELIVER_H

/*
 * mbox_deliver - append a message to an mbox (RFC 4155, mboxrd quoting).
 *
 * "From SENDER DATE", the two head lines, the message with ">" before every
 * line that is any number of ">" and then "From ", an empty line.  On failure
 * the file is cut back to what it was.  A regular file with one name only, no
 * symbolic link; /dev/null takes all.  What a rewriting that broke off left is
 * ended or taken back first: mbox_rewrite.h.
 */

#include "store/deliver.h"

struct mbox_options {
	mode_t mode;        /* of a new file */
	bool must_own;      /* refuse a file of another user (EPERM) */
	int64_t timeout_ms; /* for the lock */
};

enum deliver_status mbox_deliver(const struct deliver_message *message,
    const char *path, const struct mbox_options *options);

#endif
