#ifndef NET_PROXY_H
#define NET_PROXY_H

/*
 * proxy - the PROXY protocol, versions 1 (text) and 2 (binary), as HAProxy's
 * specification has them: who the client of a balancer really is.
 */

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/span.h"

enum {
	PROXY_HEADER_MAX = 536
};

enum proxy_status {
	PROXY_OK, /* *address is the client, or ss_family AF_UNSPEC when the */
		  /* balancer speaks for itself (LOCAL, UNKNOWN) */
	PROXY_SHORT, /* more bytes are needed */
	PROXY_BAD    /* not such a header: close */
};

/* Parse a header at the start of bytes; *used is its length if PROXY_OK. */
enum proxy_status proxy_parse(
    struct span bytes, struct sockaddr_storage *address, size_t *used);

#endif
