#ifndef IMAPD_BITS_H
#define IMAPD_BITS_H

/*
 * bits - a set of messages, as a bit for each: what a search program works on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool
bits_have(const uint64_t *bits, size_t i)
{
	return (bits[i / 64] >> (i % 64) & 1) != 0;
}

static inline void
bits_drop(uint64_t *bits, size_t i)
{
	bits[i / 64] &= ~((uint64_t)1 << (i % 64));
}

#endif
