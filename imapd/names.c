#include "imapd/names.h"

#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/die.h"

enum {
	BUCKETS_AT_FIRST = 1024
};

struct name {
	size_t start;
	size_t len;
	uint64_t hash;
};

static size_t
count_of(const struct names *names)
{
	return names->items.len / sizeof(struct name);
}

static const struct name *
item(const struct names *names, uint32_t number)
{
	return (const struct name *)(const void *)names->items.data + number;
}

static struct span
text_of(const struct names *names, uint32_t number)
{
	const struct name *name = item(names, number);

	return span_slice(buf_span(&names->texts), name->start, name->len);
}

struct names
names_new(void)
{
	const struct name nobody = { 0, 0, 0 };
	struct names names = { .texts = buf_new(NAMES_BYTES_MAX),
		.items = buf_new((NAMES_MAX + 1) * sizeof(struct name)),
		.bucket_count = BUCKETS_AT_FIRST };

	names.buckets = calloc(names.bucket_count, sizeof(*names.buckets));
	if (names.buckets == NULL)
		temp_fail("out of memory");
	if (getrandom(&names.secret, sizeof(names.secret), 0) !=
	    (ssize_t)sizeof(names.secret))
		temp_fail("no random numbers");
	buf_add(&names.items,
	    (struct span){ (const char *)&nobody, sizeof(nobody) });
	return names;
}

void
names_free(struct names *names)
{
	buf_free(&names->texts);
	buf_free(&names->items);
	free(names->buckets);
}

/* Its bucket, or the one that is free for it. */
static size_t
find(const struct names *names, struct span text, uint64_t hash)
{
	size_t at = hash & (names->bucket_count - 1);

	while (names->buckets[at] != 0 &&
	       (item(names, names->buckets[at])->hash != hash ||
		   !span_equal(text_of(names, names->buckets[at]), text)))
		at = (at + 1) & (names->bucket_count - 1);
	return at;
}

static void
grow(struct names *names)
{
	names->bucket_count *= 2;
	free(names->buckets);
	names->buckets = calloc(names->bucket_count, sizeof(*names->buckets));
	if (names->buckets == NULL)
		temp_fail("out of memory");
	for (uint32_t i = 1; i < count_of(names); i++) {
		size_t at = item(names, i)->hash & (names->bucket_count - 1);

		while (names->buckets[at] != 0)
			at = (at + 1) & (names->bucket_count - 1);
		names->buckets[at] = i;
	}
}

uint32_t
names_number(struct names *names, struct span text)
{
	uint64_t hash = XXH3_64bits_withSeed(text.ptr, text.len, names->secret);
	size_t at = find(names, text, hash);

	if (names->buckets[at] != 0)
		return names->buckets[at];
	size_t count = count_of(names);
	if (count > NAMES_MAX || text.len > NAMES_BYTES_MAX - names->texts.len)
		return 0;
	const struct name name = { names->texts.len, text.len, hash };
	buf_add(&names->texts, text);
	buf_add(
	    &names->items, (struct span){ (const char *)&name, sizeof(name) });
	names->buckets[at] = (uint32_t)count;
	if (count * 2 > names->bucket_count)
		grow(names);
	return (uint32_t)count;
}
