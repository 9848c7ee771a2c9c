#ifndef SERVICE_SPARES_H
#define SERVICE_SPARES_H

/*
 * spares - users' processes whose client has left and that wait for the next
 * one of their account (queue/spare.h): login(8)'s parent knows them, and sends
 * them away when their time, control/timeoutspare, is over.
 */

#include "service/seat.h"

/* Its session says so. False: it may not, and is to end. */
bool spares_take(struct login *login, struct seat *seat);

/*
 * One of the account that asking is of, which is told to expect its client: one
 * end of the pair for login's child, and its process; -1: there is none.
 */
int spares_give(struct login *login, const struct seat *asking,
    struct span user, pid_t *pid);

/* Its time is over, or it has ended. */
void spares_send_away(struct seat *seat);

#endif
