/*
 * dispatch - jobs to the deliverers: local ones in turn, remote ones by
 * destination, as many as each may have at once.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "mail/domain.h"
#include "queue/manager.h"
#include "queue/neighbour.h"

/* ---- lists ---- */

static int
priority_of(const struct job *job)
{
	return job->message->active->file.envelope.priority;
}

/* Behind its equals: the last in nearly every case (RFC 6710). */
static void
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

static struct job *
jobs_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job == NULL)
		return NULL;
	list->first = job->next;
	list->count--;
	return job;
}

static void
jobs_put_back(struct job_list *list, struct job *job)
{
	job->next = list->first;
	list->first = job;
	if (job->next == NULL)
		list->last = job;
	list->count++;
}

/* ---- destinations ---- */

static uint32_t
hash_domain(struct span domain)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < domain.len; i++)
		hash = hash * 33 ^ (unsigned char)ascii_lower(domain.ptr[i]);
	return hash;
}

uint64_t
dispatch_domain_bit(struct span domain)
{
	return UINT64_C(1) << (hash_domain(domain) >> 10) % 64;
}

static struct destination *
known_destination(struct manager *manager, struct span domain)
{
	struct destination *known =
	    manager->destinations[hash_domain(domain) % DESTINATION_CHAINS];

	while (
	    known != NULL && !span_equal_nocase(span_of(known->name), domain))
		known = known->next;
	return known;
}

void
dispatch_unblock(struct manager *manager, struct span domain)
{
	struct destination *known = known_destination(manager, domain);

	if (known != NULL)
		known->blocked_until = 0;
}

static struct destination *
find_destination(struct manager *manager, struct span domain)
{
	struct destination *known = known_destination(manager, domain);
	struct destination **chain =
	    &manager->destinations[hash_domain(domain) % DESTINATION_CHAINS];

	if (known != NULL)
		return known;
	struct destination *made = calloc(1, sizeof(*made));
	if (made == NULL ||
	    (made->name = strndup(domain.ptr, domain.len)) == NULL)
		temp_fail("out of memory");
	for (char *c = made->name; *c != '\0'; c++)
		*c = ascii_lower(*c);
	made->next = *chain;
	*chain = made;
	return made;
}

/* In A-labels: both forms are one destination, and DNS knows only this. */
static struct span
domain_of(struct span address, struct buf *room)
{
	size_t at = span_last_index(address, '@');
	struct span domain = span_slice(address, at + 1, address.len);

	if (span_is_ascii(domain) || !domain_add_ascii(room, domain))
		return domain;
	return buf_span(room);
}

void
dispatch_add(struct manager *manager, struct message *message, uint64_t index,
    const struct recipient *recipient)
{
	struct job *job = calloc(1, sizeof(*job));
	struct buf room = buf_new(ENVELOPE_ADDRESS_MAX);
	struct span domain = domain_of(recipient->address, &room);

	if (job == NULL)
		temp_fail("out of memory");
	*job = (struct job){
		.message = message, .index = index, .recipient = *recipient
	};
	message->active->jobs++;
	if (settings_is_local(manager, domain)) {
		jobs_add(&manager->local_jobs, job);
	} else {
		message->domains |= dispatch_domain_bit(domain);
		job->destination = find_destination(manager, domain);
		jobs_add(&job->destination->jobs, job);
	}
	buf_free(&room);
}

/* ---- what both kinds are told ---- */

static bool
send_delivery(int fd, uint64_t number, struct job *const *jobs, size_t count)
{
	const struct message *message = jobs[0]->message;
	const struct queue_file *file = &message->active->file;
	struct buf recipients = buf_new(PACKET_MAX);
	struct buf packet = buf_new(PACKET_MAX);

	for (size_t i = 0; i < count; i++) {
		struct recipient recipient = jobs[i]->recipient;

		recipient.is_mailbox = false; /* says nothing there */
		envelope_add_recipient(&recipients, &recipient);
	}
	const struct delivery delivery = { .number = number,
		.id = message->name.id,
		.sender = file->envelope.sender,
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
		.priority = file->envelope.priority };
	delivery_add(&packet, &delivery);
	bool is_sent = packet_send(fd, buf_span(&packet), &file->fd, 1);
	int error = errno;
	buf_free(&recipients);
	buf_free(&packet);
	errno = error;
	return is_sent;
}

