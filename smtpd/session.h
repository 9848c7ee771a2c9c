#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

/*
 * session - one SMTP conversation, RFC 5321 section 4, and what its parts
 * share.
 *
 *   session   the loop, the replies, and the commands without arguments
 *   envelope  MAIL and RCPT: who may send to whom
 *   names     VRFY and EXPN: who is here
 *   ehlo      what is offered, and to whom
 *   parameters  what follows the address of MAIL and RCPT; timing has those
 *             of when and how fast, soliciting NO-SOLICITING's
 *   data, bdat  DATA and BDAT: where the message ends
 *   burl      BURL: parts of it that are in the user's mailbox already
 *   message   what they share: its lines, its limits, its verdict
 *   submit    the way into the queue
 *   etrn, atrn, xclient, quit  ETRN; ATRN; XCLIENT and XFORWARD; QUIT
 *   wellknown  WELLKNOWN: files for whoever asks
 *   turned    connections to our provider, which is their client now
 *   tls       STARTTLS, and ports that begin with TLS
 *   auth      AUTH: who the client is
 *   strangers, pace  what is asked of clients that may not relay, and how slow
 *             any may be
 *   fields    what a message's header may be
 *   policy    what the submission service lets a user do
 *   complete  what it adds to a user's message, and takes out
 *   filter    what filters have to say at each of these
 */

#include "base/io.h"
#include "mail/addr.h"
#include "net/auth.h"
#include "net/network.h"
#include "net/serve.h"
#include "net/wellknown.h"
#include "queue/envelope.h"
#include "queue/id.h"
#include "queue/tls.h"
#include "smtpd/filter.h"
#include "smtpd/message.h"
#include "smtpd/pace.h"
#include "smtpd/tickets.h"

struct settings {
	struct buf me;
	uint64_t size_max;       /* control/databytes; 0: no limit */
	uint64_t recipients_max; /* control/maxrecipients */
	uint64_t hops_max;       /* control/maxhops */
	uint64_t fields_max;     /* control/maxheaderfields */
	uint64_t junk_max;       /* control/maxjunk */
	uint64_t greet_delay_s;  /* control/greetdelay */
	struct pace_settings pace;
	const struct strain *strain; /* of the acceptor; NULL by hand */
	struct tickets *tickets;     /* its sessions' */
	uint64_t errors_max;         /* control/maxerrors */
	uint64_t messages_max;       /* control/maxmessages */
	uint64_t hold_max_s;   /* control/futurereleasemax; 0: not offered */
	uint64_t by_min_s;     /* control/deliverbymin */
	uint64_t priority_max; /* control/prioritymax */
	struct network_list relay_clients;
	bool is_submission; /* ports 587 and 465: RFC 6409 */
	bool is_lmtp;       /* RFC 2033 */
	bool is_odmr;       /* port 366: RFC 2645 */
	bool is_turned;     /* of our provider, by ATRN: the same */
	int inject_at; /* places among a client's sessions; -1: not given */
	int lookup_at;
	int login_at;
	int tls_at;
	int odmr_at;
	int filters_at;
	struct auth_settings auth;
	struct control_list sender_logins; /* control/senderlogins */
	bool hides_client;                 /* control/hideclient */
	bool has_burl;                     /* control/burl; imapdguests not 0 */
	struct network_list xclient_nets;  /* control/xclientnets */
	struct network_list verp_clients;  /* control/verpclients */
	struct network_list early_clients; /* control/pipeconnectnets */
	struct control_list no_soliciting; /* control/nosoliciting */
	struct wellknown wellknown;        /* control/wellknown/ */
	struct filter_settings filter;
};

enum {
	COMMAND_MAX = 2048,     /* RFC 5321 4.5.3.1.4, with all extensions */
	HEADER_MAX = 256 << 10, /* bytes before the empty line */
	RECORDS_MAX = 4096,
	FORWARDED_MAX = 1024,
	RECIPIENTS_BYTES_MAX = 15 << 20
};

enum bdat_state {
	BDAT_NONE,
	BDAT_OPEN,   /* chunks have come, LAST has not */
	BDAT_REFUSED /* one was refused: RSET is awaited */
};

