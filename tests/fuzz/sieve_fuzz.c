/*
 * sieve_fuzz - any text is a Sieve script or not: if not, what is said of it is
 * lines of UTF-8; else each node of its tree has what its table says, and is
 * within the limits.
 */

#include <stdint.h>
#include <stdlib.h>

#include "mail/utf8.h"
#include "sieve/grammar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
look_at_list(struct sieve_list list)
{
	require((list.items == NULL) == (list.count == 0));
	for (size_t i = 0; i < list.count; i++)
		require(list.items[i].ptr != NULL);
}

static void
look_at_arguments(
    const struct sieve_node *node, const struct grammar_command *grammar)
{
	for (unsigned i = 0; i < ARGUMENTS_MAX; i++) {
		enum grammar_shape shape = grammar->arguments[i].shape;
		size_t count = node->arguments[i].count;

		look_at_list(node->arguments[i]);
		if (shape == SHAPE_NONE || shape == SHAPE_NUMBER)
			require(count == 0);
		else if (i != grammar->optional)
			require(shape == SHAPE_STRING ? count == 1 : count > 0);
	}
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		look_at_list(node->options[i]);
}

static void
look_at_nodes(const struct sieve_node *node, unsigned depth, bool is_test)
{
	require(depth <= SIEVE_DEPTH_MAX);
	for (; node != NULL; node = node->next) {
		const struct grammar_command *grammar =
		    grammar_word(node->word);

		require(
		    node->line > 0 && node->index >= 0 && node->seconds >= -1);
		require(
		    node->word == WORD_ERROR || grammar->is_test == is_test);
		look_at_arguments(node, grammar);
		require(node->tests == NULL || grammar->tests != TESTS_NONE);
		require(node->block == NULL || grammar->has_block);
		require(grammar->tests != TESTS_ONE ||
			(node->tests != NULL && node->tests->next == NULL));
		require(grammar->tests != TESTS_LIST || node->tests != NULL);
		if (node->tests != NULL)
			look_at_nodes(node->tests, depth + 1, true);
		if (node->block != NULL)
			look_at_nodes(node->block, depth + 1, false);
	}
}

static void
look_at_errors(struct span errors)
{
	require(errors.len > 0 && errors.ptr[errors.len - 1] == '\n' &&
		errors.len <= SIEVE_ERRORS_MAX && utf8_is_valid(errors));
	while (errors.len > 0) {
		struct span line = span_cut(&errors, '\n');

		require(span_starts(line, span_of("line ")) ||
			span_starts(line, span_of("the script ")) ||
			span_starts(line, span_of("there are more ")));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_script *script =
	    sieve_compile((struct span){ (const char *)data, size }, &errors);

	if (script == NULL)
		look_at_errors(buf_span(&errors));
	else {
		require(errors.len == 0);
		look_at_nodes(script->first, 0, false);
	}
	sieve_free(script);
	buf_free(&errors);
	return 0;
}
