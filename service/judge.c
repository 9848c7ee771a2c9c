#include "service/judge.h"

#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/paths.h"
#include "queue/neighbour.h"
#include "queue/sasl.h"
#include "service/verify.h"

enum {
	HELPER_TIMEOUT_MS = 70000
};

static bool
is_set(const char *name)
{
	struct buf value = control_path(name);
	bool is_given = value.len > 0;

	buf_free(&value);
	return is_given;
}

void
judge_prepare(struct judge *judge)
{
	judge->has_password_checker = is_set("passwordchecker");
	judge->has_token_checker = is_set("oauthchecker");
}

/* ---- those who judge ---- */

/* The verdict; before that of a token may come whose it is. */
static enum checkpw_verdict
hear_helper(int session, struct buf *owner)
{
	static struct sasl_step step; /* large */
	struct span name;
	struct span none;

	if (sasl_receive_step(session, &step, HELPER_TIMEOUT_MS) != 1)
		return CHECKPW_LATER;
	if (step.is_verdict)
		return step.verdict;
	if (owner == NULL || !sasl_names(&step.message, &name, &none))
		return CHECKPW_LATER;
	buf_add(owner, name);
	return sasl_receive_step(session, &step, HELPER_TIMEOUT_MS) == 1 &&
		       step.is_verdict
		   ? step.verdict
		   : CHECKPW_LATER;
}

/* The part that stays root asks PAM, or a checker. */
static enum checkpw_verdict
ask_helper(const struct judge *judge, struct checkpw_request *request,
    struct span token, struct buf *owner)
{
	enum checkpw_verdict verdict = CHECKPW_LATER;
	int session = neighbour_open_session(judge->helpers);
	bool is_asked = session != -1 &&
			checkpw_send_request(session, request) &&
			(request->method != LOGIN_TOKEN ||
			    sasl_send(session, SASL_TOKEN, token));

	checkpw_request_wipe(request);
	if (is_asked)
		verdict = hear_helper(session, owner);
	if (session != -1)
		close(session);
	return verdict;
}

static enum checkpw_verdict
ask_helper_password(const struct judge *judge, const struct judged *judged,
    struct span password)
{
	static struct checkpw_request request; /* large */

	if (!checkpw_request_init(
		&request, judged->kind, LOGIN_PASSWORD, judged->account) ||
	    !checkpw_request_set(
		&request, password, span_of(""), judged->peer)) {
		checkpw_request_wipe(&request);
		return CHECKPW_NO;
	}
	return ask_helper(judge, &request, span_of(""), NULL);
}

static enum checkpw_verdict
ask_table(const struct judge *judge, const struct judged *judged,
    struct span password)
{
	char text[LOGIN_SECRET_MAX + 1] = "";
	/* An empty name is in no table: it is nobody's. */
	struct span user =
	    judged->kind == CHECKPW_NOBODY ? span_of("") : judged->account;
	bool is_known;

	memcpy(text, password.ptr, password.len);
	enum checkpw_verdict verdict =
	    verify_password(MTA_USERS "/passwords", user, text, &is_known);
	explicit_bzero(text, sizeof(text));
	if (verdict == CHECKPW_NO && !is_known && judge->has_password_checker)
		return ask_helper_password(judge, judged, password);
	return verdict;
}

enum checkpw_verdict
judge_password(const struct judge *judge, const struct judged *judged,
    struct span password)
{
	if (password.len > LOGIN_SECRET_MAX ||
	    span_index(password, '\0') < password.len)
		return CHECKPW_NO;
	turns_take(&judge->turns);
	enum checkpw_verdict verdict =
	    judged->kind == CHECKPW_SYSTEM
		? ask_helper_password(judge, judged, password)
		: ask_table(judge, judged, password);
	turns_leave(&judge->turns);
	return judged->kind == CHECKPW_NOBODY && verdict == CHECKPW_OK
		   ? CHECKPW_NO
		   : verdict;
}

enum checkpw_verdict
judge_token(const struct judge *judge, const struct judged *judged,
    struct span token, struct buf *owner)
{
	static struct checkpw_request request; /* large */

	if (!judge->has_token_checker || token.len == 0 ||
	    span_index(token, '\0') < token.len ||
	    !checkpw_request_init(
		&request, judged->kind, LOGIN_TOKEN, judged->account) ||
	    !checkpw_request_set(
		&request, span_of(""), span_of(""), judged->peer))
		return CHECKPW_NO;
	turns_take(&judge->turns);
	enum checkpw_verdict verdict =
	    ask_helper(judge, &request, token, owner);
	turns_leave(&judge->turns);
	return judged->kind == CHECKPW_NOBODY && verdict == CHECKPW_OK
		   ? CHECKPW_NO
		   : verdict;
}
