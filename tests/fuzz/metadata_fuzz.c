/*
 * metadata_fuzz - any line is one of estafeta-metadata or not; what it says is
 * within its limits, and the same when it is written again.
 */

#include <stdint.h>
#include <stdlib.h>

#include "store/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct metadata_line line = metadata_line_new();
	struct metadata_line again = metadata_line_new();
	struct buf text = buf_new(METADATA_FILE_MAX);

	if (metadata_line_parse(
		&line, (struct span){ (const char *)data, size })) {
		struct span entry = buf_span(&line.entry);

		if (!metadata_is_within(entry, entry, 0) ||
		    line.value.len > METADATA_VALUE_MAX)
			abort();
		metadata_line_add(&text, entry, buf_span(&line.value),
		    buf_span(&line.folder));
		if (!metadata_line_parse(
			&again, span_slice(buf_span(&text), 0, text.len - 1)) ||
		    !span_equal(buf_span(&again.value), buf_span(&line.value)))
			abort();
	}
	metadata_line_free(&line);
	metadata_line_free(&again);
	buf_free(&text);
	return 0;
}
