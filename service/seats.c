#include "service/seats.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "queue/neighbour.h"
#include "service/attempt.h"
#include "service/penalty.h"

enum {
	ATTEMPTS_MAX = 64, /* at the same time */
	STOP_TIMEOUT_MS = 5000,
	REFUSAL_MS = 500 /* a refusal's age, at least: it does not tell why */
};

enum seat_state {
	SEAT_FREE,
	SEAT_WAITING,  /* for a request */
	SEAT_DELAYED,  /* one is there; its time has not come */
	SEAT_CHECKING, /* a child has it */
	SEAT_REFUSED,  /* by the child; its client will hear of it */
	SEAT_SERVING   /* the child is the user's by now */
};

struct seat {
	enum seat_state state;
	int session;
	int report;         /* our end of the child's pair */
	pid_t pid;          /* of the child */
	bool has_used_apop; /* or may not use it at all */
	uint64_t random;    /* of the challenge */
	uint64_t clock_us;
	int64_t due_ms;   /* when SEAT_DELAYED or SEAT_REFUSED ends */
	int64_t begun_ms; /* the attempt */
	uint64_t network; /* penalty_key */
	uint64_t account;
};

/* Places in the array that is polled; the seats come after them. */
enum {
	POLL_CONTROL,
	POLL_SIGNALS,
	POLL_CHECKPW,
	POLL_LOOKUP,
	POLL_SEATS
};

struct login {
	const struct login_settings *settings;
	struct seat seats[SEATS_MAX];
	size_t seat_count; /* places that were ever used */
	unsigned attempts; /* seats that are SEAT_CHECKING */
	struct pollfd polled[POLL_SEATS + SEATS_MAX];
	struct packet packet;
	struct penalty penalty;
	sigset_t old_mask;
	struct buf challenge;
	pid_t self; /* children ask for the challenge, too */
};

/* ---- seats ---- */

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void
free_seat(struct seat *seat)
{
	close_fd(&seat->session);
	close_fd(&seat->report);
	seat->state = SEAT_FREE;
}

static struct seat *
find_free(struct login *login)
{
	for (size_t i = 0; i < login->seat_count; i++)
		if (login->seats[i].state == SEAT_FREE)
			return &login->seats[i];
	return login->seat_count < SEATS_MAX
		   ? &login->seats[login->seat_count++]
		   : NULL;
}

/* RFC 1939 section 7: never the same twice, and not to be guessed. */
static struct span
make_challenge(struct login *login, const struct seat *seat)
{
	buf_clear(&login->challenge);
	buf_printf(&login->challenge, "<%ld.%llu.%016llx@%.*s>",
	    (long)login->self, (unsigned long long)seat->clock_us,
	    (unsigned long long)seat->random, (int)login->settings->me.len,
	    login->settings->me.data);
	return buf_span(&login->challenge);
}

/*
 * A client that sees a challenge may use APOP and nothing else (curl does):
 * none is sent while no account could answer it.
 */
static bool
has_apop(const struct login *login)
{
	struct stat status;

	return login->settings->offers_apop &&
	       stat(MTA_USERS "/apop", &status) == 0 && status.st_size > 0;
}

static void
open_seat(struct login *login, int session)
{
	struct seat *seat = find_free(login);

	if (seat == NULL) {
		log_event("more than %d sessions: one is refused", SEATS_MAX);
		close(session);
		return;
	}
	*seat = (struct seat){ .state = SEAT_WAITING,
		.session = session,
		.report = -1,
		.has_used_apop = !has_apop(login),
		.clock_us = clock_utc_us() };
	if (getrandom(&seat->random, sizeof(seat->random), 0) !=
	    sizeof(seat->random))
		temp_fail("cannot get random bytes");
	if (!login_send_hello(session, seat->has_used_apop
					   ? span_of("")
					   : make_challenge(login, seat)))
		free_seat(seat);
}

/* ---- attempts ---- */

static void
answer(struct seat *seat, enum login_verdict verdict)
{
	seat->state = SEAT_WAITING;
	if (!login_send_answer(seat->session, verdict))
		free_seat(seat);
}

