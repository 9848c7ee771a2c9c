#ifndef SEND_REFUSALS_H
#define SEND_REFUSALS_H

/*
 * refusals - logins that a host refused.  A wrong password that is tried again
 * for each message locks the account: such a login is left alone for a time
 * that grows, and one of which nothing is known is tried by one child at first.
 *
 * Memory   one page for each host, which the parent makes and the children that
 *          talk to that host share; the others give theirs up.  The parent does
 *          not read it.  It lasts as long as the parent.
 * Limits   REFUSAL_HOSTS hosts and REFUSAL_LOGINS logins at each; of more, what
 *          was known longest is forgotten.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	REFUSAL_HOSTS = 256,
	REFUSAL_LOGINS = 64,
	REFUSAL_FIRST_MS = 5 * 60 * 1000, /* doubled each time */
	REFUSAL_MAX_MS = 4 * 60 * 60 * 1000,
	REFUSAL_TRIAL_MS = 60 * 1000 /* so long others wait for who tries */
};

/* Of one host. */
struct refusals {
	struct refusal {
		_Atomic uint64_t login; /* 0: free */
		_Atomic uint64_t state;
	} logins[REFUSAL_LOGINS];
};

struct refusal_hosts {
	struct {
		struct buf name;
		uint16_t port;
	} hosts[REFUSAL_HOSTS]; /* each has the page of its place */
	size_t next;            /* whose place another gets */
	char *pages;            /* NULL: not needed so far */
	size_t page_size;
};

/* For the parent: what its children share for that host; NULL: no memory. */
struct refusals *refusals_of(
    struct refusal_hosts *hosts, struct span name, uint16_t port);

/* For a child: forget all but that; NULL: all. */
void refusals_keep(
    const struct refusal_hosts *hosts, const struct refusals *kept);

enum refusal_answer {
	REFUSAL_TRY,  /* and say how it went: refusals_settle */
	REFUSAL_WAIT, /* another child tries it; ask again soon */
	REFUSAL_REFUSED
};

/*
 * May this login be tried?  refusals is NULL where nothing is remembered.  For
 * REFUSAL_REFUSED, *left_ms is how long not.
 */
enum refusal_answer refusals_ask(struct refusals *refusals, uint64_t login,
    int64_t now_ms, int64_t *left_ms);

/* The same, of what is known: nothing is begun. */
bool refusals_has(struct refusals *refusals, uint64_t login, int64_t now_ms,
    int64_t *left_ms);

enum refusal_outcome {
	REFUSAL_GOOD,
	REFUSAL_UNKNOWN, /* the host said nothing about it */
	REFUSAL_BAD
};

void refusals_settle(struct refusals *refusals, uint64_t login, int64_t now_ms,
    enum refusal_outcome outcome);

#endif
