#ifndef SIEVE_VARIABLE_H
#define SIEVE_VARIABLE_H

/*
 * variable - references to variables in a string, RFC 5229 section 3:
 * "${name}", "${2}", "${global.name}".
 */

#include "base/span.h"

enum {
	/* The highest ${2}: a higher one is an error of the script (RFC 5229
	 * section 6). */
	VARIABLE_MATCH_MAX = 32
};

/* In the memory of the text that it was found in. */
struct variable {
	struct span space; /* before the last dot; "": there is none */
	struct span name;
	bool is_match; /* name is a number: at most VARIABLE_MATCH_MAX + 1 */
	unsigned match;
};

/* All of text is a variable's name, with its namespace if it has one. */
bool variable_parse(struct span text, struct variable *variable);

/*
 * Take the next reference off *rest; *before is the text that stands before
 * it.  False if there is no more: *before is all, and *rest empty.
 */
bool variable_next(
    struct span *rest, struct span *before, struct variable *variable);

/* Is there any in text? */
bool variable_is_in(struct span text);

#endif
