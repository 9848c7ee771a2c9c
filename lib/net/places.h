#ifndef NET_PLACES_H
#define NET_PLACES_H

/*
 * places - the sessions that an acceptor has begun, and whose they are.
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
};

struct places {
	struct place *all;
	uint64_t taken;
};

/* Ends the program if there is no memory. */
void places_init(struct places *places);

/* There must be a free one. */
void places_take(
    struct places *places, pid_t pid, const unsigned char network[16]);

/* False if no session has that pid. */
bool places_leave(struct places *places, pid_t pid);

uint64_t places_of_network(
    const struct places *places, const unsigned char network[16]);

#endif
