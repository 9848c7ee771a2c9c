#ifndef SEND_CHILDREN_H
#define SEND_CHILDREN_H

/*
 * children - a parent that waits for packets and for the end of its children
 * at once.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Before the first fork: SIGCHLD then comes only within children_wait. */
void children_hold(void);

/* Wait; false if a child ended first, or the time is over (-1: never). */
bool children_wait(struct pollfd *wait, nfds_t count, int64_t timeout_ms);

/*
 * Count those off that ended.  How many died of a signal that is a fault of
 * theirs.
 */
unsigned children_reap(uint64_t *children);

/* Has that one?  It is not waited for; true once. */
bool children_has_ended(pid_t pid);

#endif
