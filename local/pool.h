#ifndef LOCAL_POOL_H
#define LOCAL_POOL_H

/*
 * pool - the deliverers as the parser sees them: one or more a user, kept for
 * a second after their last command, so that a busy mailbox costs no fork.
 *
 * A program, a forward or a script that needs queue-inject gets a deliverer
 * that has nothing else to do, so that a slow one holds up nobody; of commands
 * that store, a few are in flight.
 */

#include <poll.h>

#include "local/expand.h"

enum {
	POOL_WINDOW = 4, /* commands in flight for one deliverer */
	POOL_IDLE_MS = 1000
};

/* An action on its way: owned by the pool until it is done. */
struct work {
	struct work *next;
	struct action *action;
	struct task *task;
	uint64_t number;
};

struct worker {
	int fd; /* our end of its pair; -1: no deliverer */
	unsigned uid;
	unsigned gid;
	bool has_mail_group;
	bool is_exclusive; /* it does what may be slow */
	size_t sent_count;
	struct work *sent[POOL_WINDOW];
	int64_t idle_since_ms;
};

struct pool {
	int spawner_fd;
	size_t busy_max; /* deliverers at work at once */
	struct worker workers[DELIVERERS_MAX];
	struct work *first; /* wait for a deliverer */
	struct work **last;
	uint64_t next_number;
	/* Write the command for work; returns the descriptors to send. */
	int (*fill)(void *context, const struct work *work,
	    struct command *command, int fds[2]);
	/* It is done: the verdict (and the descriptor of an include, or -1). */
	void (*done)(void *context, struct work *work,
	    const struct verdict *verdict, int fd);
	void *context;
	struct buf bytes;
	struct packet packet;
};

void pool_init(struct pool *pool, int spawner_fd, size_t busy_max);

/* Queue an action of a task; pool_run sends it. */
void pool_add(struct pool *pool, struct action *action, struct task *task);

/* From done: the same once more. */
void pool_add_again(struct pool *pool, struct work *work);

/* Give waiting work to deliverers, as far as there are any. */
void pool_run(struct pool *pool);

/* Descriptors to wait for; returns how many (at most DELIVERERS_MAX). */
size_t pool_add_polls(const struct pool *pool, struct pollfd *polls);

/* fd is readable: take a verdict, or bury the deliverer. */
void pool_handle(struct pool *pool, int fd);

/* Let idle deliverers go; milliseconds until the next may, or -1. */
int64_t pool_expire(struct pool *pool);

#endif
