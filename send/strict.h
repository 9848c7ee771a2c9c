#ifndef SEND_STRICT_H
#define SEND_STRICT_H

/*
 * strict - what a domain's MTA-STS policy (RFC 8461) makes of its mail hosts.
 *
 * It counts where the MX was looked up and control/tlspolicy has no line for
 * domain or host, and never for a message that asks for no TLS (RFC 8689
 * section 3).  In mode testing it only tells the log what it would have done.
 */

#include "send/begin.h"
#include "send/secure.h"

/* Could a policy count for a channel to that destination? */
bool strict_counts(
    const struct send_settings *settings, const struct channel_opening *target);

/* Ask for the policy, beside the look-up of the MX; then wait for it. */
void strict_ask(struct connection *connection, const struct helpers *helpers,
    struct span domain, const struct demand *demand);

/* False if no answer came: then the message has to wait. */
bool strict_hear(struct connection *connection, const struct helpers *helpers);

/* May host be used?  False after attempt->text and code say why not. */
bool strict_admits(struct attempt *attempt, struct span host);

/* What it asks of a host that it admits, beside what was wanted before. */
void strict_apply(struct attempt *attempt, struct security *want);

/* A connection is open, or was refused (why, else NULL): for the log. */
void strict_tell(
    const struct attempt *attempt, struct span host, const char *why);

#endif
