/*
 * schedule - which message is opened when.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "mail/domain.h"
#include "mail/header.h"
#include "queue/manager.h"

int64_t
clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

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

void
schedule_due(struct manager *manager, struct message *message)
{
	message_list_add(
	    message->is_retry ? &manager->retries : &manager->fresh, message);
}

static void
set_timer(struct manager *manager)
{
	const struct message *first = heap_first(&manager->waiting);
	struct timeval wait = { 0, 0 };

	if (first == NULL)
		return;
	int64_t left = first->next_try - clock_now();
	wait.tv_sec = left < 0 ? 0 : left > 3600 ? 3600 : left;
	evtimer_add(manager->timer, &wait);
}

void
schedule_later(struct manager *manager, struct message *message)
{
	message->is_retry = true;
	heap_add(&manager->waiting, message);
	if (heap_first(&manager->waiting) == message)
		set_timer(manager);
}

/* It was taken away, or cannot be read: forget it, or try in a while. */
static void
cannot_open(struct manager *manager, struct message *message)
{
	const char *id = message->name.id.text;

	if (errno == ENOENT) {
		log_event("%s is no longer in the queue", id);
		free(message);
		return;
	}
	warn_errno("%s cannot be read", id);
	message->next_try = clock_now() + (int64_t)manager->retry_min_s;
	schedule_later(manager, message);
}

/* The state of its recipients: all waiting, if this is the first time. */
static bool
read_slots(struct active *active, bool was_tried)
{
	uint64_t count = active->file.slot_count;

	active->slots = calloc(count, sizeof(*active->slots));
	if (active->slots == NULL)
		temp_fail("out of memory");
	for (uint64_t i = 0; i < count; i++)
		active->slots[i].state = SLOT_WAITING;
	for (uint64_t i = 0; was_tried && i < count; i++)
		if (!slot_read(&active->file, i, &active->slots[i]))
			return false;
	return true;
}

void
schedule_close(struct manager *manager, struct message *message)
{
	struct active *active = message->active;

	queue_file_free(&active->file);
	close(active->fd);
	free(active->slots);
	free(active);
	message->active = NULL;
	manager->active_count--;
}

static bool
open_active(struct manager *manager, struct message *message)
{
	struct active *active = calloc(1, sizeof(*active));
	char path[96];

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
	message->active = active;
	manager->active_count++;
	if (read_slots(active, message->is_retry))
		return true;
	schedule_close(manager, message);
	return false;
}

static void
log_arrival(const struct message *message)
{
	const struct envelope *envelope = &message->active->file.envelope;
	struct buf more = buf_new(MESSAGE_ID_MAX + 64);

	if (envelope->has_uid)
		buf_printf(
		    &more, " uid=%llu", (unsigned long long)envelope->uid);
	if (envelope->message_id.len > 0) {
		buf_add_string(&more, " message-id=");
		header_add_message_id(&more, envelope->message_id);
	}
	log_event("%s new from=<%.*s> bytes=%llu recipients=%zu%.*s",
	    message->name.id.text, (int)envelope->sender.len,
	    envelope->sender.ptr,
	    (unsigned long long)message->active->file.message_length,
	    envelope->recipient_count, (int)more.len,
	    more.len == 0 ? "" : more.data);
	buf_free(&more);
}

/* The earliest time at which a waiting recipient is due; now if none waits. */
static int64_t
slots_due(const struct active *active)
{
	int64_t earliest = INT64_MAX;

	for (uint64_t i = 0; i < active->file.slot_count; i++)
		if (active->slots[i].state == SLOT_WAITING &&
		    active->slots[i].next_try < earliest)
			earliest = active->slots[i].next_try;
	return earliest == INT64_MAX ? 0 : earliest;
}

/* Now?  If not, message->next_try says when.  Who holds a message means it:
 * no "retry" moves that (RFC 4865). */
static bool
is_due(struct message *message)
{
	const struct active *active = message->active;
	int64_t due = message->is_forced ? 0 : slots_due(active);

	if (due < active->file.envelope.hold_until)
		due = active->file.envelope.hold_until;
	message->next_try = due;
	return due <= clock_now();
}

