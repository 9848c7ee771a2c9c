#ifndef SIEVE_PARSE_H
#define SIEVE_PARSE_H

/*
 * parse - a script's words as commands with arguments, whatever their names
 * are: the grammar of RFC 5228 section 8.2.  sieve/check.c then knows what they
 * mean.
 *
 * Errors  are reported, and the rest of the script is read; a command that has
 *         one has is_broken set, and is no more than its name and its block.
 * Limits  SIEVE_DEPTH_MAX blocks or tests within each other.
 * Memory  strings are in the arena that stays, all else in the other.
 */

#include "sieve/report.h"
#include "sieve/tree.h"

enum parse_kind {
	PARSE_STRING, /* list, of one */
	PARSE_LIST,
	PARSE_NUMBER,
	PARSE_TAG
};

struct parse_argument {
	enum parse_kind kind;
	uint32_t line;
	struct span tag; /* without its colon */
	uint64_t number;
	struct span *items; /* may be replaced: they are the arena's */
	size_t count;
	struct parse_argument *next;
};

struct parse_command {
	struct span name;
	uint32_t line;
	bool is_broken;
	bool has_test_list; /* in parentheses */
	bool has_block;     /* else a semicolon */
	struct parse_argument *arguments;
	struct parse_command *tests; /* name, line, arguments and tests only */
	struct parse_command *block;
	struct parse_command *next;
};

/* The first command of text; NULL if there is none.  False: there is no more
 * room. */
bool parse_script(struct span text, struct report *report,
    struct sieve_arena *strings, struct sieve_arena *scratch,
    struct parse_command **first);

#endif
