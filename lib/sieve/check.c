#include "sieve/check.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	MESSAGE_MAX = 400
};

/* ---- errors ---- */

void
check_error(struct checker *checker, struct subject *subject, uint32_t line,
    const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list args;

	if (subject->node->word == WORD_ERROR && subject->is_wrong)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	report_error(checker->report, line, "%s", message);
	subject->is_wrong = true;
}

/* What fails when it is run. */
static void
defer(struct checker *checker, struct subject *subject, const char *message)
{
	struct span *text = sieve_arena_take(checker->arena, sizeof(*text));
	struct sieve_node *node = subject->node;

	if (text != NULL)
		*text = sieve_arena_copy(checker->arena, span_of(message));
	if (text == NULL || text->ptr == NULL) {
		checker->is_full = true;
		return;
	}
	*node = (struct sieve_node){ .word = WORD_ERROR, .line = node->line };
	node->arguments[0] = (struct sieve_list){ text, 1 };
}

void
check_unavailable(struct checker *checker, struct subject *subject,
    uint32_t line, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list args;

	if (subject->node->word == WORD_ERROR && subject->is_wrong)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (checker->is_deferring)
		defer(checker, subject, message);
	else
		report_error(checker->report, line, "%s", message);
	subject->is_wrong = true;
}

bool
check_is_over(const struct checker *checker)
{
	return checker->is_full || checker->report->is_cut;
}

/* ---- extensions ---- */

/* "fileinto", or ["include", "variables"]. */
static void
add_names(struct buf *into, uint64_t bits)
{
	bool is_list = (bits & (bits - 1)) != 0;

	buf_add_string(into, is_list ? "[" : "");
	while (bits != 0) {
		buf_printf(into, "\"%s\"", grammar_extension_name(bits));
		bits &= bits - 1;
		buf_add_string(into, bits != 0 ? ", " : "");
	}
	buf_add_string(into, is_list ? "]" : "");
}

void
check_needs(struct checker *checker, struct subject *subject, uint64_t needs,
    const char *mark, const char *word, uint32_t line)
{
	uint64_t missing = needs & ~checker->required;
	struct buf names = buf_new(MESSAGE_MAX);

	if ((missing & ~checker->possible) == 0) {
		subject->node->needs |= missing;
		return;
	}
	add_names(&names, missing & ~checker->possible);
	check_unavailable(checker, subject, line, "\"%s%s\" needs: require %s;",
	    mark, word, buf_string(&names));
	buf_free(&names);
}

static void
unknown_extension(struct checker *checker, uint32_t line, struct span name)
{
	const char *like = grammar_extension_like(name);
	struct report_shown shown = report_shown(name);

	if (like == NULL)
		report_error(checker->report, line,
		    "there is no extension \"%s\"", shown.text);
	else
		report_error(checker->report, line,
		    "there is no extension \"%s\", did you mean \"%s\"?",
		    shown.text, like);
}

/* RFC 5228 section 3.2 */
static void
do_require(struct checker *checker, struct subject *subject)
{
	const struct sieve_list *names = &subject->node->arguments[0];

	for (size_t i = 0; i < names->count && !check_is_over(checker); i++) {
		uint64_t bits = grammar_extension(names->items[i]);

		checker->required |= bits;
		if (bits == 0)
			unknown_extension(
			    checker, subject->node->line, names->items[i]);
	}
}

/* RFC 5463 section 4: all of them, or none. */
static void
do_ihave(struct checker *checker, struct subject *subject)
{
	const struct sieve_list *names = &subject->node->arguments[0];
	uint64_t all = 0;

	for (size_t i = 0; i < names->count; i++) {
		uint64_t bits = grammar_ihave(names->items[i]);

		/* What is required is there, whatever it is. */
		if (bits == 0 && (checker->required &
				     grammar_extension(names->items[i])) == 0) {
			checker->is_deferring = true;
			return;
		}
		all |= bits;
	}
	checker->possible |= all;
}

/* ---- tests ---- */

static struct sieve_node *check_test(
    struct checker *checker, struct parse_command *test);

