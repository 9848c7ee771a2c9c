#ifndef SEND_COMMANDS_H
#define SEND_COMMANDS_H

/*
 * commands - MAIL and RCPT, with the parameters that the other side knows.
 */

#include "net/smtp_client.h"
#include "queue/delivery.h"

/* How a delivery is told to this server. */
struct telling {
	const struct delivery *delivery;
	uint64_t size;      /* as it will be sent */
	bool is_8bit;       /* BODY=8BITMIME */
	bool needs_utf8;    /* SMTPUTF8; else domains go as A-labels */
	bool requires_tls;  /* REQUIRETLS, RFC 8689 */
	int64_t by_seconds; /* what is left of DELIVERBY's time */
};

void command_mail(struct smtp_client *client, const struct telling *telling);
void command_rcpt(struct smtp_client *client, const struct telling *telling,
    const struct recipient *recipient);

/*
 * Can it be told without SMTPUTF8?  RFC 6531 section 3.6: its local part is
 * ASCII, and its domain has A-labels.
 */
bool command_is_ascii_address(struct span address);

#endif
