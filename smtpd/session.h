#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

/*
 * session - one SMTP conversation, RFC 5321 section 4, and what its parts
 * share.
 *
 *   session   the loop, the replies, and the commands without arguments
 *   envelope  MAIL, RCPT and VRFY: who may send to whom
 *   data      DATA: the message, its end, its limits
 *   submit    the way into the queue
 *   filter    what filters have to say at each of these
 */

#include "base/io.h"
#include "mail/addr.h"
#include "net/network.h"
#include "net/serve.h"
#include "queue/id.h"
#include "smtpd/filter.h"

struct settings {
	struct buf me;
	uint64_t size_max;       /* control/databytes; 0: no limit */
	uint64_t recipients_max; /* control/maxrecipients */
	uint64_t hops_max;       /* control/maxhops */
	uint64_t timeout_s;      /* control/timeoutsmtpd */
	uint64_t errors_max;     /* control/maxerrors */
	struct network_list relay_clients;
	bool is_submission; /* ports 587 and 465: RFC 6409 */
	struct filter_settings filter;
};

enum {
	COMMAND_MAX = 2048,     /* RFC 5321 4.5.3.1.4, with all extensions */
	DATA_LINE_MAX = 65536,  /* we carry what 4.5.3.1.6 would not */
	HEADER_MAX = 256 << 10, /* bytes before the empty line */
	RECIPIENTS_BYTES_MAX = 16 << 20
};

struct session {
	const struct settings *settings;
	const struct peer *peer;
	int lookup;      /* session with lookup; -1 by hand */
	int inject;      /* session with queue-inject; -1 by hand */
	bool is_trusted; /* may relay */
	bool is_tls;
	struct buf user; /* whom AUTH showed the client to be; empty: nobody */
	struct reader in;
	struct writer out;
	struct buf line;
	uint64_t errors;
	uint64_t messages;
	bool is_done;
	bool is_refused; /* greeted with 554: only QUIT is left */
	struct filtering filtering;

	struct buf helo; /* empty: not greeted yet */
	bool is_esmtp;

	/* the transaction: empty after session_reset */
	bool has_sender;
	bool is_8bit;
	bool needs_utf8;
	struct buf sender;
	struct buf recipients; /* envelope records from the first T on */
	struct buf only_recipient;
	uint64_t recipient_count;
};

/*
 * Talk until the client quits, fails, or makes too many errors.  lookup,
 * inject and filters are sessions with those neighbours, -1 and NULL by hand.
 * Exit code.
 */
int session_run(int client_in, int client_out, const struct peer *peer,
    int lookup, int inject, const int *filters,
    const struct settings *settings);

void reply(struct session *session, const char *text);

/* A reply that counts against control/maxerrors. */
void reply_error(struct session *session, const char *text);

/* Forget the transaction (RSET, EHLO, after DATA). */
void session_reset(struct session *session);

void handle_mail(struct session *session, struct span argument);
void handle_rcpt(struct session *session, struct span argument);
void handle_vrfy(struct session *session, struct span argument);
void handle_data(struct session *session, struct span argument);

#endif
