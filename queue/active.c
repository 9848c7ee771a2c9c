/*
 * active - a message while it is open: its file, envelope and slots.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/die.h"
#include "queue/manager.h"

/* The state of its recipients: all waiting, if this is the first time. */
static bool
read_slots(struct active *active, bool was_tried)
{
	uint64_t count = active->file.slot_count;

	active->slots = calloc(count, sizeof(*active->slots));
	active->changed = calloc(count, 1);
	if (active->slots == NULL || active->changed == NULL)
		temp_fail("out of memory");
	for (uint64_t i = 0; i < count; i++)
		active->slots[i].state = SLOT_WAITING;
	for (uint64_t i = 0; was_tried && i < count; i++)
		if (!slot_read(&active->file, i, &active->slots[i]))
			return false;
	return true;
}

void
active_close(struct manager *manager, struct message *message)
{
	struct active *active = message->active;

	queue_file_free(&active->file);
	close(active->fd);
	free(active->slots);
	free(active->changed);
	free(active);
	message->active = NULL;
	manager->active_count--;
}

bool
active_open(struct manager *manager, struct message *message)
{
	char path[96];

	if (message->active != NULL)
		return true;
	struct active *active = calloc(1, sizeof(*active));
	if (active == NULL)
		temp_fail("out of memory");
	spool_cur_path(&message->name, path);
	active->fd =
	    openat(manager->spool.top, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (active->fd == -1 ||
	    !queue_file_read(&active->file, active->fd, &message->name)) {
		int error = errno;

		if (active->fd != -1)
			close(active->fd);
		free(active);
		errno = error;
		return false;
	}
	if (message->is_retry)
		queue_file_route(&active->file, active->route);
	message->active = active;
	manager->active_count++;
	if (read_slots(active, message->is_retry))
		return true;
	int error = errno;
	active_close(manager, message);
	errno = error;
	return false;
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
		    errand->destination != NULL &&
		    destination_is(manager, errand->destination,
			recipient->address, active->route))
			return true;
	}
	return false;
}
