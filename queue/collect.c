/*
 * collect - verdicts into slots, and what becomes of a message whose jobs are
 * all done.  Nothing is removed before what replaces it is durable.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/deadline.h"
#include "queue/handling.h"
#include "queue/marks.h"

/* ---- one verdict ---- */

static void
copy_clipped(char *to, size_t size, struct span text)
{
	size_t len = text.len < size - 1 ? text.len : size - 1;

	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i];
	to[len] = '\0';
}

static const char *
outcome(enum slot_state state)
{
	return state == SLOT_WAITING  ? "deferred"
	       : state == SLOT_FAILED ? "failed"
				      : "delivered";
}

/* Delivered: as RFC 3461 sections 5.2.2 and 5.2.3 have it, a report is owed
 * only where SUCCESS was asked for, and nobody else took that over.  RFC 2852
 * wants relays told unless NOTIFY=NEVER. */
static enum slot_state
delivered_state(const struct job *job, const struct verdict *verdict)
{
	struct span notify = job->recipient.notify;

	if (verdict->action == ACTION_TRACED)
		return span_index(notify, 'n') < notify.len ? SLOT_DELIVERED
							    : SLOT_RELAYED;
	if (span_index(notify, 's') == notify.len ||
	    verdict->action == ACTION_PASSED)
		return SLOT_DELIVERED;
	if (verdict->action == ACTION_EXPANDED)
		return SLOT_EXPANDED;
	return job->errand->destination->is_local ||
		       verdict->action == ACTION_ARRIVED
		   ? SLOT_ARRIVED
		   : SLOT_RELAYED;
}

static void
fill_slot(struct manager *manager, const struct job *job, struct slot *slot,
    const struct verdict *verdict)
{
	struct message *message = job->errand->message;

	slot->attempts++;
	copy_clipped(slot->code, sizeof(slot->code), verdict->code);
	copy_clipped(slot->text, sizeof(slot->text), verdict->text);
	switch (verdict->kind) {
	case VERDICT_LINKED:
		marks_set_linked(message, job->index);
		slot->state = delivered_state(job, verdict);
		return;
	case VERDICT_DELIVERED:
		slot->state = delivered_state(job, verdict);
		return;
	case VERDICT_FAILED:
		slot->state = SLOT_FAILED;
		return;
	case VERDICT_LATER:
	case VERDICT_UNREACHABLE:
		slot->next_try = deadline_next_try(manager, message);
		if (deadline_has_expired(manager, message, slot->attempts))
			slot->state = SLOT_FAILED;
		else if (slot->next_try < job->errand->due)
			job->errand->due = slot->next_try;
	}
}

void
collect_verdict(
    struct manager *manager, struct job *job, const struct verdict *verdict)
{
	struct errand *errand = job->errand;
	struct message *message = errand->message;
	struct slot *slot = &message->active->slots[job->index];

	marks_set(message, job->index);
	fill_slot(manager, job, slot, verdict);
	message->active->in_hand[job->index] = 0;
	log_event("%s %s to=<%.*s> code=%s text=%s", message->name.id.text,
	    outcome(slot->state), (int)job->recipient.address.len,
	    job->recipient.address.ptr, slot->code, slot->text);
	free(job);
	if (message->active->jobs > 1)
		marks_wait(manager, message);
	if (--errand->jobs == 0)
		errand_done(manager, errand);
	collect_release(manager, message);
}

void
collect_release(struct manager *manager, struct message *message)
{
	if (--message->active->jobs == 0)
		collect_conclude(manager, message);
}

/* ---- a whole message ---- */

void
collect_wait(struct manager *manager, struct message *message)
{
	marks_write(manager, message);
	active_close(manager, message);
	schedule_again(manager, message);
}

/* One that cannot be removed is marked, and the removal tried again. */
static void
remove_message(struct manager *manager, struct message *message)
{
	char path[96];

	spool_cur_path(&message->name, path);
	if (unlinkat(manager->spool.top, path, 0) == -1 && errno != ENOENT) {
		warn_errno(
		    "%s cannot be removed; later", message->name.id.text);
		collect_wait(manager, message);
		return;
	}
	log_event("%s done", message->name.id.text);
	closer_take(message->active->fd);
	message->active->fd = -1;
	active_close(manager, message);
	message_remove(manager, message);
}

static bool
has_state(const struct active *active, enum slot_state state)
{
	for (uint64_t i = 0; i < active->file.slot_count; i++)
		if (active->slots[i].state == state)
			return true;
	return false;
}

/*
 * Its errands wait elsewhere.  If what is local has changed since it was
 * sorted, a recipient may belong to none of them.
 */
