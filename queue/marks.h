#ifndef QUEUE_MARKS_H
#define QUEUE_MARKS_H

/*
 * marks - what is known of recipients and not yet in their slots on the disk.
 *
 * A message that is done all at once never waits here: it is removed, or
 * written when it is closed.  Of one that takes longer, what is known is
 * written within a second, for that is what a crash can repeat.
 */

#include "queue/manager.h"

/* A slot of a message that is open is another. */
void marks_set(struct message *message, uint64_t index);
/* Others of its recipients may take their time. */
void marks_wait(struct manager *manager, struct message *message);
/* It waits no longer: it is dealt with as a whole. */
void marks_leave(struct manager *manager, struct message *message);
void marks_write(struct manager *manager, struct message *message);
/* What was not synced may not be there: it is delivered once more. */
void marks_forget(struct message *message);
void marks_start(struct manager *manager);

#endif
