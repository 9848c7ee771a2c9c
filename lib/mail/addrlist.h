#ifndef MAIL_ADDRLIST_H
#define MAIL_ADDRLIST_H

/*
 * addrlist - the addresses of To, Cc and Bcc: RFC 5322 section 3.4.
 *
 * Display names, comments, groups and folding are passed over; what is left
 * of each mailbox is its addr-spec, or a bare local name.
 */

#include "base/buf.h"

/*
 * Take the next address off *rest and put it into *address (cleared first).
 * False at the end.  A piece without an address (an empty group, two commas)
 * is passed over.
 */
bool addrlist_next(struct span *rest, struct buf *address);

#endif
