#include "service/workers.h"

#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/paths.h"
#include "queue/neighbour.h"
#include "queue/sasl.h"
#include "service/verify.h"

enum {
	REQUEST_TIMEOUT_MS = 10000,
	WORKERS_MAX = 500 /* most of them wait for a client */
};

/* ---- the child ---- */

static enum checkpw_verdict
check(const struct exchanges *exchanges, const struct checkpw_request *request)
{
	const struct judged judged = { .kind = (enum checkpw_kind)request->kind,
		.account = checkpw_user(request),
		.peer = checkpw_peer(request) };
	/* An empty name is in no table: it is nobody's. */
	struct span user = request->kind == CHECKPW_NOBODY
			       ? span_of("")
			       : checkpw_user(request);

	if (request->method == LOGIN_APOP)
		return verify_apop(MTA_USERS "/apop", user,
		    checkpw_challenge(request), checkpw_secret(request));
	if (request->method != LOGIN_PASSWORD)
		return CHECKPW_NO;
	return judge_password(
	    &exchanges->judge, &judged, checkpw_secret(request));
}

/* A password, or the beginning of an exchange. */
static void
answer(const struct exchanges *exchanges, int session)
{
	static struct packet packet; /* these are large */
	static struct checkpw_request request;
	static struct sasl_request sasl;
	enum checkpw_verdict verdict;

	if (!neighbour_wait(session, REQUEST_TIMEOUT_MS, &packet))
		return;
	packet_close_fds(&packet);
	bool is_request = checkpw_parse_request(packet_span(&packet), &request);
	bool is_sasl =
	    !is_request && sasl_parse_request(packet_span(&packet), &sasl);
	explicit_bzero(packet.bytes, packet.len);
	if (!is_request && !is_sasl) {
		log_event("no request of login(5)");
		return;
	}
	verdict = is_sasl ? exchange_run(exchanges, session, &sasl)
			  : check(exchanges, &request);
	checkpw_request_wipe(&request);
	if (!is_request) /* else none of its pages is ours yet */
		sasl_request_wipe(&sasl);
	if (!checkpw_send_answer(session, verdict))
		warn_errno("cannot answer");
}

/* ---- the parent ---- */

void
workers_prepare(struct workers *workers, int helpers, const struct turns *turns)
{
	sigset_t signals;

	exchanges_prepare(&workers->exchanges);
	workers->exchanges.judge.helpers = helpers;
	workers->exchanges.judge.turns = *turns;
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
	answer(&workers->exchanges, session);
	_exit(EX_OK);
}

/*
 * A password for PAM is not for us to see, nor worth a child of ours.  If the
 * other part is gone its asker hears a closed pair, and we hear it at once.
 */
static bool
pass_on(const struct workers *workers, struct packet *packet)
{
	int session = neighbour_accept_session_of(packet, CHECKPW_FOR_PAM);

	if (session == -1)
		return false;
	if (!packet_send(workers->exchanges.judge.helpers, packet_span(packet),
		&session, 1))
		warn_errno("cannot pass a session on");
	close(session);
	return true;
}

/* False when login says goodbye. */
static bool
take_control(struct workers *workers)
{
	static struct packet packet;
	int got = packet_receive(NEIGHBOUR_SELF, &packet);

	if (got == 0)
		return false;
	if (got == 1 && pass_on(workers, &packet)) {
		packet_close_fds(&packet);
		return true;
	}
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
		{ .fd = workers->exchanges.judge.helpers },
		{ .fd = NEIGHBOUR_SELF, .events = POLLIN },
	};

	for (;;) {
		nfds_t count = workers->count < WORKERS_MAX ? 3 : 2;

		polled[2].revents = 0;
		if (poll(polled, count, -1) == -1)
			continue;
		if (polled[1].revents != 0)
			die(EX_TEMPFAIL, "the part that is root is gone");
		if (polled[0].revents != 0)
			reap(workers);
		if (polled[2].revents != 0 && !take_control(workers))
			return;
	}
}
