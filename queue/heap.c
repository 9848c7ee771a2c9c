#include <stdlib.h>

#include "base/die.h"
#include "queue/manager.h"

static void
place(struct heap *heap, size_t index, struct errand *errand)
{
	heap->items[index] = errand;
	errand->heap_index = index;
}

static void
rise(struct heap *heap, size_t index, struct errand *errand)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (heap->items[parent]->due <= errand->due)
			break;
		place(heap, index, heap->items[parent]);
		index = parent;
	}
	place(heap, index, errand);
}

static void
sink(struct heap *heap, size_t index, struct errand *errand)
{
	for (;;) {
		size_t child = index * 2 + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap->items[child + 1]->due < heap->items[child]->due)
			child++;
		if (heap->items[child]->due >= errand->due)
			break;
		place(heap, index, heap->items[child]);
		index = child;
	}
	place(heap, index, errand);
}

void
heap_add(struct heap *heap, struct errand *errand)
{
	if (heap->count == heap->room) {
		heap->room = heap->room * 2 + 64;
		heap->items =
		    reallocarray(heap->items, heap->room, sizeof(*heap->items));
		if (heap->items == NULL)
			temp_fail("out of memory");
	}
	rise(heap, heap->count++, errand);
}

struct errand *
heap_first(const struct heap *heap)
{
	return heap->count == 0 ? NULL : heap->items[0];
}

void
heap_remove(struct heap *heap, struct errand *errand)
{
	size_t index = errand->heap_index;
	struct errand *last = heap->items[--heap->count];

	if (last == errand)
		return;
	if (index > 0 && heap->items[(index - 1) / 2]->due > last->due)
		rise(heap, index, last);
	else
		sink(heap, index, last);
}

void
heap_order(struct heap *heap)
{
	for (size_t i = heap->count / 2; i-- > 0;)
		sink(heap, i, heap->items[i]);
}
