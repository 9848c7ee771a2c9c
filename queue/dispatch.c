/*
 * dispatch - jobs, and what local (local.c) and remote ones (channel.c) have in
 * common.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/io.h"
#include "mail/verp.h"
#include "queue/destinations.h"
#include "queue/dispatch.h"
#include "queue/local.h"
#include "queue/neighbour.h"
#include "queue/shared.h"

enum {
	LOOKED_AT_MAX = 64 /* errands between two looks at events */
};

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
jobs_take_behind(struct job_list *list, struct job *before)
{
	struct job **link = before == NULL ? &list->first : &before->next;
	struct job *job = *link;

	if (job == NULL)
		return NULL;
	*link = job->next;
	if (list->last == job)
		list->last = before;
	list->count--;
	return job;
}

struct job *
jobs_take(struct job_list *list)
{
	return jobs_take_behind(list, NULL);
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

static size_t
packed_size(const struct job *job)
{
	const struct recipient *recipient = &job->recipient;

	return recipient->address.len + recipient->original.len +
	       recipient->notify.len + 3 * sizeof("T");
}

bool
dispatch_join(struct transaction *transaction, const struct job *job)
{
	const struct errand *errand = job->errand;
	size_t bytes = transaction->bytes + packed_size(job);

	if (transaction->count > 0 &&
	    (errand != transaction->errand ||
		errand->message->active->file.envelope.verp.len > 0 ||
		transaction->count == DELIVERY_RECIPIENTS_MAX ||
		bytes > DELIVERY_RECIPIENTS_BYTES))
		return false;
	*transaction =
	    (struct transaction){ errand, transaction->count + 1, bytes };
	return true;
}

void
job_free(struct job *job)
{
	job->errand->message->active->in_hand[job->index] = 0;
	free(job);
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

	for (int i = 0; destination->jobs.count == 0; i++) {
		errand = i < LOOKED_AT_MAX ? errand_take(manager, destination)
					   : NULL;
		if (errand == NULL)
			return false;
		errand_start(manager, errand);
	}
	return true;
}

/*
 * Has it jobs?  If not, it may have more errands than are looked at in one go:
 * all that waited for it may go another way now.
 */
bool
dispatch_make_ready(
    struct manager *manager, struct destination *destination, bool *has_more)
{
	destination->errands++; /* ours: nobody forgets it meanwhile */
	bool is_ready = dispatch_find_jobs(manager, destination);
	destination->errands--;
	*has_more = destination_has_work(destination);
	if (!is_ready)
		destination_consider(manager, destination);
	return is_ready;
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
    struct manager *manager, struct destination *destination, const char *text)
{
	struct errand *errand;
	struct job *job;

	while ((job = jobs_take(&destination->jobs)) != NULL)
		dispatch_fail_over(manager, job, text);
	while ((errand = errand_take_begun(manager, destination)) != NULL) {
		struct job *left = errand->left;

		errand->left = NULL;
		while ((job = left) != NULL) {
			left = job->next;
			dispatch_fail_over(manager, job, text);
		}
	}
}

void
dispatch_run(struct manager *manager)
{
	local_run(manager);
	shared_run(manager);
	channel_run(manager);
}
