#ifndef MAIL_DESTINATION_H
#define MAIL_DESTINATION_H

/*
 * destination - control/defaultdelivery: where a user's mail goes who has said
 * nothing else.
 */

#include "base/buf.h"

/*
 * "./Maildir/" (the default), "./Mailbox", "mbox".  What is none ends the
 * program as control_complain does.
 */
struct buf destination_default(void);

#endif
