#ifndef QUEUE_HOLDING_H
#define QUEUE_HOLDING_H

/*
 * holding - the manager holds what a rule of queue(1) is about.
 *
 * A message is looked at as it arrives.  After a restart, so is one that was
 * never tried and is younger than the rule: whoever was killed may have taken
 * it and no more.
 */

#include "queue/manager.h"

/* Read the rules, at start and when they are others. */
void holding_start(struct manager *manager);
void holding_refresh(struct manager *manager);
/*
 * Hold one that is open for its first look, and that nobody else has opened;
 * false if no rule is about it.  True: it is closed, and may be gone.
 */
bool holding_take(struct manager *manager, struct message *message);
/* The file in hold/ is about to be released: no rule holds it again. */
void holding_let_go(const struct manager *manager, const char *path);
/* "added ..." or "removed ...": what queue(1) has done to the rules, or to the
 * list of those to whom nothing is sent, as verb says. */
void holding_told(struct manager *manager, struct span verb, struct span what);

#endif
