#include "mail/edit.h"

#include <string.h>

#include "mail/header.h"

/* Where a field stands in its block. */
struct place {
	size_t start;
	size_t len; /* with its last LF */
};

/*
 * The index-th field of that name (NULL: of any); the block's end if there are
 * fewer.
 */
static struct place
find(struct span header, size_t index, const struct span *name)
{
	struct span rest = header;
	struct span found;
	struct span value;

	while (header_next(&rest, &found, &value)) {
		size_t start = (size_t)(found.ptr - header.ptr);

		if (name != NULL && !span_equal_nocase(found, *name))
			continue;
		if (index-- > 1)
			continue;
		return (struct place){ start, header.len - rest.len - start };
	}
	return (struct place){ header.len, 0 };
}

/* Put "name:value" LF where the place was. */
static void
replace(
    struct buf *header, struct place place, struct span name, struct span value)
{
	size_t len = name.len + value.len + 2;
	size_t tail = header->len - place.start - place.len;

	if (buf_room(header, len) == NULL)
		return;
	char *at = header->data + place.start;
	memmove(at + len, at + place.len, tail);
	memcpy(at, name.ptr, name.len);
	at[name.len] = ':';
	if (value.len > 0)
		memcpy(at + name.len + 1, value.ptr, value.len);
	at[len - 1] = '\n';
	header->len = place.start + len + tail;
}

void
edit_add(struct buf *header, struct span name, struct span value)
{
	replace(header, (struct place){ header->len, 0 }, name, value);
}

void
edit_insert(
    struct buf *header, size_t index, struct span name, struct span value)
{
	struct place place = find(buf_span(header), index, NULL);

	place.len = 0;
	replace(header, place, name, value);
}

void
edit_change(
    struct buf *header, size_t index, struct span name, struct span value)
{
	replace(header, find(buf_span(header), index, &name), name, value);
}

/* One pass, whatever the header holds: what stays moves up. */
void
edit_delete(struct buf *header, size_t index, struct span name)
{
	struct span rest = buf_span(header);
	struct span found;
	struct span value;
	size_t kept = 0;  /* bytes that are in their place */
	size_t taken = 0; /* bytes looked at */
	size_t seen = 0;

	while (header_next(&rest, &found, &value)) {
		size_t end = header->len - rest.len;

		if (!span_equal_nocase(found, name) ||
		    (++seen != index && index != 0))
			continue;
		size_t start = (size_t)(found.ptr - header->data);
		memmove(
		    header->data + kept, header->data + taken, start - taken);
		kept += start - taken;
		taken = end;
	}
	if (taken == 0)
		return;
	memmove(header->data + kept, header->data + taken, header->len - taken);
	header->len -= taken - kept;
}
