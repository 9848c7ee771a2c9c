#ifndef SERVICE_WORKERS_H
#define SERVICE_WORKERS_H

/*
 * workers - checkpw(8)'s part that is mta-auth: a child for each session, so
 * that no password is ever in a process that lives on, and that one slow
 * answer, or client, holds up nobody.  A session for PAM is passed on unread.
 */

#include <signal.h>
#include <stdint.h>

#include "service/exchange.h"

struct workers {
	struct exchanges exchanges;
	uint64_t count;
	int signals;
	sigset_t old_mask;
};

/* Before the jail; helpers is the pair with the part that stays root. */
void workers_prepare(
    struct workers *workers, int helpers, const struct turns *turns);

/* Serve until the control pair (NEIGHBOUR_SELF) closes or the other part dies.
 */
void workers_serve(struct workers *workers);

#endif
