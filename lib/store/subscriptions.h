#ifndef STORE_SUBSCRIPTIONS_H
#define STORE_SUBSCRIPTIONS_H

/*
 * subscriptions - the file of that name, as Dovecot has it: read in versions 1
 * ("A.B") and 2 ("V\t2", levels parted by tabs), written in version 2.
 */

#include "store/account_state.h"

/* Append the names, in IMAP's form, each ended by LF. */
void subscriptions_add(const struct account *account, struct buf *into);

/* Pure: the names that a file's text holds. */
void subscriptions_parse(struct span text, struct buf *into);

#endif
