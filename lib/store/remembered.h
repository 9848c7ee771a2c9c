#ifndef STORE_REMEMBERED_H
#define STORE_REMEMBERED_H

/*
 * remembered - what an account's Sieve scripts have seen and done before: who
 * was told of a vacation (RFC 5230 section 4.2), which messages came already
 * (RFC 7352); mailscripts(5).
 *
 * sieve/remembered   a line each: seconds since 1970 until which it holds, a
 *                    space, and the beginning of the key's SHA-256 in hex; of
 *                    a key's lines the last one counts
 *
 * sieve/remembered-holds  empty; a lock on a byte of it for each key that is
 *                         held, whose place is the key's beginning
 *
 * Limits  REMEMBERED_MAX bytes of the file; then what is over goes, and the
 *         older half of the rest.
 * Power   not synced: what a power cut takes is a second notice at most.
 */

#include "base/span.h"

enum {
	REMEMBERED_MAX = 256 << 10,
	REMEMBERED_HOLD_MS = 2000
};

/* False: it is new, errno 0; or errno says why it cannot be told. */
bool remembered_has(int maildir, struct span key, int64_t now);

/* False with errno set. */
bool remembered_add(int maildir, struct span key, int64_t now, int64_t until);

/*
 * The same for one that is new: of several at once, one gets it.  False with
 * errno set, 0: it was there.
 */
bool remembered_claim(int maildir, struct span key, int64_t now, int64_t until);

/*
 * Hold a key from before it is looked for until it has been added: nobody else
 * gets it before *holds, which is opened if it is -1, is closed.  False with
 * errno set; EAGAIN: another held it for REMEMBERED_HOLD_MS.  That is the most
 * that one waits, so that who holds several cannot wait for each other.
 */
bool remembered_hold(int maildir, struct span key, int *holds);

/* It is new again. */
bool remembered_forget(int maildir, struct span key, int64_t now);

#endif
