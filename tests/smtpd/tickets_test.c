/*
 * tickets_test - who goes on at once, waits, or goes on without one, while the
 * machine is busy or not.
 */

#include "smtpd/tickets.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "test.h"

static int load;
static struct tickets *tickets;
static struct ticket taken[TICKETS_MAX];
static unsigned held;

static void
set_runnable(unsigned long runnable)
{
	char text[64];
	int len = snprintf(
	    text, sizeof(text), "0.65 2.17 2.31 %lu/456 7890\n", runnable);

	if (ftruncate(load, 0) == -1 ||
	    pwrite(load, text, (size_t)len, 0) != len)
		exit(1);
}

/* All again; the machine is not busy, so that none waits.  How many it had. */
static unsigned
take_all(void)
{
	struct ticket next;

	for (unsigned i = 0; i < held; i++)
		tickets_give_back(tickets, &taken[i]);
	for (held = 0; held < TICKETS_MAX; held++) {
		next = tickets_take(tickets);
		if (next.until_ms == 0)
			break;
		taken[held] = next;
	}
	return held;
}

/*
 * Whether nothing was free for a moment: a ticket that we are kept from using
 * in time, by others on this machine, is free again, which proves nothing.
 */
static bool
is_none_left(const struct ticket *given_back)
{
	for (int tries = 0; tries < 50; tries++) {
		take_all();
		tickets_give_back(tickets, given_back);
		if (tickets_take(tickets).until_ms == 0)
			return true;
	}
	return false;
}

static void
test_not_busy(void)
{
	const struct ticket none = { 0, 0 };

	CHECK("not busy: on without one, which is none to give back",
	    is_none_left(&none));
	tickets_give_back(tickets, &taken[0]);
	CHECK("one that was given back is taken",
	    tickets_take(tickets).until_ms != 0);
}

static void
test_busy(void)
{
	take_all();
	struct ticket late = taken[0];
	int64_t began_ms = clock_ms();

	set_runnable(100000);
	tickets_take(tickets);
	CHECK("busy: it waits", clock_ms() - began_ms >= TICKET_MS / 2);
	set_runnable(1);
	while (clock_ms() <= late.until_ms)
		usleep(1000);
	CHECK("what was kept too long is free", take_all() > 0);
	CHECK("and not his to give back", is_none_left(&late));
}

/* In another process, as sessions are; it gives one back when we wait. */
static void
test_other_process(void)
{
	int status = 1;

	take_all();
	pid_t pid = fork();
	if (pid == 0) {
		usleep(TICKET_MS * 1000 / 4);
		tickets_give_back(tickets, &taken[0]);
		_exit(0);
	}
	set_runnable(100000);
	struct ticket ticket = tickets_take(tickets);
	CHECK("another's comes to who waits", ticket.until_ms != 0);
	CHECK("it was given back",
	    waitpid(pid, &status, 0) == pid && status == 0);
	set_runnable(1);
}

int
main(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	CHECK("bound to one", sched_setaffinity(0, sizeof(one), &one) == 0);
	load = memfd_create("load", MFD_CLOEXEC);
	tickets = tickets_make(load);
	set_runnable(1);
	CHECK(
	    "as many as a processor has", take_all() >= TICKETS_PER_PROCESSOR);
	test_not_busy();
	test_busy();
	usleep(TICKET_MS * 1000);
	test_other_process();
	struct ticket none = tickets_take(NULL);
	CHECK("no limit: no ticket", none.until_ms == 0);
	tickets_give_back(NULL, &none);
	return test_result();
}
