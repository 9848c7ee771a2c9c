#ifndef QUEUE_MARKS_H
#define QUEUE_MARKS_H

/*
 * marks - what is known of recipients and not yet in their slots on the disk.
 *
 * A message that is done all at once never waits here: it is removed, or
 * written when it is closed.  Of one that takes longer, what is known is
 * written within a second, for that is what a crash can repeat; of a mailbox
 * whose file was linked, when a sync has seen that.
 */

#include "queue/manager.h"

/* A slot of a message that is open is another. */
void marks_set(struct message *message, uint64_t index);
/* The same of one whose mailbox file is not known to be durable. */
void marks_set_linked(struct message *message, uint64_t index);
/* Others of its recipients may take their time. */
void marks_wait(struct manager *manager, struct message *message);
/* It waits no longer: it is dealt with as a whole. */
void marks_leave(struct manager *manager, struct message *message);
/* But for what a sync has not seen. */
void marks_write(struct manager *manager, struct message *message);
/* A sync has seen all of the message. */
void marks_settle(struct message *message);
/* What was not synced may not be there: it is delivered once more. */
void marks_forget(struct message *message);
/* A sync begins, and ends, that those which wait share; 0 or an errno. */
void marks_begin_sync(struct manager *manager);
void marks_end_sync(struct manager *manager, int error);
void marks_start(struct manager *manager);

#endif