static const struct sieve_node *
check_tests(struct checker *checker, struct parse_command *tests)
{
	const struct sieve_node *first = NULL;
	struct sieve_node *last = NULL;

	for (; tests != NULL && !check_is_over(checker); tests = tests->next) {
		struct sieve_node *node = check_test(checker, tests);

		if (node == NULL)
			return first;
		if (last == NULL)
			first = node;
		else
			last->next = node;
		last = node;
	}
	return first;
}

/* A test where none belongs: mostly the semicolon before a command is missing.
 */
static void
complain_of_test(struct checker *checker, struct subject *subject)
{
	const struct parse_command *test = subject->command->tests;
	const struct grammar_command *grammar = grammar_command(test->name);
	struct report_shown shown = report_shown(test->name);

	if (subject->command->has_test_list)
		check_error(checker, subject, subject->node->line,
		    "\"%s\" takes no tests", subject->grammar->name);
	else if (subject->grammar->is_test ||
		 (grammar != NULL && grammar->is_test))
		check_error(checker, subject, subject->node->line,
		    "\"%s\" takes no test, but \"%s\" follows",
		    subject->grammar->name, shown.text);
	else
		check_error(checker, subject, subject->node->line,
		    "\";\" is missing between \"%s\" and \"%s\"",
		    subject->grammar->name, shown.text);
}

static void
check_test_places(struct checker *checker, struct subject *subject)
{
	const struct parse_command *command = subject->command;
	const char *name = subject->grammar->name;
	uint32_t line = subject->node->line;

	switch (subject->grammar->tests) {
	case TESTS_NONE:
		if (command->tests != NULL)
			complain_of_test(checker, subject);
		return;
	case TESTS_ONE:
		if (command->tests == NULL)
			check_error(checker, subject, line,
			    "\"%s\" needs a test", name);
		else if (command->has_test_list)
			check_error(checker, subject, line,
			    "\"%s\" takes one test: allof (...) and "
			    "anyof (...) make one of many",
			    name);
		return;
	case TESTS_LIST:
		if (command->tests == NULL || !command->has_test_list)
			check_error(checker, subject, line,
			    "\"%s\" needs its tests in parentheses", name);
		return;
	}
}

/* Those of what is wrong already are not looked at. */
static struct parse_command *
tests_of(const struct subject *subject)
{
	bool has_none =
	    subject->grammar != NULL && subject->grammar->tests == TESTS_NONE;

	return has_none || subject->command->is_broken
		   ? NULL
		   : subject->command->tests;
}

/* ---- commands ---- */

static struct sieve_node *
new_node(struct checker *checker, uint32_t line)
{
	struct sieve_node *node =
	    sieve_arena_take(checker->arena, sizeof(*node));

	if (node == NULL) {
		checker->is_full = true;
		return NULL;
	}
	/* WORD_ERROR until it is known what else. */
	*node = (struct sieve_node){
		.word = WORD_ERROR, .line = line, .seconds = -1
	};
	return node;
}

static void
complain_of_name(struct checker *checker, struct subject *subject, bool is_test)
{
	struct report_shown shown = report_shown(subject->command->name);
	/* Not of what is no error: it takes its time. */
	const char *like =
	    checker->is_deferring
		? NULL
		: grammar_command_like(subject->command->name, is_test);
	const char *kind = is_test ? "test" : "command";
	uint32_t line = subject->node->line;

	if (subject->grammar != NULL)
		check_error(checker, subject, line,
		    is_test ? "\"%s\" is a command and no test"
			    : "\"%s\" is a test and no command: it stands "
			      "after \"if\"",
		    subject->grammar->name);
	else if (like == NULL)
		check_unavailable(checker, subject, line, "unknown %s \"%s\"",
		    kind, shown.text);
	else
		check_unavailable(checker, subject, line,
		    "unknown %s \"%s\", did you mean \"%s\"?", kind, shown.text,
		    like);
}

/* What commands and tests have in common.  False: it is not known, or wrong. */
static bool
check_subject(struct checker *checker, struct subject *subject, bool is_test)
{
	const struct grammar_command *grammar =
	    grammar_command(subject->command->name);

	subject->grammar = grammar;
	if (grammar == NULL || grammar->is_test != is_test) {
		complain_of_name(checker, subject, is_test);
		return false;
	}
	subject->node->word = grammar->word;
	check_needs(checker, subject, grammar->needs, "", grammar->name,
	    subject->node->line);
	check_test_places(checker, subject);
	check_arguments(checker, subject);
	return !subject->is_wrong;
}

