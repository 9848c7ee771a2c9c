#ifndef SERVICE_PLAIN_H
#define SERVICE_PLAIN_H

/*
 * plain - what a client sends as PLAIN (RFC 4616 section 2).
 */

#include "base/span.h"

struct plain { /* points into the message; nothing has a NUL */
	struct span authorization; /* empty: the account's own */
	struct span authentication;
	struct span password;
};

/* False if the message is not such a one. */
bool plain_parse(struct span message, struct plain *plain);

#endif
