#ifndef STORE_SPECIAL_USE_H
#define STORE_SPECIAL_USE_H

/*
 * special_use - which folder is for what, RFC 6154.
 *
 * control/specialfolders   "USE NAME" a line, as in "sent Sent": the folders
 *                          that a new account gets, and what a folder of that
 *                          name is for where nothing else was said.  Without
 *                          it: drafts, sent, junk, trash and archive.
 * estafeta-specialuse      beside the mail: the same lines, as clients set
 *                          them; it counts alone once it is there.
 */

#include "store/account_state.h"

/* Make the folders, subscribed. */
enum account_status special_use_make(struct account *account);

/* What the file says, to be asked by special_use_of; max is its own. */
struct buf special_use_read(const struct account *account);
uint32_t special_use_of(
    const struct account *account, const struct buf *text, struct span name);

/* The folder has a use, or (0) none any more; false with errno set. */
bool special_use_set(struct account *account, struct span name, uint32_t use);

/* The annotation of that; the name's case is ignored. */
extern const char special_use_entry[];

/*
 * RFC 6154 section 4: the value of /private/specialuse, "\Drafts \Sent"; and
 * what such a value names: one use, or none; false if it is not that.
 */
void special_use_put(struct buf *text, uint32_t uses);
bool special_use_parse(struct span text, uint32_t *use);

/* What was to's is from's now, also of what lies below. */
bool special_use_rename(
    struct account *account, struct span from, struct span to);

/* Is name from itself, or below it?  *rest is what follows. */
bool account_is_below(struct span name, struct span from, struct span *rest);

#endif
