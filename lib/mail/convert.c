#include "mail/convert.h"

#include <string.h>

#include "mail/utf8.h"

enum {
	PIECE = 16384, /* of the source, at once */
	GROWTH = 64,   /* of a byte that becomes text or HTML */
	NAME_MAX_LEN = 127
};

/* Where a type has several, the first is what it becomes by default. */
static const struct conversion conversions[] = {
	{ "text/plain", "text/plain", CONVERT_CHARSET },
	{ "text/plain", "text/html", CONVERT_TO_HTML },
	{ "text/html", "text/plain", CONVERT_FROM_HTML },
	{ "text/html", "text/html", CONVERT_CHARSET },
	{ "text/css", "text/css", CONVERT_CHARSET },
	{ "text/csv", "text/csv", CONVERT_CHARSET },
	{ "text/enriched", "text/enriched", CONVERT_CHARSET },
	{ "text/xml", "text/xml", CONVERT_CHARSET },
	{ "text/calendar", "text/calendar", CONVERT_CHARSET },
	{ "text/markdown", "text/markdown", CONVERT_CHARSET },
	{ "text/vcard", "text/vcard", CONVERT_CHARSET },
	{ "message/rfc822", "text/plain", CONVERT_READABLE },
	{ "multipart/alternative", "text/plain", CONVERT_READABLE },
	{ "multipart/digest", "text/plain", CONVERT_READABLE },
	{ "multipart/mixed", "text/plain", CONVERT_READABLE },
	{ "multipart/parallel", "text/plain", CONVERT_READABLE },
	{ "multipart/related", "text/plain", CONVERT_READABLE },
	{ "multipart/report", "text/plain", CONVERT_READABLE },
	{ "multipart/signed", "text/plain", CONVERT_READABLE },
};

enum {
	CONVERSIONS = sizeof(conversions) / sizeof(*conversions)
};

_Static_assert(CONVERSIONS <= 64, "one bit each");

const struct conversion *
conversion_at(size_t i)
{
	return i < CONVERSIONS ? &conversions[i] : NULL;
}

const struct conversion *
conversion_find(struct span from, struct span to, uint64_t preferred)
{
	const struct conversion *first = NULL;

	for (size_t i = 0; i < CONVERSIONS; i++) {
		const struct conversion *found = &conversions[i];

		if (!span_equal_nocase(from, span_of(found->from)) ||
		    (to.ptr != NULL &&
			!span_equal_nocase(to, span_of(found->to))))
			continue;
		if (to.ptr != NULL || (preferred >> i & 1) != 0)
			return found;
		if (first == NULL)
			first = found;
	}
	return first;
}

static bool
is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!ascii_is_alnum(name.ptr[i]) &&
		    (name.ptr[i] == '\0' ||
			strchr("!#$&.+-^_", name.ptr[i]) == NULL))
			return false;
	return name.len > 0 && name.len <= NAME_MAX_LEN;
}

bool
conversion_is_type(struct span name)
{
	size_t slash = span_index(name, '/');

	return is_name(span_slice(name, 0, slash)) && slash < name.len &&
	       is_name(span_slice(name, slash + 1, name.len));
}

/* ---- what is written ---- */

/* All of it with CRLF. */
static void
add_lines(struct convert_text *text, struct buf *out, struct span utf8)
{
	while (utf8.len > 0) {
		size_t end = span_index(utf8, '\n');
		struct span line = span_slice(utf8, 0, end);

		charset_writer_add(text->writer, out, line);
		if (line.len > 0)
			text->has_cr = line.ptr[line.len - 1] == '\r';
		if (end < utf8.len) {
			buf_add_string(out, text->has_cr ? "\n" : "\r\n");
			text->has_cr = false;
		}
		utf8 = span_slice(utf8, end + 1, utf8.len);
	}
}

/* No control of the document's own reaches the reader's program. */
static void
add_escaped(struct buf *into, struct span utf8)
{
	for (size_t i = 0; i < utf8.len; i++) {
		char c = utf8.ptr[i];

		if (c == '&')
			buf_add_string(into, "&amp;");
		else if (c == '<')
			buf_add_string(into, "&lt;");
		else if (c == '>')
			buf_add_string(into, "&gt;");
		else if (c == '"')
			buf_add_string(into, "&quot;");
		else if (((unsigned char)c < ' ' && c != '\t' && c != '\r' &&
			     c != '\n') ||
			 c == 0x7f)
			utf8_add(into, UTF8_REPLACEMENT);
		else
			buf_add_char(into, c);
	}
}

/* The source as UTF-8 in text->utf8 becomes what is wanted. */
static void
pass_on(struct convert_text *text, struct buf *out)
{
	struct span utf8 = buf_span(&text->utf8);

	if (text->kind == CONVERT_FROM_HTML)
		html_text_piece(&text->html, &text->text, utf8);
	else if (text->kind == CONVERT_TO_HTML)
		add_escaped(&text->text, utf8);
	else
		add_lines(text, out, utf8);
	add_lines(text, out, buf_span(&text->text));
	/* It cannot be; if it were, a hole would not go unseen. */
	out->overflow |= text->utf8.overflow || text->text.overflow;
	buf_clear(&text->utf8);
	buf_clear(&text->text);
}

void
convert_text_begin(struct convert_text *text, struct buf *out)
{
	text->utf8 = buf_new((size_t)PIECE * GROWTH);
	text->text = buf_new((size_t)PIECE * GROWTH);
	text->has_cr = false;
	bodytext_begin(&text->source, text->part);
	if (text->kind == CONVERT_FROM_HTML)
		html_text_begin(&text->html);
	if (text->kind != CONVERT_TO_HTML)
		return;
	text->writer->has_references = true;
	buf_add_string(out, "<!DOCTYPE html>\r\n<html><head><meta charset=\"");
	buf_add(out, text->charset);
	buf_add_string(out, "\"></head><body>\r\n"
			    "<pre style=\"white-space: pre-wrap\">\r\n");
}

void
convert_text_piece(
    struct convert_text *text, struct buf *out, struct span piece)
{
	while (piece.len > 0 && !out->overflow) {
		bodytext_piece(
		    &text->source, &text->utf8, span_slice(piece, 0, PIECE));
		pass_on(text, out);
		piece = span_slice(piece, PIECE, piece.len);
	}
}

void
convert_text_end(struct convert_text *text, struct buf *out)
{
	bodytext_end(&text->source, &text->utf8);
	pass_on(text, out);
	if (text->kind == CONVERT_FROM_HTML) {
		html_text_end(&text->html, &text->text);
		pass_on(text, out);
	}
	if (text->kind == CONVERT_TO_HTML)
		buf_add_string(out, "</pre></body></html>\r\n");
	buf_free(&text->utf8);
	buf_free(&text->text);
}
