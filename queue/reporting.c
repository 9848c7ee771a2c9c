/*
 * reporting - which report is due, and what follows from its answer.
 */

#include "queue/report.h"

#include "base/die.h"
#include "base/io.h"
#include "queue/deadline.h"
#include "queue/marks.h"
#include "queue/neighbour.h"

enum {
	REPORTS_MAX = 64 /* asked for at once: its socket holds some 160 */
};

/* Does the message's report of this kind speak of this recipient? */
static bool
is_about(
    const struct active *active, const struct slot *slot, enum report_why why)
{
	switch (why) {
	case REPORT_FAILED:
		return slot->state == SLOT_FAILED;
	case REPORT_SUCCESS:
		return slot_owes_success(slot);
	case REPORT_DELAYED:
		return slot_owes_delay(slot, active->report_age_s);
	}
	return false;
}

static bool
has_any(const struct message *message, enum report_why why)
{
	const struct active *active = message->active;

	for (uint64_t i = 0; i < active->file.slot_count; i++)
		if (is_about(active, &active->slots[i], why))
			return true;
	return false;
}

/* The slots it speaks of are part of a report's name, and the age that a delay
 * is told for: see queue(5). */
static struct queue_id
report_id(const struct message *message, enum report_why why)
{
	const struct active *active = message->active;
	struct buf purpose = buf_new(SIZE_MAX / 2);

	buf_add_char(&purpose, (char)why);
	if (why == REPORT_DELAYED)
		buf_printf(&purpose, " @%lld", (long long)active->report_age_s);
	for (uint64_t i = 0; i < active->file.slot_count; i++)
		if (is_about(active, &active->slots[i], why))
			buf_printf(&purpose, " %llu", (unsigned long long)i);
	struct queue_id id =
	    queue_id_derive(&message->name.id, buf_span(&purpose));
	buf_free(&purpose);
	return id;
}

/*
 * Many want a report at once: it is closed, for open files are few, and read
 * again when it is its turn, REPORTS_MAX a second.
 */
static void
put_off(struct manager *manager, struct message *message)
{
	int64_t soon = clock_now() + 1;

	if (manager->report_due < soon) {
		manager->report_due = soon;
		manager->report_due_count = 0;
	} else if (manager->report_due_count >= REPORTS_MAX) {
		manager->report_due++;
		manager->report_due_count = 0;
	}
	manager->report_due_count++;
	active_close(manager, message);
	errand_wait(manager, errand_add(message, NULL), manager->report_due);
}

/*
 * Ask queue-bounce; the message waits in manager->reporting.  The slots are
 * written first: it reads them from the file.
 */
static void
ask_report(
    struct manager *manager, struct message *message, enum report_why why)
{
	marks_write(manager, message);
	if (manager->reporting_count >= REPORTS_MAX) {
		put_off(manager, message);
		return;
	}
	struct active *active = message->active;
	struct buf packet = buf_new(PACKET_MAX);
	char name[QUEUE_NAME_MAX];

	queue_name_format(&message->name, name);
	const struct report report = { .number = ++manager->report_number,
		.why = why,
		.report_id = report_id(message, why),
		.file_name = span_of(name),
		.code = span_of(active->slots[0].code),
		.text = span_of(active->slots[0].text),
		.retry_until = deadline_end(manager, message),
		.requires_tls = active->file.envelope.requires_tls,
		.age_s = why == REPORT_DELAYED ? active->report_age_s : 0 };
	report_add(&packet, &report);
	active->report_number = report.number;
	active->report_why = why;
	message_list_add(&manager->reporting, message);
	manager->reporting_count++;
	if (!packet_send(NEIGHBOUR_BOUNCE, buf_span(&packet), &active->fd, 1))
		collect_die(manager, "queue-bounce");
	buf_free(&packet);
}

static struct message *
take_reported(struct manager *manager, uint64_t number)
{
	struct message_list kept = { NULL, NULL };
	struct message *found = NULL;
	struct message *message;

	while ((message = message_list_take(&manager->reporting)) != NULL) {
		if (message->active->report_number == number)
			found = message;
		else
			message_list_add(&kept, message);
	}
	manager->reporting = kept;
	return found;
}

static void
mark_reported(struct message *message, enum report_why why)
{
	struct active *active = message->active;

	for (uint64_t i = 0; i < active->file.slot_count; i++) {
		struct slot *slot = &active->slots[i];

		if (!is_about(active, slot, why))
			continue;
		marks_set(message, i);
		if (why == REPORT_DELAYED)
			slot->told_s = active->report_age_s;
		else
			slot->state = why == REPORT_SUCCESS ? SLOT_DELIVERED
							    : SLOT_REPORTED;
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
		manager->reporting_count--;
		if (is_done) {
			mark_reported(message, message->active->report_why);
			collect_conclude(manager, message);
			continue;
		}
		log_event("%s its report could not be queued; later",
		    message->name.id.text);
		collect_wait(manager, message);
	}
	if (got == 0)
		collect_die(manager, "queue-bounce");
	schedule_run(manager);
}

bool
reporting_ask(struct manager *manager, struct message *message)
{
	message->active->report_age_s = deadline_delay_age(manager, message);
	if (has_any(message, REPORT_FAILED))
		ask_report(manager, message, REPORT_FAILED);
	else if (has_any(message, REPORT_SUCCESS))
		ask_report(manager, message, REPORT_SUCCESS);
	else if (has_any(message, REPORT_DELAYED))
		ask_report(manager, message, REPORT_DELAYED);
	else
		return false;
	return true;
}

void
reporting_start(struct manager *manager)
{
	struct event *bounce;

	fd_set_nonblocking(NEIGHBOUR_BOUNCE);
	bounce = event_new(manager->base, NEIGHBOUR_BOUNCE,
	    EV_READ | EV_PERSIST, handle_bounce, manager);
	if (bounce == NULL || event_add(bounce, NULL) == -1)
		temp_fail("out of memory");
}
