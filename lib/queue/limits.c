#include "queue/limits.h"

#include <stdlib.h>

#include "base/die.h"
#include "mail/domain.h"

static const char mend[] =
    "should be DESTINATION CONNECTIONS [PER-MINUTE [PER-CONNECTION]]: a "
    "domain, .domain, *, mx:host or mx:.domain, 1 to 500 connections, numbers "
    "from 1 or -";

static bool
number(struct span text, uint64_t max, uint64_t *value)
{
	*value = 0;
	return text.len == 0 || span_equal(text, span_of("-")) ||
	       (span_number(text, 10, max, value) && *value > 0);
}

static bool
parse(struct span line, struct limit *limit)
{
	const struct span mx = span_of("mx:");

	limit->destination = span_cut_word(&line);
	limit->is_mx = span_starts_nocase(limit->destination, mx);
	if (limit->is_mx)
		limit->destination = span_slice(
		    limit->destination, mx.len, limit->destination.len);
	if (limit->is_mx && (limit->destination.len == 0 ||
				span_equal(limit->destination, span_of("*"))))
		return false;
	struct span connections = span_cut_word(&line);

	if (connections.len == 0 ||
	    !number(connections, LIMIT_CONNECTIONS_MAX, &limit->connections) ||
	    !number(span_cut_word(&line), 1000000, &limit->per_minute) ||
	    !number(span_cut_word(&line), 1000000, &limit->per_connection))
		return false;
	if (limit->connections == 0)
		limit->connections = LIMIT_CONNECTIONS_MAX;
	return span_cut_word(&line).len == 0;
}

void
limits_read(struct limits *limits)
{
	limits->has_mx = false;
	limits->fallback = (struct limit){ .connections = LIMIT_CONNECTIONS };
	limits->text = domain_lines("limits", "");
	limits->items = calloc(limits->text.count + 1, sizeof(*limits->items));
	if (limits->items == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < limits->text.count; i++) {
		if (!parse(limits->text.items[i], &limits->items[i]))
			control_complain("limits", limits->text.lines[i], mend);
		limits->has_mx |= limits->items[i].is_mx;
	}
}

void
limits_free(struct limits *limits)
{
	control_list_free(&limits->text);
	free(limits->items);
}

static bool
fits(const struct limit *limit, struct span name)
{
	return span_equal(limit->destination, span_of("*")) ||
	       domain_fits(limit->destination, name);
}

const struct limit *
limit_find(const struct limits *limits, struct span domain)
{
	for (size_t i = 0; i < limits->text.count; i++)
		if (!limits->items[i].is_mx && fits(&limits->items[i], domain))
			return &limits->items[i];
	return &limits->fallback;
}

const struct limit *
limit_find_mx(const struct limits *limits, struct span host)
{
	for (size_t i = 0; i < limits->text.count; i++)
		if (limits->items[i].is_mx && fits(&limits->items[i], host))
			return &limits->items[i];
	return NULL;
}