static void
put_back(struct manager *manager, struct message *message)
{
	if (message->sorted_by != manager->settings_number) {
		message->active->jobs = 1; /* nobody concludes it meanwhile */
		schedule_sort(manager, message);
		message->active->jobs = 0;
	}
	marks_write(manager, message);
	active_close(manager, message);
	handling_carry_out(manager, message);
}

/* ---- the end ---- */

static bool
has_unsynced(const struct manager *manager)
{
	return manager->unsynced.first != NULL ||
	       manager->marked.first != NULL || manager->wants_sync;
}

static void
start_sync(struct manager *manager)
{
	if (manager->is_syncing || !has_unsynced(manager))
		return;
	evtimer_del(manager->sync_timer);
	manager->syncing = manager->unsynced;
	manager->unsynced = (struct message_list){ NULL, NULL };
	manager->unsynced_count = 0;
	manager->marked_syncing = manager->marked;
	manager->marked = (struct message_list){ NULL, NULL };
	manager->wants_sync = false;
	marks_begin_sync(manager);
	manager->is_syncing = true;
	syncer_start(manager->syncer);
}

static void
handle_sync_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	start_sync(context);
}

/* The mail is in its mailbox; only the queue's name of it waits here. */
void
collect_sync_soon(struct manager *manager)
{
	const struct timeval delay = { .tv_usec = SYNC_DELAY_US };

	if (manager->unsynced_count >= SYNC_BATCH)
		start_sync(manager);
	else if (has_unsynced(manager) &&
		 !evtimer_pending(manager->sync_timer, NULL) &&
		 evtimer_add(manager->sync_timer, &delay) == -1)
		temp_fail("out of memory");
}

void
collect_sync_marks(struct manager *manager, struct message *message)
{
	message_list_add(&manager->marked, message);
	collect_sync_soon(manager);
}

static void
handle_synced(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;
	struct message *message;
	int error = syncer_result(manager->syncer);

	(void)fd, (void)what;
	manager->is_syncing = false;
	struct message_list done = manager->syncing;
	struct message_list marked = manager->marked_syncing;
	manager->syncing = (struct message_list){ NULL, NULL };
	manager->marked_syncing = (struct message_list){ NULL, NULL };
	marks_end_sync(manager, error);
	/* Those that came meanwhile may have been in it, too: marks.c. */
	while (error != 0 &&
	       (message = message_list_take(&manager->unsynced)) != NULL)
		message_list_add(&done, message);
	if (error != 0)
		manager->unsynced_count = 0;
	collect_sync_soon(manager);
	while ((message = message_list_take(&marked)) != NULL)
		handling_let_go(manager, message, error);
	while ((message = message_list_take(&done)) != NULL) {
		if (error == 0) {
			marks_settle(message);
			collect_conclude(manager, message);
			continue;
		}
		errno = error;
		warn_errno(
		    "%s cannot be synced; it waits", message->name.id.text);
		marks_forget(message);
		collect_wait(manager, message);
	}
	schedule_run(manager);
}

void
collect_conclude(struct manager *manager, struct message *message)
{
	struct active *active = message->active;

	/* The others' marks do not wait for a mailbox's sync. */
	if (active->has_linked)
		marks_write(manager, message);
	marks_leave(manager, message);
	active->is_concluding = true;
	if (active->has_linked) {
		message_list_add(&manager->unsynced, message);
		manager->unsynced_count++;
		collect_sync_soon(manager);
	} else if (!reporting_ask(manager, message)) {
		active->is_concluding = false;
		if (has_state(active, SLOT_WAITING))
			put_back(manager, message);
		else
			remove_message(manager, message);
	}
}

static void
write_last(struct manager *manager, struct message *message, bool is_synced)
{
	if (message->active == NULL)
		return;
	if (is_synced)
		marks_settle(message);
	marks_write(manager, message);
}

/* A disk that is slow already is not asked once more. */
void
collect_end(struct manager *manager)
{
	bool is_synced =
	    !manager->is_syncing && syncfs(manager->spool.trigger) == 0;

	for (size_t i = 0; i < manager->table.size; i++)
		for (struct message *message = manager->table.chains[i];
		     message != NULL; message = message->chain)
			write_last(manager, message, is_synced);
}

void
collect_die(struct manager *manager, const char *neighbour)
{
	collect_end(manager);
	die(EX_TEMPFAIL, "%s is gone", neighbour);
}

void
collect_start(struct manager *manager)
{
	struct event *synced;

	synced = event_new(manager->base, syncer_fd(manager->syncer),
	    EV_READ | EV_PERSIST, handle_synced, manager);
	manager->sync_timer =
	    evtimer_new(manager->base, handle_sync_timer, manager);
	if (synced == NULL || manager->sync_timer == NULL ||
	    event_add(synced, NULL) == -1)
		temp_fail("out of memory");
	marks_start(manager);
	reporting_start(manager);
}
