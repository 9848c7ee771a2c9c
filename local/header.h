#ifndef LOCAL_HEADER_H
#define LOCAL_HEADER_H

/*
 * header - was this message delivered to this recipient before?
 */

#include "base/span.h"

enum {
	HEADER_MAX = 256 << 10 /* bytes of a header that are looked at */
};

enum header_status {
	HEADER_NEW,
	HEADER_LOOP, /* it has "Delivered-To: recipient" (RFC 9228) */
	HEADER_ERROR /* errno: it cannot be read */
};

/* The message is length bytes of fd from offset. */
enum header_status header_check(
    int fd, uint64_t offset, uint64_t length, struct span recipient);

/* The same for a header in memory: is the field in it? */
bool header_has_delivered_to(struct span header, struct span recipient);

#endif
