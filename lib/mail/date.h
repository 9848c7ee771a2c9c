#ifndef MAIL_DATE_H
#define MAIL_DATE_H

/*
 * date - the date-time of header fields, RFC 5322 section 3.3.
 */

#include "base/buf.h"

/* Append "Tue, 24 Nov 2026 09:37:17 +0000" for seconds since 1970. */
void date_add(struct buf *into, int64_t seconds);

/*
 * "Tue Nov 24 09:37:17 2026", the asctime form of the "From " line that
 * starts a message in an mbox (RFC 4155).
 */
void date_add_mbox(struct buf *into, int64_t seconds);

/*
 * Read a Date field's value, as mail has them (RFC 5322 sections 3.3 and 4.3,
 * and what is near): *seconds since 1970, and the zone it was written in, in
 * seconds east of UTC.  False, and nothing changed, if it is no date.
 */
bool date_parse(struct span value, int64_t *seconds, int32_t *zone_s);

#endif
