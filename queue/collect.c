/*
 * collect - verdicts into slots, and what becomes of a message whose jobs are
 * all done.  Nothing is removed before what replaces it is durable.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/manager.h"
#include "queue/neighbour.h"
#include "queue/report.h"

enum {
	EXPIRE_ATTEMPTS_MIN = 6, /* a wrong clock alone expires nothing */
	BLOCK_FIRST_S = 60
};

static void conclude(struct manager *manager, struct message *message);

/* ---- one verdict ---- */

static void
copy_clipped(char *to, size_t size, struct span text)
{
	size_t len = text.len < size - 1 ? text.len : size - 1;

	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i];
	to[len] = '\0';
}

/* Postfix's way: wait as long as the message is old, within bounds. */
static int64_t
next_try(const struct manager *manager, const struct message *message)
{
	int64_t now = clock_now();
	int64_t age =
	    now - (int64_t)(queue_id_time_us(&message->name.id) / 1000000);

	if (age < (int64_t)manager->retry_min_s)
		age = (int64_t)manager->retry_min_s;
	if (age > (int64_t)manager->retry_max_s)
		age = (int64_t)manager->retry_max_s;
	return now + age;
}

static bool
has_expired(const struct manager *manager, const struct message *message,
    const struct slot *slot)
{
	int64_t made = (int64_t)(queue_id_time_us(&message->name.id) / 1000000);

	return clock_now() - made > (int64_t)manager->lifetime_s &&
	       slot->attempts >= EXPIRE_ATTEMPTS_MIN;
}

static void
note_destination(struct manager *manager, struct destination *destination,
    enum verdict_kind kind)
{
	if (destination == NULL)
		return;
	if (kind != VERDICT_UNREACHABLE) {
		destination->failures = 0;
		return;
	}
	unsigned shift = destination->failures < 6 ? destination->failures : 6;
	uint64_t pause_s = (uint64_t)BLOCK_FIRST_S << shift;

	destination->failures++;
	if (pause_s > manager->retry_max_s)
		pause_s = manager->retry_max_s;
	destination->blocked_until = clock_now() + (int64_t)pause_s;
}

static const char *
outcome(enum slot_state state)
{
	return state == SLOT_DELIVERED ? "delivered"
	       : state == SLOT_FAILED  ? "failed"
				       : "deferred";
}

static void
fill_slot(struct manager *manager, struct message *message, struct slot *slot,
    const struct verdict *verdict)
{
	slot->attempts++;
	copy_clipped(slot->code, sizeof(slot->code), verdict->code);
	copy_clipped(slot->text, sizeof(slot->text), verdict->text);
	switch (verdict->kind) {
	case VERDICT_LINKED:
		message->active->has_linked = true;
		slot->state = SLOT_DELIVERED;
		return;
	case VERDICT_DELIVERED:
		slot->state = SLOT_DELIVERED;
		return;
	case VERDICT_FAILED:
		slot->state = SLOT_FAILED;
		return;
	case VERDICT_LATER:
	case VERDICT_UNREACHABLE:
		slot->next_try = next_try(manager, message);
		if (has_expired(manager, message, slot))
			slot->state = SLOT_FAILED;
	}
}

/* verdict NULL: only count the job as done. */
void
collect_verdict(
    struct manager *manager, struct job *job, const struct verdict *verdict)
{
	struct message *message = job->message;
	struct active *active = message->active;

	if (verdict != NULL) {
		struct slot *slot = &active->slots[job->index];

		note_destination(manager, job->destination, verdict->kind);
		fill_slot(manager, message, slot, verdict);
		active->is_changed = true;
		log_event("%s %s to=<%.*s> code=%s text=%s",
		    message->name.id.text, outcome(slot->state),
		    (int)job->address.len, job->address.ptr, slot->code,
		    slot->text);
		free(job);
	}
	if (--active->jobs == 0)
		conclude(manager, message);
}

/* ---- a whole message ---- */

