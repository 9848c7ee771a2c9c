#ifndef NET_PLACES_H
#define NET_PLACES_H

/*
 * places - the sessions that an acceptor has begun, and whose they are; those
 * ends of theirs that a neighbour has not been told of; and the processes
 * without a client, which wait for the next one of theirs (net/reuse.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PLACES_MAX = 4096,
	PLACES_FREE_MAX = 64, /* processes that have no client */
	PLACES_ALL = PLACES_MAX + PLACES_FREE_MAX,
	PLACES_HELD = 2 /* pairs that are held for one session */
};

struct place {
	pid_t pid; /* 0: free */
	unsigned char network[16];
	/* Pairs of which the first end is the session's; -1: none. */
	int held[PLACES_HELD][2];
	int again; /* on which its process is handed clients; -1: no more */
	unsigned char address[16]; /* theirs */
	bool is_free;              /* its process has none */
	int64_t free_ms;           /* since when */
};

struct places {
	struct place *all;
	uint64_t taken; /* by clients */
	uint64_t free;
};

/* Ends the program if there is no memory. */
void places_init(struct places *places);

/* There must be one that is not taken.  It holds nothing. */
struct place *places_take(
    struct places *places, pid_t pid, const unsigned char network[16]);

/* Close pair number i of what it holds, if it does. */
void place_let_go(struct place *place, size_t i);

/* Its process has no client, or one again. */
void place_set_free(struct places *places, struct place *place, bool is_free);

/* One that is free and had a client of that address; NULL: there is none. */
struct place *places_find_free(
    const struct places *places, const unsigned char address[16]);

/* Its process gets no more clients. */
void place_send_away(struct place *place);

/* False if no session has that pid; lets go. */
bool places_leave(struct places *places, pid_t pid);

uint64_t places_of_network(
    const struct places *places, const unsigned char network[16]);

#endif
