#ifndef QUEUE_DEADLINE_H
#define QUEUE_DEADLINE_H

/*
 * deadline - how long a message may wait, and when it is tried again.
 *
 * But for the last, of a message that is open.
 */

#include "queue/manager.h"

int64_t deadline_start(const struct message *message);
int64_t deadline_end(
    const struct manager *manager, const struct message *message);
int64_t deadline_warn(
    const struct manager *manager, const struct message *message);
/* Must it go back, as DELIVERBY=...;R asks? */
bool deadline_is_over(const struct message *message);
bool deadline_is_delay_due(
    const struct manager *manager, const struct message *message);
int64_t deadline_next_try(
    const struct manager *manager, const struct message *message);
bool deadline_has_expired(const struct manager *manager,
    const struct message *message, uint64_t attempts);
/* Of one that is not open: when it must be looked at whatever happens. */
int64_t deadline_next(
    const struct manager *manager, const struct message *message);

#endif
