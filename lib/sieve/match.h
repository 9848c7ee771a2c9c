#ifndef SIEVE_MATCH_H
#define SIEVE_MATCH_H

/*
 * match - one test's comparing: values that come one after the other, each with
 * all keys, by the test's match type and comparator.
 *
 * Captures  of :matches and :regex are the match variables of the first value
 *           and key that fit (RFC 5229 section 3.2), if the test may set them.
 * Pieces    a value may come in pieces.  :contains looks at all of it in the
 *           memory of one key; the other match types at its first
 *           MATCH_PIECES_MAX bytes.
 * Memory    the command's.
 */

#include "sieve/regex.h"
#include "sieve/run.h"

enum {
	MATCH_PIECES_MAX = 1 << 20
};

struct match {
	struct sieve_machine *machine;
	enum sieve_match type;
	enum sieve_comparator comparator;
	enum sieve_relation relation;
	bool sets_captures;
	struct sieve_list keys;     /* with their variables */
	struct sieve_list folded;   /* the same, as they are compared */
	struct wildcards *patterns; /* of :matches */
	struct regex *regexes;
	uint64_t count; /* of values, for :count */
	bool holds;

	/* ---- of a value in pieces ---- */
	struct buf kept; /* the end of the last piece, folded; or all */
	struct buf cut;  /* a character that is not whole yet */
};

/* Of that node, with its keys as they stand in the tree. */
void match_begin(struct match *match, struct sieve_machine *machine,
    const struct sieve_node *node, struct sieve_list keys);

/* The same of keys that have no variables left. */
void match_begin_expanded(struct match *match, struct sieve_machine *machine,
    const struct sieve_node *node, struct sieve_list keys);

/* One more value; true: the test holds, and needs no more. */
bool match_value(struct match *match, struct span value);

/* A value by itself, whatever came before. */
bool match_one(struct match *match, struct span value);

/* One more value in pieces; begin is for each. */
void match_begin_pieces(struct match *match);
bool match_piece(struct match *match, struct span piece);
/* Can one more piece change anything? */
bool match_wants_pieces(const struct match *match);
bool match_end_pieces(struct match *match);

/* Does the test hold?  What match took is given back. */
bool match_end(struct match *match);

#endif
