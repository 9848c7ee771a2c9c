#ifndef NET_DIAL_H
#define NET_DIAL_H

/*
 * dial - connecting to an address that a control file names.
 *
 * Grammar  host:port with an IPv4 address, [IPv6 address]:port, or, for
 *          milters, inet:port@address, inet6:port@address, unix:/path and
 *          local:/path.  "localhost" is 127.0.0.1: names are not looked up.
 */

#include <stdint.h>
#include <sys/socket.h>

#include "base/span.h"

struct dial {
	struct sockaddr_storage address;
	socklen_t size;
};

/* False if text is no such address. */
bool dial_parse(struct span text, struct dial *dial);

/*
 * The address in a control file, or fallback without one.  What is none ends
 * the program as control_complain does.
 */
void dial_control(const char *name, const char *fallback, struct dial *dial);

/* A connected, non-blocking socket; -1 with errno set. */
int dial_connect(const struct dial *dial, int64_t timeout_ms);

#endif
