#include "queue/marks.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"

enum {
	MARKS_WAIT_MS = 1000
};

enum mark {
	MARK_NONE,
	MARK_CHANGED,
	MARK_LINKED, /* and not synced */
	MARK_SYNCING /* and a sync is on its way that sees it */
};

/* ---- of one message ---- */

/*
 * Only those from marks_from to marks_to are looked at: a mailing has a hundred
 * thousand recipients, and is written after each transaction.
 */
static bool
has(const struct active *active, enum mark mark)
{
	return memchr(active->marks + active->marks_from, mark,
		   active->marks_to - active->marks_from) != NULL;
}

static void
turn(struct active *active, enum mark from, enum mark to)
{
	for (uint64_t i = active->marks_from; i < active->marks_to; i++)
		if (active->marks[i] == from)
			active->marks[i] = (unsigned char)to;
	active->has_linked =
	    has(active, MARK_LINKED) || has(active, MARK_SYNCING);
	if (!active->has_linked && !has(active, MARK_CHANGED))
		active->marks_from = active->marks_to = 0;
}

static void
set(struct active *active, uint64_t index, enum mark mark)
{
	bool is_first = active->marks_from == active->marks_to;

	active->marks[index] = (unsigned char)mark;
	if (is_first || index < active->marks_from)
		active->marks_from = index;
	if (is_first || index >= active->marks_to)
		active->marks_to = index + 1;
}

void
marks_set(struct message *message, uint64_t index)
{
	set(message->active, index, MARK_CHANGED);
}

void
marks_set_linked(struct message *message, uint64_t index)
{
	set(message->active, index, MARK_LINKED);
	message->active->has_linked = true;
}

void
marks_write(struct manager *manager, struct message *message)
{
	struct active *active = message->active;
	struct queue_file file = active->file;
	char path[96];

	if (!active->has_linked)
		marks_leave(manager, message);
	if (!has(active, MARK_CHANGED))
		return;
	spool_cur_path(&message->name, path);
	if (!message->name.is_plain)
		file.fd = openat(manager->spool.top, path,
		    O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	bool is_written = file.fd != -1;
	for (uint64_t i = active->marks_from;
	     is_written && i < active->marks_to; i++)
		if (active->marks[i] == MARK_CHANGED)
			is_written = slot_write(&file, i, &active->slots[i]);
	if (!is_written)
		warn_errno("%s cannot be marked: it may be delivered twice",
		    message->name.id.text);
	turn(active, MARK_CHANGED, MARK_NONE);
	if (file.fd != -1 && file.fd != active->fd)
		close(file.fd);
}

void
marks_settle(struct message *message)
{
	turn(message->active, MARK_LINKED, MARK_CHANGED);
	turn(message->active, MARK_SYNCING, MARK_CHANGED);
}

void
marks_forget(struct message *message)
{
	turn(message->active, MARK_LINKED, MARK_NONE);
	turn(message->active, MARK_SYNCING, MARK_NONE);
}

/* ---- those that wait, the one that has waited longest first ---- */

static void
set_timer(struct manager *manager)
{
	const struct message *first = manager->marks.first;

	if (first == NULL || evtimer_pending(manager->marks_timer, NULL))
		return;
	int64_t left = first->active->marked_ms + MARKS_WAIT_MS - clock_ms();
	if (left < 0)
		left = 0;
	const struct timeval wait = { .tv_sec = left / 1000,
		.tv_usec = left % 1000 * 1000 };
	if (evtimer_add(manager->marks_timer, &wait) == -1)
		temp_fail("out of memory");
}

void
marks_wait(struct manager *manager, struct message *message)
{
	struct active *active = message->active;

	if (active->is_marked)
		return;
	active->is_marked = true;
	active->marked_ms = clock_ms();
	active->marked_next = NULL;
	active->marked_before = manager->marks.last;
	if (manager->marks.last == NULL)
		manager->marks.first = message;
	else
		manager->marks.last->active->marked_next = message;
	manager->marks.last = message;
	set_timer(manager);
}

void
marks_leave(struct manager *manager, struct message *message)
{
	struct active *active = message->active;
	struct message *before = active->marked_before;
	struct message *next = active->marked_next;

	if (!active->is_marked)
		return;
	active->is_marked = false;
	if (before == NULL)
		manager->marks.first = next;
	else
		before->active->marked_next = next;
	if (next == NULL)
		manager->marks.last = before;
	else
		next->active->marked_before = before;
}

void
marks_begin_sync(struct manager *manager)
{
	for (struct message *message = manager->marks.first; message != NULL;
	     message = message->active->marked_next)
		if (message->active->has_linked)
			turn(message->active, MARK_LINKED, MARK_SYNCING);
}

/*
 * What a failed sync was to see may be gone, and the next one, which says so no
 * more, proves nothing: it is delivered once more, when the others are back.
 * Its errand may have ended, so that it is sorted anew.
 */
static void
lose_linked(const struct manager *manager, struct message *message)
{
	struct active *active = message->active;

	for (uint64_t i = active->marks_from; i < active->marks_to; i++)
		if (active->marks[i] == MARK_LINKED ||
		    active->marks[i] == MARK_SYNCING)
			active->slots[i].state = SLOT_WAITING;
	message->sorted_by = (uint16_t)(manager->settings_number - 1);
	marks_forget(message);
}

void
marks_end_sync(struct manager *manager, int error)
{
	struct message *next;

	for (struct message *message = manager->marks.first; message != NULL;
	     message = next) {
		next = message->active->marked_next;
		if (!message->active->has_linked)
			continue;
		if (error == 0)
			turn(message->active, MARK_SYNCING, MARK_CHANGED);
		else
			lose_linked(manager, message);
		marks_write(manager, message);
	}
}

/* It waits for the next sync, too. */
static void
wait_on(struct manager *manager, struct message *message)
{
	marks_leave(manager, message);
	marks_wait(manager, message);
	if (has(message->active, MARK_LINKED))
		manager->wants_sync = true;
}

static void
handle_timer(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;
	int64_t since = clock_ms() - MARKS_WAIT_MS;
	struct message *message;

	(void)fd, (void)what;
	while ((message = manager->marks.first) != NULL &&
	       message->active->marked_ms <= since) {
		marks_write(manager, message);
		if (message->active->is_marked)
			wait_on(manager, message);
	}
	collect_sync_soon(manager);
	set_timer(manager);
}

void
marks_start(struct manager *manager)
{
	manager->marks_timer =
	    evtimer_new(manager->base, handle_timer, manager);
	if (manager->marks_timer == NULL)
		temp_fail("out of memory");
}
