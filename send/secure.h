#ifndef SEND_SECURE_H
#define SEND_SECURE_H

/*
 * secure - STARTTLS with the server of a connection, RFC 3207, and what
 * control/tlspolicy and REQUIRETLS ask of it.
 */

#include "send/transaction.h"

enum secure_result {
	SECURE_DONE,  /* say hello again: what was said before counts no more */
	SECURE_NOT,   /* it is not offered, or not now: as it was */
	SECURE_BROKEN /* the connection is of no use; client.text says why */
};

/* What has to hold for the server that is tried. */
struct security {
	struct span host; /* SNI, and the name to verify if names is empty */
	struct tls_policy policy;
	struct span names; /* as in tls_connect, policy.level VERIFY or tlsa */
	struct span tlsa;  /* as in tls_connect: dane_demand */
	bool is_strict;    /* MTA-STS counts where no TLSA record is usable */
	const struct demand *demand;
};

/*
 * For the next host of domain; is_known: an administrator named it, so its name
 * is as good as the domain's.  What a message needs changes the policy; and we
 * log in only where a line names the host, or to a verified one.
 */
struct security secure_want(const struct send_settings *settings,
    struct span domain, struct span host, bool is_known,
    const struct demand *demand);

/*
 * How the message in fd has to be protected; has_policies: other hosts' records
 * count, or control/tlspolicy has lines, so that a message may want less.
 */
enum need secure_need(
    const struct delivery *delivery, int fd, bool has_policies);

/*
 * After EHLO: begin TLS where the server and tlsd offer it, but for NONE.
 * connection->facts tells of the certificate, which is not judged here.
 */
enum secure_result secure_start(struct connection *connection,
    const struct helpers *helpers, const struct security *want);

/*
 * TLS from the first byte, before the greeting (RFC 8314 section 3.3): the
 * same, but there is no SECURE_NOT.
 */
enum secure_result secure_handshake(struct connection *connection,
    const struct helpers *helpers, const struct security *want);

/*
 * After the last EHLO: is it protected as it has to be?  If not, the status
 * code for it (X.7.N, of class 4 unless REQUIRETLS asks for 5), and *why.
 */
const char *secure_fault(const struct connection *connection,
    const struct security *want, const char **why);

/* A line for the log: how this message goes. */
void secure_log(const struct connection *connection, const struct queue_id *id);

#endif