/* Sessions with the neighbours; -1: not there, as by hand. */
struct neighbours {
	int lookup;
	int inject;
	int tls;
	int login;    /* of submission and odmr: without it there is no AUTH */
	int odmr;     /* queue-manager, of odmr */
	int acceptor; /* that this process is free again: net/reuse.h */
	const int *filters; /* one for each of control/filters; NULL: none */
};

struct session {
	const struct settings *settings;
	const struct peer *peer;
	struct neighbours neighbours;
	bool is_trusted;     /* may relay */
	bool is_proxy;       /* of control/xclientnets, whoever it speaks for */
	struct peer claimed; /* peer points here after XCLIENT */
	const struct peer *accepted; /* whom it came from in truth */
	struct buf forwarded;        /* XFORWARD's words, for the log */
	bool is_tls;
	struct tls_facts tls; /* if it is */
	struct buf user; /* whom AUTH showed the client to be; empty: nobody */
	bool is_known;   /* by login; not what a proxy said with XCLIENT */
	struct buf binding;     /* TLS's channel binding data (tls-exporter) */
	struct buf certificate; /* whom the client's certificate names */
	unsigned offers;        /* enum login_offer */
	unsigned attempts;      /* of AUTH that failed */
	struct buf line;
	struct pace pace;
	struct patience patience; /* of in and out: its pace */
	uint64_t errors;
	uint64_t junk;         /* commands since the last message */
	uint64_t messages;     /* accepted */
	uint64_t transactions; /* MAIL accepted */
	bool is_done;
	bool is_free;     /* for its client's next; the acceptor knows */
	bool has_refused; /* something: a reply of 4xx or 5xx, or it should */
	bool is_refused;  /* greeted with 554: only QUIT is left */
	struct filtering filtering;

	struct buf helo; /* empty: not greeted yet */
	bool is_esmtp;

	/* the transaction: empty after session_reset */
	bool has_sender;
	bool is_binary; /* BODY=BINARYMIME */
	bool has_prdr;  /* it wants a reply for each recipient */
	bool needs_utf8;
	bool has_verp;
	struct buf sender;
	struct buf solicitation; /* SOLICIT, for the trace */
	struct buf records;      /* envelope records of the message */
	int64_t hold_until;      /* seconds since 1970; 0: no */
	struct deliver_by by;
	int priority;
	bool is_priority_lowered;
	struct buf recipients; /* envelope records from the first T on */
	struct buf only_recipient;
	uint64_t recipient_count;

	enum bdat_state bdat;
	struct message message; /* if BDAT_OPEN */

	/* Large, and last: what is small lies on one page, with few of theirs.
	 */
	struct writer out;
	struct reader in;
};

/*
 * Talk until the client quits, fails, or makes too many errors.  True if it
 * came for mail alone, in clear, all of which was taken, and left with QUIT,
 * and the acceptor was told so.
 */
bool session_run(int client_in, int client_out, const struct peer *peer,
    const struct neighbours *neighbours, const struct settings *settings);

/* The same in a session that is all zeros, and stays: session_free is next. */
void session_serve(struct session *session, int client_in, int client_out,
    const struct peer *peer, const struct neighbours *neighbours,
    const struct settings *settings);
void session_free(struct session *session);

void reply(struct session *session, const char *text);

/*
 * What became of the message: by LMTP once for each recipient that was
 * accepted (RFC 2033 section 4.2), since all of them are kept, or none; with
 * PRDR for each and then in all.
 */
void reply_verdict(struct session *session, const char *text);
/* The same, one that counts as an error. */
void reply_refusal(struct session *session, const char *text);

/* The words that a session begins with. */
void greeting(struct session *session);

/* A name or address literal: visible bytes that cannot upset Received. */
bool is_greeting(struct span name);

/* A reply that counts against control/maxerrors. */
void reply_error(struct session *session, const char *text);

/* Is the client of those networks?  A turned one is a stranger everywhere. */
bool session_is_of(
    const struct session *session, const struct network_list *list);

/* Whom the client is, as it was when it came: what XCLIENT said is forgotten.
 */
void session_forget_claims(struct session *session);

/* Log it, say it, and hear no more. */
void refuse_and_end(struct session *session, const char *text);

/* Is an unknown command one of HTTP's, or a field of its header? */
bool is_another_protocol(struct span verb);

