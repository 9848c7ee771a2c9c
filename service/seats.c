#include "service/seats.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "queue/neighbour.h"
#include "service/account.h"
#include "service/guests.h"
#include "service/seat.h"
#include "service/spares.h"

enum {
	ATTEMPTS_MAX = 500, /* at the same time; most wait for their client */
	STOP_TIMEOUT_MS = 5000,
	GUEST_END_MS = 10000 /* a guest may finish what it does */
};

/* ---- seats ---- */

void
seat_close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void
seat_free(struct seat *seat)
{
	seat_close_fd(&seat->session);
	seat_close_fd(&seat->report);
	buf_free(&seat->user);
	seat->state = SEAT_FREE;
}

pid_t
seat_host(const struct login *login, const struct seat *asking)
{
	return asking->state == SEAT_KNOWN ? -1 - (pid_t)(asking - login->seats)
					   : asking->pid;
}

void
seat_begin_child(struct login *login, const struct seat *own)
{
	sigprocmask(SIG_SETMASK, &login->old_mask, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1 || getppid() != login->self)
		temp_fail("the parent is gone");
	close(NEIGHBOUR_SELF);
	for (size_t i = 0; i < login->seat_count; i++) {
		struct seat *seat = &login->seats[i];

		if (seat == own || seat->state == SEAT_FREE)
			continue;
		seat_close_fd(&seat->session);
		seat_close_fd(&seat->report);
	}
}

struct seat *
seat_find_free(struct login *login)
{
	for (size_t i = 0; i < login->seat_count; i++)
		if (login->seats[i].state == SEAT_FREE)
			return &login->seats[i];
	return login->seat_count < SEATS_MAX
		   ? &login->seats[login->seat_count++]
		   : NULL;
}

struct span
seat_challenge(struct login *login, const struct seat *seat)
{
	buf_clear(&login->challenge);
	buf_printf(&login->challenge, "<%ld.%llu.%016llx@%.*s>",
	    (long)login->self, (unsigned long long)seat->clock_us,
	    (unsigned long long)seat->random, (int)login->settings->me.len,
	    login->settings->me.data);
	return buf_span(&login->challenge);
}

static bool
has_secrets(const char *name)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), MTA_USERS "%s", name);
	return stat(path, &status) == 0 && status.st_size > 0;
}

/*
 * A client that sees a challenge may use APOP and nothing else (curl does):
 * none is sent while no account could answer it.
 */
static bool
has_apop(const struct login *login)
{
	return login->settings->program != NULL &&
	       login->settings->offers_apop && has_secrets("/apop");
}

static unsigned
offers(void)
{
	unsigned bits = 0;

	if (has_secrets("/scram"))
		bits |= LOGIN_OFFERS_SCRAM;
	if (has_secrets("/apop"))
		bits |= LOGIN_OFFERS_DIGEST;
	return bits;
}

/* From here on it is that of a new client, whoever had it before. */
static void
greet(struct login *login, struct seat *seat, int session)
{
	*seat = (struct seat){ .state = SEAT_WAITING,
		.session = session,
		.report = -1,
		.has_used_apop = !has_apop(login),
		.clock_us = clock_utc_us() };
	if (getrandom(&seat->random, sizeof(seat->random), 0) !=
	    sizeof(seat->random))
		temp_fail("cannot get random bytes");
	if (!login_send_hello(session,
		seat->has_used_apop ? span_of("") : seat_challenge(login, seat),
		offers()))
		seat_free(seat);
}

static void
open_seat(struct login *login, int session)
{
	struct seat *seat = seat_find_free(login);

	if (seat != NULL) {
		greet(login, seat, session);
		return;
	}
	log_event("more than %d sessions: one is refused", SEATS_MAX);
	close(session);
}

/* ---- the loop ---- */

static bool
is_served(const struct seat *seat)
{
	return seat->state == SEAT_SERVING || seat->state == SEAT_GUEST ||
	       seat->state == SEAT_SPARE;
}

/* Its owner can have stopped it: then it does not see that its host is gone. */
static void
end_host(struct seat *guest)
{
	guest->last_host = guest->host;
	guest->host = 0;
	guest->due_ms = clock_ms() + GUEST_END_MS;
}

static void
kill_guest(struct seat *guest)
{
	kill(guest->pid, SIGKILL);
	guest->due_ms = clock_ms() + GUEST_END_MS;
}

void
seat_end_guests(struct login *login, pid_t host)
{
	for (size_t i = 0; i < login->seat_count; i++)
		if (login->seats[i].state == SEAT_GUEST &&
		    login->seats[i].host == host)
			end_host(&login->seats[i]);
}

/* Its client can log in anew as soon as nothing is left of the user's. */
static void
begin_return(struct login *login, struct seat *seat)
{
	/* What was polled is its process's end, not the acceptor's. */
	login->polled[POLL_SEATS + (seat - login->seats)].revents = 0;
	seat_close_fd(&seat->report);
	buf_free(&seat->user);
	seat->state = SEAT_RETURNING;
}

static bool
has_guests(const struct login *login, pid_t last_host)
{
	for (size_t i = 0; i < login->seat_count; i++)
		if (login->seats[i].state == SEAT_GUEST &&
		    login->seats[i].last_host == last_host)
			return true;
	return false;
}

static void
greet_returned(struct login *login)
{
	for (size_t i = 0; i < login->seat_count; i++) {
		struct seat *seat = &login->seats[i];

		if (seat->state == SEAT_RETURNING && seat->helper == 0 &&
		    !has_guests(login, seat->pid))
			greet(login, seat, seat->session);
	}
}

