#include "queue/filters.h"

#include <stdio.h>

#include "queue/neighbour.h"

static const char *const known[] = { "milter", "rspamd", "auth", "site",
	"guard" };

/* What holds without a word: guard only adds to a server's defence. */
static bool
is_open(const char *name, struct span rule)
{
	if (rule.len == 0)
		return span_equal(span_of(name), span_of("guard"));
	return span_equal(rule, span_of("open"));
}

static void
add_filter(struct filters *filters, struct span item, unsigned line)
{
	struct span rest = item;
	struct span name = span_cut(&rest, ' ');
	struct span rule = span_trim(rest);
	char neighbour[32];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!span_equal(name, span_of(known[i])))
			continue;
		snprintf(neighbour, sizeof(neighbour), "filter-%s", known[i]);
		for (size_t j = 0; j < filters->count; j++)
			if (filters->names[j] == known[i])
				control_complain(
				    "filters", line, "each filter once");
		filters->names[filters->count] = known[i];
		filters->neighbours[filters->count] =
		    neighbour_number(neighbour);
		filters->is_open[filters->count++] = is_open(known[i], rule);
		if (rule.len > 0 && !span_equal(rule, span_of("open")) &&
		    !span_equal(rule, span_of("closed")))
			break;
		return;
	}
	control_complain("filters", line,
	    "write milter, rspamd, auth, guard or site, then open or "
	    "closed");
}

void
filters_read(struct filters *filters)
{
	struct control_list list = control_list("filters");

	for (size_t i = 0; i < list.count; i++)
		add_filter(filters, list.items[i], list.lines[i]);
	control_list_free(&list);
}

void
filters_drop(struct filters *filters, int neighbour)
{
	size_t kept = 0;

	for (size_t i = 0; i < filters->count; i++) {
		if (filters->neighbours[i] == neighbour)
			continue;
		filters->names[kept] = filters->names[i];
		filters->neighbours[kept] = filters->neighbours[i];
		filters->is_open[kept++] = filters->is_open[i];
	}
	filters->count = kept;
}
