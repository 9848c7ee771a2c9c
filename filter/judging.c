#include "filter/judging.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"

enum {
	SESSIONS_MAX = 4096,
	CRASHES_MAX = 3
};

bool
judging_answer(int session, const struct filter_answer *answer, int fd)
{
	struct buf packet = buf_new(PACKET_MAX);

	filter_add_answer(&packet, answer);
	bool is_sent =
	    !packet.overflow &&
	    packet_send(session, buf_span(&packet), &fd, fd == -1 ? 0 : 1);
	buf_free(&packet);
	return is_sent;
}

bool
judging_verdict(int session, enum filter_verdict verdict, struct span text)
{
	const struct filter_answer answer = { .verdict = verdict,
		.text = text };

	return judging_answer(session, &answer, -1);
}

/* A stage that a later smtpd has and we do not is none of our business. */
void
judging_run(const struct filter_role *role, int session)
{
	static struct packet packet; /* large: untouched pages cost nothing */
	struct filter_request request;

	while (packet_receive(session, &packet) == 1) {
		int message = packet_take_fd(&packet, 0);

		packet_close_fds(&packet);
		if (!filter_parse_request(packet_span(&packet), &request) ||
		    (request.stage == FILTER_MESSAGE && message == -1)) {
			log_event("no request of filter(5): accepted");
			judging_verdict(
			    session, FILTER_ACCEPT, (struct span){ "", 0 });
		} else {
			role->answer(role->context, session, &request, message);
		}
		if (message != -1)
			close(message);
	}
}

/* ---- the parent ---- */

struct children {
	unsigned count;
	unsigned crashes;
};

static _Noreturn void
run_child(const struct filter_role *role, const struct sandbox_layer *layer,
    int session)
{
	close(NEIGHBOUR_SELF);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1)
		temp_fail("cannot ask for the parent's death signal");
	int kept[SANDBOX_KEPT_MAX];
	size_t count = role->prepare(role->context, kept);

	kept[count++] = session;
	sandbox_session(layer, kept, count);
	judging_run(role, session);
	_exit(EX_OK);
}

static void
reap(struct children *children)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		children->count--;
		if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGTERM)
			continue;
		log_event(
		    "session %d died of signal %d", (int)pid, WTERMSIG(status));
		children->crashes++;
	}
}

/* What cannot be served is closed: smtpd sees that its filter failed. */
static void
begin_session(const struct filter_role *role, const struct sandbox_layer *layer,
    struct children *children, int session)
{
	if (children->count >= SESSIONS_MAX) {
		log_event("refused: %d sessions", SESSIONS_MAX);
		return;
	}
	pid_t pid = fork();
	if (pid == 0)
		run_child(role, layer, session);
	if (pid == -1)
		warn_errno("cannot fork");
	else
		children->count++;
}

bool
judging_is_wanted(void)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(NEIGHBOUR_SELF, SOL_SOCKET, SO_TYPE, &type, &len) ==
		   0 &&
	       type == SOCK_SEQPACKET;
}

/* Wait for the control pair; false if a neighbour is gone. */
static bool
await_session(const struct filter_role *role)
{
	struct pollfd polled[1 + FILTER_NEIGHBOURS_MAX] = {
		{ .fd = NEIGHBOUR_SELF, .events = POLLIN }
	};

	for (size_t i = 0; i < role->neighbour_count; i++)
		polled[1 + i].fd = neighbour_is_given(role->neighbours[i])
				       ? role->neighbours[i]
				       : -1;
	while (poll(polled, 1 + role->neighbour_count, -1) == -1)
		if (errno != EINTR)
			temp_fail("cannot wait for sessions");
	for (size_t i = 0; i < role->neighbour_count; i++)
		if (polled[1 + i].revents != 0)
			return false;
	return true;
}

int
judging_serve(const struct filter_role *role)
{
	static struct packet packet;
	struct children children = { 0, 0 };

	signal(SIGPIPE, SIG_IGN);
	require_unprivileged();
	const struct sandbox_layer *layer = sandbox_enter_for_sessions(
	    role->allowed | SANDBOX_FORK, role->session_allowed);
	while (children.crashes < CRASHES_MAX) {
		if (!await_session(role)) {
			log_event("a neighbour is gone");
			return EX_UNAVAILABLE;
		}
		int got = packet_receive(NEIGHBOUR_SELF, &packet);

		reap(&children);
		if (got == 0)
			return EX_OK;
		int session = got == 1 ? neighbour_accept_session(&packet) : -1;
		packet_close_fds(&packet);
		if (session == -1)
			continue;
		begin_session(role, layer, &children, session);
		close(session);
	}
	log_event("%d crashes: starting anew", CRASHES_MAX);
	return EX_SOFTWARE;
}
