/*
 * queue-manager - schedule, mark, and hand descriptors out.
 *
 * started by  service/queue/run, with neighbours local, remote and bounce
 * uid         mta-queue, group mta-inject for the files
 * fd 2        the log
 * fd 3        readiness
 * fd 15       local-deliver, delivery(5)
 * fd 16       remote-send, delivery(5)
 * fd 17       queue-bounce, report(5)
 * fd 67       smtpd odmr, odmr(5), if control/odmrdomains is there
 * reads       control/me locals virtualdomains concurrencylocal
 *             concurrencyremote limits odmrdomains queuelifetime
 *             delaywarning suppressafter retrymin retrymax; the queue;
 *             never a message's text
 * writes      the queue
 * runs        nothing
 * exits       0 after TERM; EX_TEMPFAIL when a neighbour is gone: s6 starts
 *             the chain again, and nothing is lost
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/sandbox.h"
#include "queue/customers.h"
#include "queue/holding.h"
#include "queue/local.h"
#include "queue/neighbour.h"

static const char usage[] =
    "usage: queue-manager   (started by service/queue/run)";

enum {
	READY_FD = 3,
	DRAIN_S = 5,
	LOG_WAIT_US = 10000 /* the time that s6-log adds is that much late */
};

static void
handle_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	schedule_run(context);
}

/*
 * TERM: what is on its way is waited for, so that it need not go twice, but
 * not for long; another one ends at once.
 */
static void
handle_end(evutil_socket_t fd, short what, void *context)
{
	const struct timeval patience = { DRAIN_S, 0 };
	struct manager *manager = context;

	(void)fd, (void)what;
	if (manager->is_ending)
		event_base_loopbreak(manager->base);
	manager->is_ending = true;
	event_base_loopexit(manager->base, &patience);
	schedule_run(manager);
}

static void
handle_log_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what, (void)context;
	log_flush();
}

static void
lines_wait(void *context)
{
	const struct timeval wait = { .tv_usec = LOG_WAIT_US };

	if (evtimer_add(context, &wait) == -1)
		log_flush();
}

/* Several lines a message, and many messages: its log is read in batches. */
static void
gather_log(struct manager *manager)
{
	struct event *timer =
	    evtimer_new(manager->base, handle_log_timer, NULL);

	if (timer == NULL)
		temp_fail("out of memory");
	log_gather(lines_wait, timer);
}

static void
announce(void)
{
	if (write(READY_FD, "\n", 1) == 1)
		close(READY_FD);
}

int
main(int argc, char **argv)
{
	static struct manager manager;

	program_name("queue-manager");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 1)
		die(EX_USAGE, "%s", usage);
	if (!neighbour_is_given(NEIGHBOUR_LOCAL) ||
	    !neighbour_is_given(NEIGHBOUR_REMOTE) ||
	    !neighbour_is_given(NEIGHBOUR_BOUNCE))
		die(EX_USAGE, "local, remote and bounce must be neighbours");
	signal(SIGPIPE, SIG_IGN);
	settings_start(&manager);
	spool_open(&manager.spool);
	holding_start(&manager);
	/* Any open file names its file system, the FIFO too. */
	manager.syncer = syncer_new(manager.spool.trigger);
	manager.base = event_base_new();
	if (manager.base == NULL)
		temp_fail("cannot make an event loop");
	manager.timer = evtimer_new(manager.base, handle_timer, &manager);
	struct event *end =
	    evsignal_new(manager.base, SIGTERM, handle_end, &manager);
	if (manager.timer == NULL || end == NULL || event_add(end, NULL) == -1)
		temp_fail("out of memory");

	readers_start(&manager);
	require_unprivileged();
	sandbox_enter(SANDBOX_READ_FILES | SANDBOX_WRITE_FILES |
		      SANDBOX_THREADS | SANDBOX_SOCKETPAIR);
	local_start(&manager);
	channel_start(&manager);
	collect_start(&manager);
	intake_start(&manager);
	customers_start(&manager);
	announce();
	gather_log(&manager);
	event_base_dispatch(manager.base);
	collect_end(&manager);
	log_flush();
	return EX_OK;
}
