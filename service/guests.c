#include "service/guests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "queue/inject.h"
#include "queue/neighbour.h"
#include "queue/sharing.h"
#include "service/account.h"
#include "service/groups.h"
#include "service/shares.h"
#include "service/spares.h"

enum {
	MOVED_FD = 64 /* above all that is placed */
};

static const char maildir[] = "maildir:";
static const char program[] = "imapd";

/* SMTP's session has no process of a user's: it asks itself. */
static int
channel(const struct seat *asking)
{
	return asking->state == SEAT_KNOWN ? asking->session : asking->report;
}

/* ---- in a child ---- */

static _Noreturn void
answer(const struct seat *asking, enum sharing_kind kind, struct span text)
{
	if (!sharing_send(channel(asking), kind, text, -1))
		warn_errno("cannot answer a session");
	_exit(EX_OK);
}

/* What a session asks for. */
struct wanted {
	enum sharing_kind kind;
	struct span owner;
	int report; /* the process's end of its pair with the parent */
};

/* The groups that he is in. */
static struct buf
groups_of_user(const struct seat *asking)
{
	struct span user = buf_span(&asking->user);
	struct buf groups = buf_new(GROUPS_TEXT_MAX);

	if (!groups_of(user, &groups)) {
		warn_errno("cannot tell the groups of user=%.*s", (int)user.len,
		    user.ptr);
		answer(asking, SHARING_LATER, span_of(""));
	}
	return groups;
}

static bool
find_owners(const struct seat *asking, struct buf *owners)
{
	struct buf groups = groups_of_user(asking);

	return shares_owners(
	    buf_span(&asking->user), buf_span(&groups), owners);
}

/* Who shares with the user, or with whom he shares. */
static _Noreturn void
run_helper(const struct login *login, const struct seat *asking,
    const struct sharing_record *record)
{
	struct span user = buf_span(&asking->user);
	struct buf owners = buf_new(SHARING_TEXT_MAX);
	bool is_done = record->kind == SHARING_PUBLISH
			   ? shares_publish(user, record->text,
				 login->settings->shares_max)
			   : find_owners(asking, &owners);

	if (!is_done && errno == EDQUOT)
		answer(asking, SHARING_NO, span_of(""));
	if (!is_done)
		warn_errno("cannot use users/shares");
	if (owners.overflow) /* those that there was room for */
		log_event(
		    "too many share with user=%.*s", (int)user.len, user.ptr);
	answer(
	    asking, is_done ? SHARING_YES : SHARING_LATER, buf_span(&owners));
}

/* For one who shares nothing with the user there is no process. */
static void
require_share(const struct seat *asking, struct span owner, struct span groups)
{
	struct span user = buf_span(&asking->user);
	bool does = false;

	if (!shares_has(owner, user, groups, &does)) {
		warn_errno("cannot read users/shares");
		answer(asking, SHARING_LATER, span_of(""));
	}
	if (!does || span_equal_nocase(owner, user))
		answer(asking, SHARING_NO, span_of(""));
}

/* In a folder's name is the account's; in a URL what its user logs in as. */
static struct account
find_owner(const struct login *login, const struct seat *asking,
    const struct wanted *wanted)
{
	struct span owner = wanted->owner;
	struct account account = account_new();

	if (!account_find(login->settings->uid_min, owner, &account))
		answer(asking, SHARING_LATER, span_of(""));
	if (account.kind == CHECKPW_NOBODY ||
	    (wanted->kind == SHARING_OPEN &&
		!span_equal(buf_span(&account.name), owner)) ||
	    !span_starts(buf_span(&account.mailbox), span_of(maildir)))
		answer(asking, SHARING_NO, span_of(""));
	return account;
}

static int
move(int fd)
{
	int moved = fcntl(fd, F_DUPFD, MOVED_FD);

	if (moved == -1)
		temp_fail("cannot place a descriptor");
	return moved;
}

static void
place(int fd, int at)
{
	if (dup2(fd, at) == -1)
		temp_fail("cannot place a descriptor");
}

