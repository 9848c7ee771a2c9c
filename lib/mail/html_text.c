#include "mail/html_text.h"

#include "mail/utf8.h"

enum {
	NO_BREAK_SPACE = 0xa0,
	DELETE = 0x7f
};

/* ---- lines ---- */

static unsigned
shown(unsigned depth)
{
	return depth < HTML_TEXT_DEPTH_MAX ? depth : HTML_TEXT_DEPTH_MAX;
}

/* The level of the list that an item belongs to. */
static unsigned *
number_of(struct html_text *text)
{
	return &text->numbers[text->lists == 0 ? 0 : shown(text->lists) - 1];
}

static void
begin_line(struct html_text *text)
{
	unsigned indent = shown(text->lists);

	for (unsigned i = 0; i < shown(text->quotes); i++)
		buf_add_string(text->out, "> ");
	if (text->has_mark && indent > 0)
		indent--;
	for (unsigned i = 0; i < indent; i++)
		buf_add_string(text->out, "  ");
	if (text->has_mark && text->lists > 0 && *number_of(text) > 0)
		buf_printf(text->out, "%u. ", (*number_of(text))++);
	else if (text->has_mark)
		buf_add_string(text->out, "* ");
	text->has_mark = false;
	text->is_in_line = true;
}

/* What was owed comes before what is seen. */
static void
put_character(struct html_text *text, uint32_t character)
{
	for (; text->newlines > 0; text->newlines--)
		if (text->has_text)
			buf_add_string(text->out, "\r\n");
	text->has_text = true;
	if (!text->is_in_line) {
		begin_line(text);
	} else if (text->owes_tab) {
		buf_add_char(text->out, '\t');
		text->spaces = 0;
	}
	for (; text->spaces > 0; text->spaces--)
		buf_add_char(text->out, ' ');
	text->owes_tab = false;
	utf8_add(text->out, character);
}

static void
put_string(struct html_text *text, const char *string)
{
	for (; *string != '\0'; string++)
		put_character(text, (unsigned char)*string);
}

/* At least so many line ends; a mark that has no text yet waits for it. */
static void
want_newlines(struct html_text *text, unsigned count)
{
	if (text->has_mark)
		return;
	text->spaces = 0;
	text->owes_tab = false;
	text->is_in_line = false;
	if (text->newlines < count)
		text->newlines = count;
}

static void
add_newline(struct html_text *text)
{
	unsigned more = text->newlines + 1;

	text->has_mark = false;
	want_newlines(
	    text, more < HTML_TEXT_LINES_MAX ? more : HTML_TEXT_LINES_MAX);
}

static void
add_space(struct html_text *text, bool is_kept)
{
	if (text->spaces < HTML_TEXT_SPACES_MAX &&
	    (is_kept || (text->spaces == 0 && text->is_in_line)))
		text->spaces++;
}

/* ---- links ---- */

/* A text that is the address needs it no more. */
static void
compare_link(struct html_text *text, uint32_t character)
{
	const struct buf *link = &text->link;

	if (text->link_at < link->len &&
	    (unsigned char)link->data[text->link_at] == character)
		text->link_at++;
	else
		text->is_own_name = false;
}

static void
begin_link(struct html_text *text, struct span address)
{
	static const char *const known[] = { "http://", "https://", "ftp://",
		"mailto:" };

	text->has_link = false;
	address = span_trim(address);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		text->has_link |=
		    span_starts_nocase(address, span_of(known[i]));
	for (size_t i = 0; i < address.len; i++)
		if ((unsigned char)address.ptr[i] <= ' ' ||
		    address.ptr[i] == '<' || address.ptr[i] == '>')
			text->has_link = false;
	buf_clear(&text->link);
	text->link_at = 0;
	text->is_own_name = true;
	if (span_starts_nocase(address, span_of("mailto:")))
		address = span_slice(address, 7, address.len);
	if (text->has_link)
		buf_add(&text->link, address);
}

/* An address that shows nothing is not told. */
static void
end_link(struct html_text *text)
{
	struct span address = buf_span(&text->link);
	size_t left = address.len - text->link_at;
	bool is_slash = left == 1 && address.ptr[address.len - 1] == '/';
	bool is_shown = text->link_at > 0 || !text->is_own_name;

	if (text->has_link && is_shown &&
	    !(text->is_own_name && (left == 0 || is_slash))) {
		put_string(text, text->is_in_line ? " <" : "<");
		while (address.len > 0)
			put_character(text, utf8_next(&address));
		put_character(text, '>');
	}
	text->has_link = false;
}

