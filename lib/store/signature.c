#include "store/signature.h"

#include <string.h>

enum {
	BITS_OF_WORD = 64,
	FULL = 4 /* one bit in so many may be set */
};

static uint32_t
hash_of(uint32_t three_bytes)
{
	return (three_bytes & 0xffffff) * 0x9e3779b1U >> 9;
}

void
signature_begin(struct signature *signature)
{
	memset(signature, 0, sizeof(*signature));
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

	for (size_t i = 0; i < folded.len; i++) {
		last = last << 8 | (unsigned char)folded.ptr[i];
		if (known < SIGNATURE_NEEDLE_MIN - 1) {
			known++;
			continue;
		}
		uint32_t bit = hash_of(last) % (SIGNATURE_MAX * 8U);
		signature->bits[bit / BITS_OF_WORD] |= (uint64_t)1
						       << bit % BITS_OF_WORD;
	}
	signature->last = last;
	signature->known = known;
}

void
signature_end(struct signature *signature, struct buf *into)
{
	size_t words = SIGNATURE_MAX / sizeof(uint64_t);
	size_t set = 0;

	for (size_t i = 0; i < words; i++)
		set += (size_t)__builtin_popcountll(signature->bits[i]);
	/* One half laid over the other: a hash's high bits are left off. */
	while (words * sizeof(uint64_t) > SIGNATURE_MIN &&
	       set * 2 * FULL <= words * BITS_OF_WORD) {
		words /= 2;
		set = 0;
		for (size_t i = 0; i < words; i++) {
			signature->bits[i] |= signature->bits[i + words];
			set += (size_t)__builtin_popcountll(signature->bits[i]);
		}
	}
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
