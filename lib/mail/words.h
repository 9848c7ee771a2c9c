#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

/*
 * words - text beyond ASCII in header fields: RFC 2047's encoded words, and
 * raw UTF-8 (RFC 6532) or whatever else stands there.
 */

#include "mail/charset_writer.h"

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

/*
 * The same of what is to be folded at its spaces: so do words that are too long
 * for a line (RFC 5322 section 2.1.1).
 */
void words_add_lines(struct buf *into, struct span value);

/*
 * The same of mailboxes, as From has them: addresses stay as they stand, in
 * UTF-8 if they are (RFC 6532); no encoded word may be in one (RFC 2047 section
 * 5).  A name and its '<' get a space between them.
 */
void words_add_mailboxes(struct buf *into, struct span value);

/*
 * Append text, lines of a header, as it stands, but for its encoded words:
 * these are in another character set then, as RFC 5259 section 6 has it.  What
 * cannot be read stays.
 */
void words_add_converted(struct buf *into, struct span text,
    struct charset_writer *writer, struct span charset);

#endif
