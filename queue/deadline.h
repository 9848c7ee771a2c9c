#ifndef QUEUE_DEADLINE_H
#define QUEUE_DEADLINE_H

/*
 * deadline - how long a message may wait, and when it is tried again.
 *
 * But for the last, which takes any, of a message that is open.
 */

#include "queue/manager.h"

int64_t deadline_start(const struct message *message);
int64_t deadline_end(
    const struct manager *manager, const struct message *message);
/* When its sender is told of a delay next; INT64_MAX: never. */
int64_t deadline_warn(
    const struct manager *manager, const struct message *message);
/* Must it go back, as DELIVERBY=...;R asks? */
bool deadline_is_over(const struct message *message);
/* Its age, in seconds, when its sender was to be told last; 0: not yet. */
int64_t deadline_delay_age(
    const struct manager *manager, const struct message *message);
int64_t deadline_next_try(
    const struct manager *manager, const struct message *message);
bool deadline_has_expired(const struct manager *manager,
    const struct message *message, uint64_t attempts);
/*
 * When it must be looked at whatever happens; one that is open has its next
 * warning found, if the one before has come.
 */
int64_t deadline_next(const struct manager *manager, struct message *message);

#endif
