#include <stdlib.h>
#include <string.h>

#include "store/account_state.h"
#include "store/metadata.h"
#include "store/special_use.h"

/* What is different between two texts of the file: both sorted, and merged. */

struct entry {
	struct span name; /* as the file has it, like all of these */
	struct span folder;
	struct span value;
};

struct entries {
	struct entry *items;
	size_t count;
};

static int
compare_spans(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* An entry keeps the case that it was first written in. */
static int
compare(const void *one, const void *two)
{
	const struct entry *a = one;
	const struct entry *b = two;
	int order = compare_spans(a->folder, b->folder);

	return order != 0 ? order : compare_spans(a->name, b->name);
}

static struct entries
sort_entries(struct span text)
{
	struct entries entries = { .count = 0 };
	size_t room = span_count(text, '\n') + 1;

	entries.items = account_allocate(room, sizeof(*entries.items));
	span_cut(&text, '\n'); /* the version */
	while (text.len > 0) {
		struct span line = span_cut(&text, '\n');
		struct entry *entry = &entries.items[entries.count++];

		entry->name = span_cut(&line, ' ');
		entry->value = span_cut(&line, ' ');
		entry->folder = line;
	}
	qsort(entries.items, entries.count, sizeof(*entries.items), compare);
	return entries;
}

static void
hand_out(const struct entry *entry, struct metadata_line *line,
    void (*take)(void *context, struct span folder, struct span entry),
    void *context)
{
	struct buf text = buf_new(METADATA_FILE_MAX);

	buf_add(&text, entry->name);
	buf_add_char(&text, ' ');
	buf_add_char(&text, ' ');
	buf_add(&text, entry->folder);
	if (metadata_line_parse(line, buf_span(&text)))
		take(context, buf_span(&line->folder), buf_span(&line->entry));
	buf_free(&text);
}

/* A folder may have lines of several uses, and has one value. */
static void
add_uses(const struct account *account, struct buf *into)
{
	struct buf text = special_use_read(account);
	struct buf value = buf_new(256);
	struct span rest = buf_span(&text);

	while (rest.len > 0) {
		struct span folder = span_cut(&rest, '\n');
		uint32_t use = special_use_of_word(span_cut(&folder, ' '));
		uint32_t uses = special_use_of(account, &text, folder);

		if (use == 0 || use != (uses & (~uses + 1)))
			continue;
		buf_clear(&value);
		special_use_put(&value, uses);
		metadata_line_add(
		    into, span_of(special_use_entry), buf_span(&value), folder);
	}
	buf_free(&value);
	buf_free(&text);
}

void
metadata_changes(struct account *account, struct buf *told,
    void (*take)(void *context, struct span folder, struct span entry),
    void *context)
{
	struct buf now = buf_new(told->max);
	struct metadata_line line = metadata_line_new();
	size_t i = 0;
	size_t k = 0;

	account_read_file(account->root, "estafeta-metadata", &now);
	if (now.len == 0)
		buf_add_char(&now, '\n');
	add_uses(account, &now);
	struct entries new = sort_entries(buf_span(&now));
	struct entries old = sort_entries(buf_span(told));
	while (i < new.count || k < old.count) {
		int order = i == new.count ? 1
			    : k == old.count
				? -1
				: compare(&new.items[i], &old.items[k]);

		if (order != 0 ||
		    !span_equal(new.items[i].value, old.items[k].value))
			hand_out(order > 0 ? &old.items[k] : &new.items[i],
			    &line, take, context);
		i += order <= 0;
		k += order >= 0;
	}
	free(new.items);
	free(old.items);
	metadata_line_free(&line);
	buf_free(told);
	*told = now;
}
