#ifndef MAIL_VERP_H
#define MAIL_VERP_H

/*
 * verp - variable envelope return paths: the recipient's address within the
 * sender's, so that a report tells which recipient it is about.
 *
 * Grammar  LOCAL@DOMAIN to JOE@EXAMPLE.ORG, with the delimiters "+=", is
 *          LOCAL+JOE=EXAMPLE.ORG@DOMAIN; where a part of it is quoted, or a
 *          literal, the whole local part is.  qmail's idea, Postfix's XVERP.
 */

#include "base/buf.h"

/* Those of a client that names none, as Postfix's. */
#define VERP_DELIMITERS "+="

/* Two of "-=+", which Postfix allows. */
bool verp_is_delimiters(struct span text);

/*
 * Append the sender for one recipient; both are as addr_add_canonical leaves
 * them.  Nothing for the null sender, which has no room.
 */
void verp_add(struct buf *into, struct span sender, struct span delimiters,
    struct span recipient);

/* At most so many bytes does verp_add append. */
size_t verp_length_max(struct span sender, struct span recipient);

#endif
