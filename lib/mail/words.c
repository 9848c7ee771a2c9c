#include "mail/words.h"

#include "mail/base64.h"
#include "mail/charset.h"
#include "mail/decoder.h"
#include "mail/header.h"
#include "mail/utf8.h"

enum {
	WORD_MAX = 2000, /* mail of the world ignores the limit of 75 */
	WORD_FRAME = 7,  /* "=?", "?B?" and "?=" */
	WORD_LEAST = 16, /* of a word's text on a line that has other text */
	LINE_MAX_WANTED = 76,
	SPARE = 64
};

struct word {
	struct span charset;
	bool is_base64;
	struct span text;
	size_t len; /* of all of it */
};

/* "=?charset*language?B?text?=" at the start of text. */
static bool
read_word(struct span text, struct word *word)
{
	struct span rest = span_slice(text, 2, WORD_MAX);

	if (!span_starts(text, span_of("=?")))
		return false;
	size_t end = span_index(rest, '?');
	word->charset = span_slice(rest, 0, end);
	word->charset.len = span_index(word->charset, '*');
	rest = span_slice(rest, end + 1, rest.len);
	if (word->charset.len == 0 || rest.len < 4 || rest.ptr[1] != '?' ||
	    span_index(word->charset, ' ') < word->charset.len)
		return false;
	char encoding = ascii_lower(rest.ptr[0]);
	if (encoding != 'b' && encoding != 'q')
		return false;
	word->is_base64 = encoding == 'b';
	rest = span_slice(rest, 2, rest.len);
	end = span_index(rest, '?');
	/* A '?' within is not allowed, and is there. */
	while (end + 1 < rest.len && rest.ptr[end + 1] != '=')
		end += 1 + span_index(span_slice(rest, end + 1, rest.len), '?');
	if (end + 1 >= rest.len)
		return false;
	word->text = span_slice(rest, 0, end);
	word->len = (size_t)(rest.ptr + end + 2 - text.ptr);
	return true;
}

