#include "sieve/suggest.h"

enum {
	NAME_MAX_LEN = 32 /* longer ones are not compared */
};

struct suggestion
suggest_for(struct span wrong)
{
	/* A third of the letters may be wrong, and at most two. */
	size_t allowed = wrong.len / 3 < 2 ? wrong.len / 3 : 2;

	return (struct suggestion){ .wrong = wrong, .distance = allowed + 1 };
}

static size_t
smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* How many letters must be put in, left out, changed, or exchanged with the one
 * beside: the optimal string alignment, of three rows. */
static size_t
distance_of(struct span a, struct span b)
{
	size_t rows[3][NAME_MAX_LEN + 1] = { { 0 } };

	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i - 1) % 3];
		const size_t *second = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char c = ascii_lower(a.ptr[i - 1]);
			char d = ascii_lower(b.ptr[j - 1]);

			row[j] = smallest(row[j - 1] + 1, above[j] + 1,
			    above[j - 1] + (c != d));
			if (i > 1 && j > 1 && c == ascii_lower(b.ptr[j - 2]) &&
			    d == ascii_lower(a.ptr[i - 2]) &&
			    second[j - 2] + 1 < row[j])
				row[j] = second[j - 2] + 1;
		}
	}
	return rows[a.len % 3][b.len];
}

void
suggest(struct suggestion *suggestion, const char *name)
{
	struct span right = span_of(name);
	struct span wrong = suggestion->wrong;

	if (wrong.len > NAME_MAX_LEN || right.len > NAME_MAX_LEN)
		return;
	size_t distance = distance_of(wrong, right);
	if (distance < suggestion->distance) {
		suggestion->best = name;
		suggestion->distance = distance;
	}
}
