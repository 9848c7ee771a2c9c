/*
 * listing - the names of one folder in the order of their inodes, which is
 * where the disk has them: read so, a cold queue needs few seeks.
 */

#include <stdlib.h>

#include "base/die.h"
#include "queue/manager.h"

struct listed {
	uint64_t inode;
	struct queue_name name;
};

void
listing_add(
    struct listing *listing, uint64_t inode, const struct queue_name *name)
{
	if (listing->count == listing->room) {
		listing->room = listing->room * 2 + 64;
		listing->items = reallocarray(
		    listing->items, listing->room, sizeof(*listing->items));
		if (listing->items == NULL)
			temp_fail("out of memory");
	}
	listing->items[listing->count++] =
	    (struct listed){ .inode = inode, .name = *name };
	listing->is_sorted = false;
}

static int
compare(const void *a, const void *b)
{
	const struct listed *left = a;
	const struct listed *right = b;

	return (left->inode > right->inode) - (left->inode < right->inode);
}

bool
listing_take(struct listing *listing, struct queue_name *name)
{
	if (!listing->is_sorted && listing->count > 0)
		qsort(listing->items, listing->count, sizeof(*listing->items),
		    compare);
	listing->is_sorted = true;
	if (listing->taken < listing->count) {
		*name = listing->items[listing->taken++].name;
		return true;
	}
	free(listing->items);
	*listing = (struct listing){ .items = NULL };
	return false;
}
