/*
 * words_fuzz - header text of any bytes: decoded it is UTF-8 without control
 * bytes, encoded it is ASCII; names in modified UTF-7 have one form.
 */

#include <stdlib.h>

#include "mail/bodytext.h"
#include "mail/date.h"
#include "mail/threading.h"
#include "mail/utf7.h"
#include "mail/utf8.h"
#include "mail/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(struct span text)
{
	struct buf name = buf_new(1 << 20);
	struct buf again = buf_new(1 << 20);

	if (utf7_decode(&name, text, "./") &&
	    (!utf8_is_valid(buf_span(&name)) ||
		!utf7_encode(&again, buf_span(&name), "./") ||
		!span_equal(buf_span(&again), text)))
		abort();
	buf_free(&name);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct buf out = buf_new(16 << 20);
	int64_t seconds;
	int32_t zone;

	words_add_decoded(&out, text);
	if (!utf8_is_valid(buf_span(&out)))
		abort();
	for (size_t i = 0; i < out.len; i++)
		if ((unsigned char)out.data[i] < ' ')
			abort();
	buf_clear(&out);
	words_add_ascii(&out, text);
	if (!span_is_ascii(buf_span(&out)))
		abort();
	buf_clear(&out);
	words_add_lines(&out, text);
	if (!span_is_ascii(buf_span(&out)))
		abort();
	buf_clear(&out);
	subject_add_base(&out, text);
	message_ids_add(&out, text, 100);
	utf8_add_folded(&out, text);
	bodytext_add_preview(&out, text, true, 200);
	bodytext_add_preview(&out, text, false, 200);
	date_parse(text, &seconds, &zone);
	check_name(text);
	buf_free(&out);
	return 0;
}
