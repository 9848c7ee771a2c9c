#ifndef MAIL_RFC3339_H
#define MAIL_RFC3339_H

/*
 * rfc3339 - date-times of the Internet: "2026-11-25T03:00:00Z", RFC 3339
 * section 5.6, as HOLDUNTIL (RFC 4865) has them.
 */

#include "base/buf.h"

/*
 * Seconds since 1970, fractions dropped.  False if text is no date-time, or
 * one that does not exist (30 February) or lies before 1970.
 */
bool rfc3339_parse(struct span text, int64_t *seconds);

/* Append it in UTC. */
void rfc3339_add(struct buf *into, int64_t seconds);

#endif
