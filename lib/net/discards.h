#ifndef NET_DISCARDS_H
#define NET_DISCARDS_H

/*
 * discards - control/discardehlo: what other hosts offer and do not mean.
 *
 * Grammar  a line "DESTINATION KEYWORD..."; DESTINATION is the recipient's
 *          domain, the host, ".DOMAIN" for all below it, or "*"; KEYWORD one
 *          that smtp_discard knows.  All lines that fit count.
 * Errors   a line without sense ends the program: control_complain.
 */

#include "base/control.h"
#include "net/smtp_client.h"

struct control_list discards_read(void);

/* After a hello: what a line for domain or host names was not offered. */
void discards_apply(const struct control_list *list, struct span domain,
    struct span host, struct smtp_client *client);

#endif
