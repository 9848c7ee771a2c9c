#include "service/resumption.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static struct resumption_slot *
ways_of(struct resumption *sessions, const unsigned char id[KEY_ID_LEN])
{
	uint64_t set =
	    XXH3_64bits(id, KEY_ID_LEN) % (RESUMPTION_SLOTS / RESUMPTION_WAYS);

	return &sessions->slots[set * RESUMPTION_WAYS];
}

static void
clear(struct resumption_slot *slot)
{
	if (slot->bytes != NULL)
		explicit_bzero(slot->bytes, slot->len);
	free(slot->bytes);
	*slot = (struct resumption_slot){ .bytes = NULL };
}

bool
resumption_store(struct resumption *sessions, const struct key_request *request)
{
	struct resumption_slot *ways = ways_of(sessions, request->id);
	struct resumption_slot *slot = ways;

	if (request->len == 0)
		return false;
	for (size_t i = 1; i < RESUMPTION_WAYS; i++)
		if (ways[i].turn < slot->turn)
			slot = &ways[i]; /* a free one has turn 0 */
	clear(slot);
	slot->bytes = malloc(request->len);
	if (slot->bytes == NULL)
		return false;
	memcpy(slot->bytes, request->bytes, request->len);
	memcpy(slot->id, request->id, KEY_ID_LEN);
	slot->len = request->len;
	slot->turn = ++sessions->turns;
	return true;
}

void
resumption_fetch(struct resumption *sessions,
    const unsigned char id[KEY_ID_LEN], struct key_answer *answer)
{
	struct resumption_slot *ways = ways_of(sessions, id);

	answer->is_good = 0;
	answer->len = 0;
	for (size_t i = 0; i < RESUMPTION_WAYS; i++) {
		struct resumption_slot *slot = &ways[i];

		if (slot->bytes == NULL ||
		    memcmp(slot->id, id, KEY_ID_LEN) != 0)
			continue;
		memcpy(answer->bytes, slot->bytes, slot->len);
		answer->len = slot->len;
		answer->is_good = 1;
		clear(slot);
		return;
	}
}