/* A command that brings no mail nearer: control/maxjunk. */
void count_junk(struct session *session);

/* False if the client has spoken before, or is gone: the session is over. */
bool waits_for_greeting(struct session *session);

/* Exim's PIPECONNECT: for control/pipeconnectnets. */
bool session_offers_pipe_connect(const struct session *session);

/* It took too long: say so, and end. */
void end_slow(struct session *session);

/* Forget the transaction (RSET, EHLO, after DATA). */
void session_reset(struct session *session);

void handle_mail(struct session *session, struct span argument);
void handle_rcpt(struct session *session, struct span argument);
void handle_vrfy(struct session *session, struct span argument);
void handle_expn(struct session *session, struct span argument);
void handle_data(struct session *session, struct span argument);
void handle_bdat(struct session *session, struct span argument);
void handle_burl(struct session *session, struct span argument);

/* Has the client logged in, where messages are fetched for who has? */
bool session_offers_burl(const struct session *session);
void handle_quit(struct session *session, struct span argument);
void handle_etrn(struct session *session, struct span argument);
void handle_atrn(struct session *session, struct span argument);
void handle_wellknown(struct session *session, struct span argument);
bool session_offers_wellknown(const struct session *session);
/*
 * The peer is at that address, in numbers or IPV6: and numbers; empty: as it
 * was.  False if it is none.
 */
bool peer_set_address(struct peer *peer, struct span text);
void handle_xclient(struct session *session, struct span argument);
void handle_xforward(struct session *session, struct span argument);

/* Read "SIZE" or "SIZE LAST"; false if it is neither. */
bool bdat_parse(struct span argument, uint64_t *size, bool *is_last);

/* ---- chunks, whether BDAT or BURL brings them ---- */

/* What is wrong with one now, or NULL; RFC 3030 section 2, and 3 for the last.
 */
const char *chunk_refusal(const struct session *session);

/* One of that size comes, the message's first perhaps: NULL, or the reply. */
const char *chunk_begin(struct session *session, uint64_t size);

/* Its bytes, to the message or to nobody (NULL); false: not all came. */
bool chunk_receive(struct session *session, struct reader *in,
    struct message *message, uint64_t size);

/* It is there; or why, if it is refused. */
void chunk_answer(
    struct session *session, const char *why, uint64_t size, bool is_last);

/* Drop a message whose last chunk has not come. */
void bdat_end(struct session *session);

/* EHLO's lines after the first. */
void offer_extensions(struct session *session);

/* Did AUTH show who it is? */
bool is_authenticated(const struct session *session);

/* Has the client the right to ask EXPN? */
bool session_offers_expn(const struct session *session);

/* NO-SOLICITING: is it offered, its line, and MAIL's SOLICIT. */
bool session_refuses_classes(const struct session *session);
void offer_no_soliciting(struct session *session);
bool take_solicit(struct session *session, struct span value);

/* Postfix's XVERP: for control/verpclients. */
bool session_offers_verp(const struct session *session);

/* timing.c; each false after a reply; the last when all have come. */
bool take_holdfor(struct session *session, struct span value);
bool take_holduntil(struct session *session, struct span value);
bool take_by(struct session *session, struct span value);
bool take_priority(struct session *session, struct span value);
bool finish_timing(struct session *session);

/* Take MAIL's parameters into session->records.  False after a reply. */
bool take_mail_parameters(struct session *session, struct span parameters);

/* The same for RCPT; notify is a buf of the caller's. */
struct recipient_parameters {
	struct buf notify;    /* letters, as in envelope(5) */
	struct span original; /* in the command's line */
};
bool take_rcpt_parameters(struct session *session, struct span parameters,
    struct recipient_parameters *taken);

void handle_starttls(struct session *session, struct span argument);

/* Can the client be told of STARTTLS? */
bool session_offers_starttls(const struct session *session);

/* On a port that begins with TLS; false if nothing can be said any more. */
bool session_begin_tls(struct session *session);

/* ---- turned ---- */

/* Serve what odmr-fetch brings until it ends; after the last open. */
int turned_serve(const struct serve *serve);

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

/* A message begins: NULL, or the reply if the account has none left now. */
const char *policy_refuse_now(struct session *session);

#endif
