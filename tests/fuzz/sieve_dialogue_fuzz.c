/*
 * sieve_dialogue_fuzz - whatever client and session say, in any pieces: no more
 * is passed on than was said, what is passed on does not depend on the pieces,
 * and nothing behind UNAUTHENTICATE, BYE or a broken dialogue is.
 *
 * Input: turns, each a byte (its lowest bit: who speaks) and a line.
 */

#include <stdlib.h>

#include "local/sieve_dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_closed(const struct sieve_dialogue *dialogue)
{
	return dialogue->state == SIEVE_DIALOGUE_LEAVING ||
	       dialogue->state == SIEVE_DIALOGUE_LEFT ||
	       dialogue->state == SIEVE_DIALOGUE_OVER ||
	       dialogue->state == SIEVE_DIALOGUE_BROKEN;
}

static size_t
hear(struct sieve_dialogue *dialogue, bool is_client, struct span bytes,
    size_t step)
{
	size_t passed = 0;

	while (passed < bytes.len) {
		struct span piece = span_slice(bytes, passed, step);
		bool was_closed = is_closed(dialogue);
		size_t now = is_client
				 ? sieve_dialogue_hear_client(dialogue, piece)
				 : sieve_dialogue_hear_session(dialogue, piece);

		if (now > piece.len || (is_client && was_closed && now > 0))
			abort();
		if (now == 0)
			break;
		passed += now;
	}
	return passed;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sieve_dialogue whole;
	static struct sieve_dialogue pieces;
	struct span rest = { (const char *)data, size };

	sieve_dialogue_init(&whole);
	sieve_dialogue_init(&pieces);
	while (rest.len > 1) {
		bool is_client = (rest.ptr[0] & 1) == 0;
		size_t len = span_index(rest, '\n') + 1;
		struct span turn = span_slice(rest, 1, len - 1);

		rest = span_slice(rest, len, rest.len);
		if (hear(&whole, is_client, turn, SIZE_MAX / 2) !=
			hear(&pieces, is_client, turn, 1) ||
		    whole.state != pieces.state)
			abort();
	}
	return 0;
}
