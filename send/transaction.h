#ifndef SEND_TRANSACTION_H
#define SEND_TRANSACTION_H

/*
 * transaction - one message over one connection to one destination, and the
 * verdict about each recipient.
 */

#include "base/control.h"
#include "net/smtp_client.h"
#include "net/sts.h"
#include "net/tlspolicy.h"
#include "queue/delivery.h"
#include "queue/tls.h"
#include "send/dane.h"

struct send_settings {
	struct buf me;                /* control/me: what smtpd greets with */
	struct buf helo;              /* control/helohost */
	struct control_list *routes;  /* control/smtproutes */
	struct control_list policies; /* control/tlspolicy */
	struct control_list sources;  /* control/sourceaddress */
	struct control_list discards; /* control/discardehlo */
	int64_t connect_timeout_ms;
	int64_t transaction_ms; /* control/timeouttransaction; 0: no end */
	uint64_t children_max;  /* control/concurrencyremote */
	uint16_t port;
	bool has_tls;  /* tlsd is a neighbour */
	bool has_auth; /* so is remote-auth */
	bool has_sts;  /* and sts, which control/sts has not switched off */
};

/* Whom a channel asks. */
struct helpers {
	int resolve;
	int tls;  /* a session with tlsd; -1: there is none, so no TLS */
	int auth; /* with remote-auth, for this host; -1: nobody logs in */
	int sts;  /* with sts; -1: no policy of the domain's counts */
	struct refusals *refusals; /* of logins there; NULL: not remembered */
	uint64_t stamp;            /* of control/smtpauth, when last asked */
	int manager; /* asked before each MX host; -1: it does not want that */
};

/* How a message has to be protected on its way; each has all before it. */
enum need {
	NEED_OPTIONAL, /* TLS-Required: No, RFC 8689 section 3: if it can be */
	NEED_POLICY,   /* as control/tlspolicy says */
	NEED_REQUIRED  /* REQUIRETLS: verified, and so at each further host */
};

/* What a message asks of the connection it goes over. */
struct demand {
	enum need need;
	uint64_t login; /* line of control/smtpauth; 0: none */
	size_t source;  /* item of control/sourceaddress, from 1; 0: none */
};

/* What the domain's own policy (RFC 8461) says of its hosts; send/strict.h. */
struct strict {
	bool is_asked; /* its answer is yet to be heard */
	uint32_t asked;
	struct sts_policy policy;
};

/* The connection that a channel keeps from one transaction to the next. */
struct connection {
	int fd;               /* -1: none */
	char server[384];     /* "host[address]" */
	uint64_t mails;       /* transactions so far */
	struct demand demand; /* that it was opened for, and meets */
	int64_t deadline_ms;  /* clock_ms, of what is under way; 0: none */
	char mechanism[24];   /* by which we logged in, or "" */
	bool is_route;        /* control/smtproutes names it */
	bool is_secure;       /* by TLS, of which facts tells */
	bool is_fallback;     /* in clear, as TLS was tried in vain */
	struct tls_facts facts;
	struct dane dane;
	struct smtp_client client;
	struct buf
	    others; /* hops, net/dns.h, that were not needed to open it */
	struct strict strict; /* of the look-up that others are from */
	bool is_given;        /* a customer's, RFC 2645: none replaces it */
	char fault[512];      /* why that one could not be used */
};

/* Called once for each recipient of a transaction. */
struct verdicts {
	void (*give)(void *context, const struct verdict *verdict);
	void *context;
	bool given[DELIVERY_RECIPIENTS_MAX];
	size_t count; /* recipients */
	size_t left;
	/* Where an open connection turns out to be gone, none is given. */
	bool has_another_try;
	/* All were put off before anything was taken: another host might. */
	bool is_deferred;
	enum verdict_action action; /* of those that are delivered */
};

void verdicts_give(struct verdicts *verdicts, size_t index,
    enum verdict_kind kind, const char *code, const char *text);

/* The same for all that have none yet. */
void verdicts_give_rest(struct verdicts *verdicts, enum verdict_kind kind,
    const char *code, const char *text);

/*
 * Send the message in fd at delivery->offset over an open connection, to those
 * that have no verdict.  Each gets one, but for has_another_try, and but those
 * that are more than the server takes at once: for them, call it again.  False
 * if the connection is of no further use.
 */
bool transaction_run(struct connection *connection,
    const struct delivery *delivery, int fd, struct verdicts *verdicts);

#endif
