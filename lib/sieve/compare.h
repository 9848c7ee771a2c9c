#ifndef SIEVE_COMPARE_H
#define SIEVE_COMPARE_H

/*
 * compare - the comparators i;ascii-casemap, i;octet and i;ascii-numeric (RFC
 * 4790 section 9) and i;unicode-casemap (RFC 5051), and the patterns of
 * :matches (RFC 5228 section 2.7.1).  Pure.
 *
 * Time  a pattern costs at most its length times the text's; each step is
 *       counted, and it gives up when none are left.
 */

#include "sieve/tree.h"

/* Append text in the form whose bytes are compared. */
void compare_add_folded(
    struct buf *into, enum sieve_comparator comparator, struct span text);

/* As memcmp, of texts as they are. */
int compare_numbers(struct span a, struct span b);

/* Does order, of a to b, make "a RELATION b" true? */
bool compare_holds(enum sieve_relation relation, int order);

/* ---- patterns ---- */

enum {
	WILDCARD_ANY = 0x100, /* ?; below it are bytes */
	WILDCARD_STAR         /* * */
};

/* Folded by the comparator; units has room for twice its bytes, folded. */
struct wildcards {
	uint16_t *units;
	size_t count;
};

/* The text that a pattern is tried on. */
struct subject {
	struct span text; /* folded */
	struct span original;
	/* Of each byte of text, and its end: where in the original its
	 * character begins.  NULL: byte for byte. */
	const uint32_t *places;
	bool is_octets; /* ? is one byte, not one character */
};

struct compare_capture {
	size_t start; /* in the original */
	size_t end;
};

/*
 * The shortest runs for each wildcard from left to right (RFC 5229 section
 * 3.2) are put into captures from 1 on; 0 is all of it.  *count has the room
 * there, and then what was set.  False: no match, or no steps are left.
 */
bool compare_wildcards(const struct wildcards *pattern,
    const struct subject *subject, struct compare_capture *captures,
    size_t *count, uint64_t *steps);

#endif
