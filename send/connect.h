#ifndef SEND_CONNECT_H
#define SEND_CONNECT_H

/*
 * connect - from a destination's domain to an open SMTP connection.
 */

#include "base/control.h"
#include "net/dns.h"
#include "net/routes.h"
#include "send/connection.h"

/*
 * The route of an administrator for it, its own or that of control/smtproutes;
 * as route_find.
 */
bool target_route(const struct send_settings *settings,
    const struct channel_opening *target, struct route *route);

/*
 * Open a connection to the best host for target that answers: its route, an
 * address literal, or the hosts that resolve names, in turn.  False after a
 * verdict for every recipient.
 */
bool connection_open(struct connection *connection,
    const struct send_settings *settings, const struct helpers *helpers,
    const struct channel_opening *target, const struct demand *demand,
    struct verdicts *verdicts);

/*
 * Close it, and open one to another host (or address) of those that were not
 * tried when it was opened.  False, without a verdict, if none is of use.
 */
bool connection_open_other(struct connection *connection,
    const struct send_settings *settings, const struct helpers *helpers,
    const struct channel_opening *target, const struct demand *demand);

/* connection_open for addresses that are known; hops as in net/dns.h. */
bool connection_open_to(struct connection *connection,
    const struct send_settings *settings, const struct helpers *helpers,
    struct span hops, const struct demand *demand, struct verdicts *verdicts);

#endif
