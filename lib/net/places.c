#include "net/places.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"

void
places_init(struct places *places)
{
	places->taken = 0;
	places->all = calloc(PLACES_MAX, sizeof(*places->all));
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
	place->held[0] = place->held[1] = -1;
	places->taken++;
	return place;
}

void
place_let_go(struct place *place)
{
	for (size_t i = 0; i < 2; i++) {
		if (place->held[i] != -1)
			close(place->held[i]);
		place->held[i] = -1;
	}
}

bool
places_leave(struct places *places, pid_t pid)
{
	for (size_t i = 0; i < PLACES_MAX; i++) {
		if (places->all[i].pid != pid)
			continue;
		places->all[i].pid = 0;
		place_let_go(&places->all[i]);
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

		if (place->pid == 0)
			continue;
		seen++;
		if (memcmp(place->network, network, 16) == 0)
			count++;
	}
	return count;
}
