/*
 * errands - from a message's time to jobs, and back.
 *
 * An errand that waits or is queued is in the heap: for its time, or for the
 * message's next deadline, which comes whatever its destination does.  One that
 * has begun is not: a deadline is looked for between its transactions, and
 * withdraw.c gives it back.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/die.h"
#include "queue/deadline.h"
#include "queue/destinations.h"
#include "queue/dispatch.h"
#include "queue/marks.h"
#include "queue/suppression.h"
#include "queue/withdraw.h"

enum {
	LATE_TURN = 8 /* one of so many is taken from the last band */
};

/* ---- bands ---- */

/* Small ones do not wait until all of a mailing has gone. */
static bool
has_many(const struct errand *errand)
{
	unsigned most =
	    errand->message->is_verp ? TURN_MESSAGES : DELIVERY_RECIPIENTS_MAX;

	return !errand->destination->is_local && errand->recipients > most;
}

static uint8_t
key_of(const struct errand *errand)
{
	const struct message *message = errand->message;
	bool is_late =
	    message->is_retry || message->is_huge || has_many(errand);

	return (uint8_t)((9 - message->priority) * 2 + is_late);
}

/* That of its key; made if it is new. */
static struct band *
band_of(struct destination *destination, const struct errand *errand)
{
	struct band **link = &destination->bands;

	while (*link != NULL && (*link)->key < errand->key)
		link = &(*link)->next;
	struct band *band = *link;
	if (band == NULL || band->key != errand->key) {
		band = calloc(1, sizeof(*band));
		if (band == NULL)
			temp_fail("out of memory");
		band->key = errand->key;
		band->next = *link;
		*link = band;
	}
	return band;
}

static void
bands_add(struct destination *destination, struct errand *errand)
{
	errand->key = key_of(errand);
	struct band *band = band_of(destination, errand);
	errand->before = band->last;
	errand->behind = NULL;
	if (band->last == NULL)
		band->first = errand;
	else
		band->last->behind = errand;
	band->last = errand;
}

/* Before those of its key: few are open at once. */
static void
bands_add_first(struct destination *destination, struct errand *errand)
{
	struct band *band = band_of(destination, errand);

	errand->before = NULL;
	errand->behind = band->first;
	if (band->first == NULL)
		band->last = errand;
	else
		band->first->before = errand;
	band->first = errand;
}

static void
bands_remove(struct destination *destination, struct errand *errand)
{
	struct band **link = &destination->bands;

	while ((*link)->key != errand->key)
		link = &(*link)->next;
	struct band *band = *link;
	if (errand->before == NULL)
		band->first = errand->behind;
	else
		errand->before->behind = errand->behind;
	if (errand->behind == NULL)
		band->last = errand->before;
	else
		errand->behind->before = errand->before;
	if (band->first != NULL)
		return;
	*link = band->next;
	free(band);
}

/* The most urgent band, but now and then the last one. */
static struct band *
bands_turn(struct destination *destination)
{
	struct band *band = destination->bands;

	if (band != NULL && ++destination->taken % LATE_TURN == 0)
		while (band->next != NULL)
			band = band->next;
	return band;
}

/* ---- where it is ---- */

static void
take_out(struct manager *manager, struct errand *errand)
{
	if (errand->state == ERRAND_WAITING || errand->state == ERRAND_QUEUED)
		heap_remove(&manager->waiting, errand);
	if (errand->state == ERRAND_QUEUED || errand->state == ERRAND_BEGUN)
		bands_remove(errand->destination, errand);
	errand->state = ERRAND_AT_WORK;
}

struct errand *
errand_add(struct message *message, struct destination *destination)
{
	struct errand *errand = &message->first;

	if (message->is_first_used) {
		errand = calloc(1, sizeof(*errand));
		if (errand == NULL)
			temp_fail("out of memory");
	}
	message->is_first_used = true;
	*errand = (struct errand){ .message = message,
		.destination = destination,
		.state = ERRAND_AT_WORK,
		.due = INT64_MAX,
		.sibling = message->errands };
	message->errands = errand;
	if (destination != NULL)
		destination->errands++;
	return errand;
}

void
errand_remove(struct manager *manager, struct errand *errand)
{
	struct message *message = errand->message;
	struct errand **link = &message->errands;

	take_out(manager, errand);
	while (*link != errand)
		link = &(*link)->sibling;
	*link = errand->sibling;
	if (errand->destination != NULL) {
		errand->destination->errands--;
		destination_release(manager, errand->destination);
	}
	if (errand == &message->first)
		message->is_first_used = false;
	else
		free(errand);
}

