#ifndef NET_ROUTES_H
#define NET_ROUTES_H

/*
 * routes - control/smtproutes: which host takes the mail for a domain, in
 * qmail's grammar: DOMAIN:HOST:PORT, .DOMAIN for all below it, :HOST for all.
 */

#include "base/control.h"

/* Read the file.  A line without sense ends the program: control_complain. */
struct control_list routes_read(void);

/*
 * The host (and port, if the line has one) for domain.  False if there is
 * none, or if its host is empty (use the MX).
 */
bool route_find(const struct control_list *routes, struct span domain,
    struct span *host, uint16_t *port);

#endif
