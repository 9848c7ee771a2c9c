#include "mail/decoder.h"

#include "mail/contenttype.h"

enum {
	SKIP = 64,
	PAD = 65
};

enum decoder_kind
decoder_kind_of(struct span encoding)
{
	struct span token = content_token(encoding);

	if (token.len == 0 || span_equal_nocase(token, span_of("7bit")) ||
	    span_equal_nocase(token, span_of("8bit")) ||
	    span_equal_nocase(token, span_of("binary")))
		return DECODER_AS_IS;
	if (span_equal_nocase(token, span_of("quoted-printable")))
		return DECODER_QUOTED;
	return span_equal_nocase(token, span_of("base64")) ? DECODER_BASE64
							   : DECODER_UNKNOWN;
}

enum decoder_kind
decoder_kind_with_lines(struct span encoding)
{
	enum decoder_kind kind = decoder_kind_of(encoding);

	return kind == DECODER_AS_IS &&
		       !span_equal_nocase(
			   content_token(encoding), span_of("binary"))
		   ? DECODER_LINES
		   : kind;
}

void
decoder_init(struct decoder *decoder, enum decoder_kind kind)
{
	*decoder = (struct decoder){ .kind = kind };
}

/* ---- base64 ---- */

static unsigned char
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned char)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned char)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned char)(c - '0' + 52);
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return c == '=' ? PAD : SKIP;
}

/* What the digits of an open group hold. */
static void
end_group(struct decoder *decoder, struct buf *out)
{
	if (decoder->digits == 2)
		buf_add_char(out, (char)(decoder->bits >> 4 & 0xff));
	if (decoder->digits == 3) {
		buf_add_char(out, (char)(decoder->bits >> 10 & 0xff));
		buf_add_char(out, (char)(decoder->bits >> 2 & 0xff));
	}
	decoder->is_bad |= decoder->digits == 1;
	decoder->digits = 0;
	decoder->bits = 0;
}

static void
add_base64(struct decoder *decoder, struct buf *out, struct span piece)
{
	size_t most = piece.len / 4 * 3 + 6;
	char *room = buf_room(out, most);
	size_t len = 0;

	if (room == NULL)
		return;
	for (size_t i = 0; i < piece.len; i++) {
		unsigned char value = digit_value(piece.ptr[i]);

		if (value == PAD && decoder->digits > 0) {
			buf_grown(out, len);
			end_group(decoder, out);
			room = buf_room(out, most - len);
			len = 0;
			if (room == NULL)
				return;
			continue;
		}
		if (value >= SKIP) {
			decoder->is_bad |=
			    value == SKIP && piece.ptr[i] != '\r' &&
			    piece.ptr[i] != '\n' && piece.ptr[i] != ' ' &&
			    piece.ptr[i] != '\t';
			continue;
		}
		decoder->bits = decoder->bits << 6 | value;
		if (++decoder->digits < 4)
			continue;
		room[len++] = (char)(decoder->bits >> 16 & 0xff);
		room[len++] = (char)(decoder->bits >> 8 & 0xff);
		room[len++] = (char)(decoder->bits & 0xff);
		decoder->digits = 0;
		decoder->bits = 0;
	}
	buf_grown(out, len);
}

/* ---- quoted-printable ---- */

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
add_spaces(struct decoder *decoder, struct buf *out)
{
	buf_add(out, (struct span){ decoder->spaces, decoder->space_count });
	decoder->space_count = 0;
}

static void add_quoted_char(struct decoder *decoder, struct buf *out, char c);

static void
add_text_char(struct decoder *decoder, struct buf *out, char c)
{
	if (c == '\n') {
		decoder->space_count = 0;
		buf_add_string(out, "\r\n");
	} else if (c == '\r') {
		decoder->state = DECODER_CR;
	} else if (c == ' ' || c == '\t') {
		if (decoder->space_count == DECODER_SPACES_MAX)
			add_spaces(decoder, out);
		decoder->spaces[decoder->space_count++] = c;
	} else {
		add_spaces(decoder, out);
		if (c == '=')
			decoder->state = DECODER_EQUALS;
		else
			buf_add_char(out, c);
	}
}

