#ifndef SEND_GROUPS_H
#define SEND_GROUPS_H

/*
 * groups - a message in as many transactions as its recipients need, where the
 * server takes only so many at once: RFC 9422.
 */

#include "send/transaction.h"

/* As transaction_run. */
bool groups_run(struct connection *connection, const struct delivery *delivery,
    int fd, struct verdicts *verdicts);

#endif
