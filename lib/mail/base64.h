#ifndef MAIL_BASE64_H
#define MAIL_BASE64_H

/*
 * base64 - RFC 4648 section 4, as SASL's lines have it: no white space, the
 * padding complete, its unused bits zero.  Each run of bytes has one form.
 */

#include "base/buf.h"

enum {
	/* What len bytes become, and what text of that length holds at most. */
	BASE64_GROUP_BYTES = 3,
	BASE64_GROUP_CHARS = 4
};

void base64_add(struct buf *into, struct span bytes);

/*
 * Decode text into the room bytes at into, and set *len.  False if it is no
 * such text or has more bytes than that; into then holds what came so far.
 */
bool base64_decode(struct span text, char *into, size_t room, size_t *len);

#endif
