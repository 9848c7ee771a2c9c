#include "mail/encoder.h"

#include <string.h>

void
encoder_init(struct encoder *encoder)
{
	*encoder = (struct encoder){ .column = 0 };
}

static void
put_group(struct encoder *encoder, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *group = encoder->group;
	char text[4] = {
		digits[group[0] >> 2],
		digits[(group[0] & 3) << 4 | group[1] >> 4],
		digits[(group[1] & 15) << 2 | group[2] >> 6],
		digits[group[2] & 63],
	};

	for (size_t i = encoder->group_len + 1; i < sizeof(text); i++)
		text[i] = '=';
	buf_add(out, (struct span){ text, sizeof(text) });
	encoder->column += sizeof(text);
	if (encoder->column == ENCODER_LINE) {
		buf_add_char(out, '\n');
		encoder->column = 0;
	}
	encoder->group_len = 0;
	memset(encoder->group, 0, sizeof(encoder->group));
}

void
encoder_add_base64(struct encoder *encoder, struct buf *out, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		encoder->group[encoder->group_len++] =
		    (unsigned char)bytes.ptr[i];
		if (encoder->group_len == sizeof(encoder->group))
			put_group(encoder, out);
	}
}

void
encoder_end_base64(struct encoder *encoder, struct buf *out)
{
	if (encoder->group_len > 0)
		put_group(encoder, out);
	if (encoder->column > 0)
		buf_add_char(out, '\n');
	encoder_init(encoder);
}

/* One byte, as itself or as =XX; a soft break before it if it does not fit. */
static void
put_quoted(struct encoder *encoder, struct buf *out, char c, bool is_literal)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;
	const char escape[3] = { '=', digits[byte >> 4], digits[byte & 15] };
	size_t len = is_literal ? 1 : sizeof(escape);

	if (encoder->column + len > ENCODER_LINE - 1) {
		buf_add_string(out, "=\n");
		encoder->column = 0;
	}
	buf_add(out, is_literal ? (struct span){ &c, 1 }
				: (struct span){ escape, sizeof(escape) });
	encoder->column += len;
}

/* A line must not begin as a delimiter of a multipart would. */
static bool
is_literal(const struct encoder *encoder, char c)
{
	if (c == '-')
		return encoder->column > 0 &&
		       encoder->column < ENCODER_LINE - 1;
	return c > ' ' && c < 0x7f && c != '=';
}

static void
put_space(struct encoder *encoder, struct buf *out, bool is_last)
{
	char space = encoder->space;

	encoder->space = '\0';
	if (space != '\0')
		put_quoted(encoder, out, space, !is_last);
}

void
encoder_add_quoted(struct encoder *encoder, struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		put_space(encoder, out, false);
		if (c == ' ' || c == '\t')
			encoder->space = c;
		else
			put_quoted(encoder, out, c, is_literal(encoder, c));
	}
}

void
encoder_end_quoted(struct encoder *encoder, struct buf *out)
{
	put_space(encoder, out, true);
	buf_add_char(out, '\n');
	encoder_init(encoder);
}