static const char *
option(const struct seat *asking, const struct wanted *wanted)
{
	if (asking->state == SEAT_KNOWN)
		return "-b";
	return wanted->kind == SHARING_OPEN ? "-g" : "-u";
}

/* The owner's process: of ours it keeps the log and its own pair. */
static _Noreturn void
become_owner(struct seat *asking, struct account *account,
    const struct wanted *wanted, struct buf *groups)
{
	bool is_guest = wanted->kind == SHARING_OPEN;
	int ends[2];
	char path[256];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		temp_fail("cannot make a pair");
	int client = move(ends[0]);
	int theirs = move(ends[1]);
	int session = move(channel(asking));
	int report = move(wanted->report);
	snprintf(path, sizeof(path), MTA_BIN "/%s", program);
	fd_set_nonblocking(client);
	place(theirs, STDIN_FILENO);
	place(theirs, STDOUT_FILENO);
	close_range(STDERR_FILENO + 1, MOVED_FD - 1, 0);
	if (is_guest) /* who reads URLs has nothing to ask */
		place(report, LOGIN_SHARING_FD);
	signal(SIGPIPE, SIG_DFL);
	/* Before it is the owner's, who could stop it: the user waits. */
	if (!sharing_send(session, SHARING_YES, span_of(""), client))
		temp_fail("the session is gone");
	become_user(account->uid, account->gid, NULL, 0);
	closefrom(is_guest ? LOGIN_SHARING_FD + 1 : STDERR_FILENO + 1);
	char *const environment[] = { NULL };
	const char *const argv[] = { program, option(asking, wanted),
		buf_string(&asking->user), buf_string(&account->mailbox),
		buf_string(&account->name),
		is_guest ? buf_string(groups) : NULL, NULL };
	execve(path, (char *const *)(uintptr_t)argv, environment);
	temp_fail("cannot execute %s", path);
}

static _Noreturn void
run_guest(
    const struct login *login, struct seat *asking, const struct wanted *wanted)
{
	bool is_guest = wanted->kind == SHARING_OPEN;
	struct buf groups = buf_new(GROUPS_TEXT_MAX);

	if (is_guest) {
		groups = groups_of_user(asking);
		require_share(asking, wanted->owner, buf_span(&groups));
	}
	struct account account = find_owner(login, asking, wanted);
	log_event("%s user=%.*s account=%.*s uid=%u pid=%ld",
	    is_guest ? "guest" : "url-reader", (int)asking->user.len,
	    asking->user.data, (int)account.name.len, account.name.data,
	    account.uid, (long)getpid());
	become_owner(asking, &account, wanted, &groups);
}

/* ---- in the parent ---- */

static uint64_t
count_guests(const struct login *login, const struct seat *asking)
{
	uint64_t count = 0;

	for (size_t i = 0; i < login->seat_count; i++)
		count += login->seats[i].state == SEAT_GUEST &&
			 login->seats[i].host == seat_host(login, asking);
	return count;
}

static void
refuse(struct seat *seat)
{
	bool is_told =
	    sharing_send(channel(seat), SHARING_LATER, span_of(""), -1);

	if (!is_told && seat->state == SEAT_KNOWN)
		seat_free(seat);
	else if (!is_told)
		seat_close_fd(&seat->report);
}

/* A guest has a seat of its own, until it ends. */
static void
begin_guest(struct login *login, struct seat *asking,
    const struct sharing_record *record)
{
	struct seat *seat = NULL;
	int ends[2];
	pid_t pid = -1;

	if ((asking->state == SEAT_SERVING || asking->state == SEAT_KNOWN) &&
	    count_guests(login, asking) < login->settings->guests_max)
		seat = seat_find_free(login);
	if (seat == NULL) {
		refuse(asking);
		return;
	}
	if (packet_pair(ends)) {
		pid = fork();
		if (pid == 0) {
			const struct wanted wanted = { record->kind,
				record->text, ends[1] };

			seat_begin_child(login, asking);
			run_guest(login, asking, &wanted);
		}
		close(ends[1]);
		if (pid == -1)
			close(ends[0]);
	}
	if (pid == -1) {
		warn_errno("cannot begin a guest");
		refuse(asking);
		return;
	}
	fd_set_nonblocking(ends[0]);
	*seat = (struct seat){ .state = SEAT_GUEST,
		.session = -1,
		.report = ends[0],
		.pid = pid,
		.host = seat_host(login, asking),
		.user = buf_new(LOGIN_USER_MAX) };
	buf_add(&seat->user, record->text);
}

