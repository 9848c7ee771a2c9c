/*
 * active - a message while it is open: its file, envelope and slots.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/die.h"
#include "queue/destinations.h"
#include "queue/marks.h"

/* The state of its recipients: all waiting, if this is the first time. */
static bool
read_slots(struct active *active, bool was_tried)
{
	uint64_t count = active->file.slot_count;

	active->slots = calloc(count, sizeof(*active->slots));
	active->marks = calloc(count, 1);
	active->in_hand = calloc(count, 1);
	if (active->slots == NULL || active->marks == NULL ||
	    active->in_hand == NULL)
		temp_fail("out of memory");
	for (uint64_t i = 0; i < count; i++)
		active->slots[i].state = SLOT_WAITING;
	for (uint64_t i = 0; was_tried && i < count; i++)
		if (!slot_read(&active->file, i, &active->slots[i]))
			return false;
	return true;
}

/* What was opened so far; errno stays. */
static void
let_go(struct active *active)
{
	int error = errno;

	queue_file_free(&active->file);
	if (active->fd != -1)
		close(active->fd);
	free(active->slots);
	free(active->marks);
	free(active->in_hand);
	free(active);
	errno = error;
}

void
active_close(struct manager *manager, struct message *message)
{
	marks_leave(manager, message);
	let_go(message->active);
	message->active = NULL;
	manager->active_count--;
}

struct active *
active_begin(const struct spool *spool, const struct message *message)
{
	struct active *active = calloc(1, sizeof(*active));
	char path[96];

	if (active == NULL)
		temp_fail("out of memory");
	spool_cur_path(&message->name, path);
	active->fd =
	    openat(spool->top, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (active->fd != -1)
		return active;
	let_go(active);
	return NULL;
}

/* What an administrator has changed; of a new one he cannot have. */
static void
read_marks(struct active *active)
{
	queue_file_route(&active->file, active->route);
	queue_file_take_tls(&active->file);
}

struct active *
active_read(const struct message *message, struct active *begun)
{
	if (queue_file_read(&begun->file, begun->fd, &message->name)) {
		queue_file_take_release(&begun->file);
		if (message->is_retry)
			read_marks(begun);
		if (read_slots(begun, message->is_retry))
			return begun;
	}
	let_go(begun);
	return NULL;
}

void
active_adopt(
    struct manager *manager, struct message *message, struct active *active)
{
	message->active = active;
	manager->active_count++;
}

bool
active_open(struct manager *manager, struct message *message)
{
	if (message->active != NULL)
		return true;
	struct active *active = active_begin(&manager->spool, message);
	if (active != NULL)
		active = active_read(message, active);
	if (active == NULL)
		return false;
	active_adopt(manager, message, active);
	return true;
}

bool
active_next(struct manager *manager, const struct errand *errand,
    struct span *rest, uint64_t *next, struct recipient *recipient,
    uint64_t *index)
{
	const struct active *active = errand->message->active;

	while (envelope_next(rest, recipient)) {
		*index = (*next)++;
		if (active->slots[*index].state == SLOT_WAITING &&
		    !active->in_hand[*index] && errand->destination != NULL &&
		    destination_is(manager, errand->destination,
			errand->message, recipient->address))
			return true;
	}
	return false;
}