static void
write_slots(struct manager *manager, struct message *message)
{
	struct active *active = message->active;
	struct queue_file file = active->file;
	char path[96];

	if (!active->is_changed)
		return;
	active->is_changed = false;
	spool_cur_path(&message->name, path);
	if (!message->name.is_plain)
		file.fd = openat(manager->spool.top, path,
		    O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	bool is_written = file.fd != -1;
	for (uint64_t i = 0; is_written && i < file.slot_count; i++)
		is_written = slot_write(&file, i, &active->slots[i]);
	if (!is_written)
		warn_errno("%s cannot be marked: it may be delivered twice",
		    message->name.id.text);
	if (file.fd != -1 && file.fd != active->fd)
		close(file.fd);
}

/* What failed on our side, or the disk's, is not the message's fault. */
static void
wait_a_while(struct manager *manager, struct message *message)
{
	write_slots(manager, message);
	message->next_try = clock_now() + (int64_t)manager->retry_min_s;
	schedule_close(manager, message);
	schedule_later(manager, message);
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
		wait_a_while(manager, message);
		return;
	}
	log_event("%s done", message->name.id.text);
	schedule_close(manager, message);
	free(message);
}

static bool
has_state(const struct active *active, enum slot_state state)
{
	for (uint64_t i = 0; i < active->file.slot_count; i++)
		if (active->slots[i].state == state)
			return true;
	return false;
}

static void
put_back(struct manager *manager, struct message *message)
{
	const struct active *active = message->active;
	int64_t earliest = INT64_MAX;

	write_slots(manager, message);
	for (uint64_t i = 0; i < active->file.slot_count; i++)
		if (active->slots[i].state == SLOT_WAITING &&
		    active->slots[i].next_try < earliest)
			earliest = active->slots[i].next_try;
	message->next_try = earliest;
	schedule_close(manager, message);
	schedule_later(manager, message);
}

/* ---- reports ---- */

static bool
is_delay_due(const struct manager *manager, const struct message *message)
{
	int64_t made = (int64_t)(queue_id_time_us(&message->name.id) / 1000000);

	if (manager->delay_warn_s == 0 ||
	    clock_now() - made < (int64_t)manager->delay_warn_s)
		return false;
	for (uint64_t i = 0; i < message->active->file.slot_count; i++)
		if (message->active->slots[i].state == SLOT_WAITING &&
		    !message->active->slots[i].is_delay_reported)
			return true;
	return false;
}

/* The slots it speaks of are part of a report's name: see queue(5). */
static struct queue_id
report_id(const struct message *message, enum report_why why)
{
	const struct active *active = message->active;
	struct buf purpose = buf_new(SIZE_MAX / 2);

	buf_add_char(&purpose, (char)why);
	for (uint64_t i = 0; i < active->file.slot_count; i++)
		if (active->slots[i].state ==
		    (why == REPORT_FAILED ? SLOT_FAILED : SLOT_WAITING))
			buf_printf(&purpose, " %llu", (unsigned long long)i);
	struct queue_id id =
	    queue_id_derive(&message->name.id, buf_span(&purpose));
	buf_free(&purpose);
	return id;
}

/*
 * Ask queue-bounce; the message waits in manager->reporting.  The slots are
 * written first: it reads them from the file.
 */
static void
ask_report(
    struct manager *manager, struct message *message, enum report_why why)
{
	char name[QUEUE_NAME_MAX];
	struct buf packet = buf_new(PACKET_MAX);
	const struct active *active = message->active;
	int64_t made = (int64_t)(queue_id_time_us(&message->name.id) / 1000000);

	write_slots(manager, message);
	queue_name_format(&message->name, name);
	const struct report report = { .number = ++manager->report_number,
		.why = why,
		.report_id = report_id(message, why),
		.file_name = span_of(name),
		.code = span_of(active->slots[0].code),
		.text = span_of(active->slots[0].text),
		.retry_until = made + (int64_t)manager->lifetime_s };
	report_add(&packet, &report);
	/* While it waits, next_try holds the number of its request. */
	message->next_try = (int64_t)report.number;
	message->heap_index = why;
	message_list_add(&manager->reporting, message);
	if (!packet_send(NEIGHBOUR_BOUNCE, buf_span(&packet), &active->fd, 1))
		temp_fail("queue-bounce is gone");
	buf_free(&packet);
}

