/*
 * complete_fuzz - a user's message through what submission does to it: what
 * comes out has each field that must be there, and no Bcc in its header.
 */

#include <stdlib.h>

#include "mail/header.h"
#include "smtpd/complete.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
add_end(struct completion *completion, struct buf *out, struct span line)
{
	const struct completion_facts facts = { .me = span_of("mx.example"),
		.id = span_of("1"),
		.from = span_of("joe"),
		.now_s = 1700000000 };

	completion_add(completion, &facts, out);
	if (line.len > 0)
		buf_add_char(out, '\n');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct completion completion = { .has_line = false };
	struct buf out = buf_new(1 << 20);
	struct span value;

	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');
		enum completion_line what =
		    completion.is_ended ? COMPLETION_KEEP
					: completion_take(&completion, line);

		if (what == COMPLETION_DROP)
			continue;
		if (what == COMPLETION_END)
			add_end(&completion, &out, line);
		buf_add(&out, line);
		buf_add_char(&out, '\n');
	}
	if (!completion.is_ended)
		add_end(&completion, &out, rest);
	struct span header = header_of(buf_span(&out));
	if (!out.overflow && (!header_find(header, "From", &value) ||
				 !header_find(header, "Date", &value) ||
				 !header_find(header, "Message-ID", &value) ||
				 header_find(header, "Bcc", &value)))
		abort();
	buf_free(&out);
	return 0;
}
