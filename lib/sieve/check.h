#ifndef SIEVE_CHECK_H
#define SIEVE_CHECK_H

/*
 * check - commands and tests as they were parsed, against the tables of
 * sieve/grammar.h: what makes them struct sieve_node.
 *
 * What an "ihave" that stands before names counts as required from there on
 * (RFC 5463 section 4), for the run to see to it that it was true.  Once one
 * names what there is not, a command that nobody knows is no error of the text:
 * it is in the tree as WORD_ERROR.
 */

#include "sieve/grammar.h"
#include "sieve/parse.h"
#include "sieve/report.h"

struct checker {
	struct report *report;
	struct sieve_arena *arena;
	uint64_t required;
	uint64_t possible; /* by an ihave before */
	size_t weight; /* of regular expressions, as sieve/values.h has it */
	bool is_begun; /* a command that is no require was there */
	bool is_deferring; /* an ihave before is never true */
	bool is_full;      /* the arena has no more room */
};

/* A command or test that is looked at. */
struct subject {
	const struct grammar_command *grammar;
	struct parse_command *command;
	struct sieve_node *node;
	const struct grammar_tag *given[GROUP_COUNT];
	bool is_wrong; /* what follows from an error is none of its own */
};

/* The nodes of commands; an error was reported if they are not right. */
const struct sieve_node *check_commands(
    struct checker *checker, struct parse_command *commands);

/* ---- between check.c, check_arguments.c and check_tags.c ---- */

/* To go on would change nothing. */
bool check_is_over(const struct checker *checker);

/* A command's tags and positional arguments, into its node. */
void check_arguments(struct checker *checker, struct subject *subject);

/* A tag, with what it takes, into its node.  The argument after those. */
struct parse_argument *check_tag(struct checker *checker,
    struct subject *subject, struct parse_argument *argument);

/* Is an argument of that shape?  And the shape's name, for people. */
bool check_shape(
    const struct parse_argument *argument, enum grammar_shape shape);
const char *check_shape_name(enum grammar_shape shape);

/* The strings of an argument that is one or many, as they are to be there. */
struct sieve_list check_strings(struct checker *checker,
    struct subject *subject, const struct grammar_argument *place,
    struct parse_argument *argument);

/* An error of a subject. */
void check_error(struct checker *checker, struct subject *subject,
    uint32_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* One that comes of an extension that there is not: if an ihave defers those,
 * the subject becomes WORD_ERROR. */
void check_unavailable(struct checker *checker, struct subject *subject,
    uint32_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The subject uses those extensions by a word, which follows mark (":"). */
void check_needs(struct checker *checker, struct subject *subject,
    uint64_t needs, const char *mark, const char *word, uint32_t line);

#endif
