#include "net/routes.h"

#include <stdint.h>

static bool
parse_route(
    struct span item, struct span *pattern, struct span *host, uint16_t *port)
{
	uint64_t number = *port;

	*pattern = span_cut(&item, ':');
	if (item.len > 0 && item.ptr[0] == '[') {
		size_t end = span_index(item, ']');

		*host = span_slice(item, 0, end + 1);
		item = span_slice(item, end + 2, item.len);
	} else {
		*host = span_cut(&item, ':');
	}
	if (item.len > 0 && !span_number(item, 10, UINT16_MAX, &number))
		return false;
	*port = (uint16_t)number;
	return true;
}

static bool
is_match(struct span pattern, struct span domain)
{
	if (pattern.len == 0)
		return true;
	if (pattern.ptr[0] != '.')
		return span_equal_nocase(pattern, domain);
	return domain.len > pattern.len &&
	       span_equal_nocase(
		   span_slice(domain, domain.len - pattern.len, pattern.len),
		   pattern);
}

bool
route_find(const struct control_list *routes, struct span domain,
    struct span *host, uint16_t *port)
{
	struct span best = { NULL, 0 };
	bool has_one = false;

	for (size_t i = 0; i < routes->count; i++) {
		struct span pattern;
		struct span candidate;
		uint16_t candidate_port = *port;

		if (!parse_route(routes->items[i], &pattern, &candidate,
			&candidate_port) ||
		    !is_match(pattern, domain) ||
		    (has_one && pattern.len <= best.len))
			continue;
		has_one = true;
		best = pattern;
		*host = candidate;
		*port = candidate_port;
	}
	return has_one && host->len > 0;
}

struct control_list
routes_read(void)
{
	struct control_list routes = control_list("smtproutes");
	struct span pattern;
	struct span host;
	uint16_t port = 0;

	for (size_t i = 0; i < routes.count; i++)
		if (span_index(routes.items[i], ':') == routes.items[i].len ||
		    span_index(routes.items[i], ' ') < routes.items[i].len ||
		    !parse_route(routes.items[i], &pattern, &host, &port))
			control_complain("smtproutes", routes.lines[i],
			    "write DOMAIN:HOST or DOMAIN:HOST:PORT");
	return routes;
}
