#include "service/helpers.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "queue/neighbour.h"
#include "queue/sasl.h"
#include "service/pam.h"

enum {
	REQUEST_TIMEOUT_MS = 10000,
	TIMEOUT_S = 65 /* a little more than a checker has */
};

/* The record's parts become C strings: none of them holds a NUL. */
static enum checkpw_verdict
ask_pam(struct checkpw_request *request)
{
	char user[LOGIN_USER_MAX + 1] = "";
	char password[LOGIN_SECRET_MAX + 1] = "";
	char peer[LOGIN_PEER_MAX + 1] = "";

	memcpy(user, request->user, request->user_len);
	memcpy(password, request->secret, request->secret_len);
	memcpy(peer, request->peer, request->peer_len);
	checkpw_request_wipe(request);
	enum checkpw_verdict verdict = pam_verdict(user, password, peer);
	explicit_bzero(password, sizeof(password));
	return verdict;
}

static enum checkpw_verdict
ask_checker(const struct buf *program, const struct checkpw_request *request,
    struct span secret, struct buf *owner)
{
	if (program->len == 0)
		return CHECKPW_NO;
	/* checker_configure saw that it is a C string */
	return checker_verdict(
	    program->data, checkpw_user(request), secret, owner);
}

static enum checkpw_verdict
ask_token_checker(int session, const struct checkers *checkers,
    const struct checkpw_request *request)
{
	static struct sasl_message token; /* large */
	struct buf owner = buf_new(LOGIN_USER_MAX);

	if (sasl_receive(session, &token, REQUEST_TIMEOUT_MS) != 1 ||
	    token.kind != SASL_TOKEN)
		return CHECKPW_LATER;
	enum checkpw_verdict verdict =
	    ask_checker(&checkers->token, request, sasl_bytes(&token), &owner);
	sasl_message_wipe(&token);
	if (owner.len > 0 &&
	    !sasl_send_names(session, buf_span(&owner), span_of("")))
		verdict = CHECKPW_LATER;
	buf_free(&owner);
	return verdict;
}

/* What is passed on unread is asked of PAM alone. */
static bool
is_expected(const struct checkpw_request *request, bool is_for_pam)
{
	return request->method == LOGIN_PASSWORD
		   ? !is_for_pam || request->kind == CHECKPW_SYSTEM
		   : !is_for_pam && request->method == LOGIN_TOKEN;
}

/* turns: of a session for PAM; a worker has taken its turn. */
static void
answer(int session, const struct checkers *checkers, const struct turns *turns)
{
	static struct checkpw_request request; /* large */
	enum checkpw_verdict verdict = CHECKPW_LATER;

	if (checkpw_receive_request(session, &request, REQUEST_TIMEOUT_MS) !=
		1 ||
	    !is_expected(&request, turns != NULL)) {
		log_event("no request of login(5)");
		return;
	}
	if (turns != NULL)
		turns_take(turns);
	alarm(TIMEOUT_S);
	if (request.method == LOGIN_TOKEN)
		verdict = ask_token_checker(session, checkers, &request);
	else if (request.kind == CHECKPW_SYSTEM)
		verdict = ask_pam(&request);
	else
		verdict = ask_checker(&checkers->password, &request,
		    checkpw_secret(&request), NULL);
	checkpw_request_wipe(&request);
	if (!checkpw_send_answer(session, verdict))
		warn_errno("cannot answer");
	if (turns != NULL)
		turns_leave(turns);
}

static void
start(int control, int session, const struct checkers *checkers,
    const struct turns *turns)
{
	pid_t pid = fork();

	if (pid == -1)
		warn_errno("cannot fork");
	if (pid != 0)
		return;
	close(control);
	signal(SIGCHLD, SIG_DFL); /* modules wait for children of their own */
	answer(session, checkers, turns);
	_exit(EX_OK);
}

void
helpers_serve(
    int control, const struct checkers *checkers, const struct turns *turns)
{
	static struct packet packet;

	pam_prepare();
	signal(SIGCHLD, SIG_IGN); /* the kernel buries them */
	while (packet_receive(control, &packet) == 1) {
		int session = neighbour_accept_session(&packet);
		bool is_for_pam = false;

		if (session == -1) {
			session = neighbour_accept_session_of(
			    &packet, CHECKPW_FOR_PAM);
			is_for_pam = session != -1;
		}
		packet_close_fds(&packet);
		if (session == -1)
			continue;
		start(control, session, checkers, is_for_pam ? turns : NULL);
		close(session);
	}
}
