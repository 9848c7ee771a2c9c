#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "mail/charset_tables.h"
#include "mail/utf8.h"

enum {
	OUT_SIZE = 2048,
	HALF = 128
};

static const char fallback[] = "windows-1252";

static const char *const utf8_names[] = { "utf-8", "utf8", "us-ascii", "ascii",
	"ansi_x3.4-1968", "iso646-us", "unknown-8bit", "x-unknown", "default",
	"" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* iconv's name for it; false if none could be. */
static bool
iconv_name(struct span charset, char name[CHARSET_NAME_MAX + 1])
{
	if (charset.len == 0 || charset.len > CHARSET_NAME_MAX)
		return false;
	for (size_t i = 0; i < charset.len; i++) {
		char c = ascii_lower(charset.ptr[i]);

		/* '/' would be an option of iconv's, or a path. */
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    strchr("-_.:", c) == NULL)
			return false;
		name[i] = charset.ptr[i];
	}
	name[charset.len] = '\0';
	return true;
}

static iconv_t
open_iconv(struct span charset)
{
	char name[CHARSET_NAME_MAX + 1];

	return iconv_name(charset, name) ? iconv_open("UTF-8", name)
					 : (iconv_t)-1;
}

void
charset_begin(struct charset_stream *stream, struct span charset)
{
	*stream = (struct charset_stream){ .iconv = NULL };
	charset = span_trim(charset);
	if (span_is_one_of(charset, utf8_names, COUNT(utf8_names))) {
		stream->is_guess = true;
		return;
	}
	stream->table = charset_table(charset);
	stream->wide = charset_wide_find(charset);
	if (stream->table != NULL || stream->wide != CHARSET_WIDE_NONE)
		return;
	iconv_t opened = open_iconv(charset);
	if (opened == (iconv_t)-1)
		stream->is_guess = true;
	else
		stream->iconv = opened;
}

bool
charset_is_known(struct span charset)
{
	struct charset_stream stream;

	charset_begin(&stream, charset);
	bool is_known =
	    stream.iconv != NULL || stream.table != NULL ||
	    stream.wide != CHARSET_WIDE_NONE ||
	    span_is_one_of(span_trim(charset), utf8_names, COUNT(utf8_names));
	if (stream.iconv != NULL)
		iconv_close(stream.iconv);
	return is_known;
}

/* Bytes that are no character stay what ISO 8859 has there. */
static void
add_of_table(struct buf *into, const uint16_t *table, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		uint32_t known = c < HALF ? c : table[c - HALF];

		utf8_add(into, known != 0 || c == 0 ? known : c);
	}
}

/* What was not taken because the end cut it off is kept. */
static void
keep(struct charset_stream *stream, struct span rest)
{
	size_t len =
	    rest.len < CHARSET_KEPT_MAX ? rest.len : CHARSET_KEPT_MAX - 1;

	if (len > 0)
		memmove(stream->kept, rest.ptr, len);
	stream->kept_len = len;
}

static struct span
take_converted(
    struct charset_stream *stream, struct buf *into, struct span text)
{
	/* iconv's prototype wants it so; it does not write there. */
	char *in = (char *)(uintptr_t)text.ptr;
	size_t left = text.len;

	while (left > 0) {
		char out[OUT_SIZE];
		char *at = out;
		size_t room = sizeof(out);
		size_t result = iconv(stream->iconv, &in, &left, &at, &room);

		/* It passes on what is no character to others, too. */
		utf8_add_clean(into, (struct span){ out, (size_t)(at - out) });
		if (result != (size_t)-1 || errno == E2BIG)
			continue;
		if (errno == EINVAL && left < CHARSET_KEPT_MAX)
			break;
		utf8_add(into, UTF8_REPLACEMENT);
		in++;
		left--;
	}
	return (struct span){ in, left };
}

/* A guess that proves wrong is windows-1252 from there on. */
static struct span
take_ours(struct charset_stream *stream, struct buf *into, struct span text)
{
	if (stream->table == NULL) {
		struct span whole = utf8_whole(text);

		if (!stream->is_guess || utf8_is_valid(whole)) {
			utf8_add_clean(into, whole);
			return span_slice(text, whole.len, text.len);
		}
		stream->table = charset_table(span_of(fallback));
	}
	add_of_table(into, stream->table, text);
	return (struct span){ "", 0 };
}

/* Up to where the end cuts a character off. */
static struct span
take_wide(struct charset_stream *stream, struct buf *into, struct span text)
{
	while (text.len > 0) {
		uint32_t character;
		size_t len = charset_wide_take(
		    stream->wide, &stream->mode, text, &character);

		if (len == 0)
			break;
		if (character != CHARSET_WIDE_MARK)
			utf8_add(into, character);
		text = span_slice(text, len, text.len);
	}
	return text;
}

static struct span
take(struct charset_stream *stream, struct buf *into, struct span text)
{
	if (stream->wide != CHARSET_WIDE_NONE)
		return take_wide(stream, into, text);
	return stream->iconv != NULL ? take_converted(stream, into, text)
				     : take_ours(stream, into, text);
}

void
charset_piece(
    struct charset_stream *stream, struct buf *into, struct span piece)
{
	while (stream->kept_len > 0 && piece.len > 0) {
		/* Byte by byte until what was cut off is whole. */
		stream->kept[stream->kept_len++] = piece.ptr[0];
		piece = span_slice(piece, 1, piece.len);
		struct span kept = { stream->kept, stream->kept_len };
		keep(stream, take(stream, into, kept));
	}
	if (piece.len > 0)
		keep(stream, take(stream, into, piece));
}

void
charset_end(struct charset_stream *stream, struct buf *into)
{
	struct span kept = { stream->kept, stream->kept_len };

	if (kept.len > 0 && stream->is_guess)
		add_of_table(into, charset_table(span_of(fallback)), kept);
	else if (kept.len > 0)
		utf8_add(into, UTF8_REPLACEMENT);
	if (stream->iconv != NULL)
		iconv_close(stream->iconv);
	*stream = (struct charset_stream){ .iconv = NULL };
}

void
charset_add_utf8(struct buf *into, struct span charset, struct span text)
{
	struct charset_stream stream;

	charset_begin(&stream, charset);
	charset_piece(&stream, into, text);
	charset_end(&stream, into);
}
