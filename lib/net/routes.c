#include "net/routes.h"

#include <stdint.h>
#include <string.h>

#include "mail/domain.h"

enum {
	SMTPS_PORT = 465,
	LMTP_PORT = 24
};

const char route_path_mend[] =
    "no socket with a path can be reached from remote-send's jail: let the "
    "LMTP server listen on 127.0.0.1, too, and write lmtp:[127.0.0.1]:24";

/* "smtps:" or "lmtp:", if there is more after it. */
static struct span
cut_kind(struct span item, struct route *route)
{
	struct span rest = item;
	struct span word = span_cut(&rest, ':');

	if (rest.len > 0 && span_equal(word, span_of("smtps"))) {
		route->kind = ROUTE_SMTPS;
		route->port = SMTPS_PORT;
		return rest;
	}
	if (rest.len > 0 && span_equal(word, span_of("lmtp"))) {
		route->kind = ROUTE_LMTP;
		route->port = LMTP_PORT;
		return rest;
	}
	return item;
}

/* "/PATH" or "unix:PATH" of a socket */
static bool
is_path(struct span item, struct span *path)
{
	static const char unix_word[] = "unix:";
	bool has_word = span_starts(item, span_of(unix_word));

	*path =
	    span_slice(item, has_word ? sizeof(unix_word) - 1 : 0, item.len);
	return path->len > 0 && (has_word || path->ptr[0] == '/');
}

/* The host may be empty: use the MX. */
static bool
parse_target(struct span item, struct route *route)
{
	uint64_t number;

	route->text = item;
	item = cut_kind(item, route);
	number = route->port;
	if (route->kind == ROUTE_LMTP && is_path(item, &route->host)) {
		route->is_path = true;
		return true;
	}
	if (item.len > 0 && item.ptr[0] == '[') {
		size_t end = span_index(item, ']');

		route->host = span_slice(item, 0, end + 1);
		item = span_slice(item, end + 2, item.len);
	} else {
		route->host = span_cut(&item, ':');
	}
	if (item.len > 0 && !span_number(item, 10, UINT16_MAX, &number))
		return false;
	route->port = (uint16_t)number;
	return true;
}

static bool
parse_route(struct span item, struct span *pattern, struct route *route)
{
	*pattern = span_cut(&item, ':');
	return parse_target(item, route);
}

/* An address in brackets, or what may stand in a name. */
static bool
is_host(struct span host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";
	bool is_literal = host.len > 2 && host.ptr[0] == '[';

	if (is_literal)
		host = span_slice(host, 1, host.len - 2);
	for (size_t i = 0; i < host.len; i++)
		if (host.ptr[i] == '\0' ||
		    (strchr(allowed, host.ptr[i]) == NULL &&
			!(is_literal && host.ptr[i] == ':')))
			return false;
	return host.len > 0;
}

bool
route_parse(struct span text, struct route *route)
{
	return text.len > 0 && text.len <= ROUTE_TEXT_MAX &&
	       text.ptr[text.len - 1] != ':' && parse_target(text, route) &&
	       !route->is_path && is_host(route->host);
}

bool
route_find(
    const struct control_list *routes, struct span domain, struct route *route)
{
	struct route found = *route;
	struct span best = { NULL, 0 };
	bool has_one = false;

	for (size_t i = 0; i < routes->count; i++) {
		struct route candidate = { .port = route->port };
		struct span pattern;

		if (!parse_route(routes->items[i], &pattern, &candidate) ||
		    (pattern.len > 0 && !domain_fits(pattern, domain)) ||
		    (has_one && pattern.len <= best.len))
			continue;
		has_one = true;
		best = pattern;
		found = candidate;
	}
	if (!has_one || found.host.len == 0)
		return false;
	*route = found;
	return true;
}

bool
route_is_named(const struct control_list *routes, struct span domain)
{
	for (size_t i = 0; i < routes->count; i++) {
		struct route route = { .port = 0 };
		struct span pattern;

		if (parse_route(routes->items[i], &pattern, &route) &&
		    pattern.len > 0 && domain_fits(pattern, domain))
			return true;
	}
	return false;
}

