#ifndef SERVICE_SHARES_H
#define SERVICE_SHARES_H

/*
 * shares - users/shares, login(5): which account shares something with which.
 * It says where to look and who may come as a guest; what a guest may do is
 * judged by the owner's own process, from the folders' folderacl(5).
 *
 * Limits   SHARES_FILE_MAX bytes, and for an account what shares_publish is
 * told: one cannot fill it. Errors   false with errno set.
 */

#include "base/buf.h"

enum {
	SHARES_FILE_MAX = 16 << 20
};

/* Groups are those of user, as in mail/identifier.h. */

/* Does owner share with user, a group of his, or anyone? *does is set on true.
 */
bool shares_has(
    struct span owner, struct span user, struct span groups, bool *does);

/* Append those who share with him so, each ended by LF. */
bool shares_owners(struct span user, struct span groups, struct buf *owners);

/* The same, but only those that name the user himself. */
bool shares_naming(struct span user, struct buf *owners);

/*
 * Those with whom owner shares now, each ended by LF; durable.  EDQUOT: they
 * are more than max, and more than they were; nothing was written.
 */
bool shares_publish(struct span owner, struct span users, uint64_t max);

#endif
