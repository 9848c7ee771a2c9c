#ifndef NET_GATE_H
#define NET_GATE_H

/*
 * gate - what stands before a mailbox, for POP3, IMAP and ManageSieve: a
 * process that knows no mailbox, only its client, a session with login(8) and
 * perhaps one with tlsd(8).  The protocol's words stay with the protocol.
 */

#include "net/auth.h"
#include "net/starttls.h"
#include "queue/login.h"

struct gate_settings {
	struct buf me;
	uint64_t timeout_s;
	uint64_t session_timeout_s; /* of who is relayed */
	uint64_t login_delay_s;     /* of POP3, RFC 2449 section 6.5; 0: none */
	uint64_t errors_max;
	struct auth_settings auth;
	struct network_list reuse; /* clients that are relayed */
	bool has_tls;              /* tlsd is a neighbour */
};

struct gate {
	const struct gate_settings *settings;
	const struct peer *peer;
	enum login_service service;
	int login;              /* the session with it */
	int tls;                /* -1: none, or none any more */
	unsigned offers;        /* enum login_offer */
	unsigned attempts;      /* that failed */
	struct tls_facts facts; /* zeros without TLS */
	bool is_tls;
	bool is_trusted; /* nobody can read its line, or all may */
	bool is_relayed; /* the client stays with us */
	int connection;  /* then, after LOGIN_OK: to the user's process */
	const struct auth_form *form; /* of AUTH; NULL: lines */
};

/* ---- the acceptor ---- */

struct gate_service {
	const char *name; /* before the names of control files; "pop3d" */
	const char *busy; /* as in struct serve */
	const char *over;
	bool is_quoted;
	/* One client; tls is -1 where there is none.  An exit code. */
	int (*run)(int client, const struct peer *peer, int login, int tls,
	    const struct gate_settings *settings);
};

/*
 * Serve behind listen(8) and neighbour(8): settings but the timeouts and reuse,
 * which are the caller's, are read here.  Returns an exit code.
 */
int gate_serve(
    const struct gate_service *service, struct gate_settings *settings);

/* What the client sent behind its log-in; for the program that login runs. */
struct buf gate_input(void);

/* ---- one client ---- */

void gate_init(struct gate *gate, enum login_service service,
    const struct peer *peer, int login, int tls,
    const struct gate_settings *settings);

/* What login says first; false if it is not there. */
bool gate_hear(struct gate *gate, struct login_hello *hello);

/*
 * A relayed client logs in anew: login says so when the user's process and all
 * that belonged to it have ended.  Of the gate only TLS is as it was.
 */
bool gate_return(struct gate *gate, struct login_hello *hello);

/*
 * Is there a TLS to be had? Ask before the client is told to begin, then take
 * it.  False: there is none (any more), or the connection is of no use.
 */
bool gate_begin_tls(struct gate *gate);
bool gate_take_tls(struct gate *gate, struct reader *in, struct writer *out);

/*
 * Hand name, secret, unread input and client to login.  LOGIN_OK: the client
 * is served by now, or, if it is relayed, will be over the connection.  A name
 * or secret that no record can hold is nobody's; one of a password that is not
 * ASCII is taken as by AUTH PLAIN, with SASLprep (RFC 4013), if
 * gate_takes_utf8.
 */
enum login_verdict gate_log_in(struct gate *gate, enum login_method method,
    struct span user, struct span secret, struct span input, int client);

/* After AUTH_PROVEN. */
enum login_verdict gate_hand_over(
    struct gate *gate, struct span input, int client);

/* What was said of the log-in counts; false: no further try. */
bool gate_may_try_again(struct gate *gate);

/* Mechanisms that this client may use: begin with *place = 0; NULL at the end.
 */
const char *gate_next_mechanism(const struct gate *gate, size_t *place);
bool gate_has_mechanism(const struct gate *gate, struct span name);

/* Is it one of this build's that control/authmechanisms forbids? */
bool gate_forbids_mechanism(const struct gate *gate, struct span name);

/* May names and passwords have more than ASCII? */
bool gate_takes_utf8(const struct gate *gate);

/* The exchange of AUTH; line as in struct auth, the prompt is "+ " without a
 * form. */
enum auth_outcome gate_authenticate(struct gate *gate, struct reader *in,
    struct writer *out, struct buf *line, struct span mechanism,
    struct span initial, bool has_initial);

/* Of an outcome that says something about the log-in itself. */
enum login_verdict gate_verdict(enum auth_outcome outcome);

#endif
