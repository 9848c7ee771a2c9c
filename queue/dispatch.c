/*
 * dispatch - jobs to the deliverers: local ones here, remote ones through
 * channels.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/io.h"
#include "mail/verp.h"
#include "queue/manager.h"
#include "queue/neighbour.h"
#include "queue/shared.h"

/* ---- lists ---- */

static int
priority_of(const struct job *job)
{
	return job->errand->message->active->file.envelope.priority;
}

/* Behind its equals: the last in nearly every case (RFC 6710). */
void
jobs_add(struct job_list *list, struct job *job)
{
	struct job **link = &list->first;

	list->count++;
	if (list->first != NULL && priority_of(list->last) >= priority_of(job))
		link = &list->last->next;
	while (*link != NULL && priority_of(*link) >= priority_of(job))
		link = &(*link)->next;
	job->next = *link;
	*link = job;
	if (job->next == NULL)
		list->last = job;
}

struct job *
jobs_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job == NULL)
		return NULL;
	list->first = job->next;
	list->count--;
	return job;
}

void
jobs_put_back(struct job_list *list, struct job *job)
{
	job->next = list->first;
	list->first = job;
	if (job->next == NULL)
		list->last = job;
	list->count++;
}

/* ---- what both kinds are told ---- */

/* The sender of these recipients; with VERP there is but one of them. */
static struct span
sender_of(const struct envelope *envelope, const struct job *job,
    struct buf *verp_sender)
{
	if (envelope->verp.len == 0)
		return envelope->sender;
	verp_add(verp_sender, envelope->sender, envelope->verp,
	    job->recipient.address);
	return buf_span(verp_sender);
}

bool
dispatch_may_join(const struct job *first, const struct job *next)
{
	return next->errand == first->errand &&
	       first->errand->message->active->file.envelope.verp.len == 0;
}

bool
dispatch_send(int fd, uint64_t number, struct job *const *jobs, size_t count)
{
	const struct message *message = jobs[0]->errand->message;
	const struct queue_file *file = &message->active->file;
	struct buf recipients = buf_new(PACKET_MAX);
	struct buf packet = buf_new(PACKET_MAX);
	struct buf sender = buf_new(ENVELOPE_ADDRESS_MAX);

	for (size_t i = 0; i < count; i++) {
		struct recipient recipient = jobs[i]->recipient;

		recipient.is_mailbox = false; /* says nothing there */
		envelope_add_recipient(&recipients, &recipient);
	}
	const struct delivery delivery = { .number = number,
		.id = message->name.id,
		.sender = sender_of(&file->envelope, jobs[0], &sender),
		.recipients = buf_span(&recipients),
		.offset = file->message_offset,
		.length = file->message_length,
		.is_plain = message->name.is_plain,
		.is_8bit = span_equal(file->envelope.body, span_of("8")),
		.needs_utf8 = file->envelope.needs_utf8,
		.requires_tls = file->envelope.requires_tls,
		.envid = file->envelope.envid,
		.ret = file->envelope.ret,
		.by = file->envelope.by,
		.priority = file->envelope.priority,
		.solicitation = file->envelope.solicitation };
	delivery_add(&packet, &delivery);
	bool is_sent = packet_send(fd, buf_span(&packet), &file->fd, 1);
	int error = errno;
	buf_free(&recipients);
	buf_free(&packet);
	buf_free(&sender);
	errno = error;
	return is_sent;
}

bool
dispatch_find_jobs(struct manager *manager, struct destination *destination)
{
	struct errand *errand;

	while (destination->jobs.count == 0) {
		errand = errand_take(manager, destination);
		if (errand == NULL)
			return false;
		errand_start(manager, errand);
	}
	return true;
}

void
dispatch_fail_over(struct manager *manager, struct job *job, const char *text)
{
	const struct verdict verdict = { .kind = VERDICT_LATER,
		.code = span_of("4.3.0"),
		.text = span_of(text) };

	collect_verdict(manager, job, &verdict);
}

void
dispatch_fail_over_all(
    struct manager *manager, struct job_list *jobs, const char *text)
{
	struct job *job;

	while ((job = jobs_take(jobs)) != NULL)
		dispatch_fail_over(manager, job, text);
}

/* ---- local ---- */

/*
 * Some messages are opened before their turn, so that none waits for that; and
 * as many as can be delivered now, whatever else is open.
 */
static bool
may_open_one(const struct manager *manager)
{
	size_t count = manager->local.jobs.count;

	return count + manager->local_running < manager->concurrency_local ||
	       (count < LOCAL_AHEAD && manager->active_count < ACTIVE_MAX);
}

static void
look_ahead(struct manager *manager)
{
	struct errand *errand;

	while (may_open_one(manager) &&
	       (errand = errand_take(manager, &manager->local)) != NULL)
		errand_start(manager, errand);
}

static void
run_local(struct manager *manager)
{
	look_ahead(manager);
	while (manager->local_running < manager->concurrency_local) {
		struct job *job = jobs_take(&manager->local.jobs);
		uint64_t number = 0;

		if (job == NULL)
			return;
		while (manager->local_slots[number].job != NULL)
			number++;
		if (!dispatch_send(NEIGHBOUR_LOCAL, number, &job, 1)) {
			jobs_put_back(&manager->local.jobs, job);
			if (errno != EAGAIN)
				temp_fail("local-deliver is gone");
			return; /* a verdict will bring us back */
		}
		manager->local_slots[number].job = job;
		manager->local_running++;
	}
}

static void
handle_local(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;
	struct verdict verdict;
	int got;

	(void)what;
	while ((got = packet_receive(fd, &manager->packet)) == 1) {
		packet_close_fds(&manager->packet);
		if (!verdict_parse(packet_span(&manager->packet), &verdict) ||
		    verdict.number >= manager->concurrency_local ||
		    manager->local_slots[verdict.number].job == NULL) {
			log_event("local-deliver answers nonsense");
			continue;
		}
		struct job *job = manager->local_slots[verdict.number].job;
		manager->local_slots[verdict.number].job = NULL;
		manager->local_running--;
		collect_verdict(manager, job, &verdict);
	}
	if (got == 0)
		die(EX_TEMPFAIL, "local-deliver is gone");
	schedule_run(manager);
}

void
dispatch_run(struct manager *manager)
{
	run_local(manager);
	shared_run(manager);
	channel_run(manager);
}

void
dispatch_start(struct manager *manager)
{
	struct event *local;

	manager->local_slots =
	    calloc(manager->concurrency_local, sizeof(*manager->local_slots));
	if (manager->local_slots == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(NEIGHBOUR_LOCAL);
	local = event_new(manager->base, NEIGHBOUR_LOCAL, EV_READ | EV_PERSIST,
	    handle_local, manager);
	if (local == NULL || event_add(local, NULL) == -1)
		temp_fail("out of memory");
	channel_start(manager);
}
