#ifndef SEND_BYHAND_H
#define SEND_BYHAND_H

/*
 * byhand - remote-send HOST[:PORT] SENDER RECIPIENT... <MESSAGE.
 */

#include "send/transaction.h"

/*
 * Send the message on descriptor 0 to the host named first; one line about
 * each recipient on descriptor 1.  EX_OK if all took it, EX_UNAVAILABLE if one
 * failed for good, else EX_TEMPFAIL.
 */
int byhand_run(struct send_settings *settings, char **arguments);

#endif
