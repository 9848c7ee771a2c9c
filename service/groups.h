#ifndef SERVICE_GROUPS_H
#define SERVICE_GROUPS_H

/*
 * groups - the groups of this host that a user is in, by name: what "$GROUP" of
 * folderacl(5) means.
 *
 * Limits   GROUPS_TEXT_MAX bytes; of one that is in more they cannot be told.
 */

#include "base/buf.h"

enum {
	GROUPS_TEXT_MAX = 60000
};

/*
 * Append their names, each ended by a comma; none for a virtual account.  False
 * with errno set: they cannot be told now, and as an ACL may take a right away
 * from a group, nothing can be told of the user's rights.
 */
bool groups_of(struct span user, struct buf *groups);

#endif
