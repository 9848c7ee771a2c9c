#ifndef FILTER_JUDGING_H
#define FILTER_JUDGING_H

/*
 * judging - a filter's side of filter(5): a process for each session.
 *
 * The parent reads nothing but the requests of its own kind for a new session,
 * and forks.  The child opens its ways (prepare), closes its own layer, and
 * answers until smtpd is gone.  So no client's message is ever in a process
 * with another's.
 *
 * Safety  three children that died of a crash end the filter, and with it the
 *         service's chain, which starts anew with a fresh address layout.
 */

#include "base/sandbox.h"
#include "queue/filter.h"

enum {
	FILTER_KEPT_MAX = SANDBOX_KEPT_MAX - 1,
	FILTER_NEIGHBOURS_MAX = 4
};

struct filter_role {
	unsigned allowed;         /* enum sandbox: until a session's layer */
	unsigned session_allowed; /* ... and in it */
	const int *neighbours;    /* of its own, if given: it ends with each */
	size_t neighbour_count;   /* at most FILTER_NEIGHBOURS_MAX */
	/* Returns how many descriptors it opened, kept[0] and on. */
	size_t (*prepare)(void *context, int kept[FILTER_KEPT_MAX]);
	/*
	 * Answer one request over session.  message is the pipe of
	 * FILTER_MESSAGE, which the caller closes, else -1.
	 */
	void (*answer)(void *context, int session,
	    const struct filter_request *request, int message);
	void *context;
};

/* Is standard input a control pair, or was the filter started by hand? */
bool judging_is_wanted(void);

/* Serve the control pair until its other end is closed.  Exit code. */
int judging_serve(const struct filter_role *role);

/* Answer one session until its other end is closed. */
void judging_run(const struct filter_role *role, int session);

/* One edit or verdict; fd (of FILTER_BODY) may be -1. */
bool judging_answer(int session, const struct filter_answer *answer, int fd);
bool judging_verdict(
    int session, enum filter_verdict verdict, struct span text);

#endif
