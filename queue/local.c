/*
 * local - jobs for local-deliver, in fair turns.
 *
 * Each mailbox is a destination (routing.h); those with work take turns, one
 * job a turn.  Of the deliveries at once none has more than a quarter of what
 * the others leave: a program that hangs, or a flood, holds up its own mail.
 *
 * Some messages are opened before their turn, so that none waits for that;
 * what has jobs stands in one ring, what only has errands in another.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/destinations.h"
#include "queue/dispatch.h"
#include "queue/local.h"
#include "queue/neighbour.h"
#include "queue/routing.h"

enum {
	SLOW_MS = 10000 /* who takes as long has had its share for a while */
};

/* ---- shares ---- */

/* Hash of the mailbox, whatever else its message is for. */
static uint32_t
mailbox_of(const struct manager *manager, const struct job *job)
{
	struct routing routing;

	routing_find(manager, NULL, job->recipient.address, &routing);
	uint32_t hash = routing_hash(routing.name);
	routing_free(&routing);
	return hash;
}

/* What is at work for a mailbox. */
struct share {
	uint64_t count;
	bool is_slow;
};

static struct share
share_of(const struct manager *manager, uint32_t mailbox)
{
	int64_t slow_since = clock_ms() - SLOW_MS;
	struct share share = { 0, false };

	for (uint64_t i = 0; i < manager->concurrency_local; i++) {
		const struct local_slot *slot = &manager->local_slots[i];

		if (slot->job == NULL || slot->mailbox != mailbox)
			continue;
		share.count++;
		share.is_slow |= slot->started_ms <= slow_since;
	}
	return share;
}

/* A quarter, rounded up: whatever is left, there is one for another. */
static bool
has_room(const struct manager *manager, struct share share)
{
	uint64_t left =
	    manager->concurrency_local - manager->local_running + share.count;

	return share.count < (left + 3) / 4;
}

/* ---- rings ---- */

void
local_consider(struct manager *manager, struct destination *destination)
{
	if (destination->is_in_ring)
		return;
	if (destination->jobs.count > 0)
		ring_add(&manager->local_ready, destination);
	else if (destination->bands != NULL)
		ring_add(&manager->local_waiting, destination);
	else
		destination_release(manager, destination);
}

/* Its jobs and those that are counted with them: all mailboxes' together. */
static size_t
count_jobs(const struct manager *manager, const struct destination *destination)
{
	return destination == &manager->local ? destination->jobs.count
					      : manager->local_jobs;
}

/*
 * As many as can be delivered now, whatever else is open; and some that are
 * delivered soon.
 */
static bool
may_open_one(
    const struct manager *manager, const struct destination *destination)
{
	size_t count = count_jobs(manager, destination);

	return count + manager->local_running < manager->concurrency_local ||
	       (count < LOCAL_AHEAD && manager->active_count < ACTIVE_MAX);
}

/* It could not use them for some time. */
static bool
is_stuck(const struct manager *manager, const struct destination *destination)
{
	if (destination == &manager->local)
		return false;
	struct share share =
	    share_of(manager, routing_hash(span_of(destination->name)));
	return share.is_slow && !has_room(manager, share);
}

/* A mailbox has half of what the others leave, at most. */
static void
open_some(struct manager *manager, struct destination *destination)
{
	struct errand *errand;

	destination->errands++; /* ours: nobody forgets it meanwhile */
	do {
		size_t before = destination->jobs.count;

		errand = errand_take(manager, destination);
		if (errand == NULL)
			break;
		errand_start(manager, errand);
		if (destination != &manager->local)
			manager->local_jobs += destination->jobs.count - before;
	} while (may_open_one(manager, destination) &&
		 count_jobs(manager, destination) + destination->jobs.count <
		     LOCAL_AHEAD);
	destination->errands--;
	local_consider(manager, destination);
}

static void
look_ahead(struct manager *manager)
{
	struct ring *ring = &manager->local_waiting;

	for (size_t left = ring->count; left > 0; left--) {
		bool may_open = may_open_one(manager, ring->first);

		if (!may_open && ring->first != &manager->local)
			return;
		struct destination *destination = ring_take(ring);
		if (may_open && !is_stuck(manager, destination))
			open_some(manager, destination);
		else
			ring_add(ring, destination);
	}
}

/*
 * Nothing that was made ready has room, however much it is: a message more, of
 * a mailbox that has some; false if there is none.
 */
