#ifndef NET_SOLICITATION_H
#define NET_SOLICITATION_H

/*
 * solicitation - the classes of mail that NO-SOLICITING speaks of, RFC 3865.
 *
 * Grammar  words of letters, digits and ".-_:", the first a letter, such as
 *          net.example:ADV; a list has commas between them.  No difference
 *          between upper and lower case.
 * Limits   SOLICITATION_MAX bytes a list.
 */

#include "base/control.h"

enum {
	SOLICITATION_MAX = 1000
};

bool solicitation_is_list(struct span text);

/*
 * control/nosoliciting: a class a line, or "*" for all of them.  A broken one
 * ends the program as control_complain does.
 */
struct control_list solicitation_refused(void);

/* Is one of the list's classes refused? */
bool solicitation_is_refused(
    const struct control_list *refused, struct span list);

#endif
