#ifndef SEND_CONNECTION_H
#define SEND_CONNECTION_H

/*
 * connection - one that is open: its time, and its end.
 */

#include "send/transaction.h"

/* What comes next, until this is called again, has control/timeouttransaction.
 */
void connection_set_deadline(
    struct connection *connection, const struct send_settings *settings);

/*
 * Has the other side said something, or gone, since the last transaction, or
 * had as many as it takes (RFC 9422)?
 */
bool connection_is_stale(const struct connection *connection);

/* QUIT, politely, and close. */
void connection_close(struct connection *connection);

#endif
