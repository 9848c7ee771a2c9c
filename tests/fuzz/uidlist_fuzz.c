/*
 * uidlist_fuzz - lists of any bytes, ours and others': what a line says is
 * written as a line that says the same.
 */

#include <stdlib.h>
#include <string.h>

#include "store/annotations.h"
#include "store/digest.h"
#include "store/quota.h"
#include "store/subscriptions.h"
#include "store/uidlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(struct span one)
{
	struct uidlist_line line = { .kind = UIDLIST_STATE };
	struct uidlist_line again = { .kind = UIDLIST_STATE };
	struct uidlist_header header;
	struct uidlist_foreign foreign;
	struct buf text = buf_new(1 << 16);
	uint32_t validity;
	uint32_t next;

	uidlist_parse_header(one, &header);
	uidlist_parse_foreign(one, &foreign);
	uidlist_parse_foreign_header(one, &validity, &next);
	if (uidlist_parse(one, &line)) {
		uidlist_add(&text, &line);
		text.len--;
		if (!uidlist_parse(buf_span(&text), &again) ||
		    again.kind != line.kind || again.uid != line.uid ||
		    again.flags != line.flags ||
		    again.keywords != line.keywords ||
		    again.modseq != line.modseq ||
		    memcmp(&again.state, &line.state, sizeof(line.state)) != 0)
			abort();
	}
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct buf names = buf_new(1 << 20);
	struct digest digest;
	struct span entry;
	struct span value;
	int64_t octets;
	int64_t messages;

	for (struct span rest = text; rest.len > 0;)
		check_line(span_cut(&rest, '\n'));
	subscriptions_parse(text, &names);
	buf_free(&names);
	quota_parse(text, &octets, &messages);
	for (int g = 0; g < DIGEST_GROUPS; g++)
		digest_read_row(&digest, (enum digest_group)g, 1, text);
	struct span rest = text;
	if (annotations_begin(&rest))
		while (annotations_next(&rest, &entry, &value))
			continue;
	return 0;
}
