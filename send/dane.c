#include "send/dane.h"

#include <stdio.h>

#include "net/dns.h"
#include "send/begin.h"
#include "send/secure.h"

enum {
	TLSA_TIMEOUT_MS = 60 * 1000,
	NAME_MAX_LEN = 253
};

static const char no_records[] = "it has no TLSA records that DNSSEC secures";

/*
 * RFC 8689 section 3: a message may do without; section 4.2.1: one that needs
 * verified TLS may have it so.
 */
static bool
is_wanted(const struct attempt *attempt, const struct tls_policy *policy)
{
	const struct demand *demand = attempt->demand;
	const enum tls_level level = policy->level;

	if (attempt->route.kind == ROUTE_LMTP ||
	    demand->need == NEED_OPTIONAL ||
	    (demand->login > 0 && level != TLS_LEVEL_DANE))
		return false;
	return level == TLS_LEVEL_MAY || level == TLS_LEVEL_DANE ||
	       (level == TLS_LEVEL_ENCRYPT &&
		   (demand->need == NEED_REQUIRED || !policy->is_named));
}

static bool
refuse(struct attempt *attempt, struct span host, const char *code,
    const char *why)
{
	attempt->code = code;
	snprintf(attempt->text, sizeof(attempt->text), "%.*s: %s",
	    (int)host.len, host.ptr, why);
	return false;
}

/* All records below base, RFC 7672 section 2.2.3. */
static enum dns_status
ask(struct attempt *attempt, struct span base, struct buf *records)
{
	static struct packet packet;
	struct buf name = buf_new(DNS_TEXT_LEN);
	struct span rest = { "", 0 };
	struct span text;

	buf_printf(&name, "_%u._tcp.", (unsigned)attempt->route.port);
	buf_add(&name, base);
	/* What is too long to be a name has no records. */
	enum dns_status status =
	    name.len > NAME_MAX_LEN || name.overflow
		? DNS_NO_NAME
		: dns_tlsa(attempt->helpers->resolve, buf_span(&name),
		      TLSA_TIMEOUT_MS, &packet, &rest);
	while (status == DNS_OK && dns_next_tlsa(&rest, &text)) {
		if (records->len + text.len + 1 >= records->max)
			continue;
		if (records->len > 0)
			buf_add_char(records, ',');
		buf_add(records, text);
	}
	buf_free(&name);
	return status;
}

static void
add_name(struct buf *names, struct span name)
{
	if (name.len == 0)
		return;
	if (names->len > 0)
		buf_add_char(names, ' ');
	buf_add(names, name);
}

/*
 * The names of which a certificate by DANE-TA has to have one: RFC 7672 section
 * 3.2.2.  To a route's host its own name has led, else the domain's.
 */
static void
set_names(struct attempt *attempt, struct span host, struct span base)
{
	struct buf *names = &attempt->connection->dane.names;

	add_name(names, base);
	add_name(names, attempt->is_known ? host : attempt->domain);
	if (!attempt->is_known)
		add_name(names, attempt->alias);
}

/* Below the last name of its aliases, else below its own: section 2.2.2. */
static enum dns_status
ask_both(struct attempt *attempt, struct span host)
{
	struct buf *records = &attempt->connection->dane.records;
	struct span base = attempt->secure;
	enum dns_status status = ask(attempt, base, records);

	if (status == DNS_NO_NAME && !span_equal_nocase(base, host)) {
		base = host;
		status = ask(attempt, base, records);
	}
	if (status == DNS_OK)
		set_names(attempt, host, base);
	return status;
}

bool
dane_find(struct attempt *attempt, struct span host)
{
	struct dane *dane = &attempt->connection->dane;
	const struct helpers *helpers = attempt->helpers;
	const struct tls_policy policy =
	    tlspolicy_find(&attempt->settings->policies, attempt->domain, host);
	const enum tls_level level = policy.level;
	enum dns_status status = DNS_NO_NAME;

	buf_free(&dane->records);
	buf_free(&dane->names);
	dane->records = buf_new(TLS_RECORDS_MAX);
	dane->names = buf_new(TLS_NAMES_MAX);
	if (!is_wanted(attempt, &policy))
		return true;
	if (attempt->secure.len > 0 && helpers->tls != -1 &&
	    helpers->resolve != -1)
		status = ask_both(attempt, host);
	if (status == DNS_OK)
		return true;
	if (status != DNS_NO_NAME) {
		attempt->is_unreached = true;
		return refuse(attempt, host, "4.4.3",
		    "the name server tells nothing of its TLSA records now");
	}
	return level != TLS_LEVEL_DANE ||
	       refuse(attempt, host,
		   attempt->demand->need == NEED_REQUIRED ? "5.7.10" : "4.7.5",
		   no_records);
}

void
dane_demand(const struct dane *dane, struct security *want)
{
	struct span names = buf_span(&dane->names);

	if (dane->records.len == 0)
		return;
	want->tlsa = buf_span(&dane->records);
	want->names = names;
	want->host = span_cut(&names, ' ');
	if (want->policy.level < TLS_LEVEL_ENCRYPT)
		want->policy.level = TLS_LEVEL_ENCRYPT;
}

const char *
dane_fault(const struct tls_facts *facts, const struct security *want)
{
	if (want->tlsa.len == 0)
		return want->policy.level == TLS_LEVEL_DANE ? no_records : NULL;
	if (facts->dane != TLS_DANE_VERIFIED &&
	    facts->dane != TLS_DANE_UNUSABLE)
		return facts->distrust;
	return facts->dane == TLS_DANE_UNUSABLE &&
		       want->policy.level == TLS_LEVEL_DANE
		   ? "none of its TLSA records is usable"
		   : NULL;
}
