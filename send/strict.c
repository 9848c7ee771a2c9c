#include "send/strict.h"

#include <stdio.h>

#include "base/die.h"
#include "mail/domain.h"
#include "net/sts_ask.h"
#include "send/connect.h"

enum {
	/* As long as sts may take: a record, a child, a fetch of 120 s. */
	ANSWER_TIMEOUT_MS = 180 * 1000
};

/* An administrator's line for it says all there is to say. */
static bool
is_left_open(
    const struct send_settings *settings, struct span domain, struct span host)
{
	const struct tls_policy policy =
	    tlspolicy_find(&settings->policies, domain, host);

	if (policy.is_named)
		return false;
	switch (policy.level) {
	case TLS_LEVEL_MAY:
	case TLS_LEVEL_ENCRYPT:
		return true;
	case TLS_LEVEL_VERIFY:
		return policy.words.len == 0;
	case TLS_LEVEL_NONE:
	case TLS_LEVEL_DANE:
	case TLS_LEVEL_FINGERPRINT:
		return false;
	}
	return false;
}

/* ---- asking ---- */

bool
strict_counts(
    const struct send_settings *settings, const struct channel_opening *target)
{
	struct route route = { .port = settings->port };
	struct span domain = target->destination;

	return settings->has_sts && !span_starts(domain, span_of("[")) &&
	       !target_route(settings, target, &route) &&
	       is_left_open(settings, domain, domain);
}

void
strict_ask(struct connection *connection, const struct helpers *helpers,
    struct span domain, const struct demand *demand)
{
	struct strict *strict = &connection->strict;
	static uint32_t number; /* an answer that nobody heard is another's */

	sts_policy_free(&strict->policy);
	strict->is_asked = helpers->sts != -1 && demand->need != NEED_OPTIONAL;
	if (!strict->is_asked)
		return;
	strict->asked = ++number;
	const struct sts_request request = { .domain = domain,
		.number = number };
	/* One that is gone is noticed when its answer is waited for. */
	sts_send(helpers->sts, &request);
}

bool
strict_hear(struct connection *connection, const struct helpers *helpers)
{
	static struct packet packet;
	struct strict *strict = &connection->strict;

	if (!strict->is_asked)
		return true;
	strict->is_asked = false;
	strict->policy = sts_policy_new();
	return sts_hear(helpers->sts, strict->asked, ANSWER_TIMEOUT_MS, &packet,
	    &strict->policy);
}

/* ---- what counts ---- */

static enum sts_mode
mode_for(const struct attempt *attempt, struct span host)
{
	const enum sts_mode mode = attempt->connection->strict.policy.mode;

	if (mode == STS_NONE || attempt->is_known ||
	    attempt->demand->need == NEED_OPTIONAL ||
	    !is_left_open(attempt->settings, attempt->domain, host))
		return STS_NONE;
	return mode;
}

/* RFC 8461 section 2: what DANE says is not overridden. */
static bool
has_dane(const struct attempt *attempt)
{
	return attempt->connection->dane.records.len > 0;
}

static void
tell(const struct attempt *attempt, enum sts_mode mode, struct span host,
    const char *why)
{
	log_event("sts=%s domain=%.*s host=%.*s %s: %s", sts_mode_name(mode),
	    (int)attempt->domain.len, attempt->domain.ptr, (int)host.len,
	    host.ptr, mode == STS_ENFORCE ? "refused" : "would be refused",
	    why);
}

bool
strict_admits(struct attempt *attempt, struct span host)
{
	static const char why[] = "it is none of the policy's hosts";
	/* A line for a host does not lead another domain's mail there. */
	enum sts_mode mode = mode_for(attempt, attempt->domain);

	if (mode == STS_NONE || attempt->reach.count == 0 ||
	    has_dane(attempt) ||
	    sts_admits(
		&attempt->connection->strict.policy, domain_without_dot(host)))
		return true;
	tell(attempt, mode, host, why);
	if (mode == STS_TESTING)
		return true;
	attempt->code = "4.7.5";
	attempt->is_unreached = true; /* by a policy that may change */
	snprintf(attempt->text, sizeof(attempt->text), "%.*s: by MTA-STS: %s",
	    (int)host.len, host.ptr, why);
	return false;
}

void
strict_apply(struct attempt *attempt, struct security *want)
{
	bool is_enforced = mode_for(attempt, want->host) == STS_ENFORCE;

	attempt->is_strict =
	    is_enforced && attempt->demand->need != NEED_REQUIRED;
	want->is_strict = is_enforced;
	if (!is_enforced || has_dane(attempt))
		return;
	/*
	 * The policy vouches for the host's name: so it is the one to verify,
	 * for REQUIRETLS, too (RFC 8461 section 4.1; RFC 8689 section 4.2.1).
	 */
	want->policy.level = TLS_LEVEL_VERIFY;
	want->names = (struct span){ "", 0 };
}

void
strict_tell(const struct attempt *attempt, struct span host, const char *why)
{
	const struct connection *connection = attempt->connection;
	enum sts_mode mode = mode_for(attempt, host);

	if (mode == STS_ENFORCE && attempt->is_strict && why != NULL)
		tell(attempt, mode, host, why);
	if (mode != STS_TESTING || why != NULL || has_dane(attempt))
		return;
	if (!connection->is_secure)
		tell(attempt, mode, host, "there is no TLS to be had");
	else if (!connection->facts.is_verified)
		tell(attempt, mode, host, connection->facts.distrust);
}
