#include "smtpd/tickets.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/io.h"
#include "net/load.h"

enum {
	LOOK_AGAIN_MS = 20 /* for one that was kept too long; at the load */
};

struct tickets {
	int load;
	uint64_t processors;
	uint64_t count;
	_Atomic uint32_t returned; /* how often one was */
	_Atomic uint32_t waiting;  /* too many, if one of them was killed */
	_Atomic int64_t until_ms[TICKETS_MAX]; /* in the past: it is free */
};

struct tickets *
tickets_make(int load)
{
	uint64_t processors = load_processors();
	uint64_t usual = processors * TICKETS_PER_PROCESSOR;
	uint64_t count = control_number("messagesatonce",
	    usual < TICKETS_MAX ? usual : TICKETS_MAX, 0, TICKETS_MAX);

	if (count == 0)
		return NULL;
	struct tickets *tickets = mmap(NULL, sizeof(*tickets),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tickets == MAP_FAILED)
		temp_fail("out of memory");
	tickets->load = load;
	tickets->processors = processors;
	tickets->count = count;
	return tickets;
}

static struct ticket
take_free(struct tickets *tickets, int64_t now_ms)
{
	for (uint64_t i = 0; i < tickets->count; i++) {
		int64_t until_ms = atomic_load(&tickets->until_ms[i]);
		struct ticket ticket = { now_ms + TICKET_MS, i };

		if (until_ms <= now_ms &&
		    atomic_compare_exchange_strong(
			&tickets->until_ms[i], &until_ms, ticket.until_ms))
			return ticket;
	}
	return (struct ticket){ 0, 0 };
}

/* One that was returned since ends the wait at once. */
static void
wait_for_one(struct tickets *tickets, uint32_t returned, int64_t ms)
{
	const struct timespec nap = { .tv_nsec = ms * 1000000 };

	atomic_fetch_add(&tickets->waiting, 1);
	syscall(
	    SYS_futex, &tickets->returned, FUTEX_WAIT, returned, &nap, NULL, 0);
	atomic_fetch_sub(&tickets->waiting, 1);
}

struct ticket
tickets_take(struct tickets *tickets)
{
	struct ticket ticket = { 0, 0 };

	if (tickets == NULL)
		return ticket;
	for (int64_t end_ms = clock_ms() + TICKETS_WAIT_MS;;) {
		uint32_t returned = atomic_load(&tickets->returned);
		int64_t now_ms = clock_ms();

		ticket = take_free(tickets, now_ms);
		if (ticket.until_ms != 0 || now_ms >= end_ms ||
		    !load_is_high(tickets->load, tickets->processors))
			return ticket;
		wait_for_one(tickets, returned,
		    end_ms - now_ms < LOOK_AGAIN_MS ? end_ms - now_ms
						    : LOOK_AGAIN_MS);
	}
}

void
tickets_give_back(struct tickets *tickets, const struct ticket *ticket)
{
	int64_t until_ms = ticket->until_ms;

	/* One that was kept too long may be another's by now. */
	if (until_ms == 0 ||
	    !atomic_compare_exchange_strong(
		&tickets->until_ms[ticket->place], &until_ms, 0))
		return;
	atomic_fetch_add(&tickets->returned, 1);
	if (atomic_load(&tickets->waiting) > 0)
		syscall(SYS_futex, &tickets->returned, FUTEX_WAKE, 1, NULL,
		    NULL, 0);
}
