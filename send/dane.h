#ifndef SEND_DANE_H
#define SEND_DANE_H

/*
 * dane - TLSA records of a mail host, and what they ask of a connection to it:
 * RFC 7672.
 *
 * A host whose way there is secure (net/dns.h) is asked about.  If it has
 * records, nothing is sent to it but by TLS, and if any of them is usable, but
 * to a certificate that they vouch for.  A line of control/tlspolicy that says
 * something of its own counts more (none, encrypt, verify, fingerprint): it is
 * how an administrator goes around records that are broken.  What may be made
 * of other policies for the host never counts more than its records.
 */

#include "base/buf.h"
#include "queue/tls.h"

struct attempt;
struct security;

/* Of the host that a connection leads to. */
struct dane {
	struct buf records; /* as tls_connect has them; empty: none counts */
	struct buf names;   /* the TLSA base domain, and what else is right */
};

/*
 * Before the first connection to host: ask for its records if they count.
 * False if mail must not go there now; attempt's code and text say why.
 */
bool dane_find(struct attempt *attempt, struct span host);

/* Add what the records ask for to what has to hold. */
void dane_demand(const struct dane *dane, struct security *want);

/* Why the certificate is not right by the records, or NULL. */
const char *dane_fault(
    const struct tls_facts *facts, const struct security *want);

#endif
