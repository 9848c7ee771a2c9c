#include "net/places.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"

void
places_init(struct places *places)
{
	places->taken = 0;
	places->free = 0;
	places->all = calloc(PLACES_ALL, sizeof(*places->all));
	if (places->all == NULL)
		temp_fail("out of memory");
}

struct place *
places_take(struct places *places, pid_t pid, const unsigned char network[16])
{
	struct place *place = places->all;

	while (place->pid != 0)
		place++;
	place->pid = pid;
	memcpy(place->network, network, 16);
	for (size_t i = 0; i < PLACES_HELD; i++)
		place->held[i][0] = place->held[i][1] = -1;
	place->again = -1;
	place->is_free = false;
	places->taken++;
	return place;
}

void
place_let_go(struct place *place, size_t i)
{
	int *pair = place->held[i];

	if (pair[0] == -1)
		return;
	close(pair[0]);
	close(pair[1]);
	pair[0] = pair[1] = -1;
}

void
place_set_free(struct places *places, struct place *place, bool is_free)
{
	if (place->is_free == is_free)
		return;
	place->is_free = is_free;
	*(is_free ? &places->free : &places->taken) += 1;
	*(is_free ? &places->taken : &places->free) -= 1;
}

struct place *
places_find_free(const struct places *places, const unsigned char address[16])
{
	uint64_t seen = 0;

	for (size_t i = 0; seen < places->free; i++) {
		struct place *place = &places->all[i];

		if (!place->is_free)
			continue;
		seen++;
		if (memcmp(place->address, address, 16) == 0)
			return place;
	}
	return NULL;
}

void
place_send_away(struct place *place)
{
	if (place->again != -1)
		close(place->again);
	place->again = -1;
}

bool
places_leave(struct places *places, pid_t pid)
{
	for (size_t i = 0; i < PLACES_ALL; i++) {
		struct place *place = &places->all[i];

		if (place->pid != pid)
			continue;
		place->pid = 0;
		for (size_t held = 0; held < PLACES_HELD; held++)
			place_let_go(place, held);
		place_send_away(place);
		place_set_free(places, place, false);
		places->taken--;
		return true;
	}
	return false;
}

uint64_t
places_of_network(const struct places *places, const unsigned char network[16])
{
	uint64_t count = 0;
	uint64_t seen = 0;

	for (size_t i = 0; seen < places->taken; i++) {
		const struct place *place = &places->all[i];

		if (place->pid == 0 || place->is_free)
			continue;
		seen++;
		if (memcmp(place->network, network, 16) == 0)
			count++;
	}
	return count;
}
