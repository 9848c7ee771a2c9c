#ifndef MAIL_CHARSET_WRITER_H
#define MAIL_CHARSET_WRITER_H

/*
 * charset_writer - UTF-8 in another character set: charset's other direction,
 * for UTF-8, US-ASCII and the sets of one byte.
 *
 * Lossy   what the set has not is written as the replacement, or as a character
 *         reference of HTML; without either is_lossy is set, and what was
 *         written is of no use (RFC 5259 section 7.1).
 */

#include "base/buf.h"

enum {
	CHARSET_REPLACEMENT_MAX = 64
};

struct charset_writer {
	const uint16_t *table; /* of the upper half, or NULL */
	bool is_utf8;
	bool is_iso; /* 0x80 to 0x9f are the controls that ISO 8859 has */
	bool has_replacement;
	bool has_references;
	bool is_lossy;
	char replacement[CHARSET_REPLACEMENT_MAX]; /* in the set */
	size_t replacement_len;
};

/* False if it cannot be written. */
bool charset_writer_init(struct charset_writer *writer, struct span charset);

/* False if the set has not all of it, or it is too long. */
bool charset_writer_replace(struct charset_writer *writer, struct span text);

/* Append text, which is valid UTF-8. */
void charset_writer_add(
    struct charset_writer *writer, struct buf *into, struct span text);

#endif
