#include "sieve/compose.h"

#include "mail/encoder.h"
#include "mail/header.h"
#include "mail/words.h"

enum {
	PLAIN_LINE_MAX = 2 * COMPOSE_LINE,
	ENCODED_GROWTH = 8, /* of a byte that is no UTF-8, with a space */
	SPARE = 256
};

/* One word behind the other, each on a new line if it does not fit. */
static void
add_folded(struct buf *into, size_t column, struct span value)
{
	bool is_first = true;

	while (value.len > 0) {
		size_t blank = 0;

		while (blank < value.len && value.ptr[blank] == ' ')
			blank++;
		struct span rest = span_slice(value, blank, value.len);
		struct span word = span_slice(rest, 0, span_index(rest, ' '));
		if (!is_first && word.len > 0 &&
		    column + blank + word.len > COMPOSE_LINE) {
			buf_add_char(into, '\n');
			column = 0;
		}
		buf_add(into, span_slice(value, 0, blank + word.len));
		column += blank + word.len;
		value = span_slice(rest, word.len, rest.len);
		is_first = false;
	}
}

static void
add_value(struct buf *into, size_t column, struct span value,
    void (*add_words)(struct buf *into, struct span value))
{
	struct buf line = buf_new(value.len + SPARE);
	struct buf words = buf_new(ENCODED_GROWTH * value.len + SPARE);

	buf_add_char(&line, ' ');
	header_add_unfolded(&line, value);
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.data[i] < ' ' || line.data[i] == 0x7f)
			line.data[i] = ' ';
	add_words(&words, buf_span(&line));
	/* Spaces at the end could become a line of their own, which ends the
	 * header. */
	while (words.len > 1 && words.data[words.len - 1] == ' ')
		words.len--;
	add_folded(into, column, buf_span(&words));
	buf_free(&line);
	buf_free(&words);
}

void
compose_add_value(struct buf *into, size_t column, struct span value)
{
	add_value(into, column, value, words_add_lines);
}

static void
add_field(struct buf *into, struct span name, struct span value,
    void (*add_words)(struct buf *into, struct span value))
{
	buf_add(into, name);
	buf_add_char(into, ':');
	add_value(into, name.len + 1, value, add_words);
	buf_add_char(into, '\n');
}

void
compose_add_field(struct buf *into, struct span name, struct span value)
{
	add_field(into, name, value, words_add_lines);
}

void
compose_add_mailboxes(struct buf *into, struct span name, struct span value)
{
	add_field(into, name, value, words_add_mailboxes);
}

/* Can it be sent as it stands: RFC 5322 section 2.1.1, RFC 2045 section 2.7? */
static bool
is_plain(struct span text)
{
	if (!span_is_ascii(text) || span_index(text, '\0') < text.len)
		return false;
	while (text.len > 0)
		if (span_cut(&text, '\n').len > PLAIN_LINE_MAX)
			return false;
	return true;
}

static struct span
cut_line(struct span *text)
{
	struct span line = span_cut(text, '\n');

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

void
compose_add_text(struct buf *into, struct span text)
{
	struct encoder encoder;
	bool plain = is_plain(text);

	buf_add_string(into, "MIME-Version: 1.0\nContent-Type: text/plain; ");
	buf_add_string(into,
	    plain ? "charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\n"
		  : "charset=utf-8\n"
		    "Content-Transfer-Encoding: quoted-printable\n\n");
	encoder_init(&encoder);
	while (text.len > 0) {
		struct span line = cut_line(&text);

		if (plain) {
			buf_add(into, line);
			buf_add_char(into, '\n');
		} else {
			encoder_add_quoted(&encoder, into, line);
			encoder_end_quoted(&encoder, into);
		}
	}
}
