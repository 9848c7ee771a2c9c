#include "sieve/parse.h"

#include "sieve/lex.h"

struct parser {
	struct lex lex;
	struct lex_token token; /* the one that is looked at */
	struct report *report;
	struct sieve_arena *strings;
	struct sieve_arena *scratch;
	unsigned depth;
	bool is_full;
};

/* ---- words ---- */

static void
advance(struct parser *parser)
{
	parser->token = lex_next(&parser->lex);
	if (parser->token.kind == LEX_FULL || parser->is_full) {
		parser->is_full = true;
		parser->token.kind = LEX_END;
	}
}

static bool
at(const struct parser *parser, char separator)
{
	return parser->token.kind == LEX_SEPARATOR &&
	       parser->token.separator == separator;
}

static bool
skip(struct parser *parser, char separator)
{
	if (!at(parser, separator))
		return false;
	advance(parser);
	return true;
}

static void *
take(struct parser *parser, size_t size)
{
	void *place = sieve_arena_take(parser->scratch, size);

	if (place == NULL) {
		parser->is_full = true;
		parser->token.kind = LEX_END;
	}
	return place;
}

/* What stands here is not what must: say so. */
static void
complain(struct parser *parser, const char *wanted)
{
	const struct lex_token *token = &parser->token;
	struct report_shown shown = report_shown(token->text);

	if (parser->is_full)
		return;
	switch (token->kind) {
	case LEX_WRONG:
		report_error(parser->report, token->line, "%s \"%s\"",
		    token->problem, shown.text);
		return;
	case LEX_SEPARATOR:
		report_error(parser->report, token->line,
		    "%s is missing before \"%c\"", wanted, token->separator);
		return;
	case LEX_NUMBER:
		report_error(parser->report, token->line,
		    "%s is missing before the number %llu", wanted,
		    (unsigned long long)token->number);
		return;
	case LEX_STRING:
		report_error(parser->report, token->line,
		    "%s is missing before the string \"%s\"", wanted,
		    shown.text);
		return;
	case LEX_IDENTIFIER:
	case LEX_TAG:
		report_error(parser->report, token->line,
		    "%s is missing before \"%s%s\"", wanted,
		    token->kind == LEX_TAG ? ":" : "", shown.text);
		return;
	case LEX_END:
	case LEX_FULL:
		report_error(parser->report, token->line,
		    "%s is missing at the end of the script", wanted);
		return;
	}
}

/* ---- arguments ---- */

/* A string of a list that is not whole yet. */
struct item {
	struct span text;
	struct item *next;
};

static bool
keep_items(struct parser *parser, struct parse_argument *argument,
    const struct item *item)
{
	argument->items = sieve_arena_take(
	    parser->strings, argument->count * sizeof(*argument->items));
	if (argument->items == NULL) {
		parser->is_full = true;
		return false;
	}
	for (size_t i = 0; item != NULL; item = item->next)
		argument->items[i++] = item->text;
	return true;
}

/* string-list = "[" string *("," string) "]"; the bracket was passed. */
static bool
read_list(struct parser *parser, struct parse_argument *argument)
{
	struct item *first = NULL;
	struct item **last = &first;

	do {
		if (parser->token.kind != LEX_STRING) {
			complain(parser, "a string");
			return false;
		}
		struct item *item = take(parser, sizeof(*item));
		if (item == NULL)
			return false;
		item->text = parser->token.text;
		*last = item;
		last = &item->next;
		argument->count++;
		advance(parser);
	} while (skip(parser, ','));
	if (!at(parser, ']')) {
		complain(parser, "\"]\" or \",\"");
		return false;
	}
	advance(parser);
	return keep_items(parser, argument, first);
}

static bool
read_string(struct parser *parser, struct parse_argument *argument)
{
	struct item item = { parser->token.text, NULL };

	argument->count = 1;
	advance(parser);
	return keep_items(parser, argument, &item);
}

static bool
is_argument(const struct parser *parser)
{
	return parser->token.kind == LEX_STRING ||
	       parser->token.kind == LEX_NUMBER ||
	       parser->token.kind == LEX_TAG || at(parser, '[');
}

/* argument = string-list / number / tag */
static bool
read_argument(struct parser *parser, struct parse_argument *argument)
{
	argument->line = parser->token.line;
	argument->number = parser->token.number;
	argument->tag = parser->token.text;
	switch (parser->token.kind) {
	case LEX_STRING:
		argument->kind = PARSE_STRING;
		return read_string(parser, argument);
	case LEX_NUMBER:
		argument->kind = PARSE_NUMBER;
		break;
	case LEX_TAG:
		argument->kind = PARSE_TAG;
		break;
	case LEX_END:
	case LEX_IDENTIFIER:
	case LEX_SEPARATOR:
	case LEX_WRONG:
	case LEX_FULL:
		argument->kind = PARSE_LIST;
		advance(parser);
		return read_list(parser, argument);
	}
	advance(parser);
	return true;
}

/* ---- tests and commands ---- */

static bool
enter(struct parser *parser)
{
	if (parser->depth == SIEVE_DEPTH_MAX) {
		report_error(parser->report, parser->token.line,
		    "more than %d blocks or tests within each other",
		    SIEVE_DEPTH_MAX);
		return false;
	}
	parser->depth++;
	return true;
}