/* Append the bytes that the word holds. */
static void
add_bytes(struct buf *into, const struct word *word)
{
	struct decoder decoder;
	size_t start = into->len;

	decoder_init(
	    &decoder, word->is_base64 ? DECODER_BASE64 : DECODER_QUOTED);
	if (word->is_base64) {
		decoder_add(&decoder, into, word->text);
	} else {
		struct span rest = word->text;

		while (rest.len > 0) {
			size_t plain = span_index(rest, '_');

			decoder_add(&decoder, into, span_slice(rest, 0, plain));
			if (plain < rest.len)
				decoder_add(&decoder, into, span_of("=20"));
			rest = span_slice(rest, plain + 1, rest.len);
		}
		/* Spaces are no line's end here. */
		decoder_add(&decoder, into, span_of("=2E"));
		if (into->len > start)
			into->len--;
	}
	decoder_end(&decoder, into);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Space between two words, which may have folds in it. */
static size_t
gap_length(struct span text)
{
	size_t len = 0;

	for (;;) {
		struct span rest = span_slice(text, len, text.len);
		size_t fold = span_starts(rest, span_of("\r\n")) ? 2
			      : span_starts(rest, span_of("\n")) ? 1
								 : 0;

		if (fold < rest.len && is_blank(rest.ptr[fold]))
			len += fold + 1;
		else
			return len;
	}
}

/*
 * Words that follow each other, as far as they have one character set: a
 * character may be cut in two between them.
 */
static struct span
take_words(struct buf *into, struct span text, struct word word)
{
	struct buf bytes = buf_new(text.len + 64);
	struct span charset = word.charset;

	for (;;) {
		add_bytes(&bytes, &word);
		text = span_slice(text, word.len, text.len);
		size_t gap = gap_length(text);
		struct span next = span_slice(text, gap, text.len);
		if (!read_word(next, &word))
			break;
		text = next;
		if (!span_equal_nocase(charset, word.charset))
			break;
	}
	charset_add_utf8(into, charset, buf_span(&bytes));
	buf_free(&bytes);
	return text;
}

static size_t
plain_length(struct span text)
{
	size_t len = 0;
	struct word word;

	while (len < text.len) {
		len += span_index(span_slice(text, len, text.len), '=');
		if (len >= text.len ||
		    read_word(span_slice(text, len, text.len), &word))
			break;
		len++;
	}
	return len < text.len ? len : text.len;
}

void
words_add_decoded(struct buf *into, struct span value)
{
	struct buf text = buf_new(value.len);
	size_t start = into->len;

	header_add_unfolded(&text, value);
	struct span rest = buf_span(&text);
	while (rest.len > 0) {
		struct word word;
		size_t plain = plain_length(rest);

		charset_add_utf8(
		    into, span_of("utf-8"), span_slice(rest, 0, plain));
		rest = span_slice(rest, plain, rest.len);
		if (rest.len > 0 && read_word(rest, &word))
			rest = take_words(into, rest, word);
	}
	for (size_t i = start; i < into->len; i++)
		if ((unsigned char)into->data[i] < ' ' || into->data[i] == 0x7f)
			into->data[i] = ' ';
	buf_free(&text);
}

/* ---- to another character set ---- */

/* An encoded word that is not yet full. */
struct encoding {
	struct buf *into;
	struct charset_writer *writer;
	struct span charset;
	bool is_base64;
	struct buf bytes; /* in the set */
	size_t room;      /* of the line */
};

/* No further than it matters: lines may be of any length. */
static size_t
column_of(const struct buf *text)
{
	size_t len = 0;

	while (len < text->len && len < LINE_MAX_WANTED &&
	       text->data[text->len - 1 - len] != '\n')
		len++;
	return len;
}

/* May it stand for itself wherever a word may be?  RFC 2047 section 5. */
static bool
is_plain_in_word(char c)
{
	return ascii_is_alnum(c) || c == '!' || c == '*' || c == '+' ||
	       c == '-' || c == '/';
}

static size_t
encoded_length(const struct encoding *encoding, struct span more)
{
	size_t count = encoding->bytes.len + more.len;
	size_t len = WORD_FRAME + encoding->charset.len;

	if (encoding->is_base64)
		return len + (count + 2) / 3 * 4;
	for (size_t i = 0; i < count; i++) {
		char c = i < encoding->bytes.len
			     ? encoding->bytes.data[i]
			     : more.ptr[i - encoding->bytes.len];

		len += is_plain_in_word(c) || c == ' ' ? 1 : 3;
	}
	return len;
}

static void
end_word(struct encoding *encoding)
{
	struct buf *into = encoding->into;
	struct span bytes = buf_span(&encoding->bytes);

	buf_add_string(into, "=?");
	buf_add(into, encoding->charset);
	buf_add_string(into, encoding->is_base64 ? "?B?" : "?Q?");
	if (encoding->is_base64)
		base64_add(into, bytes);
	for (size_t i = 0; !encoding->is_base64 && i < bytes.len; i++) {
		char c = bytes.ptr[i];

		if (c == ' ')
			buf_add_char(into, '_');
		else if (is_plain_in_word(c))
			buf_add_char(into, c);
		else
			buf_printf(into, "=%02X", (unsigned)(unsigned char)c);
	}
	buf_add_string(into, "?=");
	buf_clear(&encoding->bytes);
}

/* A line of its own, if too little is left of this one. */
static void
begin_words(struct encoding *encoding)
{
	struct buf *into = encoding->into;
	size_t column = column_of(into);
	size_t least = WORD_FRAME + encoding->charset.len + WORD_LEAST;

	if (column > 1 && column + least > LINE_MAX_WANTED &&
	    is_blank(into->data[into->len - 1])) {
		into->len--;
		buf_add_string(into, "\r\n ");
		column = 1;
	}
	encoding->room = column + least > LINE_MAX_WANTED
			     ? WORDS_ENCODED_MAX
			     : LINE_MAX_WANTED - column;
}

/*
 * Words of text, none of which cuts a character.  Of nothing one, too: a line
 * that has no other is not left empty, which would end the header.
 */
static void
add_words(struct encoding *encoding, struct span text)
{
	struct buf bytes = buf_new(CHARSET_REPLACEMENT_MAX);

	encoding->bytes = buf_new(WORDS_ENCODED_MAX);
	begin_words(encoding);
	while (text.len > 0) {
		struct span rest = text;

		utf8_next(&rest);
		buf_clear(&bytes);
		charset_writer_add(encoding->writer, &bytes,
		    span_slice(text, 0, text.len - rest.len));
		text = rest;
		if (bytes.len > 0 && encoding->bytes.len > 0 &&
		    encoded_length(encoding, buf_span(&bytes)) >
			encoding->room) {
			end_word(encoding);
			buf_add_string(encoding->into, "\r\n ");
			encoding->room = WORDS_ENCODED_MAX;
		}
		buf_add(&encoding->bytes, buf_span(&bytes));
	}
	end_word(encoding);
	buf_free(&bytes);
	buf_free(&encoding->bytes);
}

void
words_add_converted(struct buf *into, struct span text,
    struct charset_writer *writer, struct span charset)
{
	struct encoding encoding = {
		.into = into, .writer = writer, .charset = charset
	};
	struct buf utf8 = buf_new(4 * text.len + SPARE);

	while (text.len > 0) {
		struct word word;
		size_t plain = plain_length(text);

		buf_add(into, span_slice(text, 0, plain));
		text = span_slice(text, plain, text.len);
		if (text.len == 0 || !read_word(text, &word))
			continue;
		if (!charset_is_known(word.charset)) {
			buf_add(into, span_slice(text, 0, word.len));
			text = span_slice(text, word.len, text.len);
			continue;
		}
		buf_clear(&utf8);
		encoding.is_base64 = word.is_base64;
		text = take_words(&utf8, text, word);
		add_words(&encoding, buf_span(&utf8));
		/* Its gap was taken with what is before it. */
		if (read_word(text, &word))
			buf_add_string(into, "\r\n ");
	}
	buf_free(&utf8);
}
