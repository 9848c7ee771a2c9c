#ifndef STORE_MAILDIR_UIDLS_H
#define STORE_MAILDIR_UIDLS_H

/*
 * maildir_uidls - the unique ids that another POP3 server gave the messages of
 * a Maildir, so that its clients do not fetch all of them once more.
 *
 * File     MAILDIR/.pop3.uidls, made once from dovecot-uidlist by the first
 *          session ever, and never changed: a line "estafeta uidls 1", then
 *          "UIDL UNIQUE" for each message, UNIQUE being its file's name up to
 *          the ':'.  What came later is not in it.
 */

#include "base/buf.h"

struct maildir_uidl {
	struct span unique;
	struct span uidl;
};

struct maildir_uidls {
	struct buf text; /* of the file; the others point into it */
	struct maildir_uidl *uidls;
	size_t count;
};

/*
 * Make the file, if there is a dovecot-uidlist: its P fields, else what format
 * (uidl_format.h) makes.  Two may do so at once: both write the same.  False
 * with errno set: try again, or clients fetch all anew.
 */
bool maildir_uidls_import(int root, struct span format);

/* Read the file; without one there are none.  False with errno set. */
bool maildir_uidls_load(struct maildir_uidls *uidls, int root);

/* The message's unique id; empty if none is kept. */
struct span maildir_uidls_find(
    const struct maildir_uidls *uidls, struct span unique);

void maildir_uidls_free(struct maildir_uidls *uidls);

#endif
