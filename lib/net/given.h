#ifndef NET_GIVEN_H
#define NET_GIVEN_H

/*
 * given - what a client's process is given: one session with each neighbour.
 *
 * One neighbour may be late: few clients ask it for anything, and it would wake
 * for each one's coming and going.  It hears of a session only when that has
 * been asked.  Until then the acceptor holds both ends: its own copy of the
 * session's, too, so that the end of the client's process wakes nobody.
 */

#include <stdbool.h>

#include "net/places.h"

enum {
	GIVEN_MAX = 10
};

struct given {
	int fds[GIVEN_MAX];
	int count;
	int late[2]; /* the late neighbour's pair, of which fds has the first */
};

/*
 * Open one with each neighbour, late (0: none) among them perhaps.  False with
 * errno set, and none is open.
 */
bool given_open(
    struct given *given, const int *neighbours, int count, int late);

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
 * Tell the neighbour at control of one session that has been asked.  False with
 * errno set if it cannot be told; that client finds its session closed.
 */
bool given_tell(int watch, struct places *places, int control);

#endif
