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
 *   tls       STARTTLS, and ports that begin with TLS
 *   auth      AUTH: who the client is
 *   policy    what the submission service lets a user do
 *   complete  what it adds to a user's message, and takes out
 */

#include "base/io.h"
#include "mail/addr.h"
#include "net/auth.h"
#include "net/network.h"
#include "net/serve.h"
#include "queue/id.h"
#include "queue/tls.h"

struct settings {
	struct buf me;
	uint64_t size_max;       /* control/databytes; 0: no limit */
	uint64_t recipients_max; /* control/maxrecipients */
	uint64_t hops_max;       /* control/maxhops */
	uint64_t timeout_s;      /* control/timeoutsmtpd */
	uint64_t errors_max;     /* control/maxerrors */
	struct network_list relay_clients;
	bool is_submission; /* ports 587 and 465: RFC 6409 */
	int login_at; /* places among a client's sessions; -1: not given */
	int tls_at;
	struct auth_settings auth;
	struct control_list sender_logins; /* control/senderlogins */
	bool hides_client;                 /* control/hideclient */
};

enum {
	COMMAND_MAX = 2048,     /* RFC 5321 4.5.3.1.4, with all extensions */
	DATA_LINE_MAX = 65536,  /* we carry what 4.5.3.1.6 would not */
	HEADER_MAX = 256 << 10, /* bytes before the empty line */
	RECIPIENTS_BYTES_MAX = 16 << 20
};

/* Sessions with the neighbours; -1: not there, as by hand. */
struct neighbours {
	int lookup;
	int inject;
	int tls;
	int login; /* of the submission service: without it there is no AUTH */
};

struct session {
	const struct settings *settings;
	const struct peer *peer;
	struct neighbours neighbours;
	bool is_trusted; /* may relay */
	bool is_tls;
	struct tls_facts tls; /* if it is */
	struct buf user; /* whom AUTH showed the client to be; empty: nobody */
	struct buf binding;     /* TLS's channel binding data (tls-exporter) */
	struct buf certificate; /* whom the client's certificate names */
	unsigned offers;        /* enum login_offer */
	unsigned attempts;      /* of AUTH that failed */
	struct reader in;
	struct writer out;
	struct buf line;
	uint64_t errors;
	uint64_t messages;
	bool is_done;

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

/* Talk until the client quits, fails, or makes too many errors.  Exit code. */
int session_run(int client_in, int client_out, const struct peer *peer,
    const struct neighbours *neighbours, const struct settings *settings);

void reply(struct session *session, const char *text);

/* A reply that counts against control/maxerrors. */
void reply_error(struct session *session, const char *text);

/* Forget the transaction (RSET, EHLO, after DATA). */
void session_reset(struct session *session);

void handle_mail(struct session *session, struct span argument);
void handle_rcpt(struct session *session, struct span argument);
void handle_vrfy(struct session *session, struct span argument);
void handle_data(struct session *session, struct span argument);
void handle_starttls(struct session *session, struct span argument);

/* Can the client be told of STARTTLS? */
bool session_offers_starttls(const struct session *session);

/* On a port that begins with TLS; false if nothing can be said any more. */
bool session_begin_tls(struct session *session);

/* ---- auth ---- */

/* Hear what login offers; without it there is no AUTH in this session. */
void auth_open(struct session *session);

/* The line of EHLO, if AUTH is offered now. */
void auth_list(struct session *session);
void handle_auth(struct session *session, struct span argument);

/* ---- policy: false after a reply ---- */

/* May MAIL and RCPT be said at all? RFC 6409 section 4.3. */
bool policy_knows_user(struct session *session);
bool policy_may_send_as(struct session *session, struct span sender);

/* Does the account have a message left in this hour? */
bool policy_may_send_now(struct session *session);

#endif
