#include "imapd/set.h"

#include <stdlib.h>

#include "store/folder.h"

static bool
parse_bound(struct parse *parse, uint32_t *bound)
{
	uint64_t number = 0;

	if (!parse_char(parse, '*') &&
	    (!parse_number(parse, UINT32_MAX, &number) || number == 0))
		return false;
	*bound = (uint32_t)number;
	return true;
}

bool
set_parse(struct set *set, struct parse *parse)
{
	*set = (struct set){ .ranges = buf_new(
				 SET_RANGES_MAX * sizeof(struct set_range)) };
	if (parse_char(parse, '$')) {
		set->is_saved = true;
		return true;
	}
	do {
		struct set_range range;

		if (!parse_bound(parse, &range.first))
			return false;
		range.last = range.first;
		if (parse_char(parse, ':') && !parse_bound(parse, &range.last))
			return false;
		buf_add(&set->ranges,
		    (struct span){ (const char *)&range, sizeof(range) });
	} while (parse_char(parse, ','));
	return !set->ranges.overflow;
}

size_t
set_count(const struct set *set)
{
	return set->ranges.len / sizeof(struct set_range);
}

struct set_range
set_range(const struct set *set, size_t i)
{
	return ((const struct set_range *)(const void *)set->ranges.data)[i];
}

void
set_free(struct set *set)
{
	buf_free(&set->ranges);
}

struct picks
picks_new(void)
{
	return (struct picks){ buf_new(SIZE_MAX / 2) };
}

void
picks_add(struct picks *picks, size_t i)
{
	buf_add(&picks->indexes, (struct span){ (const char *)&i, sizeof(i) });
}

size_t
picks_count(const struct picks *picks)
{
	return picks->indexes.len / sizeof(size_t);
}

const size_t *
picks_items(const struct picks *picks)
{
	return (const size_t *)(const void *)picks->indexes.data;
}

void
picks_keep_partial(struct picks *picks, const struct partial *partial)
{
	size_t first;
	size_t end;

	partial_bounds(partial, picks_count(picks), &first, &end);
	picks->indexes.len = end * sizeof(size_t);
	buf_drop(&picks->indexes, first * sizeof(size_t));
}

void
picks_free(struct picks *picks)
{
	buf_free(&picks->indexes);
}

static int
compare_ranges(const void *left, const void *right)
{
	uint32_t a = ((const struct set_range *)left)->first;
	uint32_t b = ((const struct set_range *)right)->first;

	return a == b ? 0 : a < b ? -1 : 1;
}

static struct set_range
in_order(struct set_range range, uint32_t star)
{
	uint32_t first = range.first == 0 ? star : range.first;
	uint32_t last = range.last == 0 ? star : range.last;

	return first <= last ? (struct set_range){ first, last }
			     : (struct set_range){ last, first };
}

struct set
set_merged(const struct set *set, uint32_t star)
{
	size_t count = set_count(set);
	struct set merged = { .ranges = buf_new(set->ranges.len) };
	size_t end = 0; /* of those that are merged */

	for (size_t i = 0; i < count; i++) {
		struct set_range range = in_order(set_range(set, i), star);

		set_add(&merged, range.first, range.last);
	}
	struct set_range *ranges =
	    (struct set_range *)(void *)merged.ranges.data;
	if (count > 0)
		qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < count; i++) {
		struct set_range *last = end > 0 ? &ranges[end - 1] : NULL;

		if (last == NULL || (last->last != UINT32_MAX &&
					last->last + 1 < ranges[i].first))
			ranges[end++] = ranges[i];
		else if (ranges[i].last > last->last)
			last->last = ranges[i].last;
	}
	merged.ranges.len = end * sizeof(*ranges);
	return merged;
}

/* [first, end) of a view's indexes. */
static void
add_run(struct picks *picks, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		picks_add(picks, i);
}

static bool
pick_range(const struct folder *folder, struct set_range range, bool is_uid,
    struct picks *picks)
{
	size_t count = folder_count(folder);

	if (!is_uid) {
		if (range.first == 0 || range.last > count)
			return false;
		add_run(picks, range.first - 1, range.last);
		return true;
	}
	size_t end = range.last == UINT32_MAX
			 ? count
			 : folder_find(folder, range.last + 1);
	add_run(picks, folder_find(folder, range.first), end);
	return true;
}

bool
set_pick(const struct set *set, const struct folder *folder, bool is_uid,
    struct picks *picks)
{
	size_t count = folder_count(folder);
	uint32_t star = (uint32_t)count;
	bool is_good = true;

	if (is_uid && count > 0)
		star = folder_message(folder, count - 1)->uid;
	struct set merged = set_merged(set, star);
	*picks = picks_new();
	for (size_t i = 0; is_good && i < set_count(&merged); i++)
		is_good =
		    pick_range(folder, set_range(&merged, i), is_uid, picks);
	set_free(&merged);
	return is_good;
}

struct set_text
set_text_new(void)
{
	return (struct set_text){ .text = buf_new(SIZE_MAX / 2) };
}

static void
put_range(struct set_text *text)
{
	if (text->first == 0)
		return;
	if (text->text.len > 0)
		buf_add_char(&text->text, ',');
	buf_printf(&text->text, "%u", text->first);
	if (text->last != text->first)
		buf_printf(&text->text, ":%u", text->last);
}

void
set_text_add_range(struct set_text *text, uint32_t first, uint32_t last)
{
	if (text->first == 0 || first != text->last + 1) {
		put_range(text);
		text->first = first;
	}
	text->last = last;
}

void
set_text_add(struct set_text *text, uint32_t number)
{
	set_text_add_range(text, number, number);
}

struct buf
set_text_end(struct set_text *text)
{
	put_range(text);
	text->first = 0;
	return text->text;
}

void
set_add(struct set *set, uint32_t first, uint32_t last)
{
	const struct set_range range = { first, last };

	buf_add(
	    &set->ranges, (struct span){ (const char *)&range, sizeof(range) });
}

void
set_all(struct set *set)
{
	*set = (struct set){ .ranges = buf_new(sizeof(struct set_range)) };
	set_add(set, 1, 0);
}
