/*
 * mime_fuzz - a message of any bytes, in pieces of any size: parts lie in each
 * other, and what IMAP says of them is ASCII without line ends.
 */

#include <stdlib.h>

#include "mail/bodytext.h"
#include "mail/structure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rendering {
	struct mime mime;
	struct structure structure;
	struct bodytext text;
};

static void
take_header(void *context, uint32_t part, struct span header)
{
	struct rendering *rendering = context;

	structure_take_header(
	    &rendering->structure, &rendering->mime, part, header);
	bodytext_take_header(&rendering->text, &rendering->mime, part, header);
}

static void
check_text(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] >= 0x80 ||
		    text->data[i] == '\n' || text->data[i] == '\r' ||
		    text->data[i] == '\0')
			abort();
}

static void
check_parts(const struct mime *mime)
{
	for (uint32_t i = 0; i < mime->count; i++) {
		const struct mime_part *part = &mime->parts[i];

		if (part->header.raw > part->body.raw ||
		    part->body.raw > part->end.raw ||
		    part->body.wire > part->end.wire ||
		    part->end.raw > mime->at.raw)
			abort();
		if (part->parent == MIME_NONE)
			continue;
		const struct mime_part *outer = &mime->parts[part->parent];
		if (outer->body.raw > part->header.raw ||
		    outer->end.raw < part->end.raw)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rendering rendering = { .text = { .parts = NULL } };
	struct buf out = buf_new(64 << 20);
	size_t step = size == 0 ? 1 : 1 + data[size - 1];

	structure_init(&rendering.structure, true, false);
	mime_init(&rendering.mime, take_header, &rendering);
	for (size_t at = 0; at < size; at += step)
		mime_add(&rendering.mime,
		    span_slice(
			(struct span){ (const char *)data, size }, at, step));
	mime_finish(&rendering.mime);
	if (rendering.mime.at.raw != size)
		abort();
	check_parts(&rendering.mime);
	structure_add(&rendering.structure, &rendering.mime, &out);
	check_text(&out);
	buf_clear(&out);
	structure_add_envelope(
	    &out, (struct span){ (const char *)data, size }, false);
	check_text(&out);
	buf_free(&out);
	mime_free(&rendering.mime);
	structure_free(&rendering.structure);
	bodytext_free(&rendering.text);
	return 0;
}
