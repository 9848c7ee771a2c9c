#ifndef IMAPD_FOREST_H
#define IMAPD_FOREST_H

/*
 * forest - trees of numbers that are linked and cut, and which tree one is in.
 *
 * A link-cut tree (Sleator and Tarjan, 1983): a step costs O(log n) over all
 * of them, however deep the trees are, and none recurses.
 *
 * Memory   12 bytes a number; forest_free.
 */

#include "base/buf.h"

struct forest {
	struct buf links; /* of struct forest_link, [0] is nobody */
};

struct forest forest_new(void);
void forest_free(struct forest *forest);

/* One more, a tree by itself: 1, 2, 3, ... */
uint32_t forest_add(struct forest *forest);

/* The root of the tree that it is in. */
uint32_t forest_root(struct forest *forest, uint32_t number);

/* child, a root, goes below parent, which is of another tree. */
void forest_link(struct forest *forest, uint32_t child, uint32_t parent);

/* child, which is no root, becomes one, with all that is below it. */
void forest_cut(struct forest *forest, uint32_t child);

#endif
