#ifndef LOCAL_SIEVE_SESSION_H
#define LOCAL_SIEVE_SESSION_H

/*
 * sieve_session - after the log-in: RFC 5804 sections 2.4 to 2.14.1, on the
 * scripts of an open account, mailscripts(5).
 *
 * Log     a line for each change, and one at the end.
 */

#include "base/io.h"
#include "store/account.h"
#include "store/scripts.h"

struct sieve_session_settings {
	uint64_t timeout_s;
	uint64_t errors_max;
	struct scripts_limits limits;
	uint64_t redirects_max;
	const char *user;   /* OWNER; for the log */
	const char *peer;   /* for the log */
	struct span sasl;   /* for CAPABILITY */
	struct span last;   /* of AUTHENTICATE: the mechanism's last data */
	struct span input;  /* what the client sent already */
	bool has_logged_in; /* AUTHENTICATE waits for its response */
	bool is_relayed;    /* it may UNAUTHENTICATE */
};

/* Serve until the client leaves; the account stays the caller's. */
enum io_status sieve_session_run(int in, int out, struct account *account,
    const struct sieve_session_settings *settings);

#endif
