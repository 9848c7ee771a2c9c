#ifndef SEND_FETCH_H
#define SEND_FETCH_H

/*
 * fetch - a domain's MTA-STS policy from its web server, RFC 8461 section 3.3,
 * by a child: HTTPS with a certificate that is verified, no redirects, one
 * answer of at most STS_BODY_MAX bytes of text/plain.
 *
 * The child holds a session with resolve, its connection, and where its one
 * packet goes: P the policy, as net/sts.h writes it, or X why there is none.
 */

#include <sys/types.h>

#include "base/sandbox.h"
#include "net/sts.h"

struct fetch_settings {
	struct buf authorities; /* path of a file of certificates in PEM */
	int64_t timeout_ms;     /* for all of it */
	const struct sandbox_layer *layer;
};

/* Before the jail. */
void fetch_prepare(void);

/* The child, and where its packet comes from; -1 if there can be none now. */
pid_t fetch_begin(
    const struct fetch_settings *settings, const char *domain, int *fd);

/* Read the packet; false if there is no policy, and *why is for the log. */
bool fetch_parse(
    struct span packet, struct sts_policy *policy, struct span *why);

#endif
