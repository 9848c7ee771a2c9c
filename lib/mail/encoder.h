#ifndef MAIL_ENCODER_H
#define MAIL_ENCODER_H

/*
 * encoder - quoted-printable and base64, RFC 2045 sections 6.7 and 6.8, of
 * bytes that come in pieces.
 *
 * Output  lines of at most 76 bytes, ended by LF as the queue has them.
 * Memory  one line; what is finished is appended to the caller's buf, at most
 *         four bytes for each one that went in, and a line.
 */

#include "base/buf.h"

enum {
	ENCODER_LINE = 76
};

struct encoder {
	size_t column;
	unsigned char group[3]; /* base64: bytes that wait for their third */
	size_t group_len;
	char space; /* quoted-printable: a space that may end the line, or 0 */
};

void encoder_init(struct encoder *encoder);

void encoder_add_base64(
    struct encoder *encoder, struct buf *out, struct span bytes);
/* The last group, and an LF if its line is not empty. */
void encoder_end_base64(struct encoder *encoder, struct buf *out);

/* Part of a line of text. */
void encoder_add_quoted(
    struct encoder *encoder, struct buf *out, struct span text);
/* The line's end: a hard line break. */
void encoder_end_quoted(struct encoder *encoder, struct buf *out);

#endif
