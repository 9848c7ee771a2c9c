/*
 * checkpw - the records between login, checkpw and its parts: login.h.
 */

#include <errno.h>
#include <string.h>

#include "queue/login_record.h"

enum {
	CHECK_MAGIC = 0x45534c13,
	CHECKED_MAGIC = 0x45534c14
};

bool
checkpw_request_init(struct checkpw_request *request, enum checkpw_kind kind,
    enum login_method method, struct span user)
{
	memset(request, 0, sizeof(*request));
	request->magic = CHECK_MAGIC;
	request->kind = (uint16_t)kind;
	request->method = (uint16_t)method;
	return record_is_user(user) &&
	       record_set_part(request->user, sizeof(request->user),
		   &request->user_len, user);
}

bool
checkpw_request_set(struct checkpw_request *request, struct span secret,
    struct span challenge, struct span peer)
{
	return login_is_secret(secret, (enum login_method)request->method) &&
	       record_set_part(request->secret, sizeof(request->secret),
		   &request->secret_len, secret) &&
	       record_set_part(request->challenge, sizeof(request->challenge),
		   &request->challenge_len, challenge) &&
	       record_set_part(request->peer, sizeof(request->peer),
		   &request->peer_len, peer);
}

void
checkpw_request_wipe(struct checkpw_request *request)
{
	explicit_bzero(request, sizeof(*request));
}

struct span
checkpw_user(const struct checkpw_request *request)
{
	return (struct span){ request->user, request->user_len };
}

struct span
checkpw_peer(const struct checkpw_request *request)
{
	return (struct span){ request->peer, request->peer_len };
}

struct span
checkpw_secret(const struct checkpw_request *request)
{
	return (struct span){ request->secret, request->secret_len };
}

struct span
checkpw_challenge(const struct checkpw_request *request)
{
	return (struct span){ request->challenge, request->challenge_len };
}

bool
checkpw_send_request(int session, const struct checkpw_request *request)
{
	return record_send(session, request, sizeof(*request), -1);
}

static bool
is_check(const struct checkpw_request *request)
{
	return request->magic == CHECK_MAGIC &&
	       request->kind >= CHECKPW_SYSTEM &&
	       request->kind <= CHECKPW_NOBODY &&
	       (login_is_method(request->method) ||
		   request->method == LOGIN_TOKEN) &&
	       request->user_len <= LOGIN_USER_MAX &&
	       request->secret_len <= LOGIN_SECRET_MAX &&
	       request->challenge_len <= LOGIN_CHALLENGE_MAX &&
	       request->peer_len <= LOGIN_PEER_MAX &&
	       record_is_user(checkpw_user(request)) &&
	       record_is_printable(checkpw_peer(request)) &&
	       login_is_secret(
		   checkpw_secret(request), (enum login_method)request->method);
}

bool
checkpw_parse_request(struct span bytes, struct checkpw_request *request)
{
	if (bytes.len != sizeof(*request))
		return false;
	memcpy(request, bytes.ptr, sizeof(*request));
	return is_check(request);
}

int
checkpw_receive_request(
    int session, struct checkpw_request *request, int64_t timeout_ms)
{
	int got = record_await(session, request, sizeof(*request), timeout_ms);

	if (got != 1 || is_check(request))
		return got;
	errno = EBADMSG;
	return -1;
}

bool
checkpw_send_answer(int session, enum checkpw_verdict verdict)
{
	struct checkpw_answer answer = { CHECKED_MAGIC, (uint32_t)verdict };

	return record_send(session, &answer, sizeof(answer), -1);
}

static bool
is_answer(const struct checkpw_answer *answer)
{
	return answer->magic == CHECKED_MAGIC &&
	       answer->verdict >= CHECKPW_OK &&
	       answer->verdict <= CHECKPW_CANCELLED;
}

bool
checkpw_parse_answer(struct span bytes, enum checkpw_verdict *verdict)
{
	struct checkpw_answer answer;

	if (bytes.len != sizeof(answer))
		return false;
	memcpy(&answer, bytes.ptr, sizeof(answer));
	*verdict = (enum checkpw_verdict)answer.verdict;
	return is_answer(&answer);
}

int
checkpw_receive_answer(
    int session, enum checkpw_verdict *verdict, int64_t timeout_ms)
{
	struct checkpw_answer answer;
	int got = record_await(session, &answer, sizeof(answer), timeout_ms);

	if (got != 1)
		return got;
	if (!is_answer(&answer)) {
		errno = EBADMSG;
		return -1;
	}
	*verdict = (enum checkpw_verdict)answer.verdict;
	return 1;
}
