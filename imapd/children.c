#include "imapd/children.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"

struct children
children_new(void)
{
	return (struct children){ .names = buf_new(CHILDREN_BYTES_MAX) };
}

void
children_free(struct children *children)
{
	free(children->sorted);
	buf_free(&children->names);
	*children = children_new();
}

bool
children_add(struct children *children, struct span name)
{
	buf_add(&children->names, name);
	buf_add_char(&children->names, '\n');
	return !children->names.overflow;
}

static int
compare_bytes(struct span a, struct span b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare(const void *left, const void *right)
{
	return compare_bytes(
	    *(const struct span *)left, *(const struct span *)right);
}

void
children_sort(struct children *children)
{
	struct span names = buf_span(&children->names);
	size_t count = 0;

	for (struct span rest = names; rest.len > 0; count++)
		span_cut(&rest, '\n');
	free(children->sorted);
	children->sorted = calloc(count + 1, sizeof(*children->sorted));
	if (children->sorted == NULL)
		temp_fail("out of memory");
	children->count = count;
	for (size_t i = 0; i < count; i++)
		children->sorted[i] = span_cut(&names, '\n');
	qsort(children->sorted, count, sizeof(*children->sorted), compare);
}

bool
children_has_name(const struct children *children, struct span name)
{
	return children->count > 0 &&
	       bsearch(&name, children->sorted, children->count,
		   sizeof(*children->sorted), compare) != NULL;
}

/* The order of name and of all that begins with "PARENT/": 0 if it does. */
static int
compare_below(struct span name, struct span parent)
{
	int order = compare_bytes(span_slice(name, 0, parent.len), parent);

	if (order != 0)
		return order;
	return name.len == parent.len
		   ? -1
		   : (int)(unsigned char)name.ptr[parent.len] - '/';
}

bool
children_has_below(const struct children *children, struct span parent)
{
	size_t low = 0;
	size_t high = children->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_below(children->sorted[middle], parent);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
