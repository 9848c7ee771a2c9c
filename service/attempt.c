#include "service/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "queue/neighbour.h"
#include "queue/sharing.h"
#include "queue/spare.h"
#include "service/relay.h"

enum {
	PARENT_TIMEOUT_MS = 20000,
	CHECKPW_TIMEOUT_MS = 90000,
	HANDOVER_TIMEOUT_MS = 20000,
	MOVED_FD = 64 /* above all that is placed */
};

/* ---- the log ---- */

/* As it may stand after "user=": no space, nothing that looks like a pair. */
static void
add_logged(struct buf *line, const char *key, struct span text)
{
	buf_add_string(line, key);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		buf_add_char(line, c == ' ' || c == '=' || c == '"' ? '?' : c);
	}
}

static void
add_subject(struct buf *line, const char *event, const struct subject *subject)
{
	add_logged(line, event, span_of(""));
	add_logged(line, " user=", buf_span(&subject->user));
	add_logged(line, " client=", subject->peer);
	add_logged(line, " method=", subject->method);
}

static void
log_line(struct buf *line, const char *event)
{
	const char *text = buf_string(line);

	log_event("%s", text == NULL ? event : text);
	buf_free(line);
}

/* pid: who serves the client. */
static void
log_login(
    const struct subject *subject, const struct account *account, pid_t pid)
{
	struct buf line = buf_new(2048);

	add_subject(&line, "login", subject);
	buf_printf(&line, " account=%.*s uid=%u pid=%ld",
	    (int)account->name.len, account->name.data, account->uid,
	    (long)pid);
	log_line(&line, "login");
}

static void
log_refused(
    const char *event, const struct subject *subject, const char *reason)
{
	struct buf line = buf_new(2048);

	add_subject(&line, event, subject);
	buf_printf(&line, " reason=%s", reason);
	if (subject->wanted.len > 0)
		add_logged(&line, " wanted=", buf_span(&subject->wanted));
	log_line(&line, event);
}

static void
log_refusal(const struct subject *subject, enum login_verdict verdict)
{
	if (verdict == LOGIN_NO)
		log_refused("refused", subject, subject->reason);
	else if (verdict == LOGIN_LATER)
		log_refused("later", subject, subject->reason);
}

/* ---- the proof ---- */

static enum login_verdict
ask_checkpw(const struct attempt *attempt, struct login_request *request,
    const struct account *account)
{
	struct checkpw_request question;
	enum checkpw_verdict verdict = CHECKPW_LATER;
	bool is_nobody = account->kind == CHECKPW_NOBODY;
	bool is_for_pam = account->kind == CHECKPW_SYSTEM &&
			  request->head.method == LOGIN_PASSWORD;
	int session = neighbour_open_session_of(
	    NEIGHBOUR_CHECKPW, is_for_pam ? CHECKPW_FOR_PAM : "");

	bool is_asked = session != -1 &&
			checkpw_request_init(&question, account->kind,
			    (enum login_method)request->head.method,
			    is_nobody ? login_user(&request->head)
				      : buf_span(&account->name)) &&
			checkpw_request_set(&question, login_secret(request),
			    attempt->challenge, login_peer(&request->head)) &&
			checkpw_send_request(session, &question);
	checkpw_request_wipe(&question);
	explicit_bzero(request->secret, sizeof(request->secret));
	if (!is_asked ||
	    checkpw_receive_answer(session, &verdict, CHECKPW_TIMEOUT_MS) != 1)
		return LOGIN_LATER;
	close(session);
	if (verdict == CHECKPW_LATER)
		return LOGIN_LATER;
	return verdict == CHECKPW_OK && !is_nobody ? LOGIN_OK : LOGIN_NO;
}

/* A password or a digest; subject->reason says why it is refused. */
static enum login_verdict
check(const struct attempt *attempt, struct login_request *request,
    struct subject *subject, struct account *account)
{
	bool is_apop = request->head.method == LOGIN_APOP;

	buf_add(&subject->user, login_user(&request->head));
	subject->peer = login_peer(&request->head);
	subject->method = span_of(is_apop ? "apop" : "password");
	subject->reason = "no-challenge";
	if (is_apop && !attempt->may_use_apop)
		return LOGIN_NO;
	subject->reason = "lookup";
	if (!account_find(
		attempt->uid_min, login_user(&request->head), account))
		return LOGIN_LATER;
	enum login_verdict verdict = ask_checkpw(attempt, request, account);
	subject->reason = verdict == LOGIN_LATER            ? "checkpw"
			  : account->kind == CHECKPW_NOBODY ? "no-mailbox"
							    : "password";
	return verdict;
}

