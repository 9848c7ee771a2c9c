#ifndef QUEUE_WITHDRAW_H
#define QUEUE_WITHDRAW_H

/*
 * withdraw - what was made ready of a message and not begun is not sent: an
 * order has come for it, or a deadline.
 */

#include "queue/manager.h"

/* It is dealt with as soon as what is on its way is back; now, if none is. */
void withdraw_message(struct manager *manager, struct message *message);

/* All that has begun for hosts that ask for their mail now (RFC 2645). */
void withdraw_on_demand(struct manager *manager);

#endif
