#include "service/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include <bsd/unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "queue/lookup.h"

enum {
	LOOKUP_TIMEOUT_MS = 20000,
	CHECKPW_TIMEOUT_MS = 90000,
	MOVED_FD = 64 /* above all that is placed */
};

/* What is known of the account, in memory of our own. */
struct account {
	enum checkpw_kind kind;
	unsigned uid;
	unsigned gid;
	struct buf name;
	struct buf mailbox;
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
log_attempt(const char *event, const struct login_request *request,
    const struct account *account, const char *reason)
{
	struct buf line = buf_new(2048);

	add_logged(&line, event, span_of(""));
	add_logged(&line, " user=", login_user(&request->head));
	add_logged(&line, " client=", login_peer(&request->head));
	add_logged(&line, " method=",
	    span_of(request->head.method == LOGIN_APOP ? "apop" : "password"));
	if (account != NULL)
		buf_printf(&line, " account=%.*s uid=%u pid=%ld",
		    (int)account->name.len, account->name.data, account->uid,
		    (long)getpid());
	else
		buf_printf(&line, " reason=%s", reason);
	const char *text = buf_string(&line);
	log_event("%s", text == NULL ? event : text);
	buf_free(&line);
}

/* ---- whose mailbox ---- */

/*
 * "joe" is also joe@host; no other name opens joe's mailbox: neither an
 * extension, nor a catch-all, nor an alias.
 */
static bool
is_own_name(struct span account, struct span user)
{
	if (span_equal_nocase(account, user))
		return true;
	return span_index(account, '@') == account.len &&
	       span_equal_nocase(
		   account, span_slice(user, 0, span_index(user, '@')));
}

/* The group must be the user's own, as local-deliver demands, too. */
static bool
may_become(uint64_t uid, uint64_t gid, uint64_t uid_min)
{
	if (uid == 0 || gid == 0 || uid < uid_min)
		return false;
	const struct passwd *entry = getpwuid((uid_t)uid);
	return entry != NULL ? entry->pw_gid == gid : gid >= uid_min;
}

static bool
is_usable(const struct attempt *attempt, struct span user,
    const struct lookup_answer *answer)
{
	return answer->kind == LOOKUP_MAILBOX && answer->extension.len == 0 &&
	       answer->mailbox.len > 0 && is_own_name(answer->account, user) &&
	       may_become(answer->uid, answer->gid, attempt->uid_min);
}

/*
 * Ask lookup for the mailbox behind a name, aliases left aside.  False if it
 * cannot tell now; a name without a mailbox is CHECKPW_NOBODY.
 */
static bool
find_account(
    const struct attempt *attempt, struct span user, struct account *account)
{
	static struct packet packet;
	struct buf question = buf_new(LOGIN_USER_MAX + 1);
	struct lookup_answer answer;
	int session = neighbour_open_session(NEIGHBOUR_LOOKUP);

	if (session == -1)
		return false;
	buf_add_char(&question, '\\');
	buf_add(&question, user);
	lookup_ask(
	    session, buf_span(&question), LOOKUP_TIMEOUT_MS, &packet, &answer);
	close(session);
	buf_free(&question);
	if (answer.kind == LOOKUP_LATER) {
		log_event("lookup: %.*s", (int)answer.text.len,
		    answer.text.len > 0 ? answer.text.ptr : "");
		return false;
	}
	account->kind = CHECKPW_NOBODY;
	if (!is_usable(attempt, user, &answer))
		return true;
	buf_add(&account->name, answer.account);
	buf_add(&account->mailbox, answer.mailbox);
	account->uid = (unsigned)answer.uid;
	account->gid = (unsigned)answer.gid;
	account->kind = span_index(answer.account, '@') < answer.account.len
			    ? CHECKPW_VIRTUAL
			    : CHECKPW_SYSTEM;
	return buf_string(&account->name) != NULL &&
	       buf_string(&account->mailbox) != NULL;
}

/* ---- the proof ---- */

static enum login_verdict
ask_checkpw(const struct attempt *attempt, struct login_request *request,
    const struct account *account)
{
	struct checkpw_request question;
	enum checkpw_verdict verdict = CHECKPW_LATER;
	bool is_nobody = account->kind == CHECKPW_NOBODY;
	int session = neighbour_open_session(NEIGHBOUR_CHECKPW);

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

static enum login_verdict
check(const struct attempt *attempt, struct login_request *request,
    struct account *account)
{
	if (request->head.method == LOGIN_APOP && !attempt->may_use_apop) {
		log_attempt("refused", request, NULL, "no-challenge");
		return LOGIN_NO;
	}
	if (!find_account(attempt, login_user(&request->head), account)) {
		log_attempt("later", request, NULL, "lookup");
		return LOGIN_LATER;
	}
	enum login_verdict verdict = ask_checkpw(attempt, request, account);
	if (verdict == LOGIN_NO)
		log_attempt("refused", request, NULL,
		    account->kind == CHECKPW_NOBODY ? "no-mailbox"
						    : "password");
	else if (verdict == LOGIN_LATER)
		log_attempt("later", request, NULL, "checkpw");
	return verdict;
}

/* ---- becoming the user ---- */

static bool
send_report(const struct attempt *attempt, enum login_verdict verdict,
    const struct account *account)
{
	struct attempt_report report = { .verdict = (uint32_t)verdict,
		.account = XXH3_64bits(account->name.data, account->name.len) };
	struct span bytes = { (const char *)&report, sizeof(report) };

	return packet_send(attempt->report, bytes, NULL, 0);
}

/* Has the account a place left? The parent counts. */
static bool
may_go_on(const struct attempt *attempt)
{
	enum login_verdict verdict = LOGIN_LATER;

	return login_receive_answer(
		   attempt->report, &verdict, LOOKUP_TIMEOUT_MS) == 1 &&
	       verdict == LOGIN_OK;
}

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

/* From here on the client is the user's: nothing of ours stays open. */
static _Noreturn void
become(const struct attempt *attempt, int client,
    const struct login_request *request, struct account *account)
{
	char path[256];
	char peer[LOGIN_PEER_MAX + 1];
	struct span peer_text = login_peer(&request->head);
	int moved = fcntl(client, F_DUPFD, MOVED_FD);
	int session = fcntl(attempt->session, F_DUPFD, MOVED_FD);

	if (moved == -1 || session == -1)
		temp_fail("cannot place a descriptor");
	snprintf(path, sizeof(path), MTA_BIN "/%s", attempt->program);
	snprintf(peer, sizeof(peer), "%.*s", (int)peer_text.len, peer_text.ptr);
	place(moved, STDIN_FILENO);
	place(moved, STDOUT_FILENO);
	for (int fd = STDERR_FILENO + 1; fd < MOVED_FD; fd++)
		close(fd);
	place_input(login_input(request));
	signal(SIGPIPE, SIG_DFL);
	become_user(account->uid, account->gid, NULL, 0);
	if (!login_send_answer(session, LOGIN_OK))
		temp_fail("the acceptor is gone");
	closefrom(LOGIN_INPUT_FD + 1);
	char *const environment[] = { NULL };
	const char *const argv[] = { attempt->program, "-s",
		buf_string(&account->name), buf_string(&account->mailbox), peer,
		NULL };
	execve(path, (char *const *)(uintptr_t)argv, environment);
	temp_fail("cannot execute %s", path);
}

void
attempt_run(const struct attempt *attempt)
{
	static struct login_request request;
	struct account account = { .name = buf_new(LOGIN_USER_MAX),
		.mailbox = buf_new(PACKET_MAX) };
	int client = -1;

	if (login_receive_request(attempt->session, &request, &client) != 1 ||
	    request.head.service != attempt->service)
		die(EX_PROTOCOL, "no request of login(5)");
	enum login_verdict verdict = check(attempt, &request, &account);
	if (!send_report(attempt, verdict, &account) || verdict != LOGIN_OK)
		_exit(EX_OK);
	if (!may_go_on(attempt)) {
		log_attempt("refused", &request, NULL, "too-many-sessions");
		_exit(EX_OK);
	}
	log_attempt("login", &request, &account, NULL);
	become(attempt, client, &request, &account);
}
