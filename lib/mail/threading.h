#ifndef MAIL_THREADING_H
#define MAIL_THREADING_H

/*
 * threading - what SORT and THREAD compare, RFC 5256.
 */

#include "base/buf.h"

/*
 * Append the base subject (section 2.1) of a Subject field's value, in UTF-8.
 * True if it was that of a reply or a forwarded message.
 */
bool subject_add_base(struct buf *into, struct span value);

/*
 * Append each message-id of a field's value, normalised (section 3, without
 * <> and needless quotes) and ended by a LF; the count of them, at most max.
 * Of more than that (and max above 1) the last one, which is the parent, takes
 * the place of the max-th.
 */
size_t message_ids_add(struct buf *into, struct span value, size_t max);

#endif
