/*
 * filter_fuzz - filter(5): any bytes are a record or are refused; what is an
 * edit may be applied, and leaves a header that has no more than it said.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/edit.h"
#include "queue/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
count_ends(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\n' &&
		    (i + 1 == text.len ||
			(text.ptr[i + 1] != ' ' && text.ptr[i + 1] != '\t')))
			count++;
	return count;
}

/* One field more, one less, or as many: never a line that nobody wrote. */
static void
apply(const struct filter_answer *answer)
{
	struct buf header = buf_new(32768);
	size_t before;

	buf_add_string(&header, "Subject: a\n\tb\nX: 1\nX: 2\nFrom: c\n");
	before = count_ends(buf_span(&header));
	if (answer->edit == FILTER_ADD)
		edit_add(&header, answer->name, answer->value);
	else if (answer->edit == FILTER_INSERT)
		edit_insert(&header, (size_t)answer->index, answer->name,
		    answer->value);
	else if (answer->edit == FILTER_CHANGE)
		edit_change(&header, (size_t)answer->index, answer->name,
		    answer->value);
	else if (answer->edit == FILTER_DELETE)
		edit_delete(&header, (size_t)answer->index, answer->name);
	size_t after = count_ends(buf_span(&header));
	if (after > before + 1 || (header.len > 0 && after == 0))
		abort();
	buf_free(&header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct filter_request request;
	struct filter_answer answer;
	struct filter_answer again;
	struct buf packet = buf_new(1 << 20);

	if (filter_parse_request(bytes, &request)) {
		filter_add_request(&packet, &request);
		if (!filter_parse_request(buf_span(&packet), &request))
			abort();
	}
	buf_clear(&packet);
	if (filter_parse_answer(bytes, &answer)) {
		filter_add_answer(&packet, &answer);
		if (!filter_parse_answer(buf_span(&packet), &again) ||
		    again.edit != answer.edit ||
		    again.verdict != answer.verdict)
			abort();
		apply(&answer);
	}
	buf_free(&packet);
	return 0;
}
