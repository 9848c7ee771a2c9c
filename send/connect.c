#include "send/connect.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "net/routes.h"
#include "send/begin.h"
#include "send/channel.h"
#include "send/strict.h"

enum {
	RESOLVE_TIMEOUT_MS = 60 * 1000
};

/* For log and verdicts: the address that answered, or failed last. */
static void
name_server(struct attempt *attempt, struct span host)
{
	const struct reach *reach = &attempt->reach;
	struct span text = reach->addresses[reach->chosen].text;
	struct connection *connection = attempt->connection;

	snprintf(connection->server, sizeof(connection->server), "%.*s[%.*s]",
	    (int)host.len, host.ptr, (int)text.len, text.ptr);
}

/* Were the addresses of no use? Then say why. */
static bool
is_reached(struct attempt *attempt, struct span host)
{
	struct connection *connection = attempt->connection;

	if (connection->fd != -1) {
		name_server(attempt, host);
		return true;
	}
	if (attempt->reach.error == 0)
		return false;
	name_server(attempt, host);
	attempt->is_unreached = true;
	snprintf(attempt->text, sizeof(attempt->text), "%s: %s",
	    connection->server, strerror(attempt->reach.error));
	return false;
}

/* Many hosts that take their time are no reason to go on for ever. */
static bool
is_late(const struct attempt *attempt)
{
	const int64_t deadline_ms = attempt->connection->deadline_ms;

	return deadline_ms != 0 && clock_ms() >= deadline_ms;
}

/* The addresses of one host, until one of them serves us. */
static bool
try_host(struct attempt *attempt, struct span host)
{
	struct connection *connection = attempt->connection;

	if (is_late(attempt)) {
		attempt->is_unreached = true;
		return false;
	}
	if ((attempt->reach.count > 0 && !dane_find(attempt, host)) ||
	    !strict_admits(attempt, host))
		return false;
	if (attempt->helpers->manager != -1 && attempt->reach.count > 0 &&
	    !is_late(attempt))
		channel_ask(attempt->helpers->manager, host);
	while (!is_late(attempt)) {
		attempt->is_clear = false;
		connection->fd = reach_next(&attempt->reach);
		if (!is_reached(attempt, host))
			return false;
		enum outcome outcome = begin(attempt, host);
		if (outcome == OUTCOME_NO_TLS) {
			/* RFC 7435: in clear is better than not at all. */
			attempt->is_clear = true;
			connection->fd = reach_again(&attempt->reach);
			outcome = is_reached(attempt, host)
				      ? begin(attempt, host)
				      : OUTCOME_REFUSED;
		}
		if (outcome == OUTCOME_OPEN)
			return true;
		if (attempt->is_loop)
			return false;
	}
	attempt->is_unreached = true;
	return false;
}

static void
forget_addresses(struct attempt *attempt)
{
	attempt->reach =
	    (struct reach){ .timeout_ms = attempt->settings->connect_timeout_ms,
		    .source = attempt->demand->source == 0 ? NULL
							   : &attempt->source };
}

/* Whom else there is to ask: the hosts after it, then what it has itself. */
static void
keep_others(struct attempt *attempt, struct span host, struct span after)
{
	struct buf others = buf_new(PACKET_MAX);
	struct dns_hop hop = { .preference = 0 };

	while (dns_next_hop(&after, &hop))
		dns_add_hop(&others, &hop);
	hop.host = host;
	hop.secure = attempt->secure;
	dns_add_alias(&others, attempt->alias);
	for (size_t i = 0; i < attempt->reach.count; i++) {
		hop.address = attempt->reach.addresses[i].text;
		if (!attempt->reach.addresses[i].is_done)
			dns_add_hop(&others, &hop);
	}
	buf_free(&attempt->connection->others);
	attempt->connection->others = others;
}

static bool
try_hops(struct attempt *attempt, struct span hops)
{
	struct span host = { "", 0 };
	struct span after = hops; /* all that has not been added */
	struct dns_hop hop;

	forget_addresses(attempt);
	attempt->alias = dns_alias(hops);
	while (dns_next_hop(&hops, &hop)) {
		if (attempt->reach.count > 0 &&
		    (!span_equal_nocase(host, hop.host) ||
			attempt->reach.count == REACH_MAX)) {
			if (try_host(attempt, host)) {
				keep_others(attempt, host, after);
				return true;
			}
			/* RFC 5321 section 5.1: nor those behind us. */
			if (attempt->is_loop)
				return false;
			forget_addresses(attempt);
		}
		host = hop.host;
		attempt->secure = hop.secure;
		reach_add(&attempt->reach, hop.address, attempt->route.port);
		after = hops;
	}
	if (!try_host(attempt, host))
		return false;
	keep_others(attempt, host, after);
	return true;
}

/*
 * No host was as secure as this message needs, which says nothing about other
 * messages.  It fails only if no host was left out.
 */
static void
give_insecure(const struct attempt *attempt, struct verdicts *verdicts)
{
	char code[16];
	bool is_final = attempt->code[0] == '5' && !attempt->is_unreached;

	snprintf(code, sizeof(code), "%c%s", is_final ? '5' : '4',
	    attempt->code + 1);
	verdicts_give_rest(verdicts, is_final ? VERDICT_FAILED : VERDICT_LATER,
	    code, attempt->text);
}

