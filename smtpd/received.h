#ifndef SMTPD_RECEIVED_H
#define SMTPD_RECEIVED_H

/*
 * received - the Received field that each accepted message gets.
 */

#include "queue/id.h"
#include "smtpd/submit.h"

struct session;

/* Begin the submission's text with it: RFC 5321 section 4.4. */
void received_add(struct submission *submission, const struct session *session,
    const struct queue_id *id);

#endif
