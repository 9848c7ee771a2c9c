#include "sieve/check.h"

enum {
	/* More than what any needs, and what a count of seconds holds. */
	SECONDS_MAX = INT32_MAX,
	INDEX_MAX = INT32_MAX
};

static void
set_relation(struct checker *checker, struct subject *subject, struct span text,
    uint32_t line)
{
	static const char *const names[] = { [RELATION_GT] = "gt",
		[RELATION_GE] = "ge",
		[RELATION_LT] = "lt",
		[RELATION_LE] = "le",
		[RELATION_EQ] = "eq",
		[RELATION_NE] = "ne" };
	struct report_shown shown = report_shown(text);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (span_equal_nocase(text, span_of(names[i]))) {
			subject->node->relation = (enum sieve_relation)i;
			return;
		}
	check_error(checker, subject, line,
	    "\"%s\" is no relation: those are \"gt\", \"ge\", \"lt\", \"le\", "
	    "\"eq\" and \"ne\"",
	    shown.text);
}

static void
set_comparator(struct checker *checker, struct subject *subject,
    struct span text, uint32_t line)
{
	struct report_shown shown = report_shown(text);
	uint64_t needs;

	if (!grammar_comparator(text, &subject->node->comparator, &needs))
		check_unavailable(checker, subject, line,
		    "there is no comparator \"%s\"", shown.text);
	else
		check_needs(checker, subject, needs, "", shown.text, line);
}

static void
set_index(struct checker *checker, struct subject *subject, uint64_t number,
    uint32_t line)
{
	if (number == 0 || number > INDEX_MAX)
		check_error(checker, subject, line,
		    "\":index\" counts from 1 to %d", INDEX_MAX);
	else
		subject->node->index = (int64_t)number;
}

/* RFC 5230 section 4.1: too few days are one; too many are as many as can be.
 * RFC 6131 section 2: of seconds, none are. */
static void
set_seconds(struct sieve_node *node, uint64_t number, int unit)
{
	uint64_t seconds = SECONDS_MAX;

	if (number == 0 && unit > 1)
		number = 1;
	if (number <= SECONDS_MAX / (uint64_t)unit)
		seconds = number * (uint64_t)unit;
	node->seconds = (int64_t)seconds;
}

/* What a tag takes; of one that takes nothing, nothing. */
struct taken {
	struct sieve_list list;
	struct span text; /* the list's first */
	uint64_t number;
	uint32_t line;
};

static struct taken
take(struct checker *checker, struct subject *subject,
    const struct grammar_tag *tag, struct parse_argument *argument)
{
	struct taken taken = { .number = argument->number,
		.line = argument->line };

	if (argument->kind != PARSE_NUMBER)
		taken.list =
		    check_strings(checker, subject, &tag->argument, argument);
	if (taken.list.count > 0)
		taken.text = taken.list.items[0];
	return taken;
}

static void
apply_tag(struct checker *checker, struct subject *subject,
    const struct grammar_tag *tag, const struct taken *taken)
{
	struct sieve_node *node = subject->node;

	node->flags |= tag->flags;
	switch (tag->sets) {
	case SETS_FLAG:
		return;
	case SETS_MATCH:
		node->match = (enum sieve_match)tag->value;
		if (tag->argument.shape != SHAPE_NONE)
			set_relation(
			    checker, subject, taken->text, taken->line);
		return;
	case SETS_COMPARATOR:
		set_comparator(checker, subject, taken->text, taken->line);
		return;
	case SETS_PART:
		node->part = (enum sieve_address_part)tag->value;
		return;
	case SETS_INDEX:
		set_index(checker, subject, taken->number, taken->line);
		return;
	case SETS_SECONDS:
		set_seconds(node, taken->number, tag->value);
		return;
	case SETS_OPTION:
		node->options[tag->value] = taken->list;
		return;
	}
}

static void
complain_of_tag(struct checker *checker, struct subject *subject,
    const struct parse_argument *argument)
{
	const char *name = subject->grammar->name;
	const char *like =
	    checker->is_deferring
		? NULL
		: grammar_tag_like(argument->tag, subject->grammar->word);
	struct report_shown shown = report_shown(argument->tag);

	if (like == NULL)
		check_unavailable(checker, subject, argument->line,
		    "\"%s\" has no tag \":%s\"", name, shown.text);
	else
		check_unavailable(checker, subject, argument->line,
		    "\"%s\" has no tag \":%s\", did you mean \":%s\"?", name,
		    shown.text, like);
}

/* RFC 5228 section 2.6: once, and not with what it conflicts with. */
static void
check_conflict(struct checker *checker, struct subject *subject,
    const struct grammar_tag *tag, uint32_t line)
{
	const struct grammar_tag *other = subject->given[tag->group];

	subject->given[tag->group] = tag;
	if (other == tag)
		check_error(checker, subject, line, "\":%s\" is given twice",
		    tag->name);
	else if (other != NULL)
		check_error(checker, subject, line,
		    "\":%s\" and \":%s\" exclude each other", other->name,
		    tag->name);
}

/* It stands without what it needs: what is there instead is passed over, but
 * for another tag. */
static struct parse_argument *
complain_of_argument(struct checker *checker, struct subject *subject,
    const struct grammar_tag *tag, const struct parse_argument *argument)
{
	struct parse_argument *next = argument->next;

	check_error(checker, subject, argument->line,
	    "\":%s\" needs its %s: %s", tag->name, tag->argument.name,
	    check_shape_name(tag->argument.shape));
	return next == NULL || next->kind == PARSE_TAG ? next : next->next;
}

struct parse_argument *
check_tag(struct checker *checker, struct subject *subject,
    struct parse_argument *argument)
{
	const struct grammar_tag *tag =
	    grammar_tag(argument->tag, subject->grammar->word);
	struct parse_argument *next = argument->next;
	struct taken taken = { .line = argument->line };

	if (tag == NULL) {
		complain_of_tag(checker, subject, argument);
		return next;
	}
	check_needs(
	    checker, subject, tag->needs, ":", tag->name, argument->line);
	check_conflict(checker, subject, tag, argument->line);
	if (tag->argument.shape != SHAPE_NONE) {
		if (next == NULL || !check_shape(next, tag->argument.shape))
			return complain_of_argument(
			    checker, subject, tag, argument);
		taken = take(checker, subject, tag, next);
		next = next->next;
	}
	apply_tag(checker, subject, tag, &taken);
	return next;
}
