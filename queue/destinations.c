/*
 * destinations - who is sent to, what is known about them, and whose turn it
 * is.
 *
 * One that has work and may have one more channel stands in the ring; each
 * turn gives one channel.  One that cannot be reached, or must not have more
 * at the moment, is waked by an errand of its own in the heap.
 */

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/destinations.h"
#include "queue/local.h"
#include "queue/routing.h"
#include "queue/shared.h"

enum {
	BLOCK_FIRST_S = 60,
	SILENT_MS = 30 * 1000,
	REFUSALS = 3, /* so many in a row, and it is left alone */
	MINUTE_MS = 60000
};

/* ---- the table ---- */

static size_t
chain_of(struct span name)
{
	return routing_hash(name) % DESTINATION_CHAINS;
}

static bool
is_called(const struct destination *destination, const struct routing *routing)
{
	return destination->is_local == routing->is_local &&
	       span_equal_nocase(span_of(destination->name), routing->name) &&
	       span_equal(span_of(destination->route), routing->route);
}

static struct destination *
find(const struct manager *manager, const struct routing *routing)
{
	struct destination *known =
	    manager->destinations[chain_of(routing->name)];

	while (known != NULL && !is_called(known, routing))
		known = known->chain;
	return known;
}

struct destination *
destination_find(const struct manager *manager, struct span domain)
{
	struct buf address = buf_new(ENVELOPE_ADDRESS_MAX);
	struct routing routing;

	buf_add_char(&address, '@');
	buf_add(&address, domain);
	routing_find(manager, NULL, buf_span(&address), &routing);
	struct destination *found = find(manager, &routing);
	routing_free(&routing);
	buf_free(&address);
	return found;
}

static void
limit(struct manager *manager, struct destination *destination)
{
	if (destination->is_local)
		return;
	destination->limit =
	    limit_find(&manager->limits, span_of(destination->name));
	if (destination->window > destination->limit->connections)
		destination->window = (unsigned)destination->limit->connections;
	/* A message that is routed elsewhere goes there. */
	destination->is_on_demand =
	    destination->route[0] == '\0' &&
	    odmr_has(&manager->odmr_domains, span_of(destination->name));
}

static struct destination *
make(struct manager *manager, const struct routing *routing)
{
	struct span name = routing->name;
	struct destination **chain = &manager->destinations[chain_of(name)];
	struct destination *made = calloc(1, sizeof(*made));

	if (made == NULL ||
	    (made->name = strndup(name.ptr, name.len)) == NULL ||
	    (made->route = strndup(routing->route.ptr, routing->route.len)) ==
		NULL)
		temp_fail("out of memory");
	for (char *c = made->name; *c != '\0'; c++)
		*c = ascii_lower(*c);
	made->is_local = routing->is_local;
	made->window = CHANNELS_FIRST;
	made->has_answered =
	    manager->answered[chain_of(name)] == routing_hash(name);
	made->wake.destination = made;
	limit(manager, made);
	made->chain = *chain;
	*chain = made;
	return made;
}

struct destination *
destination_of(
    struct manager *manager, const struct message *message, struct span address)
{
	struct destination *found = &manager->local;
	struct routing routing;

	routing_find(manager, message, address, &routing);
	if (routing.name.len > 0) {
		found = find(manager, &routing);
		if (found == NULL)
			found = make(manager, &routing);
	}
	routing_free(&routing);
	return found;
}

/* Told by its name alone, as nearly all are of a message for many domains. */
static bool
is_another(const struct destination *destination, struct span address)
{
	size_t at = span_last_index(address, '@');
	struct span domain = span_slice(address, at + 1, address.len);

	return !destination->is_local && destination->route[0] == '\0' &&
	       span_is_ascii(domain) &&
	       !span_equal_nocase(domain, span_of(destination->name));
}

bool
destination_is(const struct manager *manager,
    const struct destination *destination, const struct message *message,
    struct span address)
{
	struct routing routing;

	if (is_another(destination, address))
		return false;
	routing_find(manager, message, address, &routing);
	bool is_it = is_called(destination, &routing);
	routing_free(&routing);
	return is_it;
}

/* ---- turns ---- */

bool
destination_is_blocked(const struct destination *destination)
{
	return destination->is_on_demand ||
	       destination->blocked_until > clock_now();
}

const char *
destination_why_blocked(const struct destination *destination)
{
	return destination->is_on_demand
		   ? "it waits until its host asks for it (ATRN)"
		   : "its host could not be reached lately, or sent all away";
}

