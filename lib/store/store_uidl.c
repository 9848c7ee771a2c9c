#include <stdlib.h>
#include <string.h>

#include "store/store_kind.h"

/*
 * Which unique id each message has: another server's, unless two would have the
 * same (RFC 1939 section 7).
 */

enum {
	ROUNDS_MAX = 8
};

struct choice {
	const char *uidl;
	size_t message;
	bool is_foreign;
};

void
store_add_facts(struct store *store, const struct uidl_facts *facts)
{
	struct buf uidl = buf_new(4096);

	if (store->formats != NULL && uidl_make(&uidl, store->formats, facts))
		store->messages[store->count - 1].foreign_uidl =
		    store_copy(buf_span(&uidl));
	buf_free(&uidl);
}

/* Our own before another's, older before younger. */
static int
compare(const void *left, const void *right)
{
	const struct choice *a = left;
	const struct choice *b = right;
	int order = strcmp(a->uidl, b->uidl);

	if (order != 0)
		return order;
	if (a->is_foreign != b->is_foreign)
		return a->is_foreign ? 1 : -1;
	return a->message < b->message ? -1 : a->message > b->message;
}

static void
drop_foreign(struct store_message *message)
{
	free(message->foreign_uidl);
	message->foreign_uidl = NULL;
}

/* Who is not the first of those with one id keeps ours; true if any did. */
static bool
drop_doubles(struct store *store, struct choice *choices)
{
	bool is_changed = false;

	for (size_t i = 0; i < store->count; i++) {
		const struct store_message *message = &store->messages[i];
		bool is_foreign = message->foreign_uidl != NULL;

		choices[i] = (struct choice){ is_foreign ? message->foreign_uidl
							 : message->uidl,
			i, is_foreign };
	}
	qsort(choices, store->count, sizeof(*choices), compare);
	for (size_t i = store->count; i-- > 1;) {
		if (!choices[i].is_foreign ||
		    strcmp(choices[i].uidl, choices[i - 1].uidl) != 0)
			continue;
		drop_foreign(&store->messages[choices[i].message]);
		is_changed = true;
	}
	return is_changed;
}

/* What was dropped may be another's in turn; that has an end. */
void
store_settle_uidls(struct store *store)
{
	struct choice *choices;
	int round = 0;

	if (store->formats == NULL || store->count == 0)
		return;
	choices = store_allocate(NULL, store->count, sizeof(*choices));
	while (drop_doubles(store, choices) && ++round < ROUNDS_MAX)
		;
	free(choices);
	for (size_t i = 0; i < store->count; i++) {
		struct store_message *message = &store->messages[i];

		if (round == ROUNDS_MAX)
			drop_foreign(message);
		if (message->foreign_uidl == NULL)
			continue;
		free(message->uidl);
		message->uidl = message->foreign_uidl;
		message->foreign_uidl = NULL;
	}
}
