#ifndef NET_MECHANISMS_H
#define NET_MECHANISMS_H

/*
 * mechanisms - which SASL mechanisms a client is offered: what acceptors list
 * and checkpw(8) insists on.
 *
 * control/authmechanisms names them, one a line; without it all are offered
 * but CRAM-MD5.  The -PLUS forms are offered only where the connection gave
 * channel binding data, EXTERNAL only where it showed a client certificate,
 * OAUTHBEARER and XOAUTH2 only with control/oauthchecker, and those that need
 * secrets of their own only while some account has one (login_hello.offers).
 */

#include "base/control.h"

struct mechanisms {
	unsigned listed; /* a bit for each that is known */
	bool has_oauth;
};

/* What is known of a connection. */
struct mechanisms_channel {
	bool has_binding;
	bool has_certificate;
	unsigned offers; /* enum login_offer */
};

/* Read the settings; a name that is not known ends the program. */
void mechanisms_read(struct mechanisms *mechanisms);

bool mechanisms_has(const struct mechanisms *mechanisms,
    const struct mechanisms_channel *channel, struct span name);

/* Is it known, and not among those that control/authmechanisms allows? */
bool mechanisms_forbid(const struct mechanisms *mechanisms, struct span name);

/* Walk those that are offered, the best first: start with 0; NULL at the end.
 */
const char *mechanisms_next(const struct mechanisms *mechanisms,
    const struct mechanisms_channel *channel, size_t *place);

#endif
