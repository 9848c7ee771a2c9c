#ifndef SEND_INQUIRY_H
#define SEND_INQUIRY_H

/*
 * inquiry - from a domain to its MTA-STS policy, RFC 8461: its record in the
 * DNS, the policy that is kept, or a new one.
 *
 * Nobody waits longer than for the record, INQUIRY_QUEUE_MS for a child, and
 * the time that a fetch has; nobody waits for a policy that is only to be kept
 * fresh.  A fetch that fails is left alone for retry_ms.
 */

#include "net/dns.h"
#include "send/fetch.h"
#include "send/subjects.h"

enum {
	INQUIRY_TEXT_MS = 30 * 1000,
	INQUIRY_QUEUE_MS = 10 * 1000,
	INQUIRY_SWEEP_MS = 3600 * 1000
};

struct inquirer {
	struct event_base *base;
	int resolve; /* a session */
	struct fetch_settings fetch;
	int64_t recheck_ms; /* a record counts for so long */
	int64_t retry_ms;
	size_t policies_max;
	size_t policies; /* that are kept */
	unsigned fetches_max;
	unsigned fetches;
	size_t pending; /* subjects that are not idle */
	uint32_t asked; /* questions to resolve */
	int64_t sweep_ms;
	unsigned crashes;
	struct subjects subjects;
	/* Called once for each asker, later or at once; NULL: no policy. */
	void (*answer)(struct asker *asker, const struct sts_policy *policy);
};

/* The domain as sts_add_domain has it. */
void inquiry_ask(
    struct inquirer *inquirer, const char *domain, struct asker *asker);

/* What came from resolve. */
void inquiry_take_record(struct inquirer *inquirer, struct span packet);

/* Once a second while anything is pending, and now and then. */
void inquiry_tick(struct inquirer *inquirer);

#endif
