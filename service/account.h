#ifndef SERVICE_ACCOUNT_H
#define SERVICE_ACCOUNT_H

/*
 * account - whose mailbox a name opens, as lookup(8) tells login's child.
 */

#include "queue/login.h"

struct account {
	enum checkpw_kind kind;
	unsigned uid;
	unsigned gid;
	bool is_stranger; /* no source of users knows the uid */
	struct buf name;
	struct buf mailbox;
};

/*
 * Load what the C library needs to look up a uid (NSS's modules), once, before
 * the children fork that do.
 */
void account_prepare(void);

/*
 * For children that fork within the next minute: nobody has this uid.  All
 * sources have to say so, and the last of them takes longest, above all in a
 * new process.
 */
void account_remember_stranger(unsigned uid);

/* Nobody's. */
struct account account_new(void);

/*
 * Ask lookup for the mailbox behind a name, aliases left aside.  False if it
 * cannot tell now; a name without a mailbox, or with one that uid_min or its
 * group forbids, is CHECKPW_NOBODY.
 */
bool account_find(uint64_t uid_min, struct span user, struct account *account);

#endif