static bool read_arguments(
    struct parser *parser, struct parse_command *command);

/* test = identifier arguments */
static bool
read_test(struct parser *parser, struct parse_command **test)
{
	if (parser->token.kind != LEX_IDENTIFIER) {
		complain(parser, "a test");
		return false;
	}
	if (!enter(parser))
		return false;
	*test = take(parser, sizeof(**test));
	if (*test == NULL)
		return false;
	(*test)->name = parser->token.text;
	(*test)->line = parser->token.line;
	advance(parser);
	bool is_read = read_arguments(parser, *test);
	parser->depth--;
	return is_read;
}

/* test-list = "(" test *("," test) ")" */
static bool
read_tests(struct parser *parser, struct parse_command *command)
{
	struct parse_command **test = &command->tests;

	command->has_test_list = skip(parser, '(');
	do {
		if (!read_test(parser, test))
			return false;
		test = &(*test)->next;
	} while (command->has_test_list && skip(parser, ','));
	if (!command->has_test_list || skip(parser, ')'))
		return true;
	complain(parser, "\")\" or \",\"");
	return false;
}

/* arguments = *argument [ test / test-list ] */
static bool
read_arguments(struct parser *parser, struct parse_command *command)
{
	struct parse_argument **last = &command->arguments;

	while (is_argument(parser)) {
		struct parse_argument *argument =
		    take(parser, sizeof(*argument));

		if (argument == NULL || !read_argument(parser, argument))
			return false;
		*last = argument;
		last = &argument->next;
	}
	if (parser->token.kind == LEX_IDENTIFIER || at(parser, '('))
		return read_tests(parser, command);
	return true;
}

/* To where the command ends, or its block begins. */
static void
recover(struct parser *parser)
{
	while (parser->token.kind != LEX_END && !at(parser, ';') &&
	       !at(parser, '{') && !at(parser, '}'))
		advance(parser);
}

/* Over a block that is too deep, without a report of what is in it. */
static void
skip_block(struct parser *parser)
{
	size_t open = 0;

	do {
		open += at(parser, '{');
		open -= at(parser, '}');
		advance(parser);
	} while (open > 0 && parser->token.kind != LEX_END);
}

static struct parse_command *read_commands(struct parser *parser);

/* block = "{" commands "}" */
static void
read_block(struct parser *parser, struct parse_command *command)
{
	uint32_t line = parser->token.line;

	command->has_block = true;
	/* One that is too deep by a test of its own was told of. */
	if ((command->is_broken && parser->depth == SIEVE_DEPTH_MAX) ||
	    !enter(parser)) {
		command->is_broken = true;
		skip_block(parser);
		return;
	}
	advance(parser);
	command->block = read_commands(parser);
	parser->depth--;
	if (!skip(parser, '}') && !parser->is_full)
		report_error(
		    parser->report, line, "this block's \"}\" is missing");
}

/* command = identifier arguments (";" / block) */
static void
read_command(struct parser *parser, struct parse_command *command)
{
	unsigned depth = parser->depth;

	command->name = parser->token.text;
	command->line = parser->token.line;
	advance(parser);
	bool is_read = read_arguments(parser, command);
	if (is_read && !at(parser, ';') && !at(parser, '{')) {
		complain(parser, "\";\"");
		is_read = false;
	}
	if (!is_read) {
		command->is_broken = true;
		parser->depth = depth;
		recover(parser);
	}
	if (at(parser, '{'))
		read_block(parser, command);
	else
		skip(parser, ';');
}

/* What begins no command is told once, and passed over. */
static void
skip_wrong(struct parser *parser)
{
	if (at(parser, ';') || at(parser, '}'))
		report_error(parser->report, parser->token.line,
		    "unexpected \"%c\"", parser->token.separator);
	else
		complain(parser, "a command");
	if (!at(parser, ';') && !at(parser, '}') && !at(parser, '{'))
		recover(parser);
	if (at(parser, '{'))
		skip_block(parser);
	else if (at(parser, ';') || parser->depth == 0)
		advance(parser);
}

/* commands = *command; up to a "}" within a block, else to the end. */
static struct parse_command *
read_commands(struct parser *parser)
{
	struct parse_command *first = NULL;
	struct parse_command **last = &first;

	while (parser->token.kind != LEX_END &&
	       !(at(parser, '}') && parser->depth > 0)) {
		if (parser->token.kind != LEX_IDENTIFIER) {
			skip_wrong(parser);
			continue;
		}
		struct parse_command *command = take(parser, sizeof(*command));
		if (command == NULL)
			break;
		read_command(parser, command);
		*last = command;
		last = &command->next;
	}
	return first;
}

bool
parse_script(struct span text, struct report *report,
    struct sieve_arena *strings, struct sieve_arena *scratch,
    struct parse_command **first)
{
	struct parser parser = { .lex = lex_new(text, strings),
		.report = report,
		.strings = strings,
		.scratch = scratch };

	advance(&parser);
	*first = read_commands(&parser);
	return !parser.is_full;
}
