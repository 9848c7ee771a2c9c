#include "sieve/check.h"

#include "sieve/encoded.h"
#include "sieve/values.h"
#include "sieve/variable.h"

/* ---- strings ---- */

/* RFC 5229 section 3, RFC 6609 section 3.4.2: "global" is the one namespace. */
static void
check_variable(struct checker *checker, struct subject *subject,
    const struct variable *variable, uint32_t line)
{
	struct report_shown shown = report_shown(variable->space);

	if (variable->space.len == 0) {
		if (variable->is_match && variable->match > VARIABLE_MATCH_MAX)
			check_error(checker, subject, line,
			    "there is no match variable above ${%d}",
			    VARIABLE_MATCH_MAX);
		return;
	}
	if (!span_equal_nocase(variable->space, span_of("global")))
		check_unavailable(checker, subject, line,
		    "there is no namespace \"%s\" of variables", shown.text);
	else if (variable->is_match)
		check_error(checker, subject, line,
		    "a number names no global variable");
	else
		check_needs(checker, subject, EXTENSION_BIT(EXTENSION_INCLUDE),
		    "", "global.", line);
}

/* All references to variables in text.  Are there any? */
static bool
check_variables(struct checker *checker, struct subject *subject,
    struct span text, uint32_t line)
{
	struct variable variable;
	struct span before;
	bool is_any = false;

	if (!(checker->required & EXTENSION_BIT(EXTENSION_VARIABLES)))
		return false;
	while (variable_next(&text, &before, &variable)) {
		check_variable(checker, subject, &variable, line);
		is_any = true;
	}
	return is_any;
}

/* RFC 5228 section 2.4.2.4; what require takes stays as it is (section 6).
 * False: there is an error. */
static bool
decode(struct checker *checker, struct subject *subject, struct span *text,
    uint32_t line)
{
	if (!(checker->required & EXTENSION_BIT(EXTENSION_ENCODED_CHARACTER)) ||
	    subject->node->word == WORD_REQUIRE)
		return true;
	switch (encoded_decode(text, checker->arena)) {
	case ENCODED_OK:
		return true;
	case ENCODED_RANGE:
		check_error(checker, subject, line,
		    "\"${unicode:...}\" of a character that there is not");
		return false;
	case ENCODED_FULL:
		checker->is_full = true;
		return false;
	}
	return false;
}

static void
check_string(struct checker *checker, struct subject *subject,
    const struct grammar_argument *place, struct span *text, uint32_t line)
{
	struct values_place where = { .node = subject->node,
		.weight = &checker->weight };
	struct variable variable;

	if (!decode(checker, subject, text, line))
		return;
	struct report_shown shown = report_shown(*text);
	if (check_variables(checker, subject, *text, line)) {
		if (values_must_be_constant(place->content))
			check_error(checker, subject, line,
			    "\"%s\" has a variable where none can be",
			    shown.text);
		return;
	}
	const char *problem = values_problem(place->content, *text, &where);
	if (problem != NULL)
		check_error(
		    checker, subject, line, "\"%s\" %s", shown.text, problem);
	/* RFC 6609 section 3.4.2, RFC 5232 section 3 */
	else if ((place->content == CONTENT_SET ||
		     place->content == CONTENT_VARIABLE) &&
		 variable_parse(*text, &variable))
		check_variable(checker, subject, &variable, line);
}

/* ---- arguments ---- */

const char *
check_shape_name(enum grammar_shape shape)
{
	static const char *const articles[] = { [SHAPE_NONE] = "nothing",
		[SHAPE_STRING] = "a string",
		[SHAPE_LIST] = "a string or a list of them",
		[SHAPE_NUMBER] = "a number" };

	return articles[shape];
}

bool
check_shape(const struct parse_argument *argument, enum grammar_shape shape)
{
	switch (shape) {
	case SHAPE_NONE:
		return false;
	case SHAPE_STRING:
		return argument->kind == PARSE_STRING;
	case SHAPE_LIST:
		return argument->kind == PARSE_STRING ||
		       argument->kind == PARSE_LIST;
	case SHAPE_NUMBER:
		return argument->kind == PARSE_NUMBER;
	}
	return false;
}

struct sieve_list
check_strings(struct checker *checker, struct subject *subject,
    const struct grammar_argument *place, struct parse_argument *argument)
{
	for (size_t i = 0; i < argument->count; i++)
		check_string(checker, subject, place, &argument->items[i],
		    argument->line);
	return (struct sieve_list){ argument->items, argument->count };
}

/* ---- positional arguments ---- */

struct positional {
	struct parse_argument *arguments[ARGUMENTS_MAX];
	size_t count; /* may be more than there is room for */
};

/* Tags do their work; what else stands there is put aside. */
static void
check_tags(struct checker *checker, struct subject *subject,
    struct positional *positional)
{
	struct parse_argument *argument = subject->command->arguments;

