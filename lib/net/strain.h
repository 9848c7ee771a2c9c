#ifndef NET_STRAIN_H
#define NET_STRAIN_H

/*
 * strain - one bit that an acceptor tells its sessions while they run: nearly
 * all places are taken.
 *
 * It lies on a page of its own that is mapped twice before the jail closes.
 * Sessions inherit the view that can only be read, for good: the kernel makes
 * no other of it, and does not hand the acceptor's own down to a child.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct strain {
	uint64_t max;            /* places */
	atomic_bool *written;    /* the acceptor's view: gone in a session */
	const atomic_bool *seen; /* everybody's */
};

/* Make the page, of so many places; ends the program if the kernel refuses. */
struct strain *strain_make(uint64_t max);

/*
 * By the acceptor alone: so many places are taken.  What begins and what ends
 * is logged, at numbers far enough apart not to change with each client.
 */
void strain_measure(struct strain *strain, uint64_t taken);

/* NULL, as by hand, is never strained. */
bool strain_is_on(const struct strain *strain);

#endif
