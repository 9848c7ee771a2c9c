/*
 * schedule - which message is read when, and whose time has come.
 */

#include <errno.h>
#include <time.h>

#include "base/die.h"
#include "mail/header.h"
#include "queue/deadline.h"
#include "queue/destinations.h"
#include "queue/dispatch.h"
#include "queue/handling.h"
#include "queue/holding.h"
#include "queue/manager.h"
#include "queue/suppression.h"

enum {
	ADMITTED_MAX = 64, /* messages between two looks at events */
	FIRED_MAX = 256    /* errands */
};

int64_t
clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* ---- a message is read for the first time ---- */

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

/* Not in the heap, and not at work: it is being sorted. */
static bool
is_new(const struct errand *errand)
{
	return errand->state == ERRAND_AT_WORK && errand->jobs == 0;
}

static void
count_in(struct errand *errand, const struct slot *slot)
{
	if (slot->next_try < errand->due)
		errand->due = slot->next_try;
	if (errand->recipients < UINT16_MAX)
		errand->recipients++;
}

/* Each waiting recipient to the errand of its destination. */
static void
collect_errands(struct manager *manager, struct message *message)
{
	const struct active *active = message->active;
	struct span rest = active->file.envelope.recipients;
	struct recipient recipient;

	manager->stamp++;
	for (struct errand *errand = message->errands; errand != NULL;
	     errand = errand->sibling) {
		if (errand->destination == NULL)
			continue;
		errand->destination->stamp = manager->stamp;
		errand->destination->latest = errand;
	}
	for (uint64_t i = 0; envelope_next(&rest, &recipient); i++) {
		if (active->slots[i].state != SLOT_WAITING)
			continue;
		struct destination *destination =
		    destination_of(manager, message, recipient.address);
		if (destination->stamp != manager->stamp) {
			destination->stamp = manager->stamp;
			destination->latest = errand_add(message, destination);
		}
		if (is_new(destination->latest))
			count_in(destination->latest, &active->slots[i]);
	}
}

/*
 * For a host that could not be reached lately, or asks for its mail, it is
 * noted at once, so that mailq(1) can tell why it waits, and then left to its
 * destination.
 */
static void
defer_blocked(struct manager *manager, struct errand *errand)
{
	struct destination *destination = errand->destination;

	destination->errands++; /* ours: nobody forgets it meanwhile */
	if (errand_start(manager, errand))
		dispatch_fail_over_all(
		    manager, destination, destination_why_blocked(destination));
	destination->errands--;
	destination_release(manager, destination);
}

/* While its customer is there, it goes with what is on its way. */
static bool
must_wait(const struct destination *destination)
{
	return destination_is_blocked(destination) &&
	       !(destination->is_on_demand && destination->channels > 0);
}

/*
 * Who holds a message means it: no time of a slot moves that (RFC 4865).
 */
void
schedule_sort(struct manager *manager, struct message *message)
{
	const struct queue_file *file = &message->active->file;
	int64_t hold_until = file->envelope.hold_until;
	int64_t now = clock_now();
	struct errand *next;

	message->priority = (int8_t)file->envelope.priority;
	message->is_huge = file->message_length > HUGE_BYTES;
	message->is_verp = file->envelope.verp.len > 0;
	message->warn_at = deadline_warn(manager, message);
	message->end_at = deadline_end(manager, message);
	if (message->active->jobs == 1) /* what is at work is sorted later */
		message->sorted_by = manager->settings_number;
	collect_errands(manager, message);
	for (struct errand *errand = message->errands; errand != NULL;
	     errand = next) {
		int64_t due = message->is_forced ? 0 : errand->due;

		if (due < hold_until)
			due = hold_until;

		next = errand->sibling;
		if (!is_new(errand))
			continue;
		if (message->is_forced)
			destination_unblock(manager, errand->destination);
		if (due > now)
			errand_wait(manager, errand, due);
		else if (!message->is_retry && must_wait(errand->destination))
			defer_blocked(manager, errand);
		else
			errand_queue(manager, errand);
	}
	message->is_forced = false;
}

void
schedule_again(struct manager *manager, struct message *message)
{
	errand_wait(manager, errand_add(message, NULL),
	    clock_now() + (int64_t)manager->retry_min_s);
}

static void
cannot_read(struct manager *manager, struct message *message)
{
	if (errno == ENOENT) {
		log_event(
		    "%s is no longer in the queue", message->name.id.text);
		message_remove(manager, message);
		return;
	}
	warn_errno("%s cannot be read", message->name.id.text);
	schedule_again(manager, message);
}

/*
 * True: it is open, and the caller's to release when it has had a chance.  What
 * has been read of it is taken over.
 */
static bool
admit(struct manager *manager, struct message *message, struct active *read)
{
	if (message->active != NULL && message->active->is_concluding) {
		schedule_again(manager, message);
		return false;
	}
	bool was_open = message->active != NULL;
	if (read != NULL)
		active_adopt(manager, message, read);
	if (!active_open(manager, message)) {
		cannot_read(manager, message);
		return false;
	}
	if (!message->is_retry)
		log_arrival(message);
	bool is_to_go =
	    message->order == ORDER_NONE || message->order == ORDER_SORT;
	if (!was_open && is_to_go && holding_take(manager, message))
		return false;
	if (message->order != ORDER_NONE && !was_open) {
		message->is_retry = true;
		active_close(manager, message);
		handling_carry_out(manager, message);
		return false;
	}
	message->active->jobs++; /* ours: nobody concludes it meanwhile */
	suppression_apply(manager, message);
	schedule_sort(manager, message);
	message->is_retry = true;
	return true;
}

