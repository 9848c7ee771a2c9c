#ifndef NET_PLACES_H
#define NET_PLACES_H

/*
 * places - the sessions that an acceptor has begun, and whose they are; and
 * those ends of theirs that a neighbour has not been told of.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PLACES_MAX = 4096
};

struct place {
	pid_t pid; /* 0: free */
	unsigned char network[16];
	int held[2]; /* a pair of which one end is the session's; -1: none */
};

struct places {
	struct place *all;
	uint64_t taken;
};

/* Ends the program if there is no memory. */
void places_init(struct places *places);

/* There must be a free one.  It holds nothing. */
struct place *places_take(
    struct places *places, pid_t pid, const unsigned char network[16]);

/* Close what it holds, if anything. */
void place_let_go(struct place *place);

/* False if no session has that pid; lets go. */
bool places_leave(struct places *places, pid_t pid);

uint64_t places_of_network(
    const struct places *places, const unsigned char network[16]);

#endif