static bool
open_another(struct manager *manager)
{
	struct ring *ring = &manager->local_waiting;
	bool is_full = manager->local_running == manager->concurrency_local;

	for (size_t left = is_full ? 0 : ring->count; left > 0; left--) {
		struct destination *destination = ring_take(ring);
		uint32_t mailbox = routing_hash(span_of(destination->name));

		if (destination != &manager->local &&
		    has_room(manager, share_of(manager, mailbox))) {
			open_some(manager, destination);
			return true;
		}
		ring_add(ring, destination);
	}
	return false;
}

/* ---- jobs ---- */

static void
take_out(struct manager *manager, struct destination *destination,
    struct job *before)
{
	jobs_take_behind(&destination->jobs, before);
	if (destination != &manager->local)
		manager->local_jobs--;
}

/*
 * The first job whose mailbox has room, or NULL; *before is the one before it.
 * A message for many is not to stay open for one that has been slow: that one
 * waits as if it had deferred it.
 */
static struct job *
find_job(struct manager *manager, struct destination *destination,
    struct job **before, uint32_t *mailbox)
{
	struct job *job = destination->jobs.first;

	for (*before = NULL; job != NULL; job = *before == NULL
						    ? destination->jobs.first
						    : (*before)->next) {
		*mailbox = mailbox_of(manager, job);
		struct share share = share_of(manager, *mailbox);

		if (has_room(manager, share))
			return job;
		if (destination != &manager->local)
			return NULL; /* all of them are for one mailbox */
		if (!share.is_slow) {
			*before = job;
			continue;
		}
		take_out(manager, destination, *before);
		dispatch_fail_over(
		    manager, job, "its last deliveries are still at work");
	}
	return NULL;
}

/* False: local-deliver takes no more; a verdict will bring us back. */
static bool
send_one(struct manager *manager, struct destination *destination)
{
	struct job *before;
	uint32_t mailbox;
	uint64_t number = 0;
	struct job *job = find_job(manager, destination, &before, &mailbox);

	if (job == NULL)
		return true;
	while (manager->local_slots[number].job != NULL)
		number++;
	if (!dispatch_send(NEIGHBOUR_LOCAL, number, &job, 1)) {
		if (errno != EAGAIN)
			collect_die(manager, "local-deliver");
		return false;
	}
	take_out(manager, destination, before);
	manager->local_running++;
	manager->local_slots[number] = (struct local_slot){
		.job = job, .mailbox = mailbox, .started_ms = clock_ms()
	};
	return true;
}

/* One job of each that has some; false: no more of them can be sent now. */
static bool
run_round(struct manager *manager, bool *is_taken)
{
	struct ring *ring = &manager->local_ready;
	uint64_t before = manager->local_running;

	*is_taken = true;
	for (size_t left = ring->count;
	     left > 0 && manager->local_running < manager->concurrency_local;
	     left--) {
		struct destination *destination = ring_take(ring);
		*is_taken = send_one(manager, destination);

		local_consider(manager, destination);
		if (!*is_taken)
			return false;
	}
	return manager->local_running > before;
}

void
local_run(struct manager *manager)
{
	bool is_taken;

	do
		look_ahead(manager);
	while (run_round(manager, &is_taken) ||
	       (is_taken && open_another(manager)));
}

/* ---- verdicts ---- */

static void
handle_local(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;
	struct verdict verdict;
	int got;

	(void)what;
	while ((got = packet_receive(fd, &manager->packet)) == 1) {
		packet_close_fds(&manager->packet);
		if (!verdict_parse(packet_span(&manager->packet), &verdict) ||
		    verdict.number >= manager->concurrency_local ||
		    manager->local_slots[verdict.number].job == NULL) {
			log_event("local-deliver answers nonsense");
			continue;
		}
		struct job *job = manager->local_slots[verdict.number].job;
		manager->local_slots[verdict.number].job = NULL;
		manager->local_running--;
		collect_verdict(manager, job, &verdict);
	}
	if (got == 0)
		collect_die(manager, "local-deliver");
	schedule_run(manager);
}

void
local_start(struct manager *manager)
{
	struct event *local;

	manager->local.is_local = true;
	manager->local.name = strdup("");
	manager->local.route = strdup("");
	manager->local_slots =
	    calloc(manager->concurrency_local, sizeof(*manager->local_slots));
	if (manager->local.name == NULL || manager->local.route == NULL ||
	    manager->local_slots == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(NEIGHBOUR_LOCAL);
	local = event_new(manager->base, NEIGHBOUR_LOCAL, EV_READ | EV_PERSIST,
	    handle_local, manager);
	if (local == NULL || event_add(local, NULL) == -1)
		temp_fail("out of memory");
}
