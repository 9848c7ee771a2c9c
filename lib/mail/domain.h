#ifndef MAIL_DOMAIN_H
#define MAIL_DOMAIN_H

/*
 * domain - the two forms of an internationalized domain, RFC 5890: the U-label
 * that people read and the A-label ("xn--...") that DNS has.  They name the
 * same domain; what compares or looks up uses the A-label.
 */

#include "base/control.h"

/*
 * Append domain in its A-labels, lower case (RFC 5891, with the mapping of
 * UTS #46).  False, and nothing appended, if it has none.
 */
bool domain_add_ascii(struct buf *into, struct span domain);

/*
 * The same for an address: its domain in A-labels, its local part as it is.
 * Without a form in A-labels it is appended as it stands.
 */
void domain_add_address(struct buf *into, struct span address);

/*
 * A control file of domains, in A-labels; ".example.org" and what has no such
 * form stay.  A line that holds more than one domain, an address, or nothing
 * that could be a domain ends the program as control_complain does: nobody's
 * domain is to be foreign, and its mail refused, by a typing error.
 */
struct control_list domain_list(const char *name);

/*
 * A control file whose lines hold domains among other words: each word beyond
 * ASCII, before the first of the characters end, in its A-labels.  Words end at
 * spaces and any of ":,@*[]", and may begin with a dot.  One that has no such
 * form ends the program as control_complain does.
 */
struct control_list domain_lines(const char *name, const char *end);

/* "example.org." as DNS writes it, without that last dot. */
struct span domain_without_dot(struct span domain);

/*
 * Does pattern cover domain?  ".example.org" covers every name below
 * example.org; any other covers itself, ASCII case ignored.
 */
bool domain_fits(struct span pattern, struct span domain);

#endif
