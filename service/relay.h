#ifndef SERVICE_RELAY_H
#define SERVICE_RELAY_H

/*
 * relay - a SASL exchange as login's child sees it: it passes challenges and
 * responses between the acceptor and checkpw, and decides whose account the
 * name is that the client gave.
 */

#include "service/attempt.h"

/*
 * Relay to the end; the request is wiped.  *account is whose it is, and
 * *subject what the log is to say.
 */
enum login_verdict relay_run(const struct attempt *attempt,
    struct sasl_request *request, struct subject *subject,
    struct account *account);

#endif
