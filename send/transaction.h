#ifndef SEND_TRANSACTION_H
#define SEND_TRANSACTION_H

/*
 * transaction - one message over one connection to one destination, and the
 * verdict about each recipient.
 */

#include "base/control.h"
#include "net/smtp_client.h"
#include "net/tlspolicy.h"
#include "queue/delivery.h"
#include "queue/tls.h"

struct send_settings {
	struct buf helo;              /* control/helohost */
	struct control_list *routes;  /* control/smtproutes */
	struct control_list policies; /* control/tlspolicy */
	int64_t connect_timeout_ms;
	uint64_t children_max; /* control/concurrencyremote */
	uint16_t port;
	bool has_tls; /* tlsd is a neighbour */
};

/* Whom a channel asks. */
struct helpers {
	int resolve;
	int tls; /* a session with tlsd; -1: there is none, so no TLS */
};

/* How a message has to be protected on its way; each has all before it. */
enum need {
	NEED_OPTIONAL, /* TLS-Required: No, RFC 8689 section 3: if it can be */
	NEED_POLICY,   /* as control/tlspolicy says */
	NEED_REQUIRED  /* REQUIRETLS: verified, and so at each further host */
};

/* The connection that a channel keeps from one transaction to the next. */
struct connection {
	int fd;           /* -1: none */
	char server[384]; /* "host[address]" */
	uint64_t mails;   /* transactions so far */
	enum need need;   /* that it was opened for, and meets */
	bool is_secure;   /* by TLS, of which facts tells */
	struct tls_facts facts;
	struct smtp_client client;
};

/* Called once for each recipient of a transaction. */
struct verdicts {
	void (*give)(void *context, const struct verdict *verdict);
	void *context;
	bool given[DELIVERY_RECIPIENTS_MAX];
	size_t count; /* recipients */
	size_t left;
	enum verdict_action action; /* of those that are delivered */
};

void verdicts_give(struct verdicts *verdicts, size_t index,
    enum verdict_kind kind, const char *code, const char *text);

/* The same for all that have none yet. */
void verdicts_give_rest(struct verdicts *verdicts, enum verdict_kind kind,
    const char *code, const char *text);

/*
 * Send the message in fd at delivery->offset over an open connection.  Every
 * recipient gets a verdict.  False if the connection is of no further use.
 */
bool transaction_run(struct connection *connection,
    const struct delivery *delivery, int fd, struct verdicts *verdicts);

#endif
