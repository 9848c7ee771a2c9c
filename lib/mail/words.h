#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

/*
 * words - text beyond ASCII in header fields: RFC 2047's encoded words, and
 * raw UTF-8 (RFC 6532) or whatever else stands there.
 */

#include "base/buf.h"

enum {
	WORDS_ENCODED_MAX = 75 /* RFC 2047 section 2 */
};

/*
 * Append a field's value as it is read, in UTF-8: unfolded, encoded words
 * decoded, no control bytes.
 */
void words_add_decoded(struct buf *into, struct span value);

/*
 * Append value in ASCII: encoded words stay as they stand, words with other
 * bytes become such.
 */
void words_add_ascii(struct buf *into, struct span value);

#endif
