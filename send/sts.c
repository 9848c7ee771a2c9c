/*
 * sts - which TLS policy has a domain published (MTA-STS, RFC 8461)?
 *
 * started by  service/queue/run, as a neighbour of remote-send; by hand
 * uid         mta-sts
 * fd 0        sessions, sts(5)
 * fd 2        the log
 * fd 12       resolve, resolve(5)
 * reads       control/{stsconcurrency,stspolicies,stsrecheck,stsretry,
 *             ststimeout,timeoutneighbour,tlsca} and the file of tlsca; sts/
 * writes      sts/
 * runs        nothing; forks a child for each policy that is fetched, which
 *             makes one connection
 * exits       0 when the other end is gone, or rests; EX_USAGE; EX_TEMPFAIL;
 *             EX_UNAVAILABLE there was no policy to drop
 */

#include <errno.h>
#include <event2/event.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "base/sandbox.h"
#include "net/sts_ask.h"
#include "send/inquiry.h"
#include "send/policies.h"

static const char usage[] = "usage: sts            (started by neighbour(8))\n"
			    "       sts -l         list the policies\n"
			    "       sts -d DOMAIN  forget one";

enum {
	SESSIONS_MAX = 1000,
	TICK_MS = 1000,
	REST_TICK_MS = 30 * 1000,
	FIRST_SWEEP_MS = 10 * 1000 /* not to hold up the first mail */
};

struct service {
	struct inquirer inquirer;
	struct event *clock;
	size_t sessions;
	int64_t rest_ms; /* neighbour_rest_ms */
	int64_t asked_ms;
	struct packet packet;
};

struct session {
	struct asker asker; /* the first: an asker is a session's */
	struct service *service;
	int fd;
	struct event *readable;
};

/* ---- sessions ---- */

static void
answer(struct asker *asker, const struct sts_policy *policy)
{
	struct session *session = (struct session *)asker;
	struct buf packet = buf_new(PACKET_MAX);

	sts_add_answer(&packet, asker->number, policy);
	neighbour_answer(session->fd, buf_span(&packet), NULL, 0);
	buf_free(&packet);
}

static void
close_session(struct session *session)
{
	asker_leave(&session->asker);
	event_free(session->readable);
	close(session->fd);
	session->service->sessions--;
	free(session);
}

static void
set_clock(struct service *service)
{
	int64_t wait_ms = service->inquirer.sweep_ms - clock_ms();

	if (wait_ms > REST_TICK_MS)
		wait_ms = REST_TICK_MS;
	if (wait_ms < TICK_MS || service->inquirer.pending > 0)
		wait_ms = TICK_MS;
	if (service->rest_ms != -1 && service->rest_ms < wait_ms)
		wait_ms = service->rest_ms;
	const struct timeval wait = { .tv_sec = wait_ms / 1000,
		.tv_usec = wait_ms % 1000 * 1000 };
	event_add(service->clock, &wait);
}

/* A second question takes the place of the first. */
static bool
take_question(struct session *session)
{
	struct service *service = session->service;
	struct buf domain = buf_new(STS_DOMAIN_MAX + 1);
	struct sts_request request;
	bool was_idle = service->inquirer.pending == 0;

	if (!sts_parse_request(packet_span(&service->packet), &request))
		return false;
	asker_leave(&session->asker);
	session->asker.number = request.number;
	if (sts_add_domain(&domain, request.domain))
		inquiry_ask(
		    &service->inquirer, buf_string(&domain), &session->asker);
	else
		answer(&session->asker, NULL);
	buf_free(&domain);
	if (was_idle)
		set_clock(service);
	return true;
}

static void
handle_session(evutil_socket_t fd, short what, void *context)
{
	struct session *session = context;
	struct service *service = session->service;

	(void)what;
	int got = packet_receive(fd, &service->packet);
	if (got == -1 && errno == EAGAIN)
		return;
	service->asked_ms = clock_ms();
	if (got == 1)
		packet_close_fds(&service->packet);
	if (got == 1 && take_question(session))
		return;
	if (got != 0)
		log_event("no request of sts(5)");
	close_session(session);
}

static void
open_session(struct service *service, int fd)
{
	struct session *session = service->sessions < SESSIONS_MAX
				      ? calloc(1, sizeof(*session))
				      : NULL;

	if (session == NULL) {
		log_event("too many sessions");
		close(fd);
		return;
	}
	fd_set_nonblocking(fd);
	session->service = service;
	session->fd = fd;
	session->readable = event_new(service->inquirer.base, fd,
	    EV_READ | EV_PERSIST, handle_session, session);
	if (session->readable == NULL ||
	    event_add(session->readable, NULL) == -1)
		temp_fail("out of memory");
	service->sessions++;
}

static void
handle_control(evutil_socket_t fd, short what, void *context)
{
	struct service *service = context;

	(void)what;
	int got = packet_receive(fd, &service->packet);
	service->asked_ms = clock_ms();
	if (got == 0) {
		event_base_loopbreak(service->inquirer.base);
		return;
	}
	int opened = got == 1 ? neighbour_accept_session(&service->packet) : -1;
	packet_close_fds(&service->packet);
	if (opened == -1)
		log_event("no session of sts(5)");
	else
		open_session(service, opened);
}