/* After a '=': two digits, or the line's end, spaces before it. */
static void
add_escaped_char(struct decoder *decoder, struct buf *out, char c)
{
	if (c == '\n') {
		decoder->state = DECODER_TEXT;
	} else if (hex_value(c) != -1) {
		decoder->digit = c;
		decoder->state = DECODER_DIGIT;
	} else if (c != ' ' && c != '\t' && c != '\r') {
		decoder->is_bad = true;
		decoder->state = DECODER_TEXT;
		buf_add_char(out, '=');
		add_quoted_char(decoder, out, c);
	}
}

static void
add_quoted_char(struct decoder *decoder, struct buf *out, char c)
{
	enum {
		HEX = 16
	};

	switch (decoder->state) {
	case DECODER_TEXT:
		add_text_char(decoder, out, c);
		return;
	case DECODER_CR:
		decoder->state = DECODER_TEXT;
		if (c != '\n') {
			add_spaces(decoder, out);
			buf_add_char(out, '\r');
		}
		add_text_char(decoder, out, c);
		return;
	case DECODER_EQUALS:
		add_escaped_char(decoder, out, c);
		return;
	case DECODER_DIGIT:
		decoder->state = DECODER_TEXT;
		if (hex_value(c) != -1) {
			buf_add_char(
			    out, (char)(hex_value(decoder->digit) * HEX +
					hex_value(c)));
			return;
		}
		decoder->is_bad = true;
		buf_add_char(out, '=');
		buf_add_char(out, decoder->digit);
		add_text_char(decoder, out, c);
	}
}

/* How many bytes of piece stand for themselves. */
static size_t
plain_length(struct span piece)
{
	size_t len = 0;

	while (len < piece.len && piece.ptr[len] > ' ' && piece.ptr[len] != '=')
		len++;
	return len;
}

static void
add_quoted(struct decoder *decoder, struct buf *out, struct span piece)
{
	while (piece.len > 0) {
		size_t plain =
		    decoder->state == DECODER_TEXT ? plain_length(piece) : 0;

		if (plain > 0) {
			add_spaces(decoder, out);
			buf_add(out, span_slice(piece, 0, plain));
		} else {
			add_quoted_char(decoder, out, piece.ptr[0]);
			plain = 1;
		}
		piece = span_slice(piece, plain, piece.len);
	}
}

/* ---- lines ---- */

static void
add_lines(struct decoder *decoder, struct buf *out, struct span piece)
{
	while (piece.len > 0) {
		size_t end = span_index(piece, '\n');

		buf_add(out, span_slice(piece, 0, end));
		if (end > 0)
			decoder->state = piece.ptr[end - 1] == '\r'
					     ? DECODER_CR
					     : DECODER_TEXT;
		if (end == piece.len)
			return;
		buf_add_string(
		    out, decoder->state == DECODER_CR ? "\n" : "\r\n");
		decoder->state = DECODER_TEXT;
		piece = span_slice(piece, end + 1, piece.len);
	}
}

void
decoder_add(struct decoder *decoder, struct buf *out, struct span piece)
{
	switch (decoder->kind) {
	case DECODER_AS_IS:
	case DECODER_UNKNOWN:
		buf_add(out, piece);
		return;
	case DECODER_QUOTED:
		add_quoted(decoder, out, piece);
		return;
	case DECODER_BASE64:
		add_base64(decoder, out, piece);
		return;
	case DECODER_LINES:
		add_lines(decoder, out, piece);
	}
}

void
decoder_end(struct decoder *decoder, struct buf *out)
{
	if (decoder->kind == DECODER_BASE64)
		end_group(decoder, out);
	if (decoder->kind != DECODER_QUOTED)
		return;
	if (decoder->state == DECODER_CR)
		buf_add_char(out, '\r');
	if (decoder->state == DECODER_DIGIT) {
		buf_add_char(out, '=');
		buf_add_char(out, decoder->digit);
	}
	decoder->space_count = 0;
}
