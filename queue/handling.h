#ifndef QUEUE_HANDLING_H
#define QUEUE_HANDLING_H

/*
 * handling - what queue(1) asks the manager to do with messages.
 */

#include "queue/manager.h"

/* A line of the command FIFO, "VERB NAME"; false if it makes no sense. */
bool handling_command(
    struct manager *manager, struct span verb, struct span name);
/* An order for a message, whether it is known, held, or still in new/. */
void handling_give(
    struct manager *manager, const struct queue_name *name, enum order order);
/* Where it lies when it is held. */
void handling_hold_path(const struct queue_name *name, char path[96]);
/* In cur/, but the scan at the start has not come to it. */
bool handling_is_unread(
    const struct manager *manager, const struct queue_name *name);
/* "SUBJECT WHAT by=UID": what is done, and who asked for it. */
void handling_log(
    const struct manager *manager, const char *subject, const char *what);
/*
 * Into hold/; false, and it is still known, if it cannot be.  A rule that wants
 * it so says why; NULL: it was asked for.
 */
bool handling_hold(
    struct manager *manager, struct message *message, const char *why);
/* What was asked for while it was on its way; it must be closed. */
void handling_carry_out(struct manager *manager, struct message *message);
/*
 * Its errands are for where it went before: it is sorted again, to be tried at
 * once.  It must be closed, and sorted already.
 */
bool handling_sort_anew(struct manager *manager, struct message *message);
/*
 * One that was marked in hold/ is synced: it goes on, to be reported.  With an
 * error (an errno) it stays held.
 */
void handling_let_go(
    struct manager *manager, struct message *message, int error);

/* state.c: queue/state, for queue limits */
void state_write(struct manager *manager);

#endif
