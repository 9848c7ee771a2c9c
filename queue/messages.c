/*
 * messages - all that the manager knows, by id.
 */

#include <stdlib.h>

#include "base/die.h"
#include "queue/manager.h"

enum {
	TABLE_FIRST = 1024
};

void
message_list_add(struct message_list *list, struct message *message)
{
	message->next = NULL;
	if (list->first == NULL)
		list->first = message;
	else
		list->last->next = message;
	list->last = message;
}

struct message *
message_list_take(struct message_list *list)
{
	struct message *message = list->first;

	if (message != NULL)
		list->first = message->next;
	return message;
}

/* An id ends with 40 random bits: FNV-1a spreads them well enough. */
static struct message **
chain_of(const struct message_table *table, const char *id)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < QUEUE_ID_LEN; i++)
		hash = (hash ^ (unsigned char)id[i]) * UINT64_C(0x100000001b3);
	return &table->chains[(hash ^ hash >> 32) & (table->size - 1)];
}

static void
grow(struct message_table *table)
{
	struct message_table old = *table;

	table->size = old.size == 0 ? TABLE_FIRST : old.size * 2;
	table->chains = calloc(table->size, sizeof(struct message *));
	if (table->chains == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < old.size; i++) {
		struct message *message = old.chains[i];

		while (message != NULL) {
			struct message *next = message->chain;
			struct message **chain =
			    chain_of(table, message->name.id.text);

			message->chain = *chain;
			*chain = message;
			message = next;
		}
	}
	free(old.chains);
}

struct message *
message_find(const struct manager *manager, struct span id)
{
	struct queue_id wanted;

	if (manager->table.size == 0 || !queue_id_parse(id, &wanted))
		return NULL;
	struct message *message = *chain_of(&manager->table, wanted.text);
	while (
	    message != NULL && !span_equal(id, span_of(message->name.id.text)))
		message = message->chain;
	return message;
}

struct message *
message_add(struct manager *manager, const struct queue_name *name)
{
	struct message_table *table = &manager->table;

	if (message_find(manager, span_of(name->id.text)) != NULL)
		return NULL;
	if (table->count >= table->size)
		grow(table);
	struct message *message = calloc(1, sizeof(*message));
	if (message == NULL)
		temp_fail("out of memory");
	message->name = *name;
	struct message **chain = chain_of(table, name->id.text);
	message->chain = *chain;
	*chain = message;
	table->count++;
	return message;
}

void
message_remove(struct manager *manager, struct message *message)
{
	struct message **link =
	    chain_of(&manager->table, message->name.id.text);

	while (message->errands != NULL)
		errand_remove(manager, message->errands);
	while (*link != message)
		link = &(*link)->chain;
	*link = message->chain;
	manager->table.count--;
	free(message);
}
