/*
 * shared - limits that destinations have in common, because the same MX host
 * serves them.
 *
 * A destination is found to be behind one when remote-send tells where it is
 * about to connect; from then on it waits here, in turn, while that is full.
 */

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/destinations.h"
#include "queue/shared.h"

enum {
	MINUTE_MS = 60000
};

static void
handle_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	schedule_run(context);
}

static struct shared_limit *
make(struct manager *manager, const struct limit *limit)
{
	struct shared_limit *made = calloc(1, sizeof(*made));

	if (made == NULL ||
	    (made->name = strndup(
		 limit->destination.ptr, limit->destination.len)) == NULL ||
	    (made->timer = evtimer_new(manager->base, handle_timer, manager)) ==
		NULL)
		temp_fail("out of memory");
	made->limit = limit;
	made->next = manager->shared_limits;
	manager->shared_limits = made;
	return made;
}

/* One is kept for each line that there ever was: they are few. */
struct shared_limit *
shared_of(struct manager *manager, struct span host)
{
	const struct limit *limit = limit_find_mx(&manager->limits, host);
	struct shared_limit *shared = manager->shared_limits;

	if (limit == NULL)
		return NULL;
	while (shared != NULL && shared->limit != limit)
		shared = shared->next;
	return shared == NULL ? make(manager, limit) : shared;
}

void
shared_limit_all(struct manager *manager)
{
	for (struct shared_limit *shared = manager->shared_limits;
	     shared != NULL; shared = shared->next) {
		struct span name = span_of(shared->name);

		shared->limit = limit_find_mx(&manager->limits, name);
		if (shared->limit != NULL &&
		    !span_equal_nocase(shared->limit->destination, name))
			shared->limit = NULL;
	}
}

static size_t
room(const struct shared_limit *shared)
{
	if (shared == NULL || shared->limit == NULL)
		return SIZE_MAX;
	if (shared->channels >= shared->limit->connections)
		return 0;
	return shared->limit->connections - shared->channels;
}

bool
shared_has_room(const struct shared_limit *shared)
{
	return room(shared) > 0;
}

bool
shared_is_paced(const struct shared_limit *shared)
{
	return shared != NULL && shared->limit != NULL &&
	       shared->limit->per_minute > 0 && shared->paced_ms > clock_ms();
}

/* As destination_paces. */
void
shared_count(struct shared_limit *shared)
{
	int64_t now = clock_ms();

	if (shared == NULL || shared->limit == NULL ||
	    shared->limit->per_minute == 0)
		return;
	if (shared->paced_ms < now - 1000)
		shared->paced_ms = now - 1000;
	shared->paced_ms +=
	    (int64_t)(MINUTE_MS / shared->limit->per_minute) + 1;
}

bool
shared_is_over(const struct channel *channel)
{
	const struct shared_limit *shared = channel->shared;

	if (shared == NULL || shared->limit == NULL)
		return false;
	uint64_t most = shared->limit->per_connection;
	return shared->channels > shared->limit->connections ||
	       (most > 0 && channel->messages >= most) ||
	       (channel->messages >= TURN_MESSAGES &&
		   shared->waiting_count > 0);
}

void
shared_move(struct channel *channel, struct shared_limit *shared)
{
	if (channel->shared != NULL)
		channel->shared->channels--;
	if (shared != NULL)
		shared->channels++;
	channel->shared = shared;
}

void
shared_wait(struct destination *destination)
{
	struct shared_limit *shared = destination->shared;

	if (destination->shared_wait != NULL)
		return;
	destination->shared_wait = shared;
	destination->shared_next = NULL;
	if (shared->waiting == NULL)
		shared->waiting = destination;
	else
		shared->waiting_last->shared_next = destination;
	shared->waiting_last = destination;
	shared->waiting_count++;
}

/* Those that wait, as far as there is room. */
static void
wake(struct manager *manager, struct shared_limit *shared)
{
	size_t count = room(shared);

	if (count > shared->waiting_count)
		count = shared->waiting_count;
	for (; count > 0; count--) {
		struct destination *destination = shared->waiting;

		shared->waiting = destination->shared_next;
		shared->waiting_count--;
		destination->shared_wait = NULL;
		destination_consider(manager, destination);
	}
}

static void
wake_later(struct shared_limit *shared)
{
	int64_t left = shared->paced_ms - clock_ms();
	const struct timeval wait = { .tv_sec = left / 1000,
		.tv_usec = left % 1000 * 1000 + 1000 };

	if (!evtimer_pending(shared->timer, NULL) &&
	    evtimer_add(shared->timer, &wait) == -1)
		temp_fail("out of memory");
}

void
shared_run(struct manager *manager)
{
	for (struct shared_limit *shared = manager->shared_limits;
	     shared != NULL; shared = shared->next) {
		if (shared->waiting_count == 0)
			continue;
		if (shared_is_paced(shared))
			wake_later(shared);
		else if (shared_has_room(shared))
			wake(manager, shared);
		else
			channel_make_room(
			    manager, shared, shared->waiting_count);
	}
}