static void
handle_resolve(evutil_socket_t fd, short what, void *context)
{
	struct service *service = context;

	(void)what;
	if (packet_receive(fd, &service->packet) != 1)
		die(EX_TEMPFAIL, "resolve is gone");
	packet_close_fds(&service->packet);
	inquiry_take_record(&service->inquirer, packet_span(&service->packet));
}

static void
handle_clock(evutil_socket_t fd, short what, void *context)
{
	struct service *service = context;

	(void)fd, (void)what;
	inquiry_tick(&service->inquirer);
	if (service->rest_ms != -1 && service->sessions == 0 &&
	    service->inquirer.pending == 0 &&
	    clock_ms() - service->asked_ms >= service->rest_ms)
		event_base_loopbreak(service->inquirer.base);
	else
		set_clock(service);
}

/* ---- the start ---- */

static void
read_settings(struct service *service)
{
	struct inquirer *inquirer = &service->inquirer;

	inquirer->fetch.authorities = control_path("tlsca");
	if (inquirer->fetch.authorities.len == 0)
		buf_add_string(&inquirer->fetch.authorities,
		    "/etc/ssl/certs/ca-certificates.crt");
	inquirer->fetch.timeout_ms =
	    (int64_t)control_number("ststimeout", 60, 1, 120) * 1000;
	inquirer->recheck_ms =
	    (int64_t)control_number("stsrecheck", 300, 0, 86400) * 1000;
	inquirer->retry_ms =
	    (int64_t)control_number("stsretry", 300, 0, 86400) * 1000;
	inquirer->policies_max =
	    control_number("stspolicies", 10000, 1, 1000000);
	inquirer->fetches_max =
	    (unsigned)control_number("stsconcurrency", 16, 1, 64);
	service->rest_ms = neighbour_rest_ms();
}

static void
hear(struct service *service, int fd, event_callback_fn handle)
{
	struct event *event = event_new(
	    service->inquirer.base, fd, EV_READ | EV_PERSIST, handle, service);

	if (event == NULL || event_add(event, NULL) == -1)
		temp_fail("out of memory");
}

static void
prepare(struct service *service)
{
	struct inquirer *inquirer = &service->inquirer;

	inquirer->answer = answer;
	inquirer->policies = policies_open();
	subjects_init(&inquirer->subjects);
	inquirer->base = event_base_new();
	inquirer->resolve = neighbour_open_session(NEIGHBOUR_RESOLVE);
	if (inquirer->base == NULL || inquirer->resolve == -1)
		temp_fail("cannot begin");
	service->asked_ms = clock_ms();
	inquirer->sweep_ms = service->asked_ms + FIRST_SWEEP_MS;
	hear(service, NEIGHBOUR_SELF, handle_control);
	hear(service, inquirer->resolve, handle_resolve);
	service->clock =
	    event_new(inquirer->base, -1, 0, handle_clock, service);
	if (service->clock == NULL)
		temp_fail("out of memory");
	set_clock(service);
	fetch_prepare();
}

/* By hand as root: what reads the files is not root. */
static void
become_owner(void)
{
	const struct passwd *user = getpwnam("mta-sts");

	if (geteuid() != 0)
		return;
	if (user == NULL)
		die(EX_NOUSER, "no user mta-sts: run mtactl init");
	become_user(user->pw_uid, user->pw_gid, NULL, 0);
}

/* -1: it was no command. */
static int
run_command(int argc, char **argv)
{
	struct buf domain = buf_new(STS_DOMAIN_MAX + 1);

	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc == 2 && strcmp(argv[1], "-l") == 0) {
		become_owner();
		return policies_print();
	}
	if (argc != 3 || strcmp(argv[1], "-d") != 0)
		return -1;
	if (!sts_add_domain(&domain, span_of(argv[2])))
		die(EX_USAGE, "%s is no domain; %s", argv[2], usage);
	become_owner();
	if (policies_drop(buf_string(&domain)))
		return EX_OK;
	warn_errno("%s", argv[2]);
	return EX_UNAVAILABLE;
}

int
main(int argc, char **argv)
{
	static struct service service;

	program_name("sts");
	int code = run_command(argc, argv);
	if (code != -1)
		return code;
	if (argc != 1 || !neighbour_is_given(NEIGHBOUR_RESOLVE) ||
	    !neighbour_is_pair_end(NEIGHBOUR_SELF))
		die(EX_USAGE, "%s", usage);
	signal(SIGPIPE, SIG_IGN);
	require_unprivileged();
	read_settings(&service);
	prepare(&service);
	service.inquirer.fetch.layer = sandbox_enter_for_sessions(
	    SANDBOX_READ_FILES | SANDBOX_WRITE_FILES | SANDBOX_FORK |
		SANDBOX_SIGNAL | SANDBOX_SOCKETPAIR | SANDBOX_EPOLL |
		SANDBOX_CONNECT,
	    SANDBOX_CONNECT | SANDBOX_SOCKETPAIR);
	event_base_dispatch(service.inquirer.base);
	return EX_OK;
}
