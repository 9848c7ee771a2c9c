#ifndef MAIL_DECODER_H
#define MAIL_DECODER_H

/*
 * decoder - quoted-printable and base64, RFC 2045 sections 6.7 and 6.8, as
 * mail has them, in pieces: encoder's other direction.
 *
 * Lenient  what is no base64 is passed over, a '=' that means nothing stands
 *          for itself; is_bad tells of it.
 * Lines    quoted-printable's, and DECODER_LINES', are ended by CRLF, whatever
 *          they came with.
 * Memory   a group, or the spaces that may end a line.
 */

#include "base/buf.h"

enum {
	DECODER_SPACES_MAX = 76
};

enum decoder_kind {
	DECODER_AS_IS, /* 7bit, 8bit, binary */
	DECODER_QUOTED,
	DECODER_BASE64,
	DECODER_UNKNOWN, /* another encoding: as it stands */
	DECODER_LINES    /* 7bit, 8bit, where the line ends matter */
};

struct decoder {
	enum decoder_kind kind;
	bool is_bad;
	uint32_t bits; /* base64 */
	unsigned digits;
	enum {
		DECODER_TEXT,
		DECODER_CR,
		DECODER_EQUALS,
		DECODER_DIGIT
	} state; /* quoted-printable; lines: the last byte was a CR, or not */
	char digit;
	char spaces[DECODER_SPACES_MAX];
	size_t space_count;
};

/* The kind that a Content-Transfer-Encoding's value names. */
enum decoder_kind decoder_kind_of(struct span encoding);

/* The same, but for 7bit and 8bit DECODER_LINES; as it stands is binary. */
enum decoder_kind decoder_kind_with_lines(struct span encoding);

void decoder_init(struct decoder *decoder, enum decoder_kind kind);
void decoder_add(struct decoder *decoder, struct buf *out, struct span piece);
void decoder_end(struct decoder *decoder, struct buf *out);

#endif