static void
end_process(struct login *login, pid_t pid)
{
	seat_end_guests(login, pid);
	for (size_t i = 0; i < login->seat_count; i++) {
		struct seat *seat = &login->seats[i];

		if (seat->state == SEAT_FREE)
			continue;
		if (seat->helper == pid)
			seat->helper = 0;
		if (seat->giver == pid)
			seat->giver = 0;
		if (!is_served(seat) || seat->pid != pid)
			continue;
		if (seat->session != -1)
			begin_return(login, seat);
		else
			seat_free(seat);
	}
	greet_returned(login);
}

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
		end_process(login, pid);
}

static struct pollfd
wanted_event(const struct seat *seat)
{
	switch (seat->state) {
	case SEAT_WAITING:
	case SEAT_KNOWN:
		return (struct pollfd){ .fd = seat->session, .events = POLLIN };
	case SEAT_DELAYED:
	case SEAT_REFUSED: /* only that the client gave up */
	case SEAT_RETURNING:
		return (struct pollfd){ .fd = seat->session };
	case SEAT_CHECKING:
		return (struct pollfd){ .fd = seat->report, .events = POLLIN };
	case SEAT_SERVING:
	case SEAT_SPARE:
	case SEAT_GUEST:
		if (seat->report == -1 || seat->helper != 0)
			break;
		return (struct pollfd){ .fd = seat->report, .events = POLLIN };
	case SEAT_FREE:
		break;
	}
	return (struct pollfd){ .fd = -1 };
}

/* Is there something to do at due_ms? */
static bool
is_timed(const struct login *login, const struct seat *seat)
{
	return seat->state == SEAT_REFUSED || seat->state == SEAT_SPARE ||
	       (seat->state == SEAT_GUEST && seat->host == 0) ||
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

static bool
is_idle(const struct login *login)
{
	for (size_t i = 0; i < login->seat_count; i++)
		if (login->seats[i].state != SEAT_FREE)
			return false;
	return true;
}

static void
serve_seat(struct login *login, struct seat *seat, short events)
{
	bool was_known = seat->state == SEAT_KNOWN;
	pid_t host = seat_host(login, seat);

	if (seat->state == SEAT_WAITING && events != 0)
		admission_take_request(login, seat);
	else if (seat->state == SEAT_CHECKING && events != 0)
		admission_take_report(login, seat);
	else if (seat->state == SEAT_KNOWN && events != 0)
		admission_take_message(login, seat);
	else if (seat->state == SEAT_SPARE && events != 0)
		spares_send_away(seat);
	else if (is_served(seat) && events != 0)
		guests_take_request(login, seat);
	else if (events != 0)
		seat_free(seat);
	if (was_known && seat->state != SEAT_KNOWN)
		seat_end_guests(login, host);
	if (!is_timed(login, seat) || seat->due_ms > clock_ms())
		return;
	if (seat->state == SEAT_GUEST)
		kill_guest(seat);
	else if (seat->state == SEAT_SPARE)
		spares_send_away(seat);
	else if (seat->state == SEAT_REFUSED)
		admission_answer(seat, LOGIN_NO);
	else
		admission_begin(login, seat);
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
		bool may_rest = is_idle(login);

		if (may_rest)
			wait = (int)login->settings->rest_ms;
		int ready = poll(polled, POLL_SEATS + count, wait);
		if (ready == -1)
			continue;
		if (ready == 0 && may_rest)
			return;
		if (polled[POLL_CHECKPW].revents != 0)
			die(EX_TEMPFAIL, "checkpw is gone: starting anew");
		if (polled[POLL_INJECT].revents != 0)
			die(EX_TEMPFAIL, "queue-inject is gone");
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

	/* Nobody reads what they say: who would wait for a client ends. */
	for (size_t i = 0; i < login->seat_count; i++)
		if (is_served(&login->seats[i]))
			seat_close_fd(&login->seats[i].report);
	do {
		serving = 0;
		for (size_t i = 0; i < login->seat_count; i++)
			serving += is_served(&login->seats[i]);
		left = deadline - clock_ms();
		if (serving > 0 && left > 0)
			poll(&login->polled[POLL_SIGNALS], 1, (int)left);
		reap(login);
	} while (serving > 0 && left > 0);
	for (size_t i = 0; i < login->seat_count; i++)
		if (is_served(&login->seats[i]))
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

	account_prepare();
	login.settings = settings;
	login.self = getpid();
	penalty_open(&login.penalty, MTA_USERS "/penalty",
	    (int64_t)settings->delay_max_ms);
	login.quota.messages_max = settings->messages_per_hour;
	login.quota.recipients_max = settings->recipients_per_hour;
	login.challenge = buf_new(LOGIN_CHALLENGE_MAX);
	login.polled[POLL_CONTROL] =
	    (struct pollfd){ .fd = NEIGHBOUR_SELF, .events = POLLIN };
	login.polled[POLL_SIGNALS] =
	    (struct pollfd){ .fd = open_signals(&login), .events = POLLIN };
	login.polled[POLL_CHECKPW] = (struct pollfd){ .fd = NEIGHBOUR_CHECKPW };
	login.polled[POLL_LOOKUP] = (struct pollfd){ .fd = NEIGHBOUR_LOOKUP };
	login.polled[POLL_INJECT] =
	    (struct pollfd){ .fd = settings->has_injector ? NEIGHBOUR_INJECT
							  : -1 };
	signal(SIGPIPE, SIG_IGN);
	serve(&login);
	stop(&login);
}
