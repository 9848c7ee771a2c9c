#include "sieve/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"

enum {
	PIECE = 16 << 10 /* what is taken from the system at once */
};

struct piece {
	struct piece *next;
	size_t used;
	size_t size;
	max_align_t data[]; /* so that what is taken is aligned for all */
};

struct sieve_arena {
	struct piece *pieces; /* the first has the room */
	size_t left;          /* of max */
};

struct sieve_arena *
sieve_arena_new(size_t max)
{
	struct sieve_arena *arena = calloc(1, sizeof(*arena));

	if (arena == NULL)
		temp_fail("out of memory");
	arena->left = max;
	return arena;
}

void
sieve_arena_free(struct sieve_arena *arena)
{
	if (arena == NULL)
		return;
	while (arena->pieces != NULL) {
		struct piece *piece = arena->pieces;

		arena->pieces = piece->next;
		free(piece);
	}
	free(arena);
}

/* What does not fit into the first piece gets one of its own; the emptier of
 * the two stays first. */
static struct piece *
add_piece(struct sieve_arena *arena, size_t size)
{
	size_t room = size < PIECE ? PIECE : size;
	struct piece *first = arena->pieces;
	struct piece *piece = calloc(1, sizeof(*piece) + room);

	if (piece == NULL)
		temp_fail("out of memory");
	piece->size = room;
	if (first != NULL && first->size - first->used > room - size) {
		piece->next = first->next;
		first->next = piece;
	} else {
		piece->next = first;
		arena->pieces = piece;
	}
	return piece;
}

void *
sieve_arena_take(struct sieve_arena *arena, size_t size)
{
	size_t unit = _Alignof(max_align_t);
	struct piece *piece = arena->pieces;

	if (size > arena->left || arena->left - size < unit)
		return NULL;
	/* Never 0: each is at a place of its own. */
	size_t taken = size == 0 ? unit : (size + unit - 1) / unit * unit;
	if (piece == NULL || piece->size - piece->used < taken)
		piece = add_piece(arena, taken);
	void *place = (char *)piece->data + piece->used;
	piece->used += taken;
	arena->left -= taken;
	return place;
}

struct span
sieve_arena_copy(struct sieve_arena *arena, struct span bytes)
{
	char *place = sieve_arena_take(arena, bytes.len);

	if (place == NULL)
		return (struct span){ NULL, 0 };
	if (bytes.len > 0)
		memcpy(place, bytes.ptr, bytes.len);
	return (struct span){ place, bytes.len };
}
