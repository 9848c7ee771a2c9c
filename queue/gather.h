/*
 * gather - whether a message's sync should wait a moment for other messages.
 *
 * A sync costs about the same for one message and for many. A session that
 * was opened or answered a moment ago will likely bring a message soon, and
 * can share the sync; one that is idle will not.
 */

#ifndef QUEUE_GATHER_H
#define QUEUE_GATHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
	GATHER_BUSY_MS = 100, /* a session is, that was heard of so lately */
	GATHER_WAIT_US = 1000 /* what the first message of a sync waits */
};

/* A session; part of it, for gather alone. */
struct gather_session {
	TAILQ_ENTRY(gather_session) link;
	int64_t moved_ms; /* when it was opened or last answered, clock_ms() */
	bool is_busy;     /* it is in the list */
};

/* Those that have no message waiting, the one that moved last first. */
TAILQ_HEAD(gather, gather_session);

void gather_init(struct gather *gather);

/* It was opened, or is answered: its next message may come. */
void gather_moved(struct gather *gather, struct gather_session *session);

/* It has given its message, or is gone. */
void gather_done(struct gather *gather, struct gather_session *session);

/* Will another message come soon? */
bool gather_expects(const struct gather *gather);

#endif