/* ---- what html hands out ---- */

static void
take_character(void *context, uint32_t character)
{
	struct html_text *text = context;
	bool is_control = character < ' ' || character == DELETE;

	if (character == '\n' && text->written > 0) {
		add_newline(text);
	} else if (is_control || character == ' ') {
		if (character != '\r' || text->written == 0)
			add_space(text, text->written > 0);
	} else if (character == NO_BREAK_SPACE) {
		add_space(text, true);
	} else if (character != 0xad && character != 0x200b &&
		   character != 0xfeff && character != 0x34f) {
		/* The others are of no width, and fill HTML mail. */
		if (text->has_link)
			compare_link(text, character);
		put_character(text, character);
	}
}

static void
take_list(struct html_text *text, bool is_numbered, bool is_end)
{
	if (is_end) {
		text->has_mark = false;
		if (text->lists > 0)
			text->lists--;
	}
	want_newlines(text, text->lists == 0 ? 2 : 1);
	if (is_end)
		return;
	text->has_mark = false;
	if (text->lists < UINT32_MAX)
		text->lists++;
	*number_of(text) = is_numbered;
}

static void
take_level(struct html_text *text, unsigned *level, bool is_end)
{
	text->has_mark = false;
	want_newlines(text, 2);
	if (is_end && *level > 0)
		--*level;
	else if (!is_end && *level < UINT32_MAX)
		++*level;
}

static void
take_shape(struct html_text *text, enum html_element element, bool is_end)
{
	if (element == HTML_ITEM) {
		text->has_mark = false;
		want_newlines(text, 1);
		text->has_mark = !is_end;
	} else if (element == HTML_ROW) {
		want_newlines(text, 1);
		text->has_cell = false;
	} else if (element == HTML_CELL && !is_end) {
		text->owes_tab = text->has_cell && text->is_in_line;
		text->has_cell = true;
	} else if (element == HTML_RULE) {
		want_newlines(text, 1);
		put_string(text, "---");
		want_newlines(text, 1);
	}
}

static void
take_image(struct html_text *text, struct span instead)
{
	if (span_trim(instead).len == 0)
		return;
	take_character(text, '[');
	while (instead.len > 0)
		take_character(text, utf8_next(&instead));
	take_character(text, ']');
}

static void
take_element(void *context, enum html_element element, bool is_end,
    struct span attribute)
{
	struct html_text *text = context;

	switch (element) {
	case HTML_OTHER:
	case HTML_SILENT:
		break;
	case HTML_PARAGRAPH:
		want_newlines(text, 2);
		break;
	case HTML_BLOCK:
		want_newlines(text, 1);
		break;
	case HTML_BREAK:
		add_newline(text);
		break;
	case HTML_LIST:
	case HTML_NUMBERED:
		take_list(text, element == HTML_NUMBERED, is_end);
		break;
	case HTML_RULE:
	case HTML_ITEM:
	case HTML_ROW:
	case HTML_CELL:
		take_shape(text, element, is_end);
		break;
	case HTML_QUOTE:
		take_level(text, &text->quotes, is_end);
		break;
	case HTML_AS_WRITTEN:
		take_level(text, &text->written, is_end);
		break;
	case HTML_LINK:
		end_link(text);
		if (!is_end)
			begin_link(text, attribute);
		break;
	case HTML_IMAGE:
		take_image(text, attribute);
	}
}

void
html_text_begin(struct html_text *text)
{
	*text = (struct html_text){ .html = { .take_character = take_character,
					.take_element = take_element,
					.context = text },
		.link = buf_new(HTML_ATTRIBUTE_MAX) };
	html_begin(&text->html);
}

void
html_text_piece(struct html_text *text, struct buf *out, struct span piece)
{
	text->out = out;
	html_piece(&text->html, piece);
}

void
html_text_end(struct html_text *text, struct buf *out)
{
	text->out = out;
	html_end(&text->html);
	end_link(text);
	if (text->has_text)
		buf_add_string(out, "\r\n");
	buf_free(&text->link);
}