/* ---- the parent's part ---- */

static bool
send_report(const struct attempt *attempt, enum login_verdict verdict,
    const struct subject *subject, const struct account *account)
{
	struct attempt_report report = { .verdict = (uint32_t)verdict,
		.account_len = (uint32_t)account->name.len,
		.stranger = account->is_stranger ? account->uid : 0,
		.penalty_key = subject->penalty_key };
	struct span bytes = { (const char *)&report, sizeof(report) };

	if (account->name.len > sizeof(report.account))
		return false;
	memcpy(report.account, account->name.len > 0 ? account->name.data : "",
	    account->name.len);
	return packet_send(attempt->report, bytes, NULL, 0);
}

/* A process that waits for the account's next client, or none. */
struct spare_process {
	int pair; /* -1: none */
	pid_t pid;
};

/* Has the account a place left? The parent counts. */
static bool
may_go_on(const struct attempt *attempt, struct spare_process *spare)
{
	static struct packet packet; /* large */
	struct pollfd polled = { .fd = attempt->report, .events = POLLIN };
	struct attempt_answer answer;

	if (poll(&polled, 1, PARENT_TIMEOUT_MS) != 1 ||
	    packet_receive(attempt->report, &packet) != 1 ||
	    packet.len != sizeof(answer))
		return false;
	memcpy(&answer, packet.bytes, sizeof(answer));
	spare->pair = packet_take_fd(&packet, 0);
	spare->pid = answer.spare;
	return answer.verdict == LOGIN_OK;
}

/* ---- becoming the user ---- */

struct client {
	int fd; /* -1: the acceptor relays it */
	struct span input;
	const struct subject *subject;
};

static void
place(int fd, int at)
{
	if (dup2(fd, at) == -1)
		temp_fail("cannot place a descriptor");
}

/* A pipe holds the unread input whole: LOGIN_INPUT_MAX is below its size. */
static void
place_input(struct span input)
{
	int ends[2];

	if (input.len == 0)
		return;
	if (pipe(ends) == -1 || !write_all(ends[1], input))
		temp_fail("cannot pass the unread input on");
	close(ends[1]);
	place(ends[0], LOGIN_INPUT_FD);
}

/*
 * A relayed client stays with the acceptor: what is the user's is one end of a
 * pair, and *ours the other.
 */
static int
take_client(int client, int *ours)
{
	int ends[2];

	*ours = -1;
	if (client != -1)
		return fcntl(client, F_DUPFD, MOVED_FD);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		temp_fail("cannot make a pair");
	*ours = fcntl(ends[0], F_DUPFD, MOVED_FD);
	return *ours == -1 ? -1 : fcntl(ends[1], F_DUPFD, MOVED_FD);
}

/* Without a new process; false: the client is ours still. */
static bool
hand_over(const struct attempt *attempt, const struct spare_process *spare,
    const struct client *client, const struct account *account)
{
	const struct spare_account whose = { account->uid, account->gid,
		buf_span(&account->mailbox) };

	if (spare->pair == -1 || client->fd == -1 ||
	    !spare_hand_over(spare->pair, &whose, client->subject->peer,
		client->input, client->fd))
		return false;
	/* At once, for the acceptor must not speak to the client any more. */
	login_send_answer(attempt->session, LOGIN_OK);
	log_login(client->subject, account, spare->pid);
	return true;
}

/* From here on the client is the user's: nothing of ours stays open. */
static _Noreturn void
become(const struct attempt *attempt, const struct client *client,
    struct account *account)
{
	struct span peer_text = client->subject->peer;
	char path[256];
	char peer[LOGIN_PEER_MAX + 1];
	int ours;
	int moved = take_client(client->fd, &ours);
	int session = fcntl(attempt->session, F_DUPFD, MOVED_FD);
	int report = fcntl(attempt->report, F_DUPFD, MOVED_FD);

