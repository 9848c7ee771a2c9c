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

struct strain {
	atomic_bool *written;    /* the acceptor's view: gone in a session */
	const atomic_bool *seen; /* everybody's */
};

/* Make the page; ends the program if the kernel refuses. */
struct strain *strain_make(void);

/* By the acceptor alone. */
void strain_set(struct strain *strain, bool is_strained);

/* NULL, as by hand, is never strained. */
bool strain_is_on(const struct strain *strain);

#endif
