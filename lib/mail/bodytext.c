#include "mail/bodytext.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "mail/contenttype.h"
#include "mail/header.h"
#include "mail/html.h"
#include "mail/utf8.h"

enum {
	PIECE_MAX = 1 << 20,
	HTML_PIECE = 1024
};

/* A multipart that is none is read as text, like what says nothing. */
static bool
is_text(const struct content_type *type)
{
	return type->type.len == 0 || content_type_is(type, "text", NULL) ||
	       content_type_is(type, "multipart", NULL);
}

void
bodytext_set_charset(
    struct bodytext_part *part, const struct content_type *type)
{
	struct buf charset = buf_new(CHARSET_NAME_MAX);

	if (content_type_parameter(type, "charset", &charset) &&
	    charset.len > 0) {
		memcpy(part->charset, charset.data, charset.len);
		part->charset_len = charset.len;
	}
	buf_free(&charset);
}

void
bodytext_take_header(struct bodytext *text, const struct mime *mime,
    uint32_t part, struct span header)
{
	struct bodytext_part found = { .part = part };
	struct content_type type = { .type = { "", 0 } };
	struct span value;

	if (header_find(header, "Content-Type", &value))
		content_type_parse(value, &type);
	if (mime->parts[part].kind != MIME_LEAF || !is_text(&type))
		return;
	if (header_find(header, "Content-Transfer-Encoding", &value))
		found.encoding = decoder_kind_of(value);
	if (header_find(header, "Content-Disposition", &value))
		found.is_attachment = span_equal_nocase(
		    content_token(value), span_of("attachment"));
	found.is_html = content_type_is(&type, "text", "html");
	bodytext_set_charset(&found, &type);
	if (text->count == text->room) {
		uint32_t room = text->room == 0 ? 4 : 2 * text->room;
		struct bodytext_part *parts =
		    reallocarray(text->parts, room, sizeof(*parts));

		if (parts == NULL)
			temp_fail("out of memory");
		text->parts = parts;
		text->room = room;
	}
	text->parts[text->count++] = found;
}

void
bodytext_free(struct bodytext *text)
{
	free(text->parts);
	*text = (struct bodytext){ .parts = NULL };
}

static const struct bodytext_part *
find_from(const struct bodytext *text, uint32_t i, bool is_html)
{
	for (; i < text->count; i++)
		if (text->parts[i].is_html == is_html &&
		    !text->parts[i].is_attachment)
			return &text->parts[i];
	return NULL;
}

const struct bodytext_part *
bodytext_next(const struct bodytext *text, const struct bodytext_part *part)
{
	bool is_html = part != NULL && part->is_html;
	uint32_t i = part == NULL ? 0 : (uint32_t)(part - text->parts) + 1;
	const struct bodytext_part *next = find_from(text, i, is_html);

	return next != NULL || is_html ? next : find_from(text, 0, true);
}

/* ---- decoding ---- */

void
bodytext_begin(struct bodytext_stream *stream, const struct bodytext_part *part)
{
	struct span charset = { part->charset, part->charset_len };

	decoder_init(&stream->decoder, part->encoding);
	charset_begin(&stream->charset, charset);
	stream->decoded = buf_new(PIECE_MAX);
}

void
bodytext_piece(
    struct bodytext_stream *stream, struct buf *out, struct span piece)
{
	if (stream->decoder.kind == DECODER_AS_IS) {
		charset_piece(&stream->charset, out, piece);
		return;
	}
	buf_clear(&stream->decoded);
	decoder_add(&stream->decoder, &stream->decoded, piece);
	charset_piece(&stream->charset, out, buf_span(&stream->decoded));
}

void
bodytext_end(struct bodytext_stream *stream, struct buf *out)
{
	buf_clear(&stream->decoded);
	decoder_end(&stream->decoder, &stream->decoded);
	charset_piece(&stream->charset, out, buf_span(&stream->decoded));
	charset_end(&stream->charset, out);
	buf_free(&stream->decoded);
}

/* ---- previews ---- */

struct preview {
	struct buf *into;
	size_t left; /* characters */
	bool owes_space;
	bool has_text;
};

static void
add_character(struct preview *preview, uint32_t c)
{
	/* Also the spaces that HTML mail is filled with, of no width. */
	if (c <= ' ' || c == 0xa0 || c == 0x200b || c == 0x200c ||
	    c == 0x200d || c == 0xfeff || c == 0x34f || c == 0xad) {
		preview->owes_space = preview->has_text;
		return;
	}
	if (preview->owes_space && preview->left > 1) {
		buf_add_char(preview->into, ' ');
		preview->left--;
	}
	preview->owes_space = false;
	preview->has_text = true;
	utf8_add(preview->into, c);
	preview->left--;
}

static void
take_character(void *context, uint32_t character)
{
	struct preview *preview = context;

	if (preview->left > 0)
		add_character(preview, character);
}

static void
take_element(void *context, enum html_element element, bool is_end,
    struct span attribute)
{
	(void)is_end;
	(void)attribute;
	if (element != HTML_LINK)
		take_character(context, ' ');
}

/* In pieces, so that it ends soon after the last character that is wanted. */
static void
add_html(struct preview *preview, struct span text)
{
	struct html html = { .take_character = take_character,
		.take_element = take_element,
		.context = preview };

	html_begin(&html);
	while (text.len > 0 && preview->left > 0) {
		struct span piece = span_slice(text, 0, HTML_PIECE);

		if (piece.len < text.len && utf8_whole(piece).len > 0)
			piece = utf8_whole(piece);
		html_piece(&html, piece);
		text = span_slice(text, piece.len, text.len);
	}
	html_end(&html);
}

static void
add_plain(struct preview *preview, struct span text)
{
	while (text.len > 0 && preview->left > 0) {
		struct span line = span_cut(&text, '\n');

		if (line.len > 0 && line.ptr[0] == '>')
			continue;
		while (line.len > 0 && preview->left > 0)
			add_character(preview, utf8_next(&line));
		add_character(preview, ' ');
	}
}

void
bodytext_add_preview(
    struct buf *into, struct span text, bool is_html, size_t max)
{
	struct preview preview = { .into = into, .left = max };

	if (is_html)
		add_html(&preview, text);
	else
		add_plain(&preview, text);
}
