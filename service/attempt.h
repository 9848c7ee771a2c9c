#ifndef SERVICE_ATTEMPT_H
#define SERVICE_ATTEMPT_H

/*
 * attempt - one log-in, in a child of login(8): it alone reads the request,
 * asks lookup and checkpw, and, if they agree, becomes the user and executes
 * the mailbox program.  The parent never holds a secret.
 *
 * What the child tells its parent, over a pair of their own: one
 * attempt_report; after LOGIN_OK the parent answers with one verdict, LOGIN_OK
 * (go on) or LOGIN_FULL.
 */

#include "queue/login.h"

struct attempt_report {
	uint32_t verdict;
	uint32_t unused;
	uint64_t account; /* a hash of the account's name */
};

struct attempt {
	enum login_service service;
	const char *program; /* in /var/mta/bin */
	uint64_t uid_min;
	int session; /* with the acceptor: the request waits there */
	int report;  /* the child's end */
	struct span challenge;
	bool may_use_apop; /* false: this challenge was used already */
};

_Noreturn void attempt_run(const struct attempt *attempt);

#endif
