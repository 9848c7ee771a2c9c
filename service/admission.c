/*
 * admission - a seat's attempt in login(8)'s parent: its wait, its child, what
 * came of it.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/die.h"
#include "base/io.h"
#include "service/attempt.h"
#include "service/guests.h"
#include "service/seat.h"
#include "service/spares.h"

enum {
	REFUSAL_MS = 500 /* a refusal's age, at least: it does not tell why */
};

void
admission_answer(struct seat *seat, enum login_verdict verdict)
{
	seat->state = SEAT_WAITING;
	if (!login_send_answer(seat->session, verdict))
		seat_free(seat);
}

void
admission_take_request(struct login *login, struct seat *seat)
{
	struct login_head head;
	int got = login_peek(seat->session, &head);

	if (got == -1 && errno == EAGAIN)
		return;
	if (got == 1 && head.service != login->settings->service)
		got = -1;
	if (got != 1) {
		if (got == -1)
			log_event("a session without a request of login(5)");
		seat_free(seat);
		return;
	}
	int64_t now = clock_ms();
	seat->is_sasl = head.method == LOGIN_SASL;
	seat->is_relayed = head.is_relayed != 0;
	seat->network = penalty_key(head.network, login_user(&head));
	seat->due_ms = now;
	/* On loopback names wait, and the child will hear that of SASL. */
	if (!seat->is_sasl || !penalty_is_loopback(head.network))
		seat->due_ms +=
		    penalty_delay_ms(&login->penalty, seat->network, now);
	seat->state = SEAT_DELAYED;
}

/* Has its program something to ask, or to say? */
static bool
keeps_report(const struct login *login)
{
	const struct login_settings *settings = login->settings;

	return settings->guests_max > 0 ||
	       (settings->service == LOGIN_POP3 && settings->spare_ms > 0);
}

static _Noreturn void
run_child(struct login *login, const struct seat *seat, int report)
{
	struct attempt attempt = { .service = login->settings->service,
		.program = login->settings->program,
		.uid_min = login->settings->uid_min,
		.session = seat->session,
		.report = report,
		.keeps_report = keeps_report(login),
		.challenge = seat_challenge(login, seat),
		.may_use_apop = !seat->has_used_apop,
		.penalty = &login->penalty,
		.masters = &login->settings->masters };

	seat_begin_child(login, seat);
	if (seat->is_sasl)
		attempt_run_sasl(&attempt);
	attempt_run(&attempt);
}

void
admission_begin(struct login *login, struct seat *seat)
{
	struct login_head head;
	int ends[2];
	pid_t pid = -1;

	if (login_peek(seat->session, &head) != 1) {
		seat_free(seat);
		return;
	}
	if (packet_pair(ends)) {
		pid = fork();
		if (pid == 0)
			run_child(login, seat, ends[1]);
		close(ends[1]);
		if (pid == -1)
			close(ends[0]);
	}
	if (pid == -1) {
		/* The request holds a secret: not to be left in the queue. */
		warn_errno("cannot begin an attempt");
		seat_free(seat);
		return;
	}
	seat->has_used_apop |= head.method == LOGIN_APOP;
	seat->report = ends[0];
	seat->pid = pid;
	seat->begun_ms = clock_ms();
	seat->state = SEAT_CHECKING;
	login->attempts++;
}

static bool
is_session(const struct seat *seat, int64_t now)
{
	if (seat->state == SEAT_SPARE)
		return seat->report == -1;
	return seat->state == SEAT_SERVING &&
	       (seat->giver == 0 || seat->given_until_ms <= now);
}

uint64_t
admission_key(struct span account)
{
	return XXH3_64bits(account.ptr, account.len);
}

uint64_t
admission_count(const struct login *login, uint64_t account)
{
	int64_t now = clock_ms();
	uint64_t count = 0;

	for (size_t i = 0; i < login->seat_count; i++)
		count += login->seats[i].account == account &&
			 is_session(&login->seats[i], now);
	return count;
}

static void
send_answer(
    const struct seat *seat, enum login_verdict verdict, int spare, pid_t pid)
{
	const struct attempt_answer answer = { (uint32_t)verdict, pid };
	const struct span bytes = { (const char *)&answer, sizeof(answer) };

	packet_send(seat->report, bytes, &spare, spare != -1);
}

