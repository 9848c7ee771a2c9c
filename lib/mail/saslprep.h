#ifndef MAIL_SASLPREP_H
#define MAIL_SASLPREP_H

/*
 * saslprep - a name or a password as RFC 4013 has it: two ways to write one
 * text become one.  ASCII without control characters is as it was.
 */

#include "base/span.h"

/*
 * Into place, a string of less than size bytes.  False, and place is "", if the
 * text is no UTF-8, has a character that is forbidden (or, to be stored, one
 * that Unicode 3.2 did not have), or is too long.  libidn leaves copies on the
 * heap.
 */
bool saslprep_stored(struct span text, char *place, size_t size);
bool saslprep_query(struct span text, char *place, size_t size);

#endif
