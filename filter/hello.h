#ifndef FILTER_HELLO_H
#define FILTER_HELLO_H

/*
 * hello - what the name in HELO or EHLO is worth: RFC 5321 section 4.1.1.1.
 */

#include "base/span.h"

enum hello {
	HELLO_NAME,          /* of the right form: it may exist */
	HELLO_LITERAL,       /* the client's own address in brackets */
	HELLO_OTHER_LITERAL, /* some other, or none at all */
	HELLO_NO_FQDN,
	HELLO_OWN /* our name, or our address: nobody else's */
};

struct hello_facts {
	const unsigned char *client; /* 16 bytes; IPv4 is mapped */
	struct span our_name;
	struct span our_address; /* as text; empty: not known */
};

enum hello hello_judge(struct span name, const struct hello_facts *facts);

#endif
