/*
 * convert_fuzz - text of any bytes in another form: the first byte chooses the
 * conversion, the second how long the pieces are, the third the character sets.
 * In pieces it is what it is as a whole, and text/plain in UTF-8 is UTF-8
 * without a bare LF; a header keeps its fields, gets no line that is empty or
 * nothing but space, and is no longer than it may grow.
 */

#include <stdlib.h>
#include <string.h>

#include "mail/convert.h"
#include "mail/header.h"
#include "mail/header_convert.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_lines(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\n' && (i == 0 || text.ptr[i - 1] != '\r'))
			abort();
}

static void
convert(struct buf *out, enum convert_kind kind, const char *source,
    const char *target, struct span bytes, size_t step)
{
	struct bodytext_part part = { .encoding = DECODER_AS_IS };
	struct charset_writer writer;
	struct convert_text text;

	part.charset_len = strlen(source);
	memcpy(part.charset, source, part.charset_len);
	if (!charset_writer_init(&writer, span_of(target)) ||
	    !charset_writer_replace(&writer, span_of("?")))
		abort();
	text.kind = kind;
	text.part = &part;
	text.writer = &writer;
	text.charset = span_of(target);
	convert_text_begin(&text, out);
	for (; bytes.len > 0; bytes = span_slice(bytes, step, bytes.len))
		convert_text_piece(&text, out, span_slice(bytes, 0, step));
	convert_text_end(&text, out);
	if (out->overflow || writer.is_lossy)
		abort();
	check_lines(buf_span(out));
}

/* Fields, or lines with nothing but space. */
static size_t
count_fields(struct span header, bool is_blank)
{
	size_t count = 0;

	while (header.len > 0) {
		size_t len = is_blank ? span_index(header, '\n') + 1
				      : header_field_length(header);
		struct span one = span_slice(header, 0, len);

		count += !is_blank || span_trim(one).len == 0;
		header = span_slice(header, len, header.len);
	}
	return count;
}

static void
convert_header(struct span header, const char *target)
{
	struct charset_writer writer;
	struct buf out = buf_new(64 << 20);

	charset_writer_init(&writer, span_of(target));
	header_add_converted(&out, header, &writer, span_of(target));
	if (out.overflow ||
	    count_fields(header, false) !=
		count_fields(buf_span(&out), false) ||
	    count_fields(header, true) < count_fields(buf_span(&out), true))
		abort();
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of one byte: what a guess proves to be depends on the pieces. */
	static const char *const sources[] = { "iso-8859-1", "koi8-r",
		"shift_jis", "gb18030" };
	static const char *const targets[] = { "utf-8", "us-ascii",
		"iso-8859-2", "koi8-r" };
	static const enum convert_kind kinds[] = { CONVERT_FROM_HTML,
		CONVERT_TO_HTML, CONVERT_CHARSET };
	struct buf whole = buf_new(256 << 20);
	struct buf pieces = buf_new(256 << 20);

	if (size < 3)
		return 0;
	struct span bytes = { (const char *)data + 3, size - 3 };
	const char *source = sources[data[2] % 4];
	const char *target = targets[data[2] / 4 % 4];
	if (data[0] % 4 == 3) {
		convert_header(bytes, target);
		return 0;
	}
	convert(
	    &whole, kinds[data[0] % 4], source, target, bytes, SIZE_MAX / 2);
	convert(&pieces, kinds[data[0] % 4], source, target, bytes,
	    1 + data[1] % 8);
	if (!span_equal(buf_span(&whole), buf_span(&pieces)) ||
	    (data[2] / 4 % 4 == 0 && !utf8_is_valid(buf_span(&whole))))
		abort();
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
