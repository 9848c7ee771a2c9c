/*
 * regex_parse - a pattern as a program: regex_compile.
 */

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "mail/utf8.h"
#include "sieve/regex_program.h"

struct parser {
	struct regex *regex;
	struct span rest;
	unsigned depth;
	size_t groups;       /* opened so far */
	const char *problem; /* NULL: it is right so far */
};

static void
set_problem(struct parser *parser, const char *problem)
{
	if (parser->problem == NULL)
		parser->problem = problem;
}

static const char *const class_names[] = {
	[REGEX_ALNUM] = "alnum",
	[REGEX_ALPHA] = "alpha",
	[REGEX_BLANK] = "blank",
	[REGEX_CNTRL] = "cntrl",
	[REGEX_DIGIT] = "digit",
	[REGEX_GRAPH] = "graph",
	[REGEX_LOWER] = "lower",
	[REGEX_PRINT] = "print",
	[REGEX_PUNCT] = "punct",
	[REGEX_SPACE] = "space",
	[REGEX_UPPER] = "upper",
	[REGEX_XDIGIT] = "xdigit",
};

/* ---- the program ---- */

/* Room for some more; false: too long, and the pattern is wrong. */
static bool
reserve(struct parser *parser, size_t more)
{
	struct regex *regex = parser->regex;
	size_t need = regex->count + more;

	if (need > REGEX_PROGRAM_MAX)
		set_problem(parser, "it is too long, or repeats too much");
	if (parser->problem != NULL)
		return false;
	if (need > regex->room) {
		regex->room = 2 * need;
		regex->program = reallocarray(
		    regex->program, regex->room, sizeof(*regex->program));
		if (regex->program == NULL)
			temp_fail("out of memory");
	}
	return true;
}

static void
emit(struct parser *parser, struct regex_instruction instruction)
{
	if (reserve(parser, 1))
		parser->regex->program[parser->regex->count++] = instruction;
}

static void
insert(struct parser *parser, size_t at, struct regex_instruction instruction)
{
	struct regex *regex = parser->regex;

	if (!reserve(parser, 1))
		return;
	memmove(regex->program + at + 1, regex->program + at,
	    (regex->count - at) * sizeof(*regex->program));
	regex->program[at] = instruction;
	regex->count++;
}

static void
emit_copy(
    struct parser *parser, const struct regex_instruction *piece, size_t count)
{
	struct regex *regex = parser->regex;

	if (count == 0 || !reserve(parser, count))
		return;
	memcpy(regex->program + regex->count, piece, count * sizeof(*piece));
	regex->count += count;
}

/* ---- characters ---- */

static bool
next_is(const struct parser *parser, char c)
{
	return parser->rest.len > 0 && parser->rest.ptr[0] == c;
}

static bool
take(struct parser *parser, char c)
{
	if (!next_is(parser, c))
		return false;
	parser->rest = span_slice(parser->rest, 1, parser->rest.len);
	return true;
}

/* A byte that begins no character of UTF-8 is no pattern. */
static uint32_t
take_character(struct parser *parser)
{
	uint32_t character =
	    parser->rest.len == 0 ? UTF8_NONE : utf8_next(&parser->rest);

	if (character == UTF8_NONE)
		set_problem(parser, parser->rest.len == 0 ? "it ends too soon"
							  : "it is no UTF-8");
	return character;
}

/* "[:alpha:]" in brackets, behind its '['. */
static void
take_class(struct parser *parser)
{
	struct span rest = span_slice(parser->rest, 1, parser->rest.len);
	size_t len = span_index(rest, ':');
	struct span name = span_slice(rest, 0, len);

	parser->rest = span_slice(rest, len + 1, rest.len);
	if (!take(parser, ']'))
		set_problem(parser, "a bracket is not closed");
	for (uint32_t i = 0; i < REGEX_WORD; i++) {
		if (span_equal(name, span_of(class_names[i]))) {
			emit(parser, (struct regex_instruction){
					 .operation = REGEX_CLASS, .low = i });
			return;
		}
	}
	set_problem(parser, "there is no such class of characters");
}

/* A character's end of a range; "[.x.]" and "[=x=]" are x. */
static uint32_t
take_bracket_character(struct parser *parser)
{
	uint32_t character;
	char kind;

	if (!span_starts(parser->rest, span_of("[.")) &&
	    !span_starts(parser->rest, span_of("[=")))
		return take_character(parser);
	kind = parser->rest.ptr[1];
	parser->rest = span_slice(parser->rest, 2, parser->rest.len);
	character = take_character(parser);
	if (!take(parser, kind) || !take(parser, ']'))
		set_problem(parser, "a bracket is not closed");
	return character;
}

