#include "service/relay.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/neighbour.h"

enum {
	CHECKPW_TIMEOUT_MS = 120000, /* for each step */
	CLIENT_TIMEOUT_MS = 90000
};

struct relay {
	const struct attempt *attempt;
	const unsigned char *network; /* the client's address */
	int checkpw;
	struct subject *subject;
	struct account *account; /* whose process it will be */
	struct account proven; /* who proves to be it, which may be a master */
	bool is_refused;       /* whatever is proven */
	bool has_names;
	bool has_owner; /* of a token: checkpw asked a second time */
};

/* On loopback the name waits, which was not known before (penalty.h). */
static void
wait_out(struct relay *relay)
{
	struct subject *subject = relay->subject;
	const struct penalty *penalty = relay->attempt->penalty;

	if (!penalty_is_loopback(relay->network))
		return;
	subject->penalty_key =
	    penalty_key(relay->network, buf_span(&subject->user));
	poll(NULL, 0,
	    (int)penalty_delay_ms(penalty, subject->penalty_key, clock_ms()));
}

static bool
is_same(const struct account *one, const struct account *other)
{
	return one->kind == other->kind &&
	       span_equal(buf_span(&one->name), buf_span(&other->name));
}

/* Who proved to be relay->proven asks to be another account. */
static void
take_wanted(struct relay *relay, const struct account *wanted)
{
	const struct account *proven = &relay->proven;
	bool is_known =
	    proven->kind != CHECKPW_NOBODY && wanted->kind != CHECKPW_NOBODY;

	if (is_known && masters_may_act(relay->attempt->masters,
			    buf_span(&proven->name), buf_span(&wanted->name))) {
		*relay->account = *wanted;
		return;
	}
	relay->subject->reason = is_known ? "no-master" : "no-mailbox";
	relay->is_refused = true;
}

/*
 * Whose account a client may use that proves to be `authentication`: its own,
 * also where it asks for it by another of its names; or another's, if it is a
 * master.  The proof is asked for in any case, so that an answer does not tell
 * whose names there are.
 */
static bool
decide(
    struct relay *relay, struct span authentication, struct span authorization)
{
	struct account *proven = &relay->proven;
	struct account wanted = account_new();
	uint64_t uid_min = relay->attempt->uid_min;

	if (!account_find(uid_min, authentication, proven))
		return false;
	*relay->account = *proven;
	relay->subject->reason =
	    proven->kind == CHECKPW_NOBODY ? "no-mailbox" : "password";
	if (authorization.len == 0)
		return true;
	if (!account_find(uid_min, authorization, &wanted)) {
		relay->subject->reason = "lookup";
		return false;
	}
	if (!is_same(&wanted, proven)) {
		buf_add(&relay->subject->wanted, authorization);
		take_wanted(relay, &wanted);
	}
	return true;
}

static bool
is_token(const struct relay *relay)
{
	static const char *const mechanisms[] = { "OAUTHBEARER", "XOAUTH2" };

	return span_is_one_of(relay->subject->method, mechanisms,
	    sizeof(mechanisms) / sizeof(*mechanisms));
}

/*
 * The client named whose account it wants; its token is found to be another's,
 * who then has to be a master.
 */
static bool
take_owner(struct relay *relay, struct span authorization)
{
	if (relay->has_owner || !is_token(relay) ||
	    !span_equal(authorization, buf_span(&relay->subject->user)))
		return false;
	relay->has_owner = true;
	relay->proven = account_new();
	*relay->account = account_new();
	buf_clear(&relay->subject->user);
	return true;
}

/* checkpw asks once whose names these are; of a token twice. */
static bool
answer_names(struct relay *relay, const struct sasl_message *message)
{
	struct span authentication;
	struct span authorization;

	if (!sasl_names(message, &authentication, &authorization) ||
	    (relay->has_names && !take_owner(relay, authorization)))
		return false;
	relay->has_names = true;
	buf_add(&relay->subject->user, authentication);
	wait_out(relay);
	relay->subject->reason = "lookup";
	if (!decide(relay, authentication, authorization))
		return false;
	const struct account *proven = &relay->proven;
	return sasl_send_account(relay->checkpw, proven->kind,
	    proven->kind == CHECKPW_NOBODY ? span_of("")
					   : buf_span(&proven->name));
}

/* A challenge to the client, its response to checkpw. */
static bool
pass_challenge(struct relay *relay, const struct sasl_message *message)
{
	static struct sasl_message response; /* large */
	int acceptor = relay->attempt->session;
	const char *reason = relay->subject->reason;

	relay->subject->reason = "client";
	if (!sasl_send(acceptor, SASL_CHALLENGE, sasl_bytes(message)) ||
	    sasl_receive(acceptor, &response, CLIENT_TIMEOUT_MS) != 1)
		return false;
	bool is_good =
	    response.kind == SASL_RESPONSE || response.kind == SASL_CANCEL;
	bool is_sent =
	    is_good && sasl_send(relay->checkpw, (enum sasl_kind)response.kind,
			   sasl_bytes(&response));
	sasl_message_wipe(&response);
	if (is_sent)
		relay->subject->reason = reason;
	return is_sent;
}

static enum login_verdict
verdict_of(const struct relay *relay, enum checkpw_verdict verdict)
{
	switch (verdict) {
	case CHECKPW_OK:
		return relay->has_names && !relay->is_refused &&
			       relay->account->kind != CHECKPW_NOBODY
			   ? LOGIN_OK
			   : LOGIN_NO;
	case CHECKPW_NO:
		if (!relay->has_names)
			relay->subject->reason = "no-name";
		return LOGIN_NO;
	case CHECKPW_CANCELLED:
		return LOGIN_CANCELLED;
	case CHECKPW_LATER:
		break;
	}
	relay->subject->reason = "checkpw";
	return LOGIN_LATER;
}

static enum login_verdict
run_steps(struct relay *relay)
{
	static struct sasl_step step; /* large */
	bool goes_on = true;

	while (goes_on) {
		if (sasl_receive_step(
			relay->checkpw, &step, CHECKPW_TIMEOUT_MS) != 1) {
			relay->subject->reason = "checkpw";
			break;
		}
		if (step.is_verdict)
			return verdict_of(relay, step.verdict);
		goes_on = step.message.kind == SASL_NAMES
			      ? answer_names(relay, &step.message)
			      : pass_challenge(relay, &step.message);
	}
	return LOGIN_LATER;
}

enum login_verdict
relay_run(const struct attempt *attempt, struct sasl_request *request,
    struct subject *subject, struct account *account)
{
	struct relay relay = { .attempt = attempt,
		.network = request->head.network,
		.checkpw = neighbour_open_session(NEIGHBOUR_CHECKPW),
		.subject = subject,
		.account = account,
		.proven = account_new() };
	enum login_verdict verdict = LOGIN_LATER;

	subject->peer = login_peer(&request->head);
	subject->method = sasl_mechanism(request);
	subject->reason = "checkpw";
	bool is_begun =
	    relay.checkpw != -1 && sasl_send_request(relay.checkpw, request);
	explicit_bzero(request->response, sizeof(request->response));
	if (is_begun)
		verdict = run_steps(&relay);
	if (relay.checkpw != -1)
		close(relay.checkpw);
	return verdict;
}
