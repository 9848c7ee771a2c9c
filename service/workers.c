#include "service/workers.h"

#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/paths.h"
#include "queue/neighbour.h"
#include "service/verify.h"

enum {
	REQUEST_TIMEOUT_MS = 10000,
	PAM_TIMEOUT_MS = 70000
};

/* ---- the child ---- */

/* The password of a user of this host: the other part asks PAM. */
static enum checkpw_verdict
ask_pam(int pam, const struct checkpw_request *request)
{
	enum checkpw_verdict verdict = CHECKPW_LATER;
	int session = neighbour_open_session(pam);

	if (session == -1 || !checkpw_send_request(session, request) ||
	    checkpw_receive_answer(session, &verdict, PAM_TIMEOUT_MS) != 1)
		return CHECKPW_LATER;
	return verdict;
}

static enum checkpw_verdict
judge(int pam, const struct checkpw_request *request)
{
	/* An empty name is in no table: it is nobody's. */
	struct span user = request->kind == CHECKPW_NOBODY
			       ? span_of("")
			       : checkpw_user(request);
	char password[LOGIN_SECRET_MAX + 1] = "";

	if (request->method == LOGIN_APOP)
		return verify_apop(MTA_USERS "/apop", user,
		    checkpw_challenge(request), checkpw_secret(request));
	if (request->kind == CHECKPW_SYSTEM)
		return ask_pam(pam, request);
	memcpy(password, request->secret, request->secret_len);
	enum checkpw_verdict verdict =
	    verify_password(MTA_USERS "/passwords", user, password);
	explicit_bzero(password, sizeof(password));
	return verdict;
}

static void
answer(int pam, int session)
{
	static struct checkpw_request request;

	if (checkpw_receive_request(session, &request, REQUEST_TIMEOUT_MS) !=
	    1) {
		log_event("no request of login(5)");
		return;
	}
	enum checkpw_verdict verdict = judge(pam, &request);
	checkpw_request_wipe(&request);
	if (!checkpw_send_answer(session, verdict))
		warn_errno("cannot answer");
}

/* ---- the parent ---- */

void
workers_prepare(struct workers *workers)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &workers->old_mask);
	workers->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (workers->signals == -1)
		temp_fail("cannot make a signalfd");
}

static void
start(struct workers *workers, int session)
{
	pid_t pid = fork();

	if (pid == -1) {
		warn_errno("cannot fork"); /* its asker hears a closed pair */
		return;
	}
	if (pid > 0) {
		workers->count++;
		return;
	}
	close(NEIGHBOUR_SELF);
	sigprocmask(SIG_SETMASK, &workers->old_mask, NULL);
	answer(workers->pam, session);
	_exit(EX_OK);
}

/* False when login says goodbye. */
static bool
take_control(struct workers *workers)
{
	static struct packet packet;
	int got = packet_receive(NEIGHBOUR_SELF, &packet);

	if (got == 0)
		return false;
	int session = got == 1 ? neighbour_accept_session(&packet) : -1;
	packet_close_fds(&packet);
	if (session == -1)
		return true;
	start(workers, session);
	close(session);
	return true;
}

static void
reap(struct workers *workers)
{
	struct signalfd_siginfo info;

	while (read(workers->signals, &info, sizeof(info)) == sizeof(info))
		;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		workers->count--;
}

void
workers_serve(struct workers *workers)
{
	struct pollfd polled[3] = {
		{ .fd = workers->signals, .events = POLLIN },
		{ .fd = workers->pam },
		{ .fd = NEIGHBOUR_SELF, .events = POLLIN },
	};

	for (;;) {
		nfds_t count = workers->count < workers->max ? 3 : 2;

		polled[2].revents = 0;
		if (poll(polled, count, -1) == -1)
			continue;
		if (polled[1].revents != 0)
			die(EX_TEMPFAIL, "the part for PAM is gone");
		if (polled[0].revents != 0)
			reap(workers);
		if (polled[2].revents != 0 && !take_control(workers))
			return;
	}
}
