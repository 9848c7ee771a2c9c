#ifndef MAIL_BODYTEXT_H
#define MAIL_BODYTEXT_H

/*
 * bodytext - the readable text of a message's parts, in UTF-8: for searching
 * and for PREVIEW.
 */

#include "mail/charset.h"
#include "mail/contenttype.h"
#include "mail/decoder.h"
#include "mail/mime.h"

/* Which parts are text, and how to read them: gathered from mime's headers. */
struct bodytext_part {
	uint32_t part;
	enum decoder_kind encoding;
	bool is_html;
	bool is_attachment;
	char charset[CHARSET_NAME_MAX];
	size_t charset_len;
};

struct bodytext {
	struct bodytext_part *parts;
	uint32_t count;
	uint32_t room;
};

void bodytext_take_header(struct bodytext *text, const struct mime *mime,
    uint32_t part, struct span header);
void bodytext_free(struct bodytext *text);

/* The charset of a part that has such a Content-Type; none: the default. */
void bodytext_set_charset(
    struct bodytext_part *part, const struct content_type *type);

/*
 * The parts that a preview may be of, one after the other: all plain ones, then
 * those in HTML, no attachment.  The first is behind NULL, which also ends
 * them.
 */
const struct bodytext_part *bodytext_next(
    const struct bodytext *text, const struct bodytext_part *part);

/* One part's bytes, in pieces, appended decoded to out. */
struct bodytext_stream {
	struct decoder decoder;
	struct charset_stream charset;
	struct buf decoded;
};
void bodytext_begin(
    struct bodytext_stream *stream, const struct bodytext_part *part);
void bodytext_piece(
    struct bodytext_stream *stream, struct buf *out, struct span piece);
void bodytext_end(struct bodytext_stream *stream, struct buf *out);

/*
 * Append at most max characters of text as a preview has it: without tags if
 * it is HTML, quoted lines and needless space.
 */
void bodytext_add_preview(
    struct buf *into, struct span text, bool is_html, size_t max);

#endif
