#ifndef MAIL_SURROGATE_H
#define MAIL_SURROGATE_H

/*
 * surrogate - a message as a client reads it that knows no UTF-8 in headers:
 * RFC 6856 section 2.1, in the simple form of RFC 6858.
 *
 * Fields   of the message, of its parts and of messages in it.  Text and names
 *          become encoded words, parameters those of RFC 2231; an address that
 *          has no ASCII form becomes an empty group of its name.
 * Bodies   go through as they are.
 * Limits   those of mime.h; a header line beyond MIME_HEADER_MAX goes through.
 */

#include "mail/mime.h"

struct surrogate {
	struct mime mime;
	struct buf header; /* of which the end did not come yet */
	bool is_mid_line;
	bool is_header_line;
	bool is_watched; /* the line may be a header's, or a delimiter */
};

void surrogate_init(struct surrogate *surrogate);

/* Append what the bytes become, as far as it is known now. */
void surrogate_add(
    struct surrogate *surrogate, struct buf *into, struct span bytes);

/*
 * Are the next bytes to go through as they are?  Then they count as added, and
 * nothing was appended; else nothing is changed.
 */
bool surrogate_passes(struct surrogate *surrogate, struct span bytes);

/* The rest. */
void surrogate_end(struct surrogate *surrogate, struct buf *into);
void surrogate_free(struct surrogate *surrogate);

/* A header's lines, each with its line end, in ASCII. */
void surrogate_add_header(struct buf *into, struct span header);

#endif