static struct sieve_node *
check_test(struct checker *checker, struct parse_command *test)
{
	struct subject subject = { .command = test,
		.node = new_node(checker, test->line) };

	if (subject.node == NULL)
		return NULL;
	bool is_right = check_subject(checker, &subject, true);
	if (is_right && subject.node->word == WORD_IHAVE)
		do_ihave(checker, &subject);
	const struct sieve_node *tests =
	    check_tests(checker, tests_of(&subject));
	if (is_right)
		subject.node->tests = tests;
	return subject.node;
}

/* require comes before all else (RFC 5228 section 3.2), elsif and else come
 * after if (section 3.1). */
static void
check_order(struct checker *checker, struct subject *subject,
    const struct parse_command *before)
{
	enum sieve_word word = subject->grammar->word;
	const struct grammar_command *previous =
	    before == NULL ? NULL : grammar_command(before->name);

	if (word == WORD_REQUIRE && checker->is_begun)
		check_error(checker, subject, subject->node->line,
		    "\"require\" stands after another command: it must come "
		    "first");
	else if ((word == WORD_ELSIF || word == WORD_ELSE) &&
		 (previous == NULL || (previous->word != WORD_IF &&
					  previous->word != WORD_ELSIF)))
		check_error(checker, subject, subject->node->line,
		    "\"%s\" without \"if\" before it", subject->grammar->name);
}

static void
check_block_place(struct checker *checker, struct subject *subject)
{
	const struct grammar_command *grammar = subject->grammar;
	const struct parse_command *command = subject->command;

	if (grammar->has_block && !command->has_block)
		check_error(checker, subject, subject->node->line,
		    "\"%s\" needs its commands in braces", grammar->name);
	/* After a test that is none the block is not this command's. */
	else if (!grammar->has_block && command->has_block &&
		 command->tests == NULL)
		check_error(checker, subject, subject->node->line,
		    "\"%s\" ends with \";\", and takes no braces",
		    grammar->name);
}

/* A command that could not be parsed may have required anything. */
static void
pass_broken(struct checker *checker, const struct parse_command *command)
{
	const struct grammar_command *grammar = grammar_command(command->name);

	if (grammar != NULL && grammar->word == WORD_REQUIRE)
		checker->required = UINT64_MAX;
	else
		checker->is_begun = true;
}

static struct sieve_node *
check_command(struct checker *checker, struct parse_command *command,
    const struct parse_command *before)
{
	struct subject subject = { .command = command,
		.node = new_node(checker, command->line) };
	struct sieve_node *node = subject.node;

	if (node == NULL)
		return NULL;
	if (command->is_broken)
		pass_broken(checker, command);
	else {
		if (check_subject(checker, &subject, false) &&
		    node->word == WORD_REQUIRE)
			do_require(checker, &subject);
		if (subject.grammar != NULL && !subject.grammar->is_test) {
			check_order(checker, &subject, before);
			check_block_place(checker, &subject);
			checker->is_begun |= node->word != WORD_REQUIRE;
		} else
			checker->is_begun = true;
	}
	const struct sieve_node *tests =
	    check_tests(checker, tests_of(&subject));
	const struct sieve_node *block =
	    check_commands(checker, command->block);
	if (!subject.is_wrong) {
		node->tests = tests;
		node->block = block;
	}
	return node;
}

const struct sieve_node *
check_commands(struct checker *checker, struct parse_command *commands)
{
	const struct sieve_node *first = NULL;
	struct sieve_node *last = NULL;
	const struct parse_command *before = NULL;

	for (; commands != NULL && !check_is_over(checker);
	     commands = commands->next) {
		struct sieve_node *node =
		    check_command(checker, commands, before);

		if (node == NULL)
			return first;
		if (last == NULL)
			first = node;
		else
			last->next = node;
		last = node;
		before = commands;
	}
	return first;
}
