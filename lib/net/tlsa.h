#ifndef NET_TLSA_H
#define NET_TLSA_H

/*
 * tlsa - a TLSA record, RFC 6698 section 2, and its text.
 *
 * Grammar  USAGE SELECTOR MATCHING HEX: three numbers up to 255 and the data,
 *          as in a zone's file (section 2.2), one space between.
 * Limits   TLSA_DATA_MAX bytes of data; a record with more has none in its
 *          text: it is there, but of no use.
 */

#include "base/buf.h"

enum {
	TLSA_DATA_MAX = 3072, /* a certificate, RSA of 4096 bits */
	TLSA_TEXT_MAX = 2 * TLSA_DATA_MAX + 16
};

struct tlsa {
	uint8_t usage;
	uint8_t selector;
	uint8_t matching;
	size_t len;
	unsigned char data[TLSA_DATA_MAX];
};

/*
 * The text of a record as DNS has it, and if that is more than room only its
 * numbers; false, and nothing is added, if it has not even those.
 */
bool tlsa_add_text(struct buf *text, struct span wire, size_t room);

/* False if text is none. */
bool tlsa_parse(struct span text, struct tlsa *tlsa);

#endif
