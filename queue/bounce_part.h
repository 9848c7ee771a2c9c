#ifndef QUEUE_BOUNCE_PART_H
#define QUEUE_BOUNCE_PART_H

/*
 * bounce_part - the parts of a report, so that any host can be sent it.
 *
 * Whether the hosts on its way offer 8BITMIME and SMTPUTF8 is not known when it
 * is written: what has bytes beyond ASCII is quoted-printable (RFC 6533 section
 * 4.5).  A message/rfc822 may not be (RFC 2046 section 5.2.1): it is 8bit,
 * and only what remote-send can convert (mail/transfer.h) is given as one.
 */

#include "base/buf.h"

/*
 * As what can message be returned?  NULL: not whole.  It is message/global
 * (RFC 6532) if it could not be converted else: one that is signed, or has a
 * header in UTF-8.
 */
const char *bounce_part_message_type(struct span message);

/* Append one part, from its delimiter to the line end before the next. */
void bounce_part_add(struct buf *out, const char *boundary, const char *type,
    struct span content);

/* Append text; each character beyond ASCII becomes '?'. */
void bounce_part_add_ascii(struct buf *into, struct span text);

/* Append text that is to stay on its line; control bytes become spaces. */
void bounce_part_add_clean(struct buf *into, struct span text);

#endif
