#ifndef IMAPD_VISIBLE_H
#define IMAPD_VISIBLE_H

/*
 * visible - what a guest (imapd -g) sees of the owner's folders: those that he
 * has the right l to, RFC 4314 section 4, with nothing of what is personal, and
 * what is above such a one as no more than its name.
 */

#include "imapd/children.h"
#include "imapd/session.h"

/* Onto visible, of children_new: the names of these folders.  False with errno
 * set. */
bool visible_read(struct session *session, struct children *visible);

/*
 * The same, and then each folder goes to take, as with account_list_whole: what
 * is visible and what there is are of one moment, though a RENAME goes on.
 */
bool visible_list(struct session *session, struct children *visible,
    bool (*take)(void *context, const struct account_folder *folder),
    void *context);

/* Is the folder seen at all? Its attributes are then what the guest sees. */
bool visible_see(const struct children *visible, struct account_folder *folder);

#endif
