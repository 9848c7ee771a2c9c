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
#include "queue/handling.h"
#include "queue/shared.h"

static void
add_destination(struct buf *text, const struct destination *destination)
{
	int64_t blocked = destination->blocked_until - clock_now();

	buf_printf(text, "%s %zu %u %u %llu %u %lld %s\n",
	    destination->name == NULL ? "local" : destination->name,
	    destination->errands, destination->channels,
	    destination->name == NULL ? 0 : destination->window,
	    destination->limit == NULL
		? 0
		: (unsigned long long)destination->limit->connections,
	    destination->failures, blocked > 0 ? (long long)blocked : 0,
	    destination->route == NULL ? "" : destination->route);
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

	add_destination(&text, &manager->local);
	for (size_t i = 0; i < DESTINATION_CHAINS; i++)
		for (const struct destination *d = manager->destinations[i];
		     d != NULL; d = d->chain)
			add_destination(&text, d);
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
