#ifndef SIEVE_VALUES_H
#define SIEVE_VALUES_H

/*
 * values - what the strings that commands take must be, as far as a script's
 * text tells it.
 */

#include "sieve/grammar.h"
#include "sieve/regex.h"

enum {
	/* Instructions of all regular expressions of a script together. */
	VALUES_WEIGHT_MAX = 20 * REGEX_PROGRAM_MAX
};

/* Where a string stands, and what its check has to say. */
struct values_place {
	const struct sieve_node *node; /* its tags were seen to */
	size_t *weight;    /* of the script's expressions before, added to */
	char problem[200]; /* room for its text */
};

/* Must such a string be constant (RFC 5229 section 3)? */
bool values_must_be_constant(enum grammar_content content);

/* What is wrong with a constant string, "is no ..."; NULL: nothing. */
const char *values_problem(enum grammar_content content, struct span value,
    struct values_place *place);

/* Is text a mailbox, alone or with a name before its <>, to which mail may be
 * sent: sieve-address, RFC 5228 section 2.4.2.3? */
bool values_is_address(struct span text);

/* Is text a field's name, RFC 5322 section 3.6.8? */
bool values_is_field_name(struct span text);

#endif
