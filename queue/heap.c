#include <stdlib.h>

#include "base/die.h"
#include "queue/manager.h"

static void
place(struct heap *heap, size_t index, struct message *message)
{
	heap->items[index] = message;
	message->heap_index = index;
}

static void
rise(struct heap *heap, size_t index, struct message *message)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (heap->items[parent]->next_try <= message->next_try)
			break;
		place(heap, index, heap->items[parent]);
		index = parent;
	}
	place(heap, index, message);
}

static void
sink(struct heap *heap, size_t index, struct message *message)
{
	for (;;) {
		size_t child = index * 2 + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap->items[child + 1]->next_try <
			heap->items[child]->next_try)
			child++;
		if (heap->items[child]->next_try >= message->next_try)
			break;
		place(heap, index, heap->items[child]);
		index = child;
	}
	place(heap, index, message);
}

void
heap_add(struct heap *heap, struct message *message)
{
	if (heap->count == heap->room) {
		heap->room = heap->room * 2 + 64;
		heap->items =
		    reallocarray(heap->items, heap->room, sizeof(*heap->items));
		if (heap->items == NULL)
			temp_fail("out of memory");
	}
	rise(heap, heap->count++, message);
}

struct message *
heap_first(const struct heap *heap)
{
	return heap->count == 0 ? NULL : heap->items[0];
}

void
heap_remove(struct heap *heap, struct message *message)
{
	size_t index = message->heap_index;
	struct message *last = heap->items[--heap->count];

	if (last == message)
		return;
	if (index > 0 &&
	    heap->items[(index - 1) / 2]->next_try > last->next_try)
		rise(heap, index, last);
	else
		sink(heap, index, last);
}
