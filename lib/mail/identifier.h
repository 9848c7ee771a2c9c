#ifndef MAIL_IDENTIFIER_H
#define MAIL_IDENTIFIER_H

/*
 * identifier - whom an identifier of an ACL names, RFC 4314 section 2:
 * "anyone", "$GROUP", or an account's name, ASCII in either case.  Pure.
 */

#include "base/span.h"

/* groups are those that user is in, each ended by a comma. */
bool identifier_names(
    struct span identifier, struct span user, struct span groups);

#endif
