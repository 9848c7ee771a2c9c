#include "mail/bodytext.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "mail/contenttype.h"
#include "mail/header.h"
#include "mail/utf8.h"

enum {
	PIECE_MAX = 1 << 20,
	ENTITY_MAX = 8
};

/* A multipart that is none is read as text, like what says nothing. */
static bool
is_text(const struct content_type *type)
{
	return type->type.len == 0 || content_type_is(type, "text", NULL) ||
	       content_type_is(type, "multipart", NULL);
}

static void
set_charset(struct bodytext_part *part, const struct content_type *type)
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
	set_charset(&found, &type);
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

const struct bodytext_part *
bodytext_first(const struct bodytext *text)
{
	const struct bodytext_part *html = NULL;

	for (uint32_t i = 0; i < text->count; i++) {
		const struct bodytext_part *part = &text->parts[i];

		if (part->is_attachment)
			continue;
		if (!part->is_html)
			return part;
		if (html == NULL)
			html = part;
	}
	return html;
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

/* Past a tag, a comment, or all of a style or script. */
static void
skip_tag(struct span *rest)
{
	static const char *const silent[] = { "<style", "<script", "<head",
		"<title" };
	static const char *const ends[] = { "</style", "</script", "</head",
		"</title" };
	struct span end = { NULL, 0 };

	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++)
		if (span_starts_nocase(*rest, span_of(silent[i])) &&
		    rest->len > strlen(silent[i]) &&
		    strchr("> \t\r\n", rest->ptr[strlen(silent[i])]) != NULL)
			end = span_of(ends[i]);
	if (span_starts(*rest, span_of("<!--")))
		end = span_of("-->");
	while (end.len > 0 && rest->len > 0 && !span_starts_nocase(*rest, end))
		*rest = span_slice(*rest, 1, rest->len);
	*rest = span_slice(*rest, span_index(*rest, '>') + 1, rest->len);
}

static uint32_t
take_entity(struct span *rest)
{
	static const struct {
		const char *name;
		uint32_t character;
	} known[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' },
		{ "quot", '"' }, { "apos", '\'' }, { "nbsp", ' ' },
		{ "zwnj", 0x200c }, { "shy", 0xad } };
	struct span name = span_slice(*rest, 1, ENTITY_MAX);
	size_t end = span_index(name, ';');
	uint64_t number;

	if (end < name.len) {
		struct span after = span_slice(*rest, end + 2, rest->len);

		name.len = end;
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (span_equal(name, span_of(known[i].name))) {
				*rest = after;
				return known[i].character;
			}
		bool is_hex = name.len > 2 && name.ptr[1] == 'x';
		if (name.len > 1 && name.ptr[0] == '#' &&
		    span_number(span_slice(name, is_hex ? 2 : 1, name.len),
			is_hex ? 16 : 10, 0x10ffff, &number)) {
			*rest = after;
			return (uint32_t)number;
		}
	}
	*rest = span_slice(*rest, 1, rest->len);
	return '&';
}

static void
add_html(struct preview *preview, struct span text)
{
	while (text.len > 0 && preview->left > 0) {
		if (text.ptr[0] == '<') {
			skip_tag(&text);
			add_character(preview, ' ');
		} else if (text.ptr[0] == '&') {
			add_character(preview, take_entity(&text));
		} else {
			add_character(preview, utf8_next(&text));
		}
	}
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
