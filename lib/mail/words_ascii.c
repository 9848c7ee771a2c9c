/*
 * words_ascii - text of header fields as ASCII: words_add_ascii and its like.
 */

#include "mail/base64.h"
#include "mail/utf8.h"
#include "mail/words.h"

enum {
	CHUNK = 39,        /* bytes that base64 makes 52 of: 75 with the rest */
	UNBROKEN_MAX = 900 /* of the 998 that a line may have, with a name */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t
blank_length(struct span text)
{
	size_t len = 0;

	while (len < text.len && is_blank(text.ptr[len]))
		len++;
	return len;
}

/* Where a word of text ends; a string in quotes is one. */
static size_t
word_length(struct span text)
{
	bool is_quoted = false;
	size_t len = 0;

	for (; len < text.len; len++) {
		char c = text.ptr[len];

		if (c == '\\' && is_quoted)
			len++;
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (is_blank(c) && !is_quoted)
			break;
	}
	return len < text.len ? len : text.len;
}

/* Chunks that cut no character of UTF-8. */
static void
add_encoded(struct buf *into, struct span text)
{
	const char *charset =
	    utf8_is_valid(text) ? "=?UTF-8?B?" : "=?unknown-8bit?B?";

	while (text.len > 0) {
		struct span chunk = span_slice(text, 0, CHUNK);

		if (chunk.len < text.len && utf8_whole(chunk).len > 0)
			chunk = utf8_whole(chunk);
		buf_add_string(into, charset);
		base64_add(into, chunk);
		buf_add_string(into, "?=");
		text = span_slice(text, chunk.len, text.len);
		if (text.len > 0)
			buf_add_char(into, ' ');
	}
}

/* May it stand as it is?  unbroken_max: bytes in a row without a space. */
static bool
is_plain(struct span word, size_t unbroken_max)
{
	if (!span_is_ascii(word))
		return false;
	while (word.len > unbroken_max)
		if (span_cut(&word, ' ').len > unbroken_max)
			return false;
	return true;
}

static void
add_ascii(struct buf *into, struct span value, size_t unbroken_max)
{
	while (value.len > 0) {
		size_t blank = blank_length(value);

		buf_add(into, span_slice(value, 0, blank));
		value = span_slice(value, blank, value.len);
		struct span word = span_slice(value, 0, word_length(value));
		struct span next = span_slice(value, word.len, value.len);
		bool is_whole = is_plain(word, unbroken_max);
		size_t gap = blank_length(next);
		/* The space between two encoded words would be lost. */
		while (!is_whole && gap > 0 && gap < next.len) {
			size_t more =
			    word_length(span_slice(next, gap, next.len));

			if (is_plain(span_slice(next, gap, more), unbroken_max))
				break;
			word.len += gap + more;
			next = span_slice(next, gap + more, next.len);
			gap = blank_length(next);
		}
		if (is_whole)
			buf_add(into, word);
		else
			add_encoded(into, word);
		value = span_slice(value, word.len, value.len);
	}
}

void
words_add_ascii(struct buf *into, struct span value)
{
	add_ascii(into, value, SIZE_MAX);
}

void
words_add_lines(struct buf *into, struct span value)
{
	add_ascii(into, value, UNBROKEN_MAX);
}

/* ---- lists of mailboxes ---- */

/* With a space where a name ends without one: before '<' and behind ','. */
static void
add_spaced(struct buf *into, struct span value)
{
	bool is_quoted = false;
	char before = ' ';

	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (!is_quoted && !is_blank(c) && !is_blank(before) &&
		    (c == '<' || before == ','))
			buf_add_char(into, ' ');
		buf_add_char(into, c);
		if (c == '\\' && is_quoted && i + 1 < value.len)
			buf_add_char(into, value.ptr[++i]);
		else if (c == '"')
			is_quoted = !is_quoted;
		before = c;
	}
}

/* An '@' outside of quotes is no name's. */
static bool
is_address(struct span word)
{
	bool is_quoted = false;

	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] == '\\' && is_quoted)
			i++;
		else if (word.ptr[i] == '"')
			is_quoted = !is_quoted;
		else if (word.ptr[i] == '@' && !is_quoted)
			return true;
	}
	return false;
}

void
words_add_mailboxes(struct buf *into, struct span value)
{
	struct buf spaced = buf_new(2 * value.len + 1);

	add_spaced(&spaced, value);
	struct span names = buf_span(&spaced);
	size_t len = 0;
	while (len < names.len) {
		struct span rest = span_slice(names, len, names.len);
		size_t blank = blank_length(rest);
		struct span word = span_slice(rest, blank, rest.len);

		word.len = word_length(word);
		if (is_address(word)) {
			words_add_lines(into, span_slice(names, 0, len));
			buf_add(into, span_slice(rest, 0, blank + word.len));
			names = span_slice(rest, blank + word.len, rest.len);
			len = 0;
		} else {
			len += blank + word.len;
		}
	}
	words_add_lines(into, names);
	buf_free(&spaced);
}