	if (moved == -1 || session == -1 || report == -1)
		temp_fail("cannot place a descriptor");
	snprintf(path, sizeof(path), MTA_BIN "/%s", attempt->program);
	snprintf(peer, sizeof(peer), "%.*s", (int)peer_text.len, peer_text.ptr);
	place(moved, STDIN_FILENO);
	place(moved, STDOUT_FILENO);
	close_range(STDERR_FILENO + 1, MOVED_FD - 1, 0);
	place_input(client->input);
	if (attempt->keeps_report)
		place(report, LOGIN_SHARING_FD);
	signal(SIGPIPE, SIG_DFL);
	become_user(account->uid, account->gid, NULL, 0);
	if (ours == -1 ? !login_send_answer(session, LOGIN_OK)
		       : !login_send_connection(session, ours))
		temp_fail("the acceptor is gone");
	closefrom(
	    attempt->keeps_report ? LOGIN_SHARING_FD + 1 : LOGIN_INPUT_FD + 1);
	char *const environment[] = { NULL };
	const char *const argv[] = { attempt->program, "-s",
		buf_string(&account->name), buf_string(&account->mailbox), peer,
		NULL };
	execve(path, (char *const *)(uintptr_t)argv, environment);
	temp_fail("cannot execute %s", path);
}

static _Noreturn void
serve(const struct attempt *attempt, const struct spare_process *spare,
    const struct client *client, struct account *account)
{
	if (hand_over(attempt, spare, client, account))
		_exit(EX_OK);
	log_login(client->subject, account, getpid());
	become(attempt, client, account);
}

/* What was proven is told: true if a process of the user's is to serve. */
static bool
conclude(const struct attempt *attempt, enum login_verdict verdict,
    const struct subject *subject, const struct account *account,
    struct spare_process *spare)
{
	log_refusal(subject, verdict);
	if (verdict == LOGIN_OK && attempt->program == NULL)
		log_login(subject, account, getpid());
	if (!send_report(attempt, verdict, subject, account) ||
	    verdict != LOGIN_OK || attempt->program == NULL)
		return false;
	if (may_go_on(attempt, spare))
		return true;
	log_refused("refused", subject, "too-many-sessions");
	return false;
}

void
attempt_run(const struct attempt *attempt)
{
	static struct login_request request;
	struct account account = account_new();
	struct subject subject = { .user = buf_new(LOGIN_USER_MAX),
		.wanted = buf_new(LOGIN_USER_MAX) };
	struct spare_process spare = { .pair = -1 };
	struct client client = { .fd = -1, .subject = &subject };

	if (attempt->program == NULL ||
	    login_receive_request(attempt->session, &request, &client.fd) !=
		1 ||
	    request.head.service != attempt->service)
		die(EX_PROTOCOL, "no request of login(5)");
	enum login_verdict verdict =
	    check(attempt, &request, &subject, &account);
	client.input = login_input(&request);
	if (conclude(attempt, verdict, &subject, &account, &spare))
		serve(attempt, &spare, &client, &account);
	_exit(EX_OK);
}

void
attempt_run_sasl(const struct attempt *attempt)
{
	static struct sasl_request request;
	struct account account = account_new();
	struct subject subject = { .user = buf_new(LOGIN_USER_MAX),
		.wanted = buf_new(LOGIN_USER_MAX) };
	struct buf input = buf_new(LOGIN_INPUT_MAX);
	struct spare_process spare = { .pair = -1 };
	struct client client = { .fd = -1, .subject = &subject };

	if (sasl_receive_request(
		attempt->session, &request, PARENT_TIMEOUT_MS) != 1 ||
	    request.head.service != attempt->service)
		die(EX_PROTOCOL, "no request of login(5)");
	enum login_verdict verdict =
	    relay_run(attempt, &request, &subject, &account);
	if (!conclude(attempt, verdict, &subject, &account, &spare))
		_exit(EX_OK);
	/* Only now does the acceptor leave its client alone. */
	if (!login_send_answer(attempt->session, LOGIN_PROVEN) ||
	    login_receive_handover(attempt->session, &input, &client.fd,
		HANDOVER_TIMEOUT_MS) != 1 ||
	    (request.head.is_relayed != 0) != (client.fd == -1))
		die(EX_PROTOCOL, "the acceptor kept its client");
	client.input = buf_span(&input);
	serve(attempt, &spare, &client, &account);
}
