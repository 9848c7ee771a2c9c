#include "imapd/partial.h"

static bool
parse_bound(struct partial *partial, struct parse *parse, uint32_t *bound)
{
	uint64_t number;

	if (parse_char(parse, '-') != partial->is_from_last ||
	    !parse_number(parse, UINT32_MAX, &number) || number == 0)
		return false;
	*bound = (uint32_t)number;
	return true;
}

bool
partial_parse(struct partial *partial, struct parse *parse)
{
	*partial = (struct partial){ .is_given = true,
		.is_from_last = parse_peek(parse) == '-' };
	return parse_bound(partial, parse, &partial->from) &&
	       parse_char(parse, ':') &&
	       parse_bound(partial, parse, &partial->to);
}

void
partial_bounds(
    const struct partial *partial, size_t count, size_t *first, size_t *end)
{
	size_t low = partial->from < partial->to ? partial->from : partial->to;
	size_t high = partial->from < partial->to ? partial->to : partial->from;

	*first = 0;
	*end = count;
	if (!partial->is_given)
		return;
	if (high > count)
		high = count;
	if (low > high)
		low = high + 1;
	*first = partial->is_from_last ? count - high : low - 1;
	*end = partial->is_from_last ? count - (low - 1) : high;
}