/* A request is there: its client's network may have to wait. */
static void
take_request(struct login *login, struct seat *seat)
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
		free_seat(seat);
		return;
	}
	int64_t now = clock_ms();
	seat->network = penalty_key(head.network, login_user(&head));
	seat->due_ms =
	    now + penalty_delay_ms(&login->penalty, seat->network, now);
	seat->state = SEAT_DELAYED;
}

static _Noreturn void
run_child(struct login *login, const struct seat *seat, int report)
{
	struct attempt attempt = { .service = login->settings->service,
		.program = login->settings->program,
		.uid_min = login->settings->uid_min,
		.session = seat->session,
		.report = report,
		.challenge = make_challenge(login, seat),
		.may_use_apop = !seat->has_used_apop };

	sigprocmask(SIG_SETMASK, &login->old_mask, NULL);
	attempt_run(&attempt);
}

static void
begin_attempt(struct login *login, struct seat *seat)
{
	struct login_head head;
	int ends[2];
	pid_t pid = -1;

	if (login_peek(seat->session, &head) != 1) {
		free_seat(seat);
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
		free_seat(seat);
		return;
	}
	seat->has_used_apop |= head.method == LOGIN_APOP;
	seat->report = ends[0];
	seat->pid = pid;
	seat->begun_ms = clock_ms();
	seat->state = SEAT_CHECKING;
	login->attempts++;
}

static uint64_t
count_account(const struct login *login, uint64_t account)
{
	uint64_t count = 0;

	for (size_t i = 0; i < login->seat_count; i++)
		count += login->seats[i].state == SEAT_SERVING &&
			 login->seats[i].account == account;
	return count;
}

static void
admit(struct login *login, struct seat *seat, uint64_t account)
{
	if (count_account(login, account) >=
	    login->settings->sessions_per_account) {
		login_send_answer(seat->report, LOGIN_FULL);
		close_fd(&seat->report);
		answer(seat, LOGIN_FULL);
		return;
	}
	/* The child answers the acceptor, as its last act before execve. */
	login_send_answer(seat->report, LOGIN_OK);
	close_fd(&seat->report);
	close_fd(&seat->session);
	seat->account = account;
	seat->state = SEAT_SERVING;
}

static void
take_report(struct login *login, struct seat *seat)
{
	struct attempt_report report = { .verdict = LOGIN_LATER };

	login->attempts--;
	if (packet_receive(seat->report, &login->packet) == 1 &&
	    login->packet.len == sizeof(report))
		memcpy(&report, login->packet.bytes, sizeof(report));
	packet_close_fds(&login->packet);
	if (report.verdict == LOGIN_OK) {
		admit(login, seat, report.account);
		return;
	}
	close_fd(&seat->report);
	if (report.verdict != LOGIN_NO) {
		answer(seat, LOGIN_LATER);
		return;
	}
	penalty_add(&login->penalty, seat->network, clock_ms());
	seat->due_ms = seat->begun_ms + REFUSAL_MS;
	seat->state = SEAT_REFUSED;
}

/* ---- the loop ---- */

/* A user's process has ended; one that only refused was noted before. */
static void
reap(struct login *login)
{
	struct signalfd_siginfo info;
	int fd = login->polled[POLL_SIGNALS].fd;
	pid_t pid;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (size_t i = 0; i < login->seat_count; i++)
			if (login->seats[i].state == SEAT_SERVING &&
			    login->seats[i].pid == pid)
				free_seat(&login->seats[i]);
}

static struct pollfd
wanted_event(const struct seat *seat)
{
	switch (seat->state) {
	case SEAT_WAITING:
		return (struct pollfd){ .fd = seat->session, .events = POLLIN };
	case SEAT_DELAYED:
	case SEAT_REFUSED: /* only that the client gave up */
		return (struct pollfd){ .fd = seat->session };
	case SEAT_CHECKING:
		return (struct pollfd){ .fd = seat->report, .events = POLLIN };
	case SEAT_FREE:
	case SEAT_SERVING:
		break;
	}
	return (struct pollfd){ .fd = -1 };
}

/* Is there something to do at due_ms? */
static bool
is_timed(const struct login *login, const struct seat *seat)
{
	return seat->state == SEAT_REFUSED ||
	       (seat->state == SEAT_DELAYED && login->attempts < ATTEMPTS_MAX);
}