void
errand_wait(struct manager *manager, struct errand *errand, int64_t due)
{
	errand->state = ERRAND_WAITING;
	errand->due = due;
	heap_add(&manager->waiting, errand);
}

void
errand_queue(struct manager *manager, struct errand *errand)
{
	errand->state = ERRAND_QUEUED;
	errand->due = deadline_next(manager, errand->message);
	heap_add(&manager->waiting, errand);
	bands_add(errand->destination, errand);
	destination_consider(manager, errand->destination);
}

struct errand *
errand_take(struct manager *manager, struct destination *destination)
{
	struct band *band = bands_turn(destination);

	if (band == NULL)
		return NULL;
	struct errand *errand = band->first;
	take_out(manager, errand);
	return errand;
}

struct errand *
errand_take_begun(struct manager *manager, struct destination *destination)
{
	for (struct band *band = destination->bands; band != NULL;
	     band = band->next) {
		struct errand *errand = band->first;

		if (errand->state != ERRAND_BEGUN)
			continue;
		take_out(manager, errand);
		return errand;
	}
	return NULL;
}

/* ---- what is done ---- */

static void
fail_slot(struct slot *slot, const char *code, const char *text)
{
	slot->state = SLOT_FAILED;
	if (slot->text[0] == '\0')
		snprintf(slot->text, sizeof(slot->text), "%s", text);
	snprintf(slot->code, sizeof(slot->code), "%s", code);
}

/* RFC 2852: its time was over before it was tried again. */
static void
give_up(struct manager *manager, struct errand *errand)
{
	struct message *message = errand->message;
	struct active *active = message->active;
	struct span rest = active->file.envelope.recipients;
	struct recipient recipient;
	uint64_t next = 0;
	uint64_t i;

	while (active_next(manager, errand, &rest, &next, &recipient, &i)) {
		fail_slot(&active->slots[i], "5.4.7",
		    "not delivered in the time that its sender gave");
		marks_set(message, i);
		log_event("%s failed to=<%.*s>: the time of DELIVERBY is over",
		    message->name.id.text, (int)recipient.address.len,
		    recipient.address.ptr);
	}
}

static void
make_jobs(struct manager *manager, struct errand *errand)
{
	struct message *message = errand->message;
	struct job **end = &errand->left;
	struct span rest = message->active->file.envelope.recipients;
	struct recipient recipient;
	uint64_t next = 0;
	uint64_t i;

	while (active_next(manager, errand, &rest, &next, &recipient, &i)) {
		struct job *job = calloc(1, sizeof(*job));

		if (job == NULL)
			temp_fail("out of memory");
		*job = (struct job){
			.errand = errand, .index = i, .recipient = recipient
		};
		message->active->in_hand[i] = 1;
		errand->jobs++;
		message->active->jobs++;
		if (errand->destination->is_local) {
			jobs_add(&errand->destination->jobs, job);
			continue;
		}
		*end = job;
		end = &job->next;
	}
}

/*
 * As many as share a transaction.  The others come back to their turn: what is
 * more urgent goes before them, and an order or a deadline finds them here.
 */
static void
make_ready(struct errand *errand)
{
	struct destination *destination = errand->destination;
	struct transaction transaction = { NULL, 0, 0 };
	struct job *job;

	while (
	    (job = errand->left) != NULL && dispatch_join(&transaction, job)) {
		errand->left = job->next;
		jobs_add(&destination->jobs, job);
	}
	if (job == NULL)
		return;
	errand->state = ERRAND_BEGUN;
	bands_add_first(destination, errand);
}

/*
 * Between two transactions of its own.  When its sender is to be told of the
 * delay, or its time is over, all of the message goes back to be looked at.
 */
static bool
go_on(struct manager *manager, struct errand *errand)
{
	struct active *active = errand->message->active;

	if (clock_now() < active->put_back_at) {
		make_ready(errand);
		return true;
	}
	active->put_back_at = deadline_next(manager, errand->message);
	withdraw_message(manager, errand->message);
	return false;
}

/* It cannot be read: forget it if it was taken away, or try in a while. */
static void
cannot_open(struct manager *manager, struct errand *errand)
{
	struct message *message = errand->message;
	const char *id = message->name.id.text;

	if (errno == ENOENT) {
		log_event("%s is no longer in the queue", id);
		message_remove(manager, message);
		return;
	}
	warn_errno("%s cannot be read", id);
	errand_wait(
	    manager, errand, clock_now() + (int64_t)manager->retry_min_s);
}

