#ifndef MAIL_CONVERT_H
#define MAIL_CONVERT_H

/*
 * convert - a body part as another media type or in another character set,
 * RFC 5259: which conversions there are, and the text of one part as it comes.
 *
 * Text     has CRLF line ends afterwards.
 * Safe     text becomes HTML that is nothing but it: each character that means
 *          something there is a reference.
 * Memory   a piece, and what html_text has.
 */

#include "mail/bodytext.h"
#include "mail/charset_writer.h"
#include "mail/html_text.h"

enum convert_kind {
	CONVERT_CHARSET,   /* the type stays */
	CONVERT_FROM_HTML, /* to text/plain */
	CONVERT_TO_HTML,   /* of text/plain */
	CONVERT_READABLE   /* the text of a message, or of several parts */
};

struct conversion {
	const char *from; /* in lower case */
	const char *to;
	enum convert_kind kind;
};

/* The one at i of all, in order; NULL behind the last. */
const struct conversion *conversion_at(size_t i);

/*
 * The one from a type to another, ASCII case ignored; NULL if there is none.
 * to.ptr NULL: the first of those whose bit (1 << i) is set in preferred, else
 * the first.
 */
const struct conversion *conversion_find(
    struct span from, struct span to, uint64_t preferred);

/* Is it a type's name, RFC 4288 section 4.2: TYPE/SUBTYPE? */
bool conversion_is_type(struct span name);

/* The first four are the caller's to set; the writer says whether something
 * was lost. */
struct convert_text {
	enum convert_kind kind;
	const struct bodytext_part *part; /* how it is to be read */
	struct charset_writer *writer;
	struct span charset; /* its name, for HTML */

	struct bodytext_stream source;
	struct html_text html;
	struct buf utf8;
	struct buf text;
	bool has_cr; /* it ends so far with a CR */
};

void convert_text_begin(struct convert_text *text, struct buf *out);
void convert_text_piece(
    struct convert_text *text, struct buf *out, struct span piece);
void convert_text_end(struct convert_text *text, struct buf *out);

#endif