/* The child answers the acceptor, as its last act before execve. */
static void
let_go_on(struct login *login, struct seat *seat, struct span user)
{
	pid_t pid = 0;
	int spare =
	    seat->is_relayed ? -1 : spares_give(login, seat, user, &pid);

	send_answer(seat, LOGIN_OK, spare, pid);
	seat_close_fd(&spare);
}

static void
admit(
    struct login *login, struct seat *seat, const struct attempt_report *report)
{
	const struct span user = { report->account, report->account_len };
	uint64_t account = admission_key(user);

	if (admission_count(login, account) >=
	    login->settings->sessions_per_account) {
		send_answer(seat, LOGIN_FULL, -1, 0);
		seat_close_fd(&seat->report);
		admission_answer(seat, LOGIN_FULL);
		return;
	}
	seat->account = account;
	let_go_on(login, seat, user);
	if (!keeps_report(login))
		seat_close_fd(&seat->report);
	else /* its process is the user's: nothing waits for that one */
		fd_set_nonblocking(seat->report);
	seat->user = buf_new(LOGIN_USER_MAX);
	buf_add(&seat->user, user);
	if (!seat->is_relayed)
		seat_close_fd(&seat->session);
	seat->state = SEAT_SERVING;
	seat->giver = 0;
	seat->has_injector = false;
}

/* SMTP has no process to become: its session hears whose it is. */
static void
tell_account(struct seat *seat, const struct attempt_report *report)
{
	const struct span name = { report->account, report->account_len };

	seat_close_fd(&seat->report);
	seat->account = admission_key(name);
	seat->user = buf_new(LOGIN_USER_MAX);
	buf_add(&seat->user, name);
	seat->state = SEAT_KNOWN;
	if (!login_send_account(seat->session, name))
		seat_free(seat);
}

static void
take_refusal(
    struct login *login, struct seat *seat, const struct attempt_report *report)
{
	seat_close_fd(&seat->report);
	if (report->verdict != LOGIN_NO) {
		admission_answer(seat, report->verdict == LOGIN_CANCELLED
					   ? LOGIN_CANCELLED
					   : LOGIN_LATER);
		return;
	}
	penalty_add(&login->penalty,
	    report->penalty_key != 0 ? report->penalty_key : seat->network,
	    clock_ms());
	seat->due_ms = seat->begun_ms + REFUSAL_MS;
	seat->state = SEAT_REFUSED;
}

void
admission_take_report(struct login *login, struct seat *seat)
{
	struct attempt_report report = { .verdict = LOGIN_LATER };

	login->attempts--;
	if (packet_receive(seat->report, &login->packet) == 1 &&
	    login->packet.len == sizeof(report))
		memcpy(&report, login->packet.bytes, sizeof(report));
	packet_close_fds(&login->packet);
	if (report.account_len > sizeof(report.account))
		report.verdict = LOGIN_LATER;
	if (report.verdict == LOGIN_OK && report.stranger != 0)
		account_remember_stranger(report.stranger);
	if (report.verdict != LOGIN_OK)
		take_refusal(login, seat, &report);
	else if (login->settings->program == NULL)
		tell_account(seat, &report);
	else
		admit(login, seat, &report);
}

static void
count_message(struct login *login, struct seat *seat, uint64_t recipients)
{
	bool may_send =
	    quota_take(&login->quota, seat->account, recipients, clock_ms());

	if (!login_send_answer(seat->session, may_send ? LOGIN_OK : LOGIN_FULL))
		seat_free(seat);
}

/*
 * Who was logged in is so no more, as a proxy said (XCLIENT), and somebody else
 * is: that is judged and delayed like the first time.
 */
static bool
takes_request_anew(struct login *login, struct seat *seat)
{
	struct login_head head;

	if (login_peek(seat->session, &head) != 1)
		return false;
	buf_free(&seat->user);
	seat->account = 0;
	seat->state = SEAT_WAITING;
	admission_take_request(login, seat);
	return true;
}

void
admission_take_message(struct login *login, struct seat *seat)
{
	uint64_t recipients;

	if (takes_request_anew(login, seat))
		return;
	int got = packet_receive(seat->session, &login->packet);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	packet_close_fds(&login->packet);
	if (got == 1 &&
	    login_parse_message(packet_span(&login->packet), &recipients)) {
		count_message(login, seat, recipients);
	} else if (got != 1 || !guests_take_burl(login, seat)) {
		if (got != 0)
			log_event("a session without a message of login(5)");
		seat_free(seat);
	}
}
