#ifndef NET_GIVEN_H
#define NET_GIVEN_H

/*
 * given - what a client's process is given: one session with each neighbour.
 *
 * Some neighbours may be late: few clients ask them for anything, and they
 * would wake for each one's coming and going.  Such a one hears of a session
 * only when that has been asked.  Until then the acceptor holds both ends: its
 * own copy of the session's, too, so that the end of the client's process wakes
 * nobody.
 */

#include <stdbool.h>

#include "net/places.h"

enum {
	GIVEN_MAX = 10,
	GIVEN_LATE_MAX = PLACES_HELD
};

/* Neighbours' control pairs; 0: none. */
struct late {
	int controls[GIVEN_LATE_MAX];
};

struct given {
	int fds[GIVEN_MAX];
	int count;
	/* The pairs of the late ones, of which fds has the first ends. */
	int late[GIVEN_LATE_MAX][2];
};

/*
 * Open one with each neighbour, those of late among them perhaps; NULL: none is
 * late.  False with errno set, and none is open.
 */
bool given_open(struct given *given, const int *neighbours, int count,
    const struct late *late);

/* Close them all, or, after a fork, let only their client's process have them.
 */
void given_close(const struct given *given);
void given_hand_over(const struct given *given, int watch,
    struct places *places, struct place *place);

/*
 * Make what watches the late sessions, before the jail closes: a descriptor
 * that is readable when one of them has been asked.
 */
int given_watch(void);

/*
 * Tell a neighbour of one session that has been asked.  False with errno set if
 * it cannot be told; that client finds its session closed.
 */
bool given_tell(int watch, struct places *places, const struct late *late);

#endif