/* Fill the array; returns how long the next seat that is timed waits. */
static int
prepare_poll(struct login *login)
{
	int64_t now = clock_ms();
	int64_t wait = -1;

	for (size_t i = 0; i < login->seat_count; i++) {
		const struct seat *seat = &login->seats[i];

		login->polled[POLL_SEATS + i] = wanted_event(seat);
		if (!is_timed(login, seat))
			continue;
		int64_t left = seat->due_ms > now ? seat->due_ms - now : 0;
		if (wait == -1 || left < wait)
			wait = left;
	}
	return (int)wait;
}

static void
serve_seat(struct login *login, struct seat *seat, short events)
{
	if (seat->state == SEAT_WAITING && events != 0)
		take_request(login, seat);
	else if (seat->state == SEAT_CHECKING && events != 0)
		take_report(login, seat);
	else if (events != 0)
		free_seat(seat);
	if (!is_timed(login, seat) || seat->due_ms > clock_ms())
		return;
	if (seat->state == SEAT_REFUSED)
		answer(seat, LOGIN_NO);
	else
		begin_attempt(login, seat);
}

/* False when the acceptor says goodbye. */
static bool
take_control(struct login *login)
{
	int got = packet_receive(NEIGHBOUR_SELF, &login->packet);

	if (got == 0)
		return false;
	int session = got == 1 ? neighbour_accept_session(&login->packet) : -1;
	packet_close_fds(&login->packet);
	if (session != -1)
		open_seat(login, session);
	return true;
}

static void
serve(struct login *login)
{
	struct pollfd *polled = login->polled;

	for (;;) {
		size_t count = login->seat_count;
		int wait = prepare_poll(login);

		if (poll(polled, POLL_SEATS + count, wait) == -1)
			continue;
		if (polled[POLL_CHECKPW].revents != 0)
			die(EX_TEMPFAIL, "checkpw is gone: starting anew");
		if (polled[POLL_LOOKUP].revents != 0)
			die(EX_TEMPFAIL, "lookup is gone: starting anew");
		if (polled[POLL_SIGNALS].revents != 0)
			reap(login);
		for (size_t i = 0; i < count; i++)
			serve_seat(login, &login->seats[i],
			    polled[POLL_SEATS + i].revents);
		if (polled[POLL_CONTROL].revents != 0 && !take_control(login))
			return;
	}
}

/* Users' sessions may end what they began; then they are told to. */
static void
stop(struct login *login)
{
	int64_t deadline = clock_ms() + STOP_TIMEOUT_MS;
	int64_t left;
	size_t serving;

	do {
		serving = 0;
		for (size_t i = 0; i < login->seat_count; i++)
			serving += login->seats[i].state == SEAT_SERVING;
		left = deadline - clock_ms();
		if (serving > 0 && left > 0)
			poll(&login->polled[POLL_SIGNALS], 1, (int)left);
		reap(login);
	} while (serving > 0 && left > 0);
	for (size_t i = 0; i < login->seat_count; i++)
		if (login->seats[i].state == SEAT_SERVING)
			kill(login->seats[i].pid, SIGTERM);
}

static int
open_signals(struct login *login)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &login->old_mask);
	int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd == -1)
		temp_fail("cannot make a signalfd");
	return fd;
}

void
seats_serve(const struct login_settings *settings)
{
	static struct login login; /* large */

	login.settings = settings;
	login.self = getpid();
	login.penalty.delay_max_ms = (int64_t)settings->delay_max_ms;
	login.challenge = buf_new(LOGIN_CHALLENGE_MAX);
	login.polled[POLL_CONTROL] =
	    (struct pollfd){ .fd = NEIGHBOUR_SELF, .events = POLLIN };
	login.polled[POLL_SIGNALS] =
	    (struct pollfd){ .fd = open_signals(&login), .events = POLLIN };
	login.polled[POLL_CHECKPW] = (struct pollfd){ .fd = NEIGHBOUR_CHECKPW };
	login.polled[POLL_LOOKUP] = (struct pollfd){ .fd = NEIGHBOUR_LOOKUP };
	signal(SIGPIPE, SIG_IGN);
	serve(&login);
	stop(&login);
}
