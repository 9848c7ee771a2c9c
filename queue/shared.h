#ifndef QUEUE_SHARED_H
#define QUEUE_SHARED_H

/*
 * shared - a line of control/limits for MX hosts, which all destinations behind
 * them share.  Wherever one is asked for, NULL is one without limits.
 */

#include "queue/manager.h"

struct shared_limit {
	struct shared_limit *next;
	char *name;                /* of the line, without "mx:" */
	const struct limit *limit; /* NULL: that line is gone */
	unsigned channels;
	int64_t paced_ms;            /* as a destination's */
	struct destination *waiting; /* in turn */
	struct destination *waiting_last;
	size_t waiting_count;
	struct event *timer; /* its pace allows another */
};

/* The one of an MX host, NULL if there is none. */
struct shared_limit *shared_of(struct manager *manager, struct span host);
bool shared_has_room(const struct shared_limit *shared);
bool shared_is_paced(const struct shared_limit *shared);
/* A message goes: the next keeps its distance. */
void shared_count(struct shared_limit *shared);
/* In turn, until its shared limit, which is full or paced, has room. */
void shared_wait(struct destination *destination);
/* Those whose time has come are considered again. */
void shared_run(struct manager *manager);
/* Must it be closed, for the limit or for those that wait? */
bool shared_is_over(const struct channel *channel);
/* A channel counts here, and nowhere else; shared may be NULL. */
void shared_move(struct channel *channel, struct shared_limit *shared);
/* Limits were read again. */
void shared_limit_all(struct manager *manager);

#endif