static void
take_bracket_item(struct parser *parser)
{
	struct regex_instruction range = { .operation = REGEX_RANGE };

	if (span_starts(parser->rest, span_of("[:"))) {
		parser->rest = span_slice(parser->rest, 1, parser->rest.len);
		take_class(parser);
		return;
	}
	range.low = range.high = take_bracket_character(parser);
	if (next_is(parser, '-') && parser->rest.len > 1 &&
	    parser->rest.ptr[1] != ']') {
		take(parser, '-');
		range.high = take_bracket_character(parser);
	}
	if (range.low > range.high)
		set_problem(parser, "a range ends before it begins");
	emit(parser, range);
}

/* Behind '['.  A ']' that comes first stands for itself. */
static void
take_bracket(struct parser *parser)
{
	size_t set = parser->regex->count;

	emit(parser, (struct regex_instruction){ .operation = REGEX_SET,
			 .is_negated = take(parser, '^') });
	do
		take_bracket_item(parser);
	while (parser->problem == NULL && !take(parser, ']'));
	if (parser->problem == NULL)
		parser->regex->program[set].low =
		    (uint32_t)(parser->regex->count - set - 1);
}

/* "\b" and the like, behind the backslash; false: it is no such one. */
static bool
take_edge(struct parser *parser)
{
	static const struct {
		char sign;
		enum regex_operation operation;
	} edges[] = { { 'b', REGEX_BOUND }, { 'B', REGEX_NO_BOUND },
		{ '<', REGEX_WORD_BEGIN }, { '>', REGEX_WORD_END } };

	for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
		if (!take(parser, edges[i].sign))
			continue;
		emit(parser, (struct regex_instruction){
				 .operation = edges[i].operation });
		return true;
	}
	return false;
}

static void
take_escape(struct parser *parser)
{
	static const struct {
		char letter;
		enum regex_class class;
	} sets[] = { { 's', REGEX_SPACE }, { 'w', REGEX_WORD },
		{ 'd', REGEX_DIGIT } };
	uint32_t c;

	if (take_edge(parser))
		return;
	c = take_character(parser);
	if (c >= 0x80 || !ascii_is_alnum((char)c)) {
		emit(parser, (struct regex_instruction){
				 .operation = REGEX_CHARACTER, .low = c });
		return;
	}
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		if (ascii_lower((char)c) != sets[i].letter)
			continue;
		emit(parser,
		    (struct regex_instruction){ .operation = REGEX_SET,
			.is_negated = c != (unsigned char)sets[i].letter,
			.low = 1 });
		emit(parser,
		    (struct regex_instruction){
			.operation = REGEX_CLASS, .low = sets[i].class });
		return;
	}
	set_problem(parser, c >= '0' && c <= '9'
				? "it refers back"
				: "a backslash gives a letter no meaning");
}

/* ---- pieces ---- */

static void take_alternatives(struct parser *parser);

static void
take_group(struct parser *parser)
{
	size_t group = ++parser->groups;
	bool is_told = group < REGEX_GROUPS_MAX;

	if (++parser->depth > REGEX_DEPTH_MAX)
		set_problem(parser, "its groups are too deep");
	if (is_told)
		emit(
		    parser, (struct regex_instruction){ .operation = REGEX_SAVE,
				.low = (uint32_t)(2 * group) });
	if (parser->problem == NULL)
		take_alternatives(parser);
	if (is_told)
		emit(
		    parser, (struct regex_instruction){ .operation = REGEX_SAVE,
				.low = (uint32_t)(2 * group + 1) });
	if (!take(parser, ')'))
		set_problem(parser, "a parenthesis is not closed");
	parser->depth--;
}

static void
take_atom(struct parser *parser)
{
	struct regex_instruction one = { .operation = REGEX_CHARACTER };

	if (take(parser, '('))
		take_group(parser);
	else if (take(parser, '['))
		take_bracket(parser);
	else if (take(parser, '\\'))
		take_escape(parser);
	else {
		if (take(parser, '.'))
			one.operation = REGEX_ANY;
		else if (take(parser, '^'))
			one.operation = REGEX_BEGIN;
		else if (take(parser, '$'))
			one.operation = REGEX_END;
		else if (next_is(parser, '*') || next_is(parser, '+') ||
			 next_is(parser, '?') || next_is(parser, '{'))
			set_problem(parser, "it repeats nothing");
		else
			one.low = take_character(parser);
		emit(parser, one);
	}
}

struct repeat {
	uint64_t least;
	uint64_t most;
	bool is_endless;
};

