#include "mail/html.h"

#include <string.h>

#include "mail/charset_tables.h"
#include "mail/utf8.h"

static const struct {
	const char *name;
	enum html_element element;
} elements[] = { { "a", HTML_LINK }, { "p", HTML_PARAGRAPH },
	{ "br", HTML_BREAK }, { "hr", HTML_RULE }, { "tr", HTML_ROW },
	{ "td", HTML_CELL }, { "th", HTML_CELL }, { "div", HTML_BLOCK },
	{ "img", HTML_IMAGE }, { "li", HTML_ITEM }, { "ul", HTML_LIST },
	{ "ol", HTML_NUMBERED }, { "dl", HTML_PARAGRAPH }, { "dt", HTML_BLOCK },
	{ "dd", HTML_BLOCK }, { "h1", HTML_PARAGRAPH },
	{ "h2", HTML_PARAGRAPH }, { "h3", HTML_PARAGRAPH },
	{ "h4", HTML_PARAGRAPH }, { "h5", HTML_PARAGRAPH },
	{ "h6", HTML_PARAGRAPH }, { "pre", HTML_AS_WRITTEN },
	{ "dir", HTML_LIST }, { "menu", HTML_LIST }, { "nav", HTML_BLOCK },
	{ "main", HTML_BLOCK }, { "form", HTML_BLOCK },
	{ "center", HTML_BLOCK }, { "table", HTML_BLOCK },
	{ "tbody", HTML_BLOCK }, { "thead", HTML_BLOCK },
	{ "tfoot", HTML_BLOCK }, { "caption", HTML_BLOCK },
	{ "option", HTML_BLOCK }, { "aside", HTML_BLOCK },
	{ "header", HTML_BLOCK }, { "footer", HTML_BLOCK },
	{ "figure", HTML_BLOCK }, { "article", HTML_BLOCK },
	{ "section", HTML_BLOCK }, { "address", HTML_BLOCK },
	{ "fieldset", HTML_BLOCK }, { "details", HTML_BLOCK },
	{ "summary", HTML_BLOCK }, { "blockquote", HTML_QUOTE },
	{ "style", HTML_SILENT }, { "script", HTML_SILENT },
	{ "title", HTML_SILENT }, { "iframe", HTML_SILENT },
	{ "noembed", HTML_SILENT }, { "noframes", HTML_SILENT },
	{ "textarea", HTML_SILENT } };

