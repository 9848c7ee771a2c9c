#ifndef SEND_REACH_H
#define SEND_REACH_H

/*
 * reach - TCP to one of a host's addresses: RFC 8305.
 *
 * IPv6 and IPv4 take turns, as the first has it; one that does not answer at
 * once is joined by the next, and the first that answers is taken.
 */

#include "net/sources.h"

enum {
	REACH_MAX = 16,
	REACH_DELAY_MS = 250 /* RFC 8305 section 5 */
};

struct reach_address {
	struct sockaddr_storage address;
	socklen_t size;
	struct span text; /* the caller's */
	bool is_done;     /* it failed, or was given out */
	int fd;           /* -1: nothing is under way */
	int64_t deadline;
};

struct reach {
	int64_t timeout_ms;          /* for each address */
	const struct source *source; /* or NULL: as the kernel has it */
	size_t count;
	struct reach_address addresses[REACH_MAX];
	size_t chosen; /* given out, or the last that failed */
	bool was_ipv6; /* the last that was begun */
	int error;     /* errno of the last that failed; 0: none did */
};

/* False if text is no address, or there are REACH_MAX. */
bool reach_add(struct reach *reach, struct span text, uint16_t port);

/*
 * A connected, non-blocking socket to the next address that answers; -1 if
 * none is left that does.  Call it again if that server was of no use.
 */
int reach_next(struct reach *reach);

/* The chosen address once more. */
int reach_again(struct reach *reach);

#endif
