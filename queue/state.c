/*
 * state - queue/state, what the manager knows of each destination, for queue
 * limits.
 */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "base/paths.h"
#include "net/routes.h"
#include "queue/handling.h"
#include "queue/shared.h"

/* What is routed belongs together, whatever its domain. */
static const char *
label(const struct destination *destination)
{
	struct route route = { .port = 0 };
	bool is_route =
	    route_parse(span_of(destination->route), &route) &&
	    span_equal_nocase(route.host, span_of(destination->name));

	return is_route ? "all" : destination->name;
}

static void
add_destination(struct buf *text, const struct destination *destination)
{
	int64_t blocked = destination->blocked_until - clock_now();

	buf_printf(text, "%s %zu %u %u %llu %u %lld %s\n", label(destination),
	    destination->errands, destination->channels, destination->window,
	    (unsigned long long)destination->limit->connections,
	    destination->failures, blocked > 0 ? (long long)blocked : 0,
	    destination->route);
}

/* Messages are counted where they are sorted; here, who waits for it. */
static void
add_shared(struct buf *text, const struct shared_limit *shared)
{
	buf_printf(text, "mx:%s %zu %u %llu %llu 0 0 \n", shared->name,
	    shared->waiting_count, shared->channels,
	    (unsigned long long)shared->limit->connections,
	    (unsigned long long)shared->limit->connections);
}

void
state_write(struct manager *manager)
{
	struct buf text = buf_new(SIZE_MAX / 2);

	size_t local = manager->local.errands;
	for (size_t i = 0; i < DESTINATION_CHAINS; i++)
		for (const struct destination *d = manager->destinations[i];
		     d != NULL; d = d->chain)
			if (d->is_local)
				local += d->errands;
			else
				add_destination(&text, d);
	buf_printf(&text, "local %zu 0 0 0 0 0 \n", local);
	for (const struct shared_limit *shared = manager->shared_limits;
	     shared != NULL; shared = shared->next)
		if (shared->limit != NULL)
			add_shared(&text, shared);
	int fd = openat(manager->spool.top, "state.new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool is_written = fd != -1 && write_all(fd, buf_span(&text));
	if (fd != -1)
		close(fd);
	if (!is_written || renameat(manager->spool.top, "state.new",
			       manager->spool.top, "state") == -1)
		warn_errno("cannot write %s/state", MTA_QUEUE);
	buf_free(&text);
}