/* ---- times that have come ---- */

static void
fire(struct manager *manager, struct errand *errand)
{
	if (errand->state == ERRAND_QUEUED) {
		errand_visit(manager, errand);
		return;
	}
	heap_remove(&manager->waiting, errand);
	errand->state = ERRAND_AT_WORK;
	if (errand->message == NULL) {
		destination_consider(manager, errand->destination);
	} else if (errand->destination != NULL) {
		errand_queue(manager, errand);
	} else {
		struct message *message = errand->message;

		errand_remove(manager, errand);
		if (admit(manager, message, NULL))
			collect_release(manager, message);
	}
}

static void
set_timer(struct manager *manager, bool has_more)
{
	const struct errand *first = heap_first(&manager->waiting);
	struct timeval wait = { 0, 0 };

	if (!has_more) {
		if (first == NULL)
			return;
		int64_t left = first->due - clock_now();
		wait.tv_sec = left < 0 ? 0 : left > 3600 ? 3600 : left;
	}
	evtimer_add(manager->timer, &wait);
}

/* They stay open until the most urgent of them have begun. */
static void
begin(struct manager *manager, struct message *const *admitted, size_t count)
{
	dispatch_run(manager);
	for (size_t i = 0; i < count; i++)
		collect_release(manager, admitted[i]);
}

static void
admit_fresh(struct manager *manager)
{
	struct message *admitted[ADMITTED_MAX];
	struct message *message;
	size_t count = 0;

	while (count < ADMITTED_MAX &&
	       (message = message_list_take(&manager->fresh)) != NULL)
		if (admit(manager, message, NULL))
			admitted[count++] = message;
	begin(manager, admitted, count);
}

void
schedule_take_read(
    struct manager *manager, const struct reading *done, size_t count)
{
	struct message *admitted[READ_BATCH];
	size_t admitted_count = 0;

	if (manager->is_ending)
		return;
	for (size_t i = 0; i < count; i++)
		if (admit(manager, done[i].message, done[i].active))
			admitted[admitted_count++] = done[i].message;
	begin(manager, admitted, admitted_count);
}

static void
end_if_idle(struct manager *manager)
{
	if (manager->local_running == 0 && manager->channel_count == 0 &&
	    manager->unsynced.first == NULL && manager->marked.first == NULL &&
	    !manager->is_syncing && manager->reporting.first == NULL)
		event_base_loopbreak(manager->base);
}

/* In steps: what comes meanwhile never waits for a long queue. */
void
schedule_run(struct manager *manager)
{
	int64_t now = clock_now();
	struct errand *errand;
	int fired = 0;

	if (manager->is_ending) {
		channel_end_idle(manager);
		end_if_idle(manager);
		return;
	}
	errand = heap_first(&manager->waiting);
	if (manager->fresh.first != NULL ||
	    (errand != NULL && errand->due <= now))
		settings_refresh(manager);
	admit_fresh(manager);
	while ((errand = heap_first(&manager->waiting)) != NULL &&
	       errand->due <= now && fired++ < FIRED_MAX)
		fire(manager, errand);
	readers_run(manager);
	dispatch_run(manager);
	set_timer(manager, manager->fresh.first != NULL || fired > FIRED_MAX);
}

/* ---- what is asked for ---- */

void
schedule_retry_all(struct manager *manager)
{
	for (size_t i = 0; i < manager->waiting.count; i++) {
		struct errand *errand = manager->waiting.items[i];

		if (errand->state == ERRAND_WAITING)
			errand->due = 0;
	}
	heap_order(&manager->waiting);
	destination_unblock_all(manager);
	handling_log(manager, "retry", "of all asked for");
}

bool
schedule_retry(struct manager *manager, struct span id)
{
	struct message *message = message_find(manager, id);

	if (message == NULL)
		return false;
	handling_log(manager, message->name.id.text, "retry asked for");
	if (message->active == NULL && message->errands != NULL &&
	    message->sorted_by != manager->settings_number)
		return handling_sort_anew(manager, message);
	for (struct errand *errand = message->errands; errand != NULL;
	     errand = errand->sibling) {
		if (errand->state == ERRAND_WAITING) {
			heap_remove(&manager->waiting, errand);
			errand_wait(manager, errand, 0);
		}
		if (errand->destination != NULL)
			destination_unblock(manager, errand->destination);
	}
	return true;
}

/* ETRN, RFC 1985. */
void
schedule_retry_domain(struct manager *manager, struct span domain)
{
	struct destination *destination = destination_find(manager, domain);

	if (destination != NULL) {
		for (size_t i = 0; i < manager->waiting.count; i++) {
			struct errand *errand = manager->waiting.items[i];

			if (errand->destination == destination &&
			    errand->state == ERRAND_WAITING)
				errand->due = 0;
		}
		heap_order(&manager->waiting);
		destination_unblock(manager, destination);
	}
	struct buf what = buf_new(ENVELOPE_ADDRESS_MAX + 64);
	buf_printf(
	    &what, "of mail for %.*s asked for", (int)domain.len, domain.ptr);
	handling_log(manager, "retry", buf_string(&what));
	buf_free(&what);
}