/* "{m}", "{m,}" or "{m,n}" behind its '{'. */
static void
take_bounds(struct parser *parser, struct repeat *repeat)
{
	size_t len = span_index(parser->rest, '}');
	struct span bounds = span_slice(parser->rest, 0, len);
	bool is_one = span_index(bounds, ',') == bounds.len;
	struct span least = span_cut(&bounds, ',');

	parser->rest = span_slice(parser->rest, len, parser->rest.len);
	if (!take(parser, '}') ||
	    !span_number(least, 10, REGEX_REPEAT_MAX, &repeat->least))
		set_problem(parser, "it has no number of repetitions");
	repeat->most = repeat->least;
	repeat->is_endless = !is_one && bounds.len == 0;
	if (bounds.len > 0 &&
	    (!span_number(bounds, 10, REGEX_REPEAT_MAX, &repeat->most) ||
		repeat->most < repeat->least))
		set_problem(parser, "it has no number of repetitions");
}

static bool
take_repeat(struct parser *parser, struct repeat *repeat)
{
	*repeat = (struct repeat){ .least = 0, .most = 1 };
	if (take(parser, '*'))
		repeat->is_endless = true;
	else if (take(parser, '+'))
		*repeat = (struct repeat){ 1, 1, true };
	else if (take(parser, '{'))
		take_bounds(parser, repeat);
	else
		return take(parser, '?');
	return true;
}

/* The piece from start on, as often as it is asked: least times, and then as
 * often as it may be, each within the one before. */
static void
emit_repeats(struct parser *parser, size_t start, struct repeat repeat)
{
	struct regex *regex = parser->regex;
	size_t count = regex->count - start;
	struct regex_instruction *piece;
	size_t optional =
	    repeat.is_endless ? 1 : (size_t)(repeat.most - repeat.least);

	if (parser->problem != NULL || count == 0)
		return;
	piece = reallocarray(NULL, count, sizeof(*piece));
	if (piece == NULL)
		temp_fail("out of memory");
	memcpy(piece, regex->program + start, count * sizeof(*piece));
	regex->count = start;
	for (uint64_t i = 0; i < repeat.least; i++)
		emit_copy(parser, piece, count);
	for (size_t i = 0; i < optional; i++) {
		size_t left = repeat.is_endless ? count + 2
						: (optional - i) * (count + 1);

		emit(parser,
		    (struct regex_instruction){ .operation = REGEX_SPLIT,
			.first = 1,
			.second = (int32_t)left });
		emit_copy(parser, piece, count);
	}
	if (repeat.is_endless)
		emit(
		    parser, (struct regex_instruction){ .operation = REGEX_JUMP,
				.first = -(int32_t)(count + 1) });
	free(piece);
}

static void
take_branch(struct parser *parser)
{
	struct repeat repeat;

	while (parser->problem == NULL && parser->rest.len > 0 &&
	       !next_is(parser, '|') &&
	       !(next_is(parser, ')') && parser->depth > 0)) {
		size_t start = parser->regex->count;

		take_atom(parser);
		while (parser->problem == NULL && take_repeat(parser, &repeat))
			emit_repeats(parser, start, repeat);
	}
}

/* "a|b|c": split to a, or to what the next is; behind each a jump to the end.
 */
static void
take_alternatives(struct parser *parser)
{
	struct regex *regex = parser->regex;
	size_t start = regex->count;

	take_branch(parser);
	while (parser->problem == NULL && take(parser, '|')) {
		size_t count = regex->count - start;
		size_t jump;

		insert(parser, start,
		    (struct regex_instruction){ .operation = REGEX_SPLIT,
			.first = 1,
			.second = (int32_t)count + 2 });
		jump = regex->count;
		emit(parser,
		    (struct regex_instruction){ .operation = REGEX_JUMP });
		take_branch(parser);
		if (parser->problem == NULL)
			regex->program[jump].first =
			    (int32_t)(regex->count - jump);
	}
}

bool
regex_compile(struct regex *regex, struct span pattern, enum regex_case letters)
{
	struct parser parser = { .regex = regex, .rest = pattern };

	*regex = (struct regex){ .letters = letters };
	emit(&parser, (struct regex_instruction){ .operation = REGEX_SAVE });
	take_alternatives(&parser);
	emit(&parser,
	    (struct regex_instruction){ .operation = REGEX_SAVE, .low = 1 });
	emit(&parser, (struct regex_instruction){ .operation = REGEX_MATCH });
	if (parser.problem != NULL) {
		regex_free(regex);
		regex->problem = parser.problem;
		return false;
	}
	regex->groups = parser.groups + 1 < REGEX_GROUPS_MAX ? parser.groups + 1
							     : REGEX_GROUPS_MAX;
	return true;
}

void
regex_free(struct regex *regex)
{
	free(regex->program);
	*regex = (struct regex){ .program = NULL };
}
