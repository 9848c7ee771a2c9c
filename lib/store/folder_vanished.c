#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "store/folder_state.h"

/* A range that is asked for, cut to what is not there now. */
static void
take_range(struct folder *folder, uint32_t first, uint32_t last,
    void (*take)(void *context, uint32_t first, uint32_t last), void *context)
{
	for (size_t i = folder_find(folder, first);
	     i < folder->count && folder->items[i].message.uid <= last; i++) {
		uint32_t uid = folder->items[i].message.uid;

		if (folder->items[i].message.is_expunged)
			continue;
		if (uid > first)
			take(context, first, uid - 1);
		first = uid + 1;
	}
	if (first <= last)
		take(context, first, last);
}

struct range {
	uint32_t first;
	uint32_t last;
};

static int
compare_ranges(const void *left, const void *right)
{
	uint32_t a = ((const struct range *)left)->first;
	uint32_t b = ((const struct range *)right)->first;

	return a == b ? 0 : a < b ? -1 : 1;
}

/* The ranges of the list that went after modseq; false if it cannot be read. */
static bool
read_ranges(const struct folder *folder, uint64_t modseq, struct buf *ranges)
{
	struct buf text = buf_new((size_t)UINT32_MAX);
	struct uidlist_line line = { .kind = UIDLIST_STATE };
	bool is_read = folder->list != -1 &&
		       lseek(folder->list, 0, SEEK_SET) == 0 &&
		       read_all(folder->list, &text, ACCOUNT_READ_MS) == IO_OK;

	for (struct span rest = buf_span(&text); is_read && rest.len > 0;) {
		struct span one = span_cut(&rest, '\n');

		if (!span_starts(one, span_of("- ")) ||
		    !uidlist_parse(one, &line) || line.modseq <= modseq)
			continue;
		const struct range range = { line.uid, line.last_uid };
		buf_add(ranges,
		    (struct span){ (const char *)&range, sizeof(range) });
	}
	buf_free(&text);
	return is_read && !ranges->overflow;
}

bool
folder_vanished(struct folder *folder, uint64_t modseq,
    void (*take)(void *context, uint32_t first, uint32_t last), void *context)
{
	struct buf bytes = buf_new((size_t)UINT32_MAX);
	uint32_t done = 0;
	bool is_known = modseq >= folder->vanished_since &&
			read_ranges(folder, modseq, &bytes);

	if (!is_known) {
		buf_free(&bytes);
		if (folder->uid_next > 1)
			take_range(
			    folder, 1, folder->uid_next - 1, take, context);
		return false;
	}
	struct range *ranges = (struct range *)(void *)bytes.data;
	size_t count = bytes.len / sizeof(*ranges);
	if (count > 0)
		qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < count; i++) {
		struct range range = ranges[i];

		while (i + 1 < count && ranges[i + 1].first <= range.last + 1)
			if (ranges[++i].last > range.last)
				range.last = ranges[i].last;
		if (range.first <= done)
			range.first = done + 1;
		if (range.first <= range.last)
			take_range(
			    folder, range.first, range.last, take, context);
		done = range.last;
	}
	buf_free(&bytes);
	return true;
}

/* ---- expunged, and still in the view ---- */

void
folder_drop_expunged(struct folder *folder,
    void (*take)(void *context, size_t i, uint32_t uid), void *context)
{
	size_t kept = 0;

	for (size_t i = folder->count; i > 0 && take != NULL; i--)
		if (folder->items[i - 1].message.is_expunged)
			take(context, i - 1, folder->items[i - 1].message.uid);
	for (size_t i = 0; i < folder->count; i++) {
		if (folder->items[i].message.is_expunged)
			continue;
		if (kept != i)
			folder->items[kept] = folder->items[i];
		kept++;
	}
	folder->count = kept;
	folder->gone_modseq = 0;
}

uint64_t
folder_gone_modseq(const struct folder *folder)
{
	return folder->gone_modseq;
}
