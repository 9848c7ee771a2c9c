/*
 * spam - the tests spamtest and virustest, RFC 5235: what a filter before us
 * found, as it wrote it into the header.
 *
 *   X-Spam-Score: 3.40 / 15.00                 filter-rspamd, and others
 *   X-Spamd-Result: default: False [3.40 / 15.00]; ...
 *   X-Spam-Level: ***                          one for each point
 *   X-Virus-Status: Clean, or Infected (NAME)  clamav-milter
 *
 * The first field that is there and makes sense is taken, in this order.  A
 * score that comes without its limit has SCORE_LIMIT.  They are worth what
 * removes them from mail that comes from elsewhere: filter-rspamd does that for
 * X-Spam-Score.
 */

#include <stdlib.h>

#include "sieve/match.h"

enum {
	SCORE_LIMIT = 5,
	SCORE_MAX_BYTES = 32,
	SPAM_STEPS = 9, /* from 1, clear, to 10 */
	PERCENT_STEPS = 100,
	VIRUS_NONE = 1,
	VIRUS_FOUND = 5
};

struct score {
	double points;
	double limit;
};

/* ---- fields ---- */

/* A decimal number that text begins with, cut off it. */
static bool
take_number(struct span *text, double *number)
{
	char string[SCORE_MAX_BYTES];
	char *end;
	size_t len = 0;
	struct span rest = span_trim(*text);

	while (len < rest.len && len < sizeof(string) - 1 &&
	       (rest.ptr[len] == '-' || rest.ptr[len] == '+' ||
		   rest.ptr[len] == '.' ||
		   (rest.ptr[len] >= '0' && rest.ptr[len] <= '9'))) {
		string[len] = rest.ptr[len];
		len++;
	}
	string[len] = '\0';
	*number = strtod(string, &end);
	*text = span_slice(rest, len, rest.len);
	return end != string;
}

/* "3.40 / 15.00", or the first alone. */
static bool
read_score(struct span text, struct score *score)
{
	score->limit = SCORE_LIMIT;
	if (!take_number(&text, &score->points))
		return false;
	text = span_trim(text);
	if (text.len == 0 || text.ptr[0] != '/')
		return true;
	text = span_slice(text, 1, text.len);
	return take_number(&text, &score->limit) && score->limit > 0;
}

static bool
read_result(struct span text, struct score *score)
{
	size_t open = span_index(text, '[');

	return open < text.len &&
	       read_score(span_slice(text, open + 1, text.len), score);
}

static bool
read_level(struct span text, struct score *score)
{
	size_t stars = 0;

	text = span_trim(text);
	while (stars < text.len && text.ptr[stars] == '*')
		stars++;
	*score = (struct score){ (double)stars, SCORE_LIMIT };
	return stars == text.len;
}

static const struct {
	const char *name;
	bool (*read)(struct span text, struct score *score);
} fields[] = {
	{ "X-Spam-Score", read_score },
	{ "X-Spamd-Result", read_result },
	{ "X-Spam-Level", read_level },
};

static bool
find_score(struct sieve_machine *machine, struct score *score)
{
	struct span value;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (sieve_field_find(
			machine, span_of(fields[i].name), 1, false, &value) &&
		    fields[i].read(value, score))
			return true;
	return false;
}

/* ---- the tests ---- */

/* Of steps, how many of the way to the limit. */
static uint64_t
part_of(const struct score *score, unsigned steps)
{
	if (score->points <= 0)
		return 0;
	if (score->points >= score->limit)
		return steps;
	return (uint64_t)(score->points / score->limit * steps);
}

static bool
match_number(struct sieve_machine *machine, const struct sieve_node *node,
    uint64_t number, bool was_tested)
{
	struct match match;
	char digits[SPAN_DIGITS_MAX];

	match_begin(&match, machine, node, node->arguments[0]);
	/* RFC 5235 section 3.1: not tested is none for :count. */
	if (match.type != MATCH_COUNT || was_tested)
		match_value(&match, span_digits(number, digits));
	return match_end(&match);
}

bool
sieve_test_spamtest(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct score score;
	bool was_tested = find_score(machine, &score);
	uint64_t number = 0;

	if (was_tested)
		number = (node->flags & FLAG_PERCENT) != 0
			     ? part_of(&score, PERCENT_STEPS)
			     : 1 + part_of(&score, SPAM_STEPS);
	return match_number(machine, node, number, was_tested);
}

bool
sieve_test_virustest(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	uint64_t number = 0;
	struct span value;

	if (sieve_field_find(
		machine, span_of("X-Virus-Status"), 1, false, &value)) {
		value = span_trim(value);
		if (span_starts_nocase(value, span_of("Clean")))
			number = VIRUS_NONE;
		else if (span_starts_nocase(value, span_of("Infected")))
			number = VIRUS_FOUND;
	}
	return match_number(machine, node, number, number > 0);
}