/* One at a time: what the session sends meanwhile waits. */
static void
begin_helper(
    struct login *login, struct seat *seat, const struct sharing_record *record)
{
	pid_t pid = fork();

	if (pid == 0) {
		seat_begin_child(login, seat);
		run_helper(login, seat, record);
	}
	if (pid == -1) {
		warn_errno("cannot ask for a session");
		refuse(seat);
		return;
	}
	seat->helper = pid;
}

bool
guests_take_burl(struct login *login, struct seat *seat)
{
	struct sharing_record record;

	if (!sharing_parse(packet_span(&login->packet), &record) ||
	    record.kind != SHARING_READ_URLS ||
	    record.text.len > LOGIN_USER_MAX)
		return false;
	begin_guest(login, seat, &record);
	return true;
}

/* For what its user's scripts send: one for each process. */
static void
pass_injector(struct login *login, struct seat *seat)
{
	int inject = login->polled[POLL_INJECT].fd;
	int session = inject == -1 || seat->has_injector
			  ? -1
			  : neighbour_open_session_of(inject, INJECT_FOR_USERS);

	if (session == -1) {
		log_event("no session with queue-inject for user=%.*s",
		    (int)seat->user.len, seat->user.data);
		refuse(seat);
		return;
	}
	seat->has_injector = true;
	if (!sharing_send(channel(seat), SHARING_YES, span_of(""), session))
		seat_close_fd(&seat->report);
	close(session);
}

/*
 * What an account's scripts send is counted, by the account whose process it
 * is: a guest's is the owner's.
 */
static void
count_sent(struct login *login, struct seat *seat, uint64_t recipients)
{
	uint64_t account = admission_key(buf_span(&seat->user));
	bool may_send =
	    quota_take(&login->quota, account, recipients, clock_ms());

	if (!may_send)
		log_event("account=%.*s has sent too much for now",
		    (int)seat->user.len, seat->user.data);
	if (!sharing_send(channel(seat), may_send ? SHARING_YES : SHARING_NO,
		span_of(""), -1))
		seat_close_fd(&seat->report);
}

/* False: it is no request. */
static bool
take_record(struct login *login, struct seat *seat)
{
	struct sharing_record record;
	uint64_t recipients;

	if (!sharing_parse(packet_span(&login->packet), &record) ||
	    (login->settings->guests_max == 0 && record.kind != SHARING_SPARE))
		return false;
	switch (record.kind) {
	case SHARING_OPEN:
	case SHARING_READ_URLS:
		if (record.text.len > LOGIN_USER_MAX)
			return false;
		begin_guest(login, seat, &record);
		return true;
	case SHARING_OWNERS:
	case SHARING_PUBLISH:
		begin_helper(login, seat, &record);
		return true;
	case SHARING_SUBMIT:
		pass_injector(login, seat);
		return true;
	case SHARING_COUNT:
		if (!span_number(record.text, 10, UINT32_MAX, &recipients))
			return false;
		count_sent(login, seat, recipients);
		return true;
	case SHARING_SPARE:
		if (!spares_take(login, seat))
			seat_close_fd(&seat->report);
		return true;
	case SHARING_NEXT:
	case SHARING_YES:
	case SHARING_NO:
	case SHARING_LATER:
		break;
	}
	return false;
}

void
guests_take_request(struct login *login, struct seat *seat)
{
	int got = packet_receive(seat->report, &login->packet);

	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	packet_close_fds(&login->packet);
	if (got == 1 && take_record(login, seat))
		return;
	if (got == 1)
		log_event("a session's request is none of login(5)");
	seat_close_fd(&seat->report);
}
