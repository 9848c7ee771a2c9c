#ifndef SERVICE_ATTEMPT_H
#define SERVICE_ATTEMPT_H

/*
 * attempt - one log-in, in a child of login(8): it alone reads the request,
 * asks lookup and checkpw, and, if they agree, becomes the user and executes
 * the mailbox program; for SMTP, which has none, it only reports the account.
 * The parent never holds a secret.
 *
 * What the child tells its parent, over a pair of their own: one
 * attempt_report; after LOGIN_OK, if there is a program, the parent answers
 * with one attempt_answer, LOGIN_OK (go on) or LOGIN_FULL.
 */

#include "queue/sasl.h"
#include "service/account.h"
#include "service/masters.h"
#include "service/penalty.h"

struct attempt_report {
	uint32_t verdict;
	uint32_t account_len;
	uint64_t penalty_key; /* whose failure it is; 0: the client network's */
	uint32_t stranger;    /* account_remember_stranger; 0: none */
	char account[LOGIN_USER_MAX];
};

/* With a descriptor there is a process that can have the client: spare.h. */
struct attempt_answer {
	uint32_t verdict;
	int32_t spare; /* its pid; 0: there is none */
};

struct attempt {
	enum login_service service;
	const char *program; /* in /var/mta/bin; NULL: none */
	uint64_t uid_min;
	int session;       /* with the acceptor: the request waits there */
	int report;        /* the child's end */
	bool keeps_report; /* the program asks over it: LOGIN_SHARING_FD */
	struct span challenge;
	bool may_use_apop; /* false: this challenge was used already */
	const struct penalty *penalty;
	const struct masters *masters;
};

/* What the log says of an attempt. */
struct subject {
	struct buf user;
	struct buf wanted; /* whom it asked to act as, if another */
	struct span peer;
	struct span method;
	const char *reason; /* if it is refused */
	uint64_t penalty_key;
};

/* A password or APOP; an exchange of SASL. */
_Noreturn void attempt_run(const struct attempt *attempt);
_Noreturn void attempt_run_sasl(const struct attempt *attempt);

#endif
