#ifndef IMAPD_NAMES_H
#define IMAPD_NAMES_H

/*
 * names - texts as numbers: message-ids and subjects that are met again.
 *
 * Limits   NAMES_MAX of them, NAMES_BYTES_MAX bytes of all.
 * Trust    senders choose the texts, so a secret is in the hash.
 */

#include "base/buf.h"

enum {
	NAMES_MAX = 1 << 22,
	NAMES_BYTES_MAX = 128 << 20
};

struct names {
	struct buf texts;
	struct buf items;  /* of struct name; [0] is nobody's */
	uint32_t *buckets; /* of numbers, open addressing */
	size_t bucket_count;
	uint64_t secret;
};

struct names names_new(void);
void names_free(struct names *names);

/*
 * The text's number, 1, 2, 3, ... as they come; 0 if there is no room for one
 * more.
 */
uint32_t names_number(struct names *names, struct span text);

#endif
