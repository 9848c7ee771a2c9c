#ifndef FILTER_REVERSED_H
#define FILTER_REVERSED_H

/*
 * reversed - an address as a name: "7.2.0.192." and its like before a zone.
 *
 * IPv4 by its bytes (RFC 1035 section 3.5, RFC 5782 section 2.1), IPv6 by its
 * half bytes (RFC 3596 section 2.5, RFC 5782 section 2.4), last first.
 */

#include "base/buf.h"

enum {
	REVERSED_MAX = 255 /* of the whole name */
};

/* Addresses are of 16 bytes; IPv4 is mapped: ::ffff:a.b.c.d. */
bool reversed_is_ipv4(const unsigned char address[16]);

void reversed_add(
    struct buf *name, const unsigned char address[16], struct span zone);

/* Below in-addr.arpa or ip6.arpa. */
void reversed_add_arpa(struct buf *name, const unsigned char address[16]);

#endif