bool
errand_start(struct manager *manager, struct errand *errand)
{
	struct message *message = errand->message;

	if (errand->left != NULL)
		return go_on(manager, errand);
	/* Another destination keeps it open: its order or deadline is first. */
	if (message->active != NULL &&
	    (message->active->is_concluding || message->active->is_withdrawn ||
		message->order != ORDER_NONE)) {
		errand_wait(manager, errand, clock_now() + 1);
		return false;
	}
	if (!active_open(manager, message)) {
		cannot_open(manager, errand);
		return false;
	}
	message->active->jobs++; /* ours: nobody concludes it meanwhile */
	if (message->active->put_back_at == 0)
		message->active->put_back_at = deadline_next(manager, message);
	errand->due = INT64_MAX;
	int64_t begins = message->active->file.envelope.hold_until;
	if (!suppression_apply_to(manager, errand) && begins <= clock_now())
		begins = clock_now() + (int64_t)manager->retry_min_s;
	bool is_over = deadline_is_over(message);
	bool must_wait = !is_over && begins > clock_now();
	if (is_over)
		give_up(manager, errand);
	else if (!must_wait)
		make_jobs(manager, errand);
	bool has_jobs = errand->jobs > 0;
	make_ready(errand);
	if (must_wait)
		errand_wait(manager, errand, begins);
	else if (!has_jobs)
		errand_remove(manager, errand);
	collect_release(manager, message);
	return has_jobs;
}

void
errand_give_back(struct manager *manager, struct errand *errand, uint32_t count)
{
	struct message *message = errand->message;

	errand->jobs -= count;
	if (errand->state == ERRAND_BEGUN)
		take_out(manager, errand);
	if (errand->jobs == 0)
		errand_queue(manager, errand);
	else
		errand->due = 0;
	for (; count > 0; count--)
		collect_release(manager, message);
}

/*
 * Unless others of the errand are on their way: then they stay jobs, but not of
 * a message that was withdrawn, for an order or a deadline waits for it.
 */
void
errand_put_back(struct manager *manager, struct job *const *jobs, size_t count)
{
	struct errand *errand = jobs[0]->errand;

	if (errand->jobs > count && !errand->message->active->is_withdrawn) {
		for (size_t i = count; i > 0; i--)
			jobs_put_back(&errand->destination->jobs, jobs[i - 1]);
		return;
	}
	for (size_t i = 0; i < count; i++)
		job_free(jobs[i]);
	errand_give_back(manager, errand, (uint32_t)count);
}

void
errand_done(struct manager *manager, struct errand *errand)
{
	const struct destination *destination = errand->destination;

	if (errand->due == INT64_MAX)
		errand_remove(manager, errand);
	/* One that is on demand would have it again at once. */
	else if (destination_is_blocked(destination) &&
		 !destination->is_on_demand)
		errand_queue(manager, errand);
	else
		errand_wait(manager, errand, errand->due);
}

/* Fail what has waited too long; is anything left? */
static bool
expire(struct manager *manager, struct errand *errand)
{
	struct message *message = errand->message;
	struct active *active = message->active;
	struct span rest = active->file.envelope.recipients;
	struct recipient recipient;
	uint64_t next = 0;
	bool is_left = false;
	uint64_t i;

	while (active_next(manager, errand, &rest, &next, &recipient, &i)) {
		struct slot *slot = &active->slots[i];

		if (errand->destination->is_on_demand &&
		    clock_now() > message->end_at) {
			slot->attempts++; /* nobody else counts */
			marks_set(message, i);
		}
		if (!deadline_has_expired(manager, message,
			slot->attempts + errand->destination->failures)) {
			is_left = true;
			continue;
		}
		fail_slot(slot, slot->code[0] == '\0' ? "4.4.7" : slot->code,
		    "its host could not be reached");
		marks_set(message, i);
		log_event("%s failed to=<%.*s> code=%s text=%s",
		    message->name.id.text, (int)recipient.address.len,
		    recipient.address.ptr, slot->code, slot->text);
	}
	return is_left;
}

void
errand_visit(struct manager *manager, struct errand *errand)
{
	struct message *message = errand->message;

	take_out(manager, errand);
	if (message->active != NULL && message->active->is_concluding) {
		errand_wait(manager, errand, clock_now() + 1);
		return;
	}
	if (!active_open(manager, message)) {
		cannot_open(manager, errand);
		return;
	}
	message->active->jobs++;
	if (expire(manager, errand))
		errand_queue(manager, errand);
	else
		errand_remove(manager, errand);
	collect_release(manager, message);
}
