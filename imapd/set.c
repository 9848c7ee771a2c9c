#include "imapd/set.h"

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
picks_free(struct picks *picks)
{
	buf_free(&picks->indexes);
}

/* Set the bits of [first, end). */
static void
mark(struct buf *bits, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		bits->data[i / 8] |= (char)(1 << (i % 8));
}

static bool
mark_range(const struct folder *folder, struct set_range range, bool is_uid,
    struct buf *bits)
{
	size_t count = folder_count(folder);
	uint32_t star = (uint32_t)count;

	if (is_uid && count > 0)
		star = folder_message(folder, count - 1)->uid;
	uint32_t first = range.first == 0 ? star : range.first;
	uint32_t last = range.last == 0 ? star : range.last;
	if (first > last) {
		uint32_t swap = first;

		first = last;
		last = swap;
	}
	if (!is_uid) {
		if (first == 0 || last > count)
			return false;
		mark(bits, first - 1, last);
		return true;
	}
	size_t end = last == UINT32_MAX ? count : folder_find(folder, last + 1);
	mark(bits, folder_find(folder, first), end);
	return true;
}

bool
set_pick(const struct set *set, const struct folder *folder, bool is_uid,
    struct picks *picks)
{
	size_t count = folder_count(folder);
	struct buf bits = buf_new(count / 8 + 1);
	bool is_good = true;

	*picks = picks_new();
	char *bytes = buf_room(&bits, count / 8 + 1);
	for (size_t i = 0; i < count / 8 + 1; i++)
		bytes[i] = 0;
	for (size_t i = 0; is_good && i < set_count(set); i++)
		is_good = mark_range(folder, set_range(set, i), is_uid, &bits);
	for (size_t i = 0; is_good && i < count; i++)
		if ((bytes[i / 8] >> (i % 8) & 1) != 0)
			picks_add(picks, i);
	buf_free(&bits);
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

static void
intersect(struct set_range a, struct set_range b, struct set_text *text)
{
	uint32_t low = b.first;
	uint32_t high = b.last;

	if (high != 0 && (low == 0 || low > high)) {
		low = b.last;
		high = b.first;
	}
	if (high == 0)
		high = UINT32_MAX;
	uint32_t first = a.first > low ? a.first : low;
	uint32_t last = a.last < high ? a.last : high;
	if (first <= last)
		set_text_add_range(text, first, last);
}

void
set_intersect(
    const struct set *set, const struct set *wanted, struct set_text *text)
{
	struct set all;

	set_all(&all);
	if (set_count(wanted) == 0)
		wanted = &all;
	for (size_t i = 0; i < set_count(set); i++)
		for (size_t k = 0; k < set_count(wanted); k++)
			intersect(
			    set_range(set, i), set_range(wanted, k), text);
	set_free(&all);
}
