#ifndef SERVICE_EXCHANGE_STATE_H
#define SERVICE_EXCHANGE_STATE_H

/*
 * exchange_state - what the two parts of exchange.h share.
 *
 * exchange.c         the mechanisms of libgsasl
 * exchange_direct.c  PLAIN, OAUTHBEARER and XOAUTH2: one message each
 */

#include "service/exchange.h"
#include "service/scram.h"

struct exchange {
	const struct exchanges *all;
	const struct sasl_request *request;
	int session;
	bool has_account; /* login's child was asked */
	struct sasl_account account;
	struct buf name; /* what the client called itself */
	bool is_later;   /* something could not be told */
	bool is_refused; /* whatever the library thinks of the proof */
	bool has_keys;
	struct scram_keys keys;
};

/* ---- exchange.c ---- */

/*
 * Once: whose account the names are; nobody's is refused in the end, and what
 * can be no name is nobody's.
 */
void exchange_ask_account(struct exchange *exchange, struct span authentication,
    struct span authorization);
struct judged exchange_judged(const struct exchange *exchange);

/* Once more: what was to be judged is proven to be owner's, who asks to act as
 * the one before. */
void exchange_ask_owner(struct exchange *exchange, struct span owner);

/* A challenge and its response; CHECKPW_OK if there is one. */
enum checkpw_verdict exchange_challenge(struct exchange *exchange,
    struct span bytes, struct sasl_message *response);

/* ---- exchange_direct.c ---- */

/* Name and password are prepared here (RFC 4013), as the network had them. */
enum checkpw_verdict exchange_judge_password(struct exchange *exchange,
    struct span authentication, struct span authorization,
    struct span password);

bool exchange_is_direct(struct span mechanism);
enum checkpw_verdict exchange_run_direct(struct exchange *exchange);

#endif
