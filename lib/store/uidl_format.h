#ifndef STORE_UIDL_FORMAT_H
#define STORE_UIDL_FORMAT_H

/*
 * uidl_format - how another server made POP3's unique ids: Dovecot's
 * pop3_uidl_format, as control/pop3uidl has it.
 *
 * Grammar  text with %u the UID, %v the folder's UIDVALIDITY, %f (or %g) the
 *          file's name up to the ':', %% a percent sign.  Between % and the
 *          letter: a width, with 0 before it to fill up with zeros, and X for
 *          hexadecimal (lower case, as Dovecot has it), in this order.
 */

#include "base/buf.h"

#define UIDL_FORMAT_DEFAULT "%08Xu%08Xv" /* Dovecot's own */

struct uidl_facts {
	uint32_t uid;
	uint32_t uid_validity;
	struct span unique;
};

/* Append what the format makes of the facts; false if it is no format. */
bool uidl_format_add(
    struct buf *into, struct span format, const struct uidl_facts *facts);

/* RFC 1939 section 7: 1 to 70 characters from 0x21 to 0x7E. */
bool uidl_is_valid(struct span uidl);

/* control/pop3uidl, or the default; nonsense ends the program. */
struct buf uidl_format_read(void);

#endif
