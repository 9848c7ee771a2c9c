#ifndef QUEUE_LOCAL_H
#define QUEUE_LOCAL_H

/*
 * local - jobs for local-deliver.
 */

#include "queue/manager.h"

void local_start(struct manager *manager);
/* Send as many as may be at work. */
void local_run(struct manager *manager);
/* It may have work: give it a turn, or forget it. */
void local_consider(struct manager *manager, struct destination *destination);

#endif