bool
destination_has_work(const struct destination *destination)
{
	return destination->jobs.count > 0 || destination->bands != NULL;
}

/* Must it wait, to keep its pace? */
static bool
is_paced(const struct destination *destination)
{
	return !destination->is_local && destination->limit->per_minute > 0 &&
	       destination->paced_ms > clock_ms();
}

/* One that fails is asked by one channel only, until it answers. */
static bool
wants_channel(const struct destination *destination)
{
	unsigned most = destination->failures > 0 ? 1 : destination->window;

	return destination_has_work(destination) &&
	       destination->channels - destination->idle < most &&
	       !destination_is_blocked(destination) && !is_paced(destination);
}

/* Nor do those with the same MX host stand in its way. */
static bool
may_have_channel(const struct destination *destination)
{
	return wants_channel(destination) &&
	       !shared_is_paced(destination->shared) &&
	       (destination->idle > 0 || shared_has_room(destination->shared));
}

static void
wake_at(struct manager *manager, struct destination *destination, int64_t when)
{
	struct errand *wake = &destination->wake;

	if (wake->state == ERRAND_WAITING)
		heap_remove(&manager->waiting, wake);
	errand_wait(manager, wake, when);
}

void
destination_consider(struct manager *manager, struct destination *destination)
{
	if (destination->is_local) {
		local_consider(manager, destination);
		return;
	}
	if (destination->is_in_ring)
		return;
	if (!may_have_channel(destination)) {
		if (destination_has_work(destination) &&
		    is_paced(destination) &&
		    !destination_is_blocked(destination))
			wake_at(manager, destination, clock_now() + 1);
		else if (wants_channel(destination))
			shared_wait(destination);
		destination_release(manager, destination);
		return;
	}
	ring_add(&manager->ring, destination);
}

/* ---- rings ---- */

void
ring_add(struct ring *ring, struct destination *destination)
{
	destination->is_in_ring = true;
	destination->ring_next = NULL;
	if (ring->first == NULL)
		ring->first = destination;
	else
		ring->last->ring_next = destination;
	ring->last = destination;
	ring->count++;
}

struct destination *
ring_take(struct ring *ring)
{
	struct destination *destination = ring->first;

	if (destination == NULL)
		return NULL;
	ring->first = destination->ring_next;
	ring->count--;
	destination->is_in_ring = false;
	return destination;
}

/* What the channels at work leave to some kinds of destinations. */
struct leeway {
	bool takes_suspects;
	bool takes_new;
};

/*
 * Those that do not answer have half of all channels together, at most.  Those
 * that have not answered yet have half of what silent hosts leave, and with
 * those of them that are silent three quarters at most: one with a hundred
 * names cannot have all channels before it is known, nor bit by bit.
 */
static struct leeway
count_leeway(const struct manager *manager)
{
	int64_t silent_since = clock_ms() - SILENT_MS;
	uint64_t suspects = 0;
	uint64_t silent = 0;
	uint64_t fresh = 0;
	uint64_t unknown = 0;

	for (const struct channel *channel = manager->channels; channel != NULL;
	     channel = channel->next) {
		bool is_busy = channel->state != CHANNEL_IDLE;

		suspects += channel->destination->failures > 0;
		unknown += is_busy && !channel->destination->has_answered;
		if (is_busy && channel->heard_ms <= silent_since)
			silent++;
		else if (is_busy && !channel->destination->has_answered)
			fresh++;
	}
	uint64_t all = manager->concurrency_remote;
	return (struct leeway){ .takes_suspects = suspects < (all + 1) / 2,
		.takes_new = silent < all && fresh < (all - silent + 1) / 2 &&
			     unknown < all - all / 4 };
}

struct destination *
destination_turn(struct manager *manager)
{
	struct leeway leeway = count_leeway(manager);
	struct destination *destination;

	for (size_t left = manager->ring.count; left > 0; left--) {
		destination = ring_take(&manager->ring);
		if (may_have_channel(destination) &&
		    (destination->failures == 0 || leeway.takes_suspects) &&
		    (destination->has_answered || leeway.takes_new))
			return destination;
		destination_consider(manager, destination);
	}
	return NULL;
}

void
destination_unblock(struct manager *manager, struct destination *destination)
{
	destination->is_unblocked |= destination_is_blocked(destination);
	destination->blocked_until = 0;
	if (destination->wake.state == ERRAND_WAITING)
		heap_remove(&manager->waiting, &destination->wake);
	destination->wake.state = ERRAND_AT_WORK;
	destination_consider(manager, destination);
}

