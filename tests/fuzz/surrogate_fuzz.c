/*
 * surrogate_fuzz - any message, cut anywhere: its first header comes out in
 * ASCII, and the same however it is cut.
 */

#include <stdlib.h>

#include "mail/surrogate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
add(struct surrogate *surrogate, struct buf *out, struct span bytes)
{
	if (surrogate_passes(surrogate, bytes))
		buf_add(out, bytes);
	else
		surrogate_add(surrogate, out, bytes);
}

static struct buf
convert(struct span text, size_t cut)
{
	struct surrogate surrogate;
	struct buf out = buf_new(64 << 20);

	surrogate_init(&surrogate);
	add(&surrogate, &out, span_slice(text, 0, cut));
	add(&surrogate, &out, span_slice(text, cut, text.len));
	surrogate_end(&surrogate, &out);
	surrogate_free(&surrogate);
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };

	if (size < 1)
		return 0;
	text = span_slice(text, 1, text.len);
	struct buf whole = convert(text, text.len);
	struct buf pieces =
	    convert(text, text.len == 0 ? 0 : data[0] % text.len);
	struct buf header = buf_new(64 << 20);
	surrogate_add_header(&header, text);
	if (!span_is_ascii(buf_span(&header)) ||
	    !span_equal(buf_span(&whole), buf_span(&pieces)))
		abort();
	buf_free(&whole);
	buf_free(&pieces);
	buf_free(&header);
	return 0;
}
