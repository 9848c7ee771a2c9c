#ifndef SIEVE_ENCODED_H
#define SIEVE_ENCODED_H

/*
 * encoded - "${hex: 40}" and "${unicode: 40}" in strings, of scripts that
 * require "encoded-character": RFC 5228 section 2.4.2.4.
 */

#include "sieve/tree.h"

enum encoded_status {
	ENCODED_OK,
	ENCODED_RANGE, /* a character that there is not */
	ENCODED_FULL   /* the arena has no more room */
};

/* Make *text what it stands for: the same if nothing is encoded in it, else in
 * the arena.  It is only changed if all is well. */
enum encoded_status encoded_decode(
    struct span *text, struct sieve_arena *arena);

#endif
