#include "imapd/forest.h"

#include <assert.h>

/*
 * Each path of a tree is a splay tree of its own, by depth: the left is what
 * is above.  The root of one has the path's parent as up.
 */
struct forest_link {
	uint32_t left;
	uint32_t right;
	uint32_t up;
};

static struct forest_link *
link_of(struct forest *forest, uint32_t number)
{
	return (struct forest_link *)(void *)forest->links.data + number;
}

uint32_t
forest_add(struct forest *forest)
{
	const struct forest_link none = { 0, 0, 0 };
	const struct span bytes = { (const char *)&none, sizeof(none) };

	if (forest->links.len == 0)
		buf_add(&forest->links, bytes);
	uint32_t number = (uint32_t)(forest->links.len / sizeof(none));
	buf_add(&forest->links, bytes);
	return number;
}

struct forest
forest_new(void)
{
	return (struct forest){ buf_new(
	    sizeof(struct forest_link) * (size_t)UINT32_MAX) };
}

void
forest_free(struct forest *forest)
{
	buf_free(&forest->links);
}

static bool
is_top(struct forest *forest, uint32_t x)
{
	uint32_t up = link_of(forest, x)->up;

	return up == 0 || (link_of(forest, up)->left != x &&
			      link_of(forest, up)->right != x);
}

/* x takes the place of the one above it. */
static void
rotate(struct forest *forest, uint32_t x)
{
	struct forest_link *link = link_of(forest, x);
	uint32_t y = link->up;
	struct forest_link *above = link_of(forest, y);
	uint32_t z = above->up;
	struct forest_link *top = link_of(forest, z);
	uint32_t inner;

	if (!is_top(forest, y)) {
		if (top->left == y)
			top->left = x;
		else
			top->right = x;
	}
	if (above->left == x) {
		inner = link->right;
		above->left = inner;
		link->right = y;
	} else {
		inner = link->left;
		above->right = inner;
		link->left = y;
	}
	if (inner != 0)
		link_of(forest, inner)->up = y;
	above->up = x;
	link->up = z;
}

static void
splay(struct forest *forest, uint32_t x)
{
	while (!is_top(forest, x)) {
		uint32_t y = link_of(forest, x)->up;

		if (!is_top(forest, y)) {
			uint32_t z = link_of(forest, y)->up;
			bool is_straight = (link_of(forest, z)->left == y) ==
					   (link_of(forest, y)->left == x);

			rotate(forest, is_straight ? y : x);
		}
		rotate(forest, x);
	}
}

/* All that is above x is on one path with it, and x is that one's top. */
static void
expose(struct forest *forest, uint32_t x)
{
	splay(forest, x);
	link_of(forest, x)->right = 0;
	while (link_of(forest, x)->up != 0) {
		uint32_t y = link_of(forest, x)->up;

		splay(forest, y);
		link_of(forest, y)->right = x;
		splay(forest, x);
	}
}

uint32_t
forest_root(struct forest *forest, uint32_t number)
{
	expose(forest, number);
	while (link_of(forest, number)->left != 0)
		number = link_of(forest, number)->left;
	splay(forest, number);
	return number;
}

void
forest_link(struct forest *forest, uint32_t child, uint32_t parent)
{
	expose(forest, child);
	assert(link_of(forest, child)->left == 0);
	link_of(forest, child)->up = parent;
}

void
forest_cut(struct forest *forest, uint32_t child)
{
	expose(forest, child);
	uint32_t above = link_of(forest, child)->left;
	assert(above != 0);
	link_of(forest, above)->up = 0;
	link_of(forest, child)->left = 0;
}