struct control_list
routes_read(void)
{
	struct control_list routes = domain_lines("smtproutes", "");

	for (size_t i = 0; i < routes.count; i++) {
		struct route route = { .port = 0 };
		struct span pattern;

		if (span_index(routes.items[i], ':') == routes.items[i].len ||
		    span_index(routes.items[i], ' ') < routes.items[i].len ||
		    !parse_route(routes.items[i], &pattern, &route))
			control_complain("smtproutes", routes.lines[i],
			    "write DOMAIN:HOST or DOMAIN:HOST:PORT, smtps: or "
			    "lmtp: before HOST if it speaks that");
	}
	return routes;
}

/* Of a domain, or all below one: never of an address, and "" is for all. */
static bool
is_pattern(struct span pattern)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (strchr("@,;*/", pattern.ptr[i]) != NULL)
			return false;
	return !span_equal(pattern, span_of("."));
}

static const char *
find_fault(struct span line)
{
	struct route route = { .port = 0 };
	struct span pattern;

	if (!parse_route(line, &pattern, &route))
		return NULL;
	if (route.is_path)
		return route_path_mend;
	if (!is_pattern(pattern))
		return "write one domain before the first colon, .domain, or "
		       "nothing for all: a route is not by address";
	if (route.host.len > 0 && !is_host(route.host))
		return "write one host after the first colon: a name, or an "
		       "address in brackets";
	return NULL;
}

void
routes_complain(const struct control_list *routes)
{
	for (size_t i = 0; i < routes->count; i++) {
		const char *mend = find_fault(routes->items[i]);

		if (mend != NULL)
			control_complain("smtproutes", routes->lines[i], mend);
	}
}

/* ---- by sender ---- */

static bool
parse_sender_route(struct span line, struct span *pattern, struct route *route)
{
	*pattern = span_cut_word(&line);
	return span_index(*pattern, '@') < pattern->len &&
	       pattern->ptr[pattern->len - 1] != '@' &&
	       span_index(line, ' ') == line.len && route_parse(line, route);
}

struct control_list
sender_routes_read(void)
{
	struct control_list list = control_list("senderroutes");

	for (size_t i = 0; i < list.count; i++) {
		struct route route = { .port = 0 };
		struct span pattern;

		if (!parse_sender_route(list.items[i], &pattern, &route))
			control_complain("senderroutes", list.lines[i],
			    route.is_path
				? route_path_mend
				: "write ADDRESS HOST, @DOMAIN HOST or "
				  "@.DOMAIN HOST; HOST as in smtproutes, "
				  "perhaps with :PORT, smtps: or lmtp: before "
				  "it, a name in A-labels");
	}
	return list;
}

/* "@.example.org" and "@example.org", or the address; both in A-labels. */
static bool
sender_fits(struct span pattern, struct span sender)
{
	if (pattern.ptr[0] != '@')
		return span_equal_nocase(pattern, sender);
	return domain_fits(span_slice(pattern, 1, pattern.len),
	    span_slice(sender, span_last_index(sender, '@') + 1, sender.len));
}

bool
route_find_sender(
    const struct control_list *routes, struct span sender, struct route *route)
{
	struct buf form = buf_new(2 * (size_t)ROUTE_TEXT_MAX);
	struct buf written = buf_new(2 * (size_t)ROUTE_TEXT_MAX);
	size_t best = 0;

	domain_add_address(&form, sender);
	for (size_t i = 0; sender.len > 0 && i < routes->count; i++) {
		struct route candidate = { .port = route->port };
		struct span pattern;

		buf_clear(&written);
		if (!parse_sender_route(routes->items[i], &pattern, &candidate))
			continue;
		domain_add_address(&written, pattern);
		size_t closeness =
		    pattern.len + (pattern.ptr[0] == '@' ? 0 : SIZE_MAX / 2);
		if (closeness <= best ||
		    !sender_fits(buf_span(&written), buf_span(&form)))
			continue;
		best = closeness;
		*route = candidate;
	}
	buf_free(&form);
	buf_free(&written);
	return best > 0;
}
