#ifndef QUEUE_ALTERING_H
#define QUEUE_ALTERING_H

/*
 * altering - what queue(1) asks the manager to change of a message: its route,
 * whether it needs TLS, and that its sender's time does not count.
 *
 * Each is an extended attribute of its file; a message that the manager knows
 * is then sorted again, to be tried at once.
 */

#include "queue/manager.h"

bool altering_is_verb(struct span verb);
/* "NAME" or "NAME VALUE"; false if it makes no sense. */
bool altering_command(
    struct manager *manager, struct span verb, struct span text);

#endif