void
destination_unblock_all(struct manager *manager)
{
	for (size_t i = 0; i < DESTINATION_CHAINS; i++) {
		struct destination *next;

		for (struct destination *destination = manager->destinations[i];
		     destination != NULL; destination = next) {
			next = destination->chain;
			destination_unblock(manager, destination);
		}
	}
}

/* What was not used is kept for a second: it is not waked more often. */
bool
destination_paces(struct destination *destination)
{
	uint64_t pace = destination->limit->per_minute;
	int64_t now = clock_ms();

	if (pace == 0)
		return true;
	if (is_paced(destination))
		return false;
	if (destination->paced_ms < now - 1000)
		destination->paced_ms = now - 1000;
	destination->paced_ms += (int64_t)(MINUTE_MS / pace) + 1;
	return true;
}

/* ---- what it did ---- */

/* It is left alone for a while. */
static void
block(struct manager *manager, struct destination *destination)
{
	if (destination_is_blocked(destination))
		return; /* another channel said so already */
	/* Who only asks again and again makes nobody wait longer for it. */
	bool is_early = destination->is_unblocked && destination->failures > 0;
	unsigned shift = destination->failures - is_early;
	if (shift > 6)
		shift = 6;
	uint64_t pause_s = (uint64_t)BLOCK_FIRST_S << shift;

	destination->failures += !is_early;
	destination->is_unblocked = false;
	destination->window = 1;
	if (pause_s > manager->retry_max_s)
		pause_s = manager->retry_max_s;
	destination->blocked_until = clock_now() + (int64_t)pause_s;
	wake_at(manager, destination, destination->blocked_until);
}

static void
shrink(struct destination *destination)
{
	destination->window = (destination->window + 1) / 2;
	destination->successes = 0;
}

/* One channel more after as many good transactions as it has channels. */
static void
grow(struct manager *manager, struct destination *destination)
{
	if (++destination->successes < destination->window)
		return;
	destination->successes = 0;
	if (destination->window < destination->limit->connections)
		destination->window++;
	destination_consider(manager, destination);
}

/* That is remembered longer than the destination, which comes and goes. */
static void
note_answered(
    struct manager *manager, struct destination *destination, bool has_answered)
{
	struct span name = span_of(destination->name);
	uint32_t *place = &manager->answered[chain_of(name)];

	destination->has_answered = has_answered;
	if (has_answered)
		*place = routing_hash(name);
	else if (*place == routing_hash(name))
		*place = 0;
}

void
destination_note(struct manager *manager, struct destination *destination,
    enum channel_note note)
{
	bool is_blocking =
	    note == NOTE_UNREACHABLE ||
	    (note == NOTE_REFUSED && (destination->failures > 0 ||
					 ++destination->refusals >= REFUSALS));

	note_answered(manager, destination, note <= NOTE_SUCCESS);
	if (note != NOTE_REFUSED)
		destination->refusals = 0;
	if (is_blocking) {
		block(manager, destination);
		return;
	}
	destination->failures = 0;
	if (note == NOTE_SUCCESS)
		grow(manager, destination);
	else if (note != NOTE_ANSWER)
		shrink(destination);
}

void
destination_limit_all(struct manager *manager)
{
	struct destination *next;

	for (size_t i = 0; i < DESTINATION_CHAINS; i++)
		for (struct destination *destination = manager->destinations[i];
		     destination != NULL; destination = next) {
			bool was_on_demand = destination->is_on_demand;

			next = destination->chain;
			limit(manager, destination);
			if (was_on_demand && !destination->is_on_demand)
				destination_consider(manager, destination);
		}
}

/* Until then it is remembered: what comes one by one keeps its pace, too. */
static int64_t
pace_end(const struct destination *destination)
{
	int64_t left_ms = destination->paced_ms - clock_ms();

	return clock_now() + left_ms / 1000 + 1;
}

void
destination_release(struct manager *manager, struct destination *destination)
{
	if (destination == &manager->local || destination->errands > 0 ||
	    destination->jobs.count > 0 || destination->channels > 0 ||
	    destination->is_in_ring || destination->shared_wait != NULL ||
	    destination->wake.state == ERRAND_WAITING)
		return;
	if (is_paced(destination)) {
		wake_at(manager, destination, pace_end(destination));
		return;
	}
	struct destination **link =
	    &manager->destinations[chain_of(span_of(destination->name))];
	while (*link != destination)
		link = &(*link)->chain;
	*link = destination->chain;
	free(destination->name);
	free(destination->route);
	free(destination);
}
