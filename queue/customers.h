#ifndef QUEUE_CUSTOMERS_H
#define QUEUE_CUSTOMERS_H

/*
 * customers - hosts that ask for the mail of their domains, RFC 2645: who asks
 * (customers), and the channel over the connection that each of them made
 * (channel).
 */

#include "queue/manager.h"

/* customers.c */
void customers_start(struct manager *manager);
/* As dispatch_find_jobs for each of its customer's domains in turn. */
bool customer_find_jobs(struct channel *channel);
/* Its channel ends; customer as in struct channel. */
void customer_end(struct manager *manager, struct destination *destination,
    struct customer *customer);

/* channel.c */
/* NULL if there is no room for one now. */
struct channel *channel_open_turned(struct manager *manager,
    struct destination *destination, const struct odmr_request *request,
    int connection);
/* Feed it for the first time; it may be closed then. */
void channel_begin(struct channel *channel);

#endif
