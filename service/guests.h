#ifndef SERVICE_GUESTS_H
#define SERVICE_GUESTS_H

/*
 * guests - what users' imapd ask login(8)'s parent once they run
 * (queue/sharing.h): another imapd, as an account that shares folders with the
 * user and confined to its mailbox, or as any account, for URLs alone; who
 * those accounts are; and whom the account itself shares with.  A child does
 * each; the parent knows whose session asks.
 */

#include "service/seat.h"

/*
 * SMTP: login->packet asks for what a URL names (BURL, RFC 4468), for the
 * account that the session logged in as.  False: it is no such request.
 */
bool guests_take_burl(struct login *login, struct seat *seat);

/* A session has sent something, or ended. */
void guests_take_request(struct login *login, struct seat *seat);

#endif
