#ifndef SEND_SECURE_H
#define SEND_SECURE_H

/*
 * secure - STARTTLS with the server of a connection, RFC 3207.
 */

#include "send/transaction.h"

enum secure_result {
	SECURE_DONE,  /* say hello again: what was said before counts no more */
	SECURE_NOT,   /* it is not offered, or not now: as it was */
	SECURE_BROKEN /* the connection is of no use; client.text says why */
};

/*
 * After EHLO: begin TLS where the server of that name and tlsd offer it.  The
 * certificate is looked at, but any is good (RFC 7435): connection->facts tells
 * of it.
 */
enum secure_result secure_start(struct connection *connection,
    const struct helpers *helpers, struct span host);

/* A line for the log: how this message goes. */
void secure_log(const struct connection *connection, const struct queue_id *id);

#endif
