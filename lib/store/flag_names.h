#ifndef STORE_FLAG_NAMES_H
#define STORE_FLAG_NAMES_H

/*
 * flag_names - flags as IMAP and Sieve write them: RFC 9051 section 2.3.2.
 */

#include "store/folder.h"

struct flag_name {
	const char *text; /* NULL behind the last */
	uint32_t flag;    /* of message_flag */
};
extern const struct flag_name flag_names[];

/* The message_flag of "\Seen", case ignored; 0: it is none of ours. */
uint32_t flag_of_name(struct span name);

/* Append the names of these flags and of a folder's keywords, parted by spaces.
 */
void flag_names_add(struct buf *into, const struct folder *folder,
    uint32_t flags, uint64_t keywords);

#endif