	while (argument != NULL && !check_is_over(checker)) {
		if (argument->kind == PARSE_TAG) {
			if (positional->count > 0)
				check_error(checker, subject, argument->line,
				    "tags come before the other arguments of "
				    "\"%s\"",
				    subject->grammar->name);
			argument = check_tag(checker, subject, argument);
			continue;
		}
		if (positional->count < ARGUMENTS_MAX)
			positional->arguments[positional->count] = argument;
		positional->count++;
		argument = argument->next;
	}
}

static size_t
places_of(const struct grammar_command *grammar)
{
	size_t places = 0;

	while (places < ARGUMENTS_MAX &&
	       grammar->arguments[places].shape != SHAPE_NONE)
		places++;
	return places;
}

static void
check_positional(struct checker *checker, struct subject *subject, size_t place,
    struct parse_argument *argument)
{
	const struct grammar_argument *wanted =
	    &subject->grammar->arguments[place];

	if (!check_shape(argument, wanted->shape))
		check_error(checker, subject, argument->line,
		    "\"%s\" needs its %s: %s", subject->grammar->name,
		    wanted->name, check_shape_name(wanted->shape));
	else if (wanted->shape == SHAPE_NUMBER)
		subject->node->number = argument->number;
	else {
		struct sieve_list list =
		    check_strings(checker, subject, wanted, argument);

		/* It may have become WORD_ERROR. */
		if (!subject->is_wrong)
			subject->node->arguments[place] = list;
	}
}

/* Each into its place, of which one may be left out. */
static void
check_places(struct checker *checker, struct subject *subject,
    const struct positional *positional)
{
	const struct grammar_command *grammar = subject->grammar;
	size_t places = places_of(grammar);
	bool is_short =
	    grammar->optional < places && positional->count + 1 == places;
	size_t next = 0;

	if (positional->count > places) {
		check_error(checker, subject, subject->node->line,
		    places == 0 ? "\"%s\" takes no argument"
				: "\"%s\" has an argument too many",
		    grammar->name);
		return;
	}
	for (size_t place = 0; place < places; place++) {
		if (is_short && place == grammar->optional)
			continue;
		if (next == positional->count) {
			place += place == grammar->optional ? 1 : 0;
			check_error(checker, subject, subject->node->line,
			    "\"%s\" needs its %s: %s", grammar->name,
			    grammar->arguments[place].name,
			    check_shape_name(grammar->arguments[place].shape));
			return;
		}
		check_positional(
		    checker, subject, place, positional->arguments[next++]);
	}
}

/* The variable of setflag and hasflag is one of RFC 5229 (RFC 5232 section 3).
 */
static void
check_flag_variable(struct checker *checker, struct subject *subject)
{
	if (subject->grammar->arguments[0].content == CONTENT_VARIABLE &&
	    subject->node->arguments[0].items != NULL)
		check_needs(checker, subject,
		    EXTENSION_BIT(EXTENSION_VARIABLES), "",
		    subject->grammar->name, subject->node->line);
}

/* ---- what tags are together ---- */

static void
check_together(struct checker *checker, struct subject *subject)
{
	const struct sieve_node *node = subject->node;
	uint32_t line = node->line;
	bool is_part = node->match == MATCH_CONTAINS ||
		       node->match == MATCH_MATCHES ||
		       node->match == MATCH_REGEX;

	/* RFC 4790 section 9.1.1: it has no substring operation. */
	if (is_part && node->comparator == COMPARATOR_ASCII_NUMERIC)
		check_error(checker, subject, line,
		    "\"i;ascii-numeric\" compares no parts of strings, as "
		    "\":%s\" does",
		    subject->given[GROUP_MATCH]->name);
	/* RFC 5260 section 6, RFC 5293 section 5 */
	if (subject->given[GROUP_LAST] != NULL && node->index == 0 &&
	    grammar_tag_of(GROUP_INDEX, subject->grammar->word) != NULL)
		check_error(
		    checker, subject, line, "\":last\" needs \":index\"");
	/* RFC 5228 section 5.9 */
	if (node->word == WORD_SIZE && subject->given[GROUP_LIMIT] == NULL)
		check_error(checker, subject, line,
		    "\"size\" needs \":over\" or \":under\"");
}

/* What is so if nothing else is said. */
static void
fill_defaults(struct subject *subject)
{
	struct sieve_node *node = subject->node;

	/* RFC 5173 section 5 */
	if (node->word == WORD_BODY && subject->given[GROUP_TRANSFORM] == NULL)
		node->flags |= FLAG_TEXT;
}

void
check_arguments(struct checker *checker, struct subject *subject)
{
	struct positional positional = { .count = 0 };

	check_tags(checker, subject, &positional);
	if (!subject->is_wrong)
		check_together(checker, subject);
	if (!subject->is_wrong)
		check_places(checker, subject, &positional);
	if (!subject->is_wrong)
		check_flag_variable(checker, subject);
	if (!subject->is_wrong)
		fill_defaults(subject);
}
