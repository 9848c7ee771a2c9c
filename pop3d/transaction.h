#ifndef POP3D_TRANSACTION_H
#define POP3D_TRANSACTION_H

/*
 * transaction - after the log-in: RFC 1939 sections 5, 6 and 7, RFC 2449.
 */

#include "pop3d/conversation.h"
#include "store/store.h"

struct transaction_settings {
	uint64_t timeout_s;
	uint64_t errors_max;
	uint64_t login_delay_s; /* RFC 2449 section 6.5; 0: none */
	int login;              /* the pair with login(8), or -1 */
	const char *user;       /* for the log */
	const char *peer;       /* for the log */
	struct span input;      /* what the client sent already */
	enum language language; /* that it chose before the log-in */
	bool is_utf8;           /* so did it say UTF8 */
	struct span sasl;       /* CAPA's line before it; empty: no log-in */
};

struct transaction_counts {
	uint64_t retrieved;
	uint64_t deleted; /* by QUIT */
	bool has_failed;  /* something could not be read or removed */
};

/*
 * Speak POP3 about an open store, which stays the caller's, from the greeting
 * to QUIT; messages are removed by QUIT only.
 */
enum io_status transaction_converse(int in, int out, struct store *store,
    const struct transaction_settings *settings,
    struct transaction_counts *counts);

enum transaction_end {
	TRANSACTION_LEFT,       /* by QUIT, or sent away after errors */
	TRANSACTION_BROKEN_OFF, /* the client is gone, or was silent */
	TRANSACTION_FAILED      /* something could not be read or removed */
};

/* The same, and a line in the log. */
enum transaction_end transaction_run(int in, int out, struct store *store,
    const struct transaction_settings *settings);

/* The answer to CAPA.  sasl: "SASL MECHANISM ..."; empty where nobody may log
 * in, and then there is no USER either. */
void transaction_reply_capabilities(struct conversation *talk, struct span sasl,
    bool has_stls, uint64_t login_delay_s);

/* control/pop3logindelay. */
uint64_t transaction_login_delay(void);

#endif
