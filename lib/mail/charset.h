#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

/*
 * charset - text of any character set as UTF-8.
 *
 * Unicode's, US-ASCII, the sets of one byte and those of East Asia are ours:
 * iconv(3) opens files and maps code for each, which no jail lets it do.  It is
 * asked for what is left, and knows it outside of one.
 * Errors  what is no character becomes U+FFFD; a set that is not known is read
 *         as UTF-8 if it is such, else as windows-1252.
 * Memory  one descriptor of iconv is kept between calls.
 */

#include "base/buf.h"
#include "mail/charset_wide.h"

enum {
	CHARSET_NAME_MAX = 40
};

/* Is it a set that can be read? */
bool charset_is_known(struct span charset);

/* Append text, which is whole, in UTF-8. */
void charset_add_utf8(struct buf *into, struct span charset, struct span text);

/*
 * The same for text that comes in pieces: what a piece cut off is kept and
 * begins the next.
 */
enum {
	CHARSET_KEPT_MAX = 16
};
struct charset_stream {
	void *iconv;           /* NULL: ours */
	const uint16_t *table; /* of one byte; NULL: UTF-8, or of more */
	enum charset_wide wide;
	unsigned mode; /* of wide: what an escape chose */
	bool is_guess; /* it need not be UTF-8 */
	char kept[CHARSET_KEPT_MAX];
	size_t kept_len;
};
void charset_begin(struct charset_stream *stream, struct span charset);
void charset_piece(
    struct charset_stream *stream, struct buf *into, struct span piece);
void charset_end(struct charset_stream *stream, struct buf *into);

#endif
