#ifndef STORE_SCRIPT_HOST_H
#define STORE_SCRIPT_HOST_H

/*
 * script_host - what a Sieve script may ask of the account that it is run for:
 * folders, annotations, other scripts, and what was remembered.
 */

#include "sieve/sieve.h"
#include "store/account.h"

struct script_host {
	struct account *account;
	int64_t now;
	/* Something could not be told that may be known later: errno; the run
	 * is worth nothing then. */
	int trouble;
	int holds; /* on what it asked whether it is remembered; or -1 */
	struct sieve_host host;
};

/* Returns the host in it. */
const struct sieve_host *script_host_init(
    struct script_host *host, struct account *account, int64_t now);

/*
 * After script_host_remember, if that is called: others may ask for the same
 * only then, so that of two deliveries of one message at the same moment the
 * second finds it (RFC 7352 section 3).
 */
void script_host_end(struct script_host *host);

/* What a run's result says is to be remembered; that it cannot be is logged. */
void script_host_remember(
    struct account *account, const struct sieve_result *result, int64_t now);

#endif