static void
fail_over(struct manager *manager, struct job *job, const char *text)
{
	const struct verdict verdict = { .kind = VERDICT_LATER,
		.code = span_of("4.3.0"),
		.text = span_of(text) };

	collect_verdict(manager, job, &verdict);
}

/* ---- local ---- */

static void
run_local(struct manager *manager)
{
	while (manager->local_running < manager->concurrency_local) {
		struct job *job = jobs_take(&manager->local_jobs);
		uint64_t number = 0;

		if (job == NULL)
			return;
		while (manager->local_slots[number].job != NULL)
			number++;
		if (!send_delivery(NEIGHBOUR_LOCAL, number, &job, 1)) {
			jobs_put_back(&manager->local_jobs, job);
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

/* ---- remote ---- */

static void handle_channel(evutil_socket_t fd, short what, void *context);

static bool
open_channel(struct manager *manager, struct destination *destination)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	struct buf packet = buf_new(PACKET_MAX);
	int ends[2];

	if (channel == NULL)
		temp_fail("out of memory");
	if (!packet_pair(ends)) {
		free(channel);
		return false;
	}
	channel_add_open(&packet, span_of(destination->name));
	bool is_sent =
	    packet_send(NEIGHBOUR_REMOTE, buf_span(&packet), &ends[1], 1);
	int error = errno;
	close(ends[1]);
	buf_free(&packet);
	errno = error;
	if (!is_sent) {
		if (errno == EPIPE || errno == ECONNRESET)
			temp_fail("remote-send is gone");
		close(ends[0]);
		free(channel);
		return false;
	}
	fd_set_nonblocking(ends[0]);
	channel->manager = manager;
	channel->destination = destination;
	channel->fd = ends[0];
	channel->readable = event_new(manager->base, channel->fd,
	    EV_READ | EV_PERSIST, handle_channel, channel);
	if (channel->readable == NULL ||
	    event_add(channel->readable, NULL) == -1)
		temp_fail("out of memory");
	channel->next = manager->channels;
	manager->channels = channel;
	manager->channel_count++;
	destination->channels++;
	return true;
}

/* What was sent on it and not answered comes back as "later". */
static void
close_channel(struct channel *channel)
{
	struct manager *manager = channel->manager;
	struct channel **link = &manager->channels;

	while (*link != channel)
		link = &(*link)->next;
	*link = channel->next;
	manager->channel_count--;
	channel->destination->channels--;
	event_free(channel->readable);
	close(channel->fd);
	for (size_t i = 0; i < channel->job_count; i++)
		if (channel->jobs[i] != NULL)
			fail_over(manager, channel->jobs[i],
			    "connection lost before an answer");
	free(channel);
}

static size_t
packed_size(const struct job *job)
{
	const struct recipient *recipient = &job->recipient;

	return recipient->address.len + recipient->original.len +
	       recipient->notify.len + 3 * sizeof("T");
}

/* The next message for its destination; false if there is none. */
static bool
feed_channel(struct channel *channel)
{
	struct job_list *jobs = &channel->destination->jobs;
	struct job *job = jobs_take(jobs);
	size_t bytes = 0;

	channel->job_count = 0;
	if (job == NULL)
		return false;
	do {
		channel->jobs[channel->job_count++] = job;
		bytes += packed_size(job);
		job = jobs->first;
		if (job == NULL || job->message != channel->jobs[0]->message ||
		    channel->job_count == DELIVERY_RECIPIENTS_MAX ||
		    bytes + packed_size(job) > DELIVERY_RECIPIENTS_BYTES)
			break;
		job = jobs_take(jobs);
	} while (true);
	return send_delivery(channel->fd, 0, channel->jobs, channel->job_count);
}

static void
take_channel_verdict(struct channel *channel)
{
	struct manager *manager = channel->manager;
	struct verdict verdict;

	if (!verdict_parse(packet_span(&manager->packet), &verdict) ||
	    verdict.number >= channel->job_count ||
	    channel->jobs[verdict.number] == NULL) {
		log_event("remote-send answers nonsense");
		return;
	}
	struct job *job = channel->jobs[verdict.number];
	channel->jobs[verdict.number] = NULL;
	collect_verdict(manager, job, &verdict);
}

static void
handle_channel(evutil_socket_t fd, short what, void *context)
{
	struct channel *channel = context;
	struct manager *manager = channel->manager;
	int got;

	(void)what;
	while ((got = packet_receive(fd, &manager->packet)) == 1) {
		packet_close_fds(&manager->packet);
		if (!channel_is_ready(packet_span(&manager->packet))) {
			take_channel_verdict(channel);
		} else if (!feed_channel(channel)) {
			close_channel(channel);
			schedule_run(manager);
			return;
		}
	}
	if (got == 0 || errno != EAGAIN)
		close_channel(channel);
	schedule_run(manager);
}

/* Every job of a destination that cannot be reached now waits with it. */
static void
defer_blocked(struct manager *manager, struct destination *destination)
{
	struct job *job;

	while ((job = jobs_take(&destination->jobs)) != NULL)
		fail_over(manager, job, "its host could not be reached lately");
}

static void
run_destination(struct manager *manager, struct destination *destination)
{
	if (destination->blocked_until > clock_now()) {
		defer_blocked(manager, destination);
		return;
	}
	while (destination->jobs.count > 0 &&
	       destination->channels < CHANNEL_PER_DESTINATION_MAX &&
	       (destination->channels == 0 || destination->failures == 0) &&
	       manager->channel_count < manager->concurrency_remote) {
		if (!open_channel(manager, destination))
			return;
		if (!feed_channel(manager->channels))
			close_channel(manager->channels);
	}
}

/* A destination that has nothing to remember is forgotten. */
static void
run_remote(struct manager *manager)
{
	for (size_t i = 0; i < DESTINATION_CHAINS; i++) {
		struct destination **link = &manager->destinations[i];

		while (*link != NULL) {
			struct destination *destination = *link;

			run_destination(manager, destination);
			if (destination->jobs.count > 0 ||
			    destination->channels > 0 ||
			    destination->failures > 0) {
				link = &destination->next;
				continue;
			}
			*link = destination->next;
			free(destination->name);
			free(destination);
		}
	}
}

void
dispatch_run(struct manager *manager)
{
	run_local(manager);
	run_remote(manager);
}

/* It says nothing here, but when it has gone there is something to read. */
static void
handle_remote(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;

	(void)what;
	int got = packet_receive(fd, &manager->packet);
	packet_close_fds(&manager->packet);
	if (got == 0)
		die(EX_TEMPFAIL, "remote-send is gone");
	log_event("remote-send answers nonsense");
}

void
dispatch_start(struct manager *manager)
{
	struct event *local;
	struct event *remote;

	manager->local_slots =
	    calloc(manager->concurrency_local, sizeof(*manager->local_slots));
	if (manager->local_slots == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(NEIGHBOUR_LOCAL);
	fd_set_nonblocking(NEIGHBOUR_REMOTE);
	local = event_new(manager->base, NEIGHBOUR_LOCAL, EV_READ | EV_PERSIST,
	    handle_local, manager);
	remote = event_new(manager->base, NEIGHBOUR_REMOTE,
	    EV_READ | EV_PERSIST, handle_remote, manager);
	if (local == NULL || remote == NULL || event_add(local, NULL) == -1 ||
	    event_add(remote, NULL) == -1)
		temp_fail("out of memory");
}
