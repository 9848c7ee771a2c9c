#ifndef MAIL_PERCENT_H
#define MAIL_PERCENT_H

/*
 * percent - bytes in URIs, RFC 3986 section 2.1.
 */

#include "base/buf.h"

/*
 * Append text with each %HH as the byte that it stands for.  False if a '%' is
 * followed by no such thing, or it is NUL: some may have been appended.
 */
bool percent_add_decoded(struct buf *into, struct span text);

/* Append text with all bytes that are not unreserved (section 2.3) as %HH. */
void percent_add_encoded(struct buf *into, struct span text);

#endif
