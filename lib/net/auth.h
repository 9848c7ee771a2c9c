#ifndef NET_AUTH_H
#define NET_AUTH_H

/*
 * auth - the client's side of the wall: AUTH of SMTP (RFC 4954) and POP3
 * (RFC 5034), AUTHENTICATE of IMAP and ManageSieve, for processes that know no
 * secret and no mechanism.  They move base64 to login(8) and back, in lines or
 * as the protocol has it.
 *
 * Limits   SASL_LINE_MAX characters a line, AUTH_TIMEOUT_MS for each.
 * Secrets  what the client sent is wiped from every buffer, the reader's too,
 *          before the next line is waited for, and at every end.
 */

#include "base/io.h"
#include "net/mechanisms.h"
#include "net/network.h"
#include "net/serve.h"
#include "queue/sasl.h"

enum {
	AUTH_TIMEOUT_MS = 60000,
	AUTH_LINE_MAX = SASL_LINE_MAX + 64, /* with "AUTH MECHANISM ", CRLF */
	AUTH_ATTEMPTS_MAX = 3               /* of a connection */
};

struct auth_settings {
	struct mechanisms mechanisms;
	struct network_list clear_text; /* control/cleartextnets */
};

/* Read control/{authmechanisms,oauthchecker,cleartextnets}. */
void auth_configure(struct auth_settings *settings);

/*
 * Read control/senderlogins: ADDRESS: ACCOUNT... or @DOMAIN: ACCOUNT... a line.
 * A broken one ends the program as control_complain does.
 */
struct control_list auth_sender_logins(void);

/*
 * May this client show a password on a line that anyone can read? On loopback,
 * and in control/cleartextnets.
 */
bool auth_may_be_clear(
    const struct auth_settings *settings, const struct peer *peer);

struct auth_form;

struct auth {
	enum login_service service;
	int login;       /* the session with login */
	bool is_relayed; /* the client stays with us: login.h */
	const struct peer *peer;
	struct reader *in;
	struct writer *out;
	struct buf *line;             /* the command's; AUTH_LINE_MAX */
	const char *prompt;           /* before a challenge: "334 ", "+ " */
	const struct auth_form *form; /* instead of lines; or NULL */
	struct span binding;          /* channel binding data, or empty */
	struct span certificate;      /* whom the client's certificate names */
};

enum auth_outcome {
	AUTH_OK,        /* *account is whose */
	AUTH_PROVEN,    /* POP3: hand the client over now */
	AUTH_NO,        /* wrong name, password or proof */
	AUTH_FULL,      /* the account has too many sessions */
	AUTH_LATER,     /* cannot tell now; the session with login is over */
	AUTH_CANCELLED, /* by the client */
	AUTH_SYNTAX,    /* not base64 */
	AUTH_TOO_LONG,
	AUTH_CLOSED /* the client is gone or too slow: see in->status */
};

/* A protocol whose challenges and responses are no lines of base64. */
struct auth_form {
	void (*challenge)(void *context, struct span base64);
	/* The base64 of the next response into *line; AUTH_OK, or the end. */
	enum auth_outcome (*response)(void *context, struct buf *line);
	void *context;
	/* What a mechanism says last, in base64, goes in here and with the
	 * reply to the log-in (RFC 4422 section 3.6), instead of a challenge.
	 */
	struct buf *last;
};

/*
 * The argument of AUTH: a mechanism's name, in capitals and owned by name, and
 * perhaps an initial response, "=" being an empty one.
 */
bool auth_parse(struct span argument, struct buf *name, struct span *initial,
    bool *has_initial);

/*
 * Hold the exchange.  initial may point into auth->line, which is wiped.
 */
enum auth_outcome auth_run(const struct auth *auth, struct span mechanism,
    struct span initial, bool has_initial, struct buf *account);

#endif
