#include "store/signature.h"

#include <string.h>

enum {
	BITS_OF_WORD = 64,
	FULL = 4 /* no more than one bit in so many is set */
};

static uint32_t
hash_of(uint32_t three_bytes)
{
	return (three_bytes & 0xffffff) * 0x9e3779b1U >> 9;
}

/* A table for the smallest size that signature_end may choose, and twice so. */
void
signature_begin(struct signature *signature, uint64_t bytes)
{
	size_t words = SIGNATURE_MIN / sizeof(uint64_t);

	while (words < SIGNATURE_MAX / sizeof(uint64_t) &&
	       words * BITS_OF_WORD / FULL / 2 < bytes)
		words *= 2;
	memset(signature->bits, 0, words * sizeof(uint64_t));
	signature->words = words;
	signature->set = 0;
	signature->last = 0;
	signature->known = 0;
}

void
signature_break(struct signature *signature)
{
	signature->known = 0;
}

void
signature_add(struct signature *signature, struct span folded)
{
	uint32_t last = signature->last;
	unsigned known = signature->known;
	size_t set = signature->set;
	size_t mask_of_table = signature->words * BITS_OF_WORD - 1;

	for (size_t i = 0; i < folded.len; i++) {
		last = last << 8 | (unsigned char)folded.ptr[i];
		if (known < SIGNATURE_NEEDLE_MIN - 1) {
			known++;
			continue;
		}
		size_t bit = hash_of(last) & mask_of_table;
		uint64_t *word = &signature->bits[bit / BITS_OF_WORD];
		uint64_t mask = (uint64_t)1 << bit % BITS_OF_WORD;

		set += (*word & mask) == 0;
		*word |= mask;
	}
	signature->last = last;
	signature->known = known;
	signature->set = set;
}

/* Halves are laid over each other: a hash's high bits are left off. */
void
signature_end(struct signature *signature, struct buf *into)
{
	size_t all = signature->words;
	size_t words = SIGNATURE_MIN / sizeof(uint64_t);

	while (words < all && signature->set * FULL > words * BITS_OF_WORD)
		words *= 2;
	for (size_t i = words; i < all; i++)
		signature->bits[i % words] |= signature->bits[i];
	buf_add(into, (struct span){ (const char *)signature->bits,
			  words * sizeof(uint64_t) });
}

bool
signature_may_have(struct span signature, struct span needle)
{
	uint32_t last = 0;
	size_t bits = signature.len * 8;

	/* Of no power of two: none that was made here. */
	if (bits == 0 || (bits & (bits - 1)) != 0)
		return true;
	for (size_t i = 0; i < needle.len; i++) {
		last = last << 8 | (unsigned char)needle.ptr[i];
		if (i + 1 < SIGNATURE_NEEDLE_MIN)
			continue;
		uint32_t bit = hash_of(last) % (SIGNATURE_MAX * 8U);
		size_t at = bit % bits;
		/* Words are little-endian, as x86-64 stores them. */
		if (!((unsigned char)signature.ptr[at / 8] >> at % 8 & 1))
			return false;
	}
	return true;
}
