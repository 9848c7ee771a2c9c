#ifndef SIEVE_REGEX_H
#define SIEVE_REGEX_H

/*
 * regex - POSIX extended regular expressions (IEEE 1003.1 section 9.4) over
 * UTF-8, for :regex (draft-murchison-sieve-regex).  Pure.
 *
 * Match   the leftmost, and of these the longest; a group has what its last
 *         turn took.  \s \S \w \W \d \D are sets, as elsewhere; \b \B \< \>
 *         are the edges of words, as the GNU C library has them; there are no
 *         references back, which no bounded time can promise.
 * Time    the program's length times the text's at most; each step is counted.
 * Limits  REGEX_PROGRAM_MAX instructions, repeats written out; REGEX_REPEAT_MAX
 *         times; REGEX_DEPTH_MAX groups within each other, of which the first
 *         REGEX_GROUPS_MAX - 1 are told.
 */

#include "base/span.h"

enum {
	REGEX_PROGRAM_MAX = 4000,
	REGEX_REPEAT_MAX = 255, /* RE_DUP_MAX */
	REGEX_DEPTH_MAX = 32,
	REGEX_GROUPS_MAX = 10
};

enum regex_case {
	REGEX_EXACT, /* i;octet */
	REGEX_ASCII_CASE,
	REGEX_UNICODE_CASE
};

struct regex_instruction;

struct regex {
	enum regex_case letters;
	struct regex_instruction *program;
	size_t count;
	size_t room;
	size_t groups;       /* and the whole */
	const char *problem; /* why there is none: "it is too long" */
};

struct regex_group {
	size_t start; /* SIZE_MAX: it had no part in the match */
	size_t end;
};

/* False: it is none, or too long; regex is then free, but for its problem. */
bool regex_compile(
    struct regex *regex, struct span pattern, enum regex_case letters);
void regex_free(struct regex *regex);

/*
 * Is it in text?  groups[0] is all of it, up to regex->groups are set.  False
 * also when *steps came to 0.
 */
bool regex_search(const struct regex *regex, struct span text,
    struct regex_group groups[REGEX_GROUPS_MAX], uint64_t *steps);

#endif
