#ifndef SERVICE_WORKERS_H
#define SERVICE_WORKERS_H

/*
 * workers - checkpw(8)'s part that is mta-auth: a child for each session, so
 * that no password is ever in a process that lives on, and that one slow
 * answer holds up nobody.
 */

#include <signal.h>
#include <stdint.h>

struct workers {
	int pam;      /* the control pair with the part for PAM */
	uint64_t max; /* children at a time; further requests wait */
	uint64_t count;
	int signals;
	sigset_t old_mask;
};

/* Before the jail. */
void workers_prepare(struct workers *workers);

/* Serve until the control pair (NEIGHBOUR_SELF) closes or PAM's part died. */
void workers_serve(struct workers *workers);

#endif
