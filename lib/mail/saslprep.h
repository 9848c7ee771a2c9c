#ifndef SERVICE_SASLPREP_H
#define SERVICE_SASLPREP_H

/*
 * saslprep - a name or a password as RFC 4013 has it stored, or asked for: two
 * ways to write one text become one.  ASCII without control characters is as it
 * was.  What a client sends over the network is prepared by its SASL mechanism.
 */

#include <stdbool.h>
#include <stddef.h>

/*
 * Into place, a string of less than size bytes.  False, and place is "", if the
 * text is no UTF-8, has a character that is forbidden or, to be stored, one
 * that Unicode 3.2 did not have, or is too long.
 */
bool saslprep_stored(const char *text, char *place, size_t size);
bool saslprep_query(const char *text, char *place, size_t size);

#endif
