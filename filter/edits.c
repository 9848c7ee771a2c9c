#include "filter/edits.h"

#include <string.h>

struct edits
edits_new(void)
{
	return (struct edits){ .packets = buf_new(EDITS_BYTES_MAX) };
}

void
edits_clear(struct edits *edits)
{
	buf_clear(&edits->packets);
	edits->is_bad = false;
}

void
edits_free(struct edits *edits)
{
	buf_free(&edits->packets);
}

void
edits_keep(struct edits *edits, const struct filter_answer *edit)
{
	struct buf packet = buf_new(PACKET_MAX);
	struct filter_answer checked;

	filter_add_answer(&packet, edit);
	uint32_t len = (uint32_t)packet.len;
	if (packet.overflow ||
	    !filter_parse_answer(buf_span(&packet), &checked))
		edits->is_bad = true;
	buf_add(
	    &edits->packets, (struct span){ (const char *)&len, sizeof(len) });
	buf_add(&edits->packets, buf_span(&packet));
	if (edits->packets.overflow)
		edits->is_bad = true;
	buf_free(&packet);
}

bool
edits_send(const struct edits *edits, int session)
{
	struct span rest = buf_span(&edits->packets);
	uint32_t len;

	if (edits->is_bad)
		return false;
	while (rest.len > sizeof(len)) {
		memcpy(&len, rest.ptr, sizeof(len));
		if (!packet_send(
			session, span_slice(rest, sizeof(len), len), NULL, 0))
			return false;
		rest = span_slice(rest, sizeof(len) + len, rest.len);
	}
	return true;
}
