#ifndef SMTPD_TICKETS_H
#define SMTPD_TICKETS_H

/*
 * tickets - how many sessions take a message at once while the machine is busy.
 *
 * Fifty clients that send at once on two processors each wait for all others,
 * and they do so where it harms: who gives up after its message, before the
 * reply, sends it twice (RFC 5321 section 4.5.3.2.6).  Before the 354 a wait
 * does no harm.  So a session takes a ticket before it says 354 and gives it
 * back after the reply.  If none is left it waits, but not for long, and only
 * while more processes want the processors than are there; then it goes on
 * without one.
 *
 * The tickets lie on a page that all sessions of an acceptor write.  One that
 * is killed, or whose client is slow, keeps its ticket for TICKET_MS; one that
 * an intruder has can keep all, which costs the others TICKETS_WAIT_MS.
 *
 * Limits   control/messagesatonce
 */

#include <stdint.h>

enum {
	TICKETS_PER_PROCESSOR = 4,
	TICKETS_MAX = 256,
	TICKET_MS = 100,
	TICKETS_WAIT_MS = 100
};

struct tickets;

/* One that was taken, or none. */
struct ticket {
	int64_t until_ms; /* 0: none */
	uint64_t place;
};

/*
 * By the acceptor, before it forks.  load is /proc/loadavg, open in sessions,
 * too.  NULL: control/messagesatonce is 0, all go on at once.  Ends the program
 * if the kernel refuses.
 */
struct tickets *tickets_make(int load);

/* tickets may be NULL. */
struct ticket tickets_take(struct tickets *tickets);
void tickets_give_back(struct tickets *tickets, const struct ticket *ticket);

#endif