static enum html_element
find_element(const struct html *html)
{
	struct span name = { html->name, html->name_len };

	for (size_t i = 0; i < sizeof(elements) / sizeof(*elements); i++)
		if (span_equal(name, span_of(elements[i].name)))
			return elements[i].element;
	return HTML_OTHER;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

void
html_begin(struct html *html)
{
	html->state = HTML_TEXT;
	html->attribute = buf_new(HTML_ATTRIBUTE_MAX);
}

/* ---- references ---- */

/* "#233", "#xe9" or a name, as mail has them: 128 to 159 are windows-1252's. */
static uint32_t
resolve(struct span text)
{
	uint64_t number;

	if (text.len == 0)
		return 0;
	if (text.ptr[0] != '#')
		return html_named_character(text);
	bool is_hex =
	    text.len > 1 && (text.ptr[1] == 'x' || text.ptr[1] == 'X');
	if (!span_number(span_slice(text, is_hex ? 2 : 1, text.len),
		is_hex ? 16 : 10, UINT32_MAX, &number))
		return 0;
	if (number >= 0x80 && number < 0xa0)
		number = charset_table(span_of("windows-1252"))[number - 0x80];
	return number == 0 || number > 0x10ffff ? UTF8_REPLACEMENT
						: (uint32_t)number;
}

static bool
is_of_reference(char c, size_t len)
{
	return ascii_is_alnum(c) || (c == '#' && len == 0);
}

void
html_add_unescaped(struct buf *into, struct span text)
{
	while (text.len > 0) {
		size_t plain = span_index(text, '&');
		size_t len = 0;

		buf_add(into, span_slice(text, 0, plain));
		text = span_slice(text, plain, text.len);
		if (text.len == 0)
			return;
		while (len + 1 < text.len && len < HTML_REFERENCE_MAX &&
		       is_of_reference(text.ptr[len + 1], len))
			len++;
		uint32_t character = resolve(span_slice(text, 1, len));
		/* "&copy=1" of a query is none. */
		bool is_ended = len + 1 < text.len && text.ptr[len + 1] == ';';
		if (character != 0 && is_ended)
			utf8_add(into, character);
		else
			buf_add(into, span_slice(text, 0, len + 1));
		text = span_slice(
		    text, len + 1 + (character != 0 && is_ended), text.len);
	}
}

/* ---- what is handed out ---- */

static void
put_character(struct html *html, uint32_t character)
{
	html->take_character(html->context,
	    character == UTF8_NONE ? UTF8_REPLACEMENT : character);
}

static void
put_reference(struct html *html, bool is_ended)
{
	struct span text = { html->reference, html->reference_len };
	uint32_t character = resolve(text);

	html->state = HTML_TEXT;
	if (character != 0) {
		put_character(html, character);
		return;
	}
	put_character(html, '&');
	for (size_t i = 0; i < text.len; i++)
		put_character(html, (unsigned char)text.ptr[i]);
	if (is_ended)
		put_character(html, ';');
}

static void
put_element(struct html *html)
{
	enum html_element element = find_element(html);

	html->state = HTML_TEXT;
	if (element == HTML_SILENT && !html->is_end) {
		html->state = HTML_RAW;
		html->matched = 0;
	} else if (element > HTML_SILENT) {
		struct buf text = buf_new(HTML_ATTRIBUTE_MAX);

		if (!html->is_end && !html->attribute.overflow)
			html_add_unescaped(&text, buf_span(&html->attribute));
		html->take_element(
		    html->context, element, html->is_end, buf_span(&text));
		buf_free(&text);
	}
}

/* ---- tags ---- */

static bool
is_wanted(const struct html *html)
{
	struct span name = { html->name, html->name_len };
	struct span key = { html->key, html->key_len };

	return (span_equal(name, span_of("a")) &&
		   span_equal(key, span_of("href"))) ||
	       (span_equal(name, span_of("img")) &&
		   span_equal(key, span_of("alt")));
}

/* What is longer than any that is known is known by no name. */
static void
add_to_name(char name[HTML_NAME_MAX], size_t *len, char c)
{
	if (*len < HTML_NAME_MAX)
		name[(*len)++] = ascii_lower(c);
}

static void
begin_key(struct html *html, char c)
{
	html->key_len = 0;
	add_to_name(html->key, &html->key_len, c);
	html->state = HTML_ATTRIBUTE;
}

/* Between attributes, or behind the name. */
static void
take_in_tag(struct html *html, char c)
{
	if (c == '>')
		put_element(html);
	else if (is_blank(c) || c == '/')
		html->state = HTML_ATTRIBUTES;
	else
		begin_key(html, c);
}

static void
take_opened(struct html *html, char c)
{
	bool is_first = !html->is_end;

	if (c == '/' && is_first) {
		html->is_end = true;
	} else if (ascii_is_letter(c)) {
		html->state = HTML_NAME;
		html->name_len = 0;
		buf_clear(&html->attribute);
		html->has_attribute = false;
		add_to_name(html->name, &html->name_len, c);
	} else if (c == '!' && is_first) {
		html->state = HTML_DECLARATION;
		html->dashes = 0;
	} else if (c == '?' || !is_first) {
		html->state = c == '>' ? HTML_TEXT : HTML_SKIPPED;
	} else {
		put_character(html, '<');
		html->state = HTML_TEXT;
		html_piece(html, (struct span){ &c, 1 });
	}
}

static void
take_attribute(struct html *html, char c)
{
	if (c == '=')
		html->state = HTML_BEFORE_VALUE;
	else if (is_blank(c))
		html->state = HTML_AFTER_ATTRIBUTE;
	else if (c == '>' || c == '/')
		take_in_tag(html, c);
	else if (html->state == HTML_AFTER_ATTRIBUTE)
		begin_key(html, c);
	else
		add_to_name(html->key, &html->key_len, c);
}

static void
take_value(struct html *html, char c)
{
	if (html->state == HTML_BEFORE_VALUE) {
		if (is_blank(c))
			return;
		html->state = HTML_VALUE;
		/* Of two the first holds. */
		html->is_taken = is_wanted(html) && !html->has_attribute;
		html->has_attribute |= html->is_taken;
		html->quote = c == '"' || c == '\'' ? c : '\0';
		if (html->quote != '\0')
			return;
	}
	if (html->quote != '\0' ? c == html->quote : is_blank(c))
		html->state = HTML_ATTRIBUTES;
	else if (html->quote == '\0' && c == '>')
		put_element(html);
	else if (html->is_taken)
		buf_add_char(&html->attribute, c);
}

/* "<!--" begins a comment, "<!-->" is one; all else ends with '>'. */
static void
take_declaration(struct html *html, char c)
{
	if (c == '-' && ++html->dashes == 2)
		html->state = HTML_COMMENT;
	else if (c == '>')
		html->state = HTML_TEXT;
	else if (c != '-')
		html->state = HTML_SKIPPED;
}

static void
take_comment(struct html *html, char c)
{
	if (c == '-')
		html->dashes++;
	else if (c == '>' && html->dashes >= 2)
		html->state = HTML_TEXT;
	else if (c != '!' || html->dashes < 2)
		html->dashes = 0;
}

/* Of a style or script: up to "</" and its name. */
static void
take_raw(struct html *html, char c)
{
	if (html->matched == html->name_len + 2) {
		if (c == '>' || c == '/' || is_blank(c)) {
			html->state = c == '>' ? HTML_TEXT : HTML_SKIPPED;
			return;
		}
		html->matched = 0;
	}
	char wanted = html->matched == 0   ? '<'
		      : html->matched == 1 ? '/'
					   : html->name[html->matched - 2];
	if (ascii_lower(c) == wanted)
		html->matched++;
	else
		html->matched = c == '<';
}

static void
take_reference(struct html *html, char c)
{
	if (is_of_reference(c, html->reference_len) &&
	    html->reference_len < HTML_REFERENCE_MAX) {
		html->reference[html->reference_len++] = c;
		return;
	}
	put_reference(html, c == ';');
	if (c != ';')
		html_piece(html, (struct span){ &c, 1 });
}

static void
take(struct html *html, char c)
{
	switch (html->state) {
	case HTML_TEXT: /* elsewhere */
		break;
	case HTML_REFERENCE:
		take_reference(html, c);
		break;
	case HTML_OPENED:
		take_opened(html, c);
		break;
	case HTML_NAME:
		if (c == '>' || c == '/' || is_blank(c))
			take_in_tag(html, c);
		else
			add_to_name(html->name, &html->name_len, c);
		break;
	case HTML_ATTRIBUTES:
		take_in_tag(html, c);
		break;
	case HTML_ATTRIBUTE:
	case HTML_AFTER_ATTRIBUTE:
		take_attribute(html, c);
		break;
	case HTML_BEFORE_VALUE:
	case HTML_VALUE:
		take_value(html, c);
		break;
	case HTML_DECLARATION:
		take_declaration(html, c);
		break;
	case HTML_COMMENT:
		take_comment(html, c);
		break;
	case HTML_SKIPPED:
		if (c == '>')
			html->state = HTML_TEXT;
		break;
	case HTML_RAW:
		take_raw(html, c);
	}
}

static void
take_text(struct html *html, struct span *rest)
{
	char c = rest->ptr[0];

	if (c != '<' && c != '&') {
		put_character(html, utf8_next(rest));
		return;
	}
	*rest = span_slice(*rest, 1, rest->len);
	html->state = c == '<' ? HTML_OPENED : HTML_REFERENCE;
	html->is_end = false;
	html->reference_len = 0;
}

void
html_piece(struct html *html, struct span piece)
{
	while (piece.len > 0) {
		/* What ends a reference or begins no tag may be the first
		   byte of a character. */
		bool is_wide = (piece.ptr[0] & 0x80) != 0;

		if (is_wide && html->state == HTML_REFERENCE)
			put_reference(html, false);
		if (is_wide && html->state == HTML_OPENED && !html->is_end) {
			put_character(html, '<');
			html->state = HTML_TEXT;
		}
		if (html->state == HTML_TEXT) {
			take_text(html, &piece);
		} else {
			take(html, piece.ptr[0]);
			piece = span_slice(piece, 1, piece.len);
		}
	}
}

void
html_end(struct html *html)
{
	if (html->state == HTML_REFERENCE)
		put_reference(html, false);
	if (html->state == HTML_OPENED && !html->is_end)
		put_character(html, '<');
	buf_free(&html->attribute);
}