static void
give_up(enum dns_status status, const struct attempt *attempt,
    struct verdicts *verdicts)
{
	/* A better host that is away for now may take it later. */
	if (attempt->is_loop && !attempt->is_unreached && attempt->code == NULL)
		status = DNS_LOOP;
	switch (status) {
	case DNS_OK:
		if (attempt->code != NULL) {
			give_insecure(attempt, verdicts);
			return;
		}
		verdicts_give_rest(verdicts, VERDICT_UNREACHABLE, "4.4.1",
		    attempt->text[0] == '\0' ? "no host could be reached"
					     : attempt->text);
		return;
	case DNS_NO_NAME:
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.1.2",
		    "there is no such domain");
		return;
	case DNS_NULL_MX:
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.1.10",
		    "this domain receives no mail (null MX)");
		return;
	case DNS_LOOP:
		verdicts_give_rest(verdicts, VERDICT_FAILED, "5.4.6",
		    "this host is the best mail host of the domain, but not "
		    "its home: see control/locals and control/smtproutes");
		return;
	case DNS_LATER:
		verdicts_give_rest(verdicts, VERDICT_LATER, "4.4.3",
		    "the name server gives no answer now");
		return;
	}
}

static void
find_source(struct attempt *attempt)
{
	size_t place = attempt->demand->source;

	if (place > 0)
		source_parse(attempt->settings->sources.items[place - 1],
		    &attempt->source);
}

/* "[192.0.2.1]" without its brackets. */
static bool
is_literal(struct span domain, struct span *address)
{
	*address = span_slice(domain, 1, domain.len > 2 ? domain.len - 2 : 0);
	return domain.len > 2 && domain.ptr[0] == '[' &&
	       domain.ptr[domain.len - 1] == ']';
}

bool
connection_open_to(struct connection *connection,
    const struct send_settings *settings, const struct helpers *helpers,
    struct span hops, const struct demand *demand, struct verdicts *verdicts)
{
	struct attempt attempt = { .connection = connection,
		.settings = settings,
		.helpers = helpers,
		.demand = demand,
		.is_known = true,
		.route.port = settings->port };

	find_source(&attempt);
	if (try_hops(&attempt, hops))
		return true;
	give_up(DNS_OK, &attempt, verdicts);
	return false;
}

bool
target_route(const struct send_settings *settings,
    const struct channel_opening *target, struct route *route)
{
	if (target->route.len > 0)
		return route_parse(target->route, route);
	return route_find(settings->routes, target->destination, route);
}

bool
connection_open(struct connection *connection,
    const struct send_settings *settings, const struct helpers *helpers,
    const struct channel_opening *target, const struct demand *demand,
    struct verdicts *verdicts)
{
	static struct packet packet;
	const int resolve = helpers->resolve;
	struct attempt attempt = { .connection = connection,
		.settings = settings,
		.helpers = helpers,
		.domain = target->destination,
		.demand = demand,
		.route.port = settings->port };
	struct span address;
	struct span hops = { "", 0 };
	enum dns_status status = DNS_OK;
	bool has_route = target_route(settings, target, &attempt.route);
	struct span host = has_route ? attempt.route.host : target->destination;

	attempt.is_known = has_route;
	find_source(&attempt);
	buf_clear(&connection->others);
	if (attempt.route.is_path) {
		verdicts_give_rest(
		    verdicts, VERDICT_LATER, "4.3.5", route_path_mend);
		return false;
	}
	strict_ask(connection, helpers, target->destination, demand);
	if (is_literal(host, &address)) {
		forget_addresses(&attempt);
		reach_add(&attempt.reach, address, attempt.route.port);
		if (try_host(&attempt, host))
			return true;
		/* it is no address */
		if (attempt.text[0] == '\0' && !attempt.is_unreached)
			status = has_route ? DNS_LATER : DNS_NO_NAME;
	} else {
		status = has_route ? dns_addresses(resolve, host,
					 RESOLVE_TIMEOUT_MS, &packet, &hops)
				   : dns_route(resolve, host,
					 RESOLVE_TIMEOUT_MS, &packet, &hops);
		/* Our own route's typing error must not bounce mail. */
		if (has_route && status == DNS_NO_NAME)
			status = DNS_LATER;
		if (status == DNS_OK && !strict_hear(connection, helpers)) {
			verdicts_give_rest(verdicts, VERDICT_LATER, "4.3.0",
			    "sts does not answer");
			return false;
		}
		if (status == DNS_OK && try_hops(&attempt, hops))
			return true;
	}
	give_up(status, &attempt, verdicts);
	return false;
}

bool
connection_open_other(struct connection *connection,
    const struct send_settings *settings, const struct helpers *helpers,
    const struct channel_opening *target, const struct demand *demand)
{
	struct attempt attempt = { .connection = connection,
		.settings = settings,
		.helpers = helpers,
		.domain = target->destination,
		.demand = demand,
		.route.port = settings->port };

	if (connection->others.len == 0)
		return false;
	attempt.is_known = target_route(settings, target, &attempt.route);
	find_source(&attempt);
	connection_close(connection);
	return try_hops(&attempt, buf_span(&connection->others));
}
