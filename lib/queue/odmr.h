#ifndef QUEUE_ODMR_H
#define QUEUE_ODMR_H

/*
 * odmr - a customer's connection that is turned around, RFC 2645; odmr(5).
 *
 * smtpd, which has heard who the customer is, asks queue-manager on a session
 * of its own: one packet (whose records are below) with one descriptor, the
 * connection.  The answer is one packet with a verdict.  After ODMR_TURNED
 * smtpd neither reads nor writes the connection, but for the 250, and the
 * manager closes the session when the mail has been sent.
 *
 * Which account may ask for which domain is control/odmrdomains, and is read
 * by the manager alone.
 */

#include "base/control.h"
#include "base/record.h"

enum {
	ODMR_SERVER_MAX = 360 /* bytes of a customer's name and address */
};

struct odmr_request {
	struct span account; /* that it logged in to */
	struct span domains; /* with commas between; empty: all it may have */
	struct span server;  /* "NAME[ADDRESS]": what EHLO said, and its peer */
	struct span tls;     /* the version, if it came by TLS; else empty */
};

void odmr_add_request(struct buf *buf, const struct odmr_request *request);
/* False if it lacks something, or cannot stand in a line of the log. */
bool odmr_parse_request(struct span packet, struct odmr_request *request);

enum odmr_verdict {
	ODMR_TURNED = 'K',  /* say 250: its mail comes */
	ODMR_NO_MAIL = 'N', /* 453 */
	ODMR_REFUSED = 'D', /* 450: some domain is not that account's */
	ODMR_LATER = 'Z'    /* 451 */
};

void odmr_add_answer(struct buf *buf, enum odmr_verdict verdict);
/* What is none is ODMR_LATER. */
enum odmr_verdict odmr_parse_answer(struct span packet);

/*
 * The customer's side: odmr-fetch hands smtpd the connection that its provider
 * has turned, on a session of its own.  smtpd closes the session when it has
 * served it.
 */
struct odmr_turned {
	struct span address; /* the provider's, in numbers */
	struct span tls;     /* the version; empty: in clear */
	struct span cipher;
};

void odmr_add_turned(struct buf *buf, const struct odmr_turned *turned);
/* False if it lacks something, or could not be what tlsd said. */
bool odmr_parse_turned(struct span packet, struct odmr_turned *turned);

/*
 * Read control/odmrdomains: DOMAIN: ACCOUNT... a line.  No file: an empty list.
 */
struct control_list odmr_domains(void);

/* The domain of an item, and its accounts with spaces between. */
struct span odmr_domain_of(struct span item, struct span *accounts);

/* Does mail for the domain wait until it is asked for? */
bool odmr_has(const struct control_list *list, struct span domain);

/* May the account ask for it? */
bool odmr_allows(
    const struct control_list *list, struct span domain, struct span account);

#endif