/* RFC 2852: its time is over before it was tried again. */
static void
give_up(struct message *message)
{
	struct active *active = message->active;

	active->is_changed = true;
	for (uint64_t i = 0; i < active->file.slot_count; i++) {
		struct slot *slot = &active->slots[i];

		if (slot->state != SLOT_WAITING)
			continue;
		slot->state = SLOT_FAILED;
		if (slot->text[0] == '\0')
			snprintf(slot->text, sizeof(slot->text),
			    "not delivered in the time that its sender gave");
		snprintf(slot->code, sizeof(slot->code), "5.4.7");
	}
	log_event(
	    "%s failed: the time of DELIVERBY is over", message->name.id.text);
}

/* Turn the waiting recipients into jobs. */
static void
make_jobs(struct manager *manager, struct message *message)
{
	struct active *active = message->active;
	struct span rest = active->file.envelope.recipients;
	struct recipient recipient;

	message->domains = 0; /* dispatch_add counts them */
	for (uint64_t i = 0; envelope_next(&rest, &recipient); i++)
		if (active->slots[i].state == SLOT_WAITING)
			dispatch_add(manager, message, i, &recipient);
}

static void
activate(struct manager *manager, struct message *message)
{
	if (!open_active(manager, message)) {
		cannot_open(manager, message);
		return;
	}
	if (!message->is_retry)
		log_arrival(message);
	if (!is_due(message)) {
		schedule_close(manager, message);
		schedule_later(manager, message);
		return;
	}
	message->is_forced = false;
	message->active->jobs = 1; /* ours: none concludes it meanwhile */
	if (deadline_is_over(message))
		give_up(message);
	else
		make_jobs(manager, message);
	collect_verdict(manager, &(struct job){ .message = message }, NULL);
}

void
schedule_run(struct manager *manager)
{
	int64_t now = clock_now();
	struct message *message;

	while ((message = heap_first(&manager->waiting)) != NULL &&
	       message->next_try <= now) {
		heap_remove(&manager->waiting, message);
		schedule_due(manager, message);
	}
	if (manager->fresh.first != NULL || manager->retries.first != NULL)
		settings_refresh(manager);
	while (manager->active_count < ACTIVE_MAX &&
	       ((message = message_list_take(&manager->fresh)) != NULL ||
		   (message = message_list_take(&manager->retries)) != NULL))
		activate(manager, message);
	set_timer(manager);
	dispatch_run(manager);
}

/* Rebuild: every key may have changed. */
static void
rebuild_heap(struct manager *manager)
{
	struct heap old = manager->waiting;

	manager->waiting = (struct heap){ .count = 0 };
	for (size_t i = 0; i < old.count; i++)
		heap_add(&manager->waiting, old.items[i]);
	free(old.items);
}

static void
force(struct message *message)
{
	message->is_forced = true;
	message->next_try = 0;
}

void
schedule_retry_all(struct manager *manager, struct span id)
{
	for (size_t i = 0; i < manager->waiting.count; i++) {
		struct message *message = manager->waiting.items[i];

		if (id.len == 0 ||
		    span_equal(id, span_of(message->name.id.text)))
			force(message);
	}
	rebuild_heap(manager);
	for (size_t i = 0; i < DESTINATION_CHAINS; i++)
		for (struct destination *destination = manager->destinations[i];
		     destination != NULL; destination = destination->next)
			destination->blocked_until = 0;
	log_event("retry of %.*s asked for", id.len == 0 ? 3 : (int)id.len,
	    id.len == 0 ? "all" : id.ptr);
}

/* ETRN, RFC 1985.  A bit is shared: some others are tried early, too. */
void
schedule_retry_domain(struct manager *manager, struct span domain)
{
	struct buf name = buf_new(ENVELOPE_ADDRESS_MAX);

	if (!domain_add_ascii(&name, domain))
		buf_add(&name, domain);
	uint64_t bit = dispatch_domain_bit(buf_span(&name));
	for (size_t i = 0; i < manager->waiting.count; i++)
		if (manager->waiting.items[i]->domains & bit)
			force(manager->waiting.items[i]);
	rebuild_heap(manager);
	dispatch_unblock(manager, buf_span(&name));
	log_event("retry of mail for %.*s asked for", (int)name.len, name.data);
	buf_free(&name);
}
