#ifndef QUEUE_SUPPRESSION_H
#define QUEUE_SUPPRESSION_H

/*
 * suppression - the manager gives up what is for addresses to which nothing
 * more is sent, and with control/suppressafter adds some to these.
 */

#include "queue/manager.h"

/* Those of its recipients that wait, of a message that is open. */
void suppression_apply(const struct manager *manager, struct message *message);
/*
 * Those of an errand that is about to start.  False: the list cannot be read,
 * and nothing may be sent to the others yet.
 */
bool suppression_apply_to(struct manager *manager, const struct errand *errand);
/* Another host's answer, before it is collected: does it count? */
void suppression_note(const struct manager *manager, const struct job *job,
    const struct verdict *verdict);

#endif
