#include "aliases/collect.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"

struct span
collection_name(const struct collection *collection, size_t i)
{
	const struct collected *entry = &collection->entries[i];

	return span_slice(
	    buf_span(&collection->bytes), entry->name, entry->name_len);
}

struct span
collection_target(const struct collection *collection, size_t i)
{
	const struct collected *entry = &collection->entries[i];

	return span_slice(buf_span(&collection->bytes),
	    entry->name + entry->name_len, entry->target_len);
}

static int
compare_spans(struct span a, struct span b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* By name, and equal names by line. */
static int
compare_entries(const void *left, const void *right, void *context)
{
	const struct collected *a = left;
	const struct collected *b = right;
	struct span bytes = *(const struct span *)context;
	int order = compare_spans(span_slice(bytes, a->name, a->name_len),
	    span_slice(bytes, b->name, b->name_len));

	return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

static void
add(struct collection *collection, const struct aliases_entry *entry)
{
	if (collection->count == collection->room) {
		collection->room = collection->room * 2 + 64;
		collection->entries = reallocarray(collection->entries,
		    collection->room, sizeof(*collection->entries));
		if (collection->entries == NULL)
			temp_fail("out of memory");
	}
	collection->entries[collection->count++] = (struct collected){
		.name = collection->bytes.len,
		.name_len = entry->name.len,
		.target_len = entry->target.len,
		.line = entry->line,
	};
	buf_add(&collection->bytes, entry->name);
	buf_add(&collection->bytes, entry->target);
	collection->total += entry->name.len + entry->target.len;
	if (entry->target.len > collection->longest)
		collection->longest = entry->target.len;
}

static void
find_doubles(struct collection *collection, const char *path,
    void (*complain)(const char *, unsigned, const char *))
{
	char mend[160];

	for (size_t i = 1; i < collection->count; i++) {
		struct span name = collection_name(collection, i);

		if (!span_equal(name, collection_name(collection, i - 1)))
			continue;
		collection->error_count++;
		snprintf(mend, sizeof(mend),
		    "alias %.*s is already on line %u: join both lines",
		    (int)name.len, name.ptr, collection->entries[i - 1].line);
		complain(path, collection->entries[i].line, mend);
	}
}

void
collection_read(struct collection *collection, const char *path,
    struct span text,
    void (*complain)(const char *path, unsigned line, const char *mend))
{
	struct aliases_reader reader;
	struct aliases_entry entry;
	enum aliases_status status;
	const char *mend;

	*collection = (struct collection){ .bytes = buf_new(SIZE_MAX / 2) };
	aliases_open(&reader, text);
	while ((status = aliases_next(&reader, &entry, &mend)) != ALIASES_END) {
		if (status == ALIASES_OK) {
			add(collection, &entry);
			continue;
		}
		collection->error_count++;
		complain(path, entry.line, mend);
	}
	aliases_close(&reader);
	struct span bytes = buf_span(&collection->bytes);
	if (collection->count > 1)
		qsort_r(collection->entries, collection->count,
		    sizeof(*collection->entries), compare_entries, &bytes);
	find_doubles(collection, path, complain);
}

void
collection_free(struct collection *collection)
{
	buf_free(&collection->bytes);
	free(collection->entries);
	*collection = (struct collection){ .count = 0 };
}

bool
collection_has(const struct collection *collection, struct span name)
{
	for (size_t i = 0; i < collection->count; i++)
		if (span_equal(collection_name(collection, i), name))
			return true;
	return false;
}