static struct message *
take_reported(struct manager *manager, uint64_t number)
{
	struct message_list kept = { NULL, NULL };
	struct message *found = NULL;
	struct message *message;

	while ((message = message_list_take(&manager->reporting)) != NULL) {
		if (message->next_try == (int64_t)number)
			found = message;
		else
			message_list_add(&kept, message);
	}
	manager->reporting = kept;
	return found;
}

static void
mark_reported(struct message *message, bool is_delay)
{
	struct active *active = message->active;

	active->is_changed = true;
	for (uint64_t i = 0; i < active->file.slot_count; i++) {
		struct slot *slot = &active->slots[i];

		if (is_delay && slot->state == SLOT_WAITING)
			slot->is_delay_reported = true;
		else if (!is_delay && slot->state == SLOT_FAILED)
			slot->state = SLOT_REPORTED;
	}
}

static void
handle_bounce(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;
	struct message *message;
	uint64_t number;
	bool is_done;
	int got;

	(void)what;
	while ((got = packet_receive(fd, &manager->packet)) == 1) {
		packet_close_fds(&manager->packet);
		if (!report_parse_answer(
			packet_span(&manager->packet), &number, &is_done) ||
		    (message = take_reported(manager, number)) == NULL) {
			log_event("queue-bounce answers nonsense");
			continue;
		}
		if (is_done) {
			mark_reported(
			    message, message->heap_index == REPORT_DELAYED);
			conclude(manager, message);
			continue;
		}
		log_event("%s its report could not be queued; later",
		    message->name.id.text);
		wait_a_while(manager, message);
	}
	if (got == 0)
		die(EX_TEMPFAIL, "queue-bounce is gone");
	schedule_run(manager);
}

/* ---- the end ---- */

static void
start_sync(struct manager *manager)
{
	if (manager->is_syncing || manager->unsynced.first == NULL)
		return;
	evtimer_del(manager->sync_timer);
	manager->syncing = manager->unsynced;
	manager->unsynced = (struct message_list){ NULL, NULL };
	manager->unsynced_count = 0;
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
static void
sync_soon(struct manager *manager)
{
	const struct timeval delay = { .tv_usec = SYNC_DELAY_US };

	if (manager->unsynced_count >= SYNC_BATCH)
		start_sync(manager);
	else if (manager->unsynced_count > 0 &&
		 !evtimer_pending(manager->sync_timer, NULL) &&
		 evtimer_add(manager->sync_timer, &delay) == -1)
		temp_fail("out of memory");
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
	manager->syncing = (struct message_list){ NULL, NULL };
	sync_soon(manager);
	while ((message = message_list_take(&done)) != NULL) {
		if (error == 0) {
			message->active->has_linked = false;
			conclude(manager, message);
			continue;
		}
		errno = error;
		warn_errno(
		    "%s cannot be synced; it waits", message->name.id.text);
		wait_a_while(manager, message);
	}
	schedule_run(manager);
}

/* Every job is done: what is next?  Sync, report, wait, or remove. */
static void
conclude(struct manager *manager, struct message *message)
{
	const struct active *active = message->active;

	if (active->has_linked) {
		message_list_add(&manager->unsynced, message);
		manager->unsynced_count++;
		sync_soon(manager);
	} else if (has_state(active, SLOT_FAILED)) {
		ask_report(manager, message, REPORT_FAILED);
	} else if (!has_state(active, SLOT_WAITING)) {
		remove_message(manager, message);
	} else if (is_delay_due(manager, message)) {
		ask_report(manager, message, REPORT_DELAYED);
	} else {
		put_back(manager, message);
	}
}

void
collect_start(struct manager *manager)
{
	struct event *bounce;
	struct event *synced;

	fd_set_nonblocking(NEIGHBOUR_BOUNCE);
	bounce = event_new(manager->base, NEIGHBOUR_BOUNCE,
	    EV_READ | EV_PERSIST, handle_bounce, manager);
	synced = event_new(manager->base, syncer_fd(manager->syncer),
	    EV_READ | EV_PERSIST, handle_synced, manager);
	manager->sync_timer =
	    evtimer_new(manager->base, handle_sync_timer, manager);
	if (bounce == NULL || synced == NULL || manager->sync_timer == NULL ||
	    event_add(bounce, NULL) == -1 || event_add(synced, NULL) == -1)
		temp_fail("out of memory");
}
