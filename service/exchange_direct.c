#include <string.h>

#include "mail/saslprep.h"
#include "service/exchange_state.h"
#include "service/oauth.h"
#include "service/plain.h"

/* ---- passwords ---- */

/*
 * What SASLprep does not take stays as it is: it may be in a table so; and what
 * is nothing then, RFC 4616 section 2, is refused like any that is wrong.
 */
static struct span
prepared(struct span text, char *place, size_t size)
{
	return saslprep_query(text, place, size) && *place != '\0'
		   ? span_of(place)
		   : text;
}

enum checkpw_verdict
exchange_judge_password(struct exchange *exchange, struct span authentication,
    struct span authorization, struct span password)
{
	char name[LOGIN_USER_MAX + 1];
	char wanted[LOGIN_USER_MAX + 1];
	char secret[LOGIN_SECRET_MAX + 1];

	exchange_ask_account(exchange,
	    prepared(authentication, name, sizeof(name)),
	    prepared(authorization, wanted, sizeof(wanted)));
	struct judged judged = exchange_judged(exchange);
	enum checkpw_verdict verdict = judge_password(&exchange->all->judge,
	    &judged, prepared(password, secret, sizeof(secret)));
	explicit_bzero(secret, sizeof(secret));
	return verdict;
}

static enum checkpw_verdict
judge_plain(struct exchange *exchange, struct span message)
{
	struct plain plain;

	return plain_parse(message, &plain)
		   ? exchange_judge_password(exchange, plain.authentication,
			 plain.authorization, plain.password)
		   : CHECKPW_NO;
}

/* ---- tokens ---- */

static enum checkpw_verdict
judge_bearer(struct exchange *exchange, struct span message, bool is_bearer)
{
	struct span token;

	if (is_bearer ? !oauth_parse_bearer(message, &exchange->name, &token)
		      : !oauth_parse_xoauth2(message, &exchange->name, &token))
		return CHECKPW_NO;
	struct buf name = exchange->name;
	exchange->name = buf_new(LOGIN_USER_MAX);
	exchange_ask_account(exchange, buf_span(&name), span_of(""));
	buf_free(&name);
	struct judged judged = exchange_judged(exchange);
	struct buf owner = buf_new(LOGIN_USER_MAX);
	enum checkpw_verdict verdict =
	    judge_token(&exchange->all->judge, &judged, token, &owner);
	/* RFC 7628 section 3.1: the name is whom its owner asks to act as. */
	if (verdict == CHECKPW_NO && owner.len > 0) {
		exchange_ask_owner(exchange, buf_span(&owner));
		verdict = CHECKPW_OK; /* of the owner: who refuses is login */
	}
	buf_free(&owner);
	return verdict;
}

/* A refusal is a challenge that says so: RFC 7628 section 3.2.3. */
static void
refuse_token(struct exchange *exchange, bool is_bearer)
{
	static struct sasl_message response; /* large */

	exchange_challenge(exchange,
	    span_of(is_bearer ? "{\"status\":\"invalid_token\"}"
			      : "{\"status\":\"401\",\"schemes\":\"bearer\"}"),
	    &response);
	sasl_message_wipe(&response);
}

/* ---- one message each ---- */

static const char plain_name[] = "PLAIN";
static const char bearer_name[] = "OAUTHBEARER";
static const char xoauth2_name[] = "XOAUTH2";

bool
exchange_is_direct(struct span mechanism)
{
	return span_equal(mechanism, span_of(plain_name)) ||
	       span_equal(mechanism, span_of(bearer_name)) ||
	       span_equal(mechanism, span_of(xoauth2_name));
}

enum checkpw_verdict
exchange_run_direct(struct exchange *exchange)
{
	static struct sasl_message response; /* large */
	const struct sasl_request *request = exchange->request;
	struct span mechanism = sasl_mechanism(request);
	struct span message = sasl_response(request);
	bool is_plain = span_equal(mechanism, span_of(plain_name));
	bool is_bearer = span_equal(mechanism, span_of(bearer_name));

	if (request->has_response == 0) {
		enum checkpw_verdict got =
		    exchange_challenge(exchange, span_of(""), &response);

		if (got != CHECKPW_OK)
			return got;
		message = sasl_bytes(&response);
	}
	enum checkpw_verdict verdict =
	    is_plain ? judge_plain(exchange, message)
		     : judge_bearer(exchange, message, is_bearer);
	sasl_message_wipe(&response);
	if (exchange->is_later)
		verdict = CHECKPW_LATER;
	else if (exchange->is_refused && verdict == CHECKPW_OK)
		verdict = CHECKPW_NO;
	if (verdict == CHECKPW_NO && !is_plain)
		refuse_token(exchange, is_bearer);
	return verdict;
}
