/*
 * channel - ways to other hosts, through remote-send: each is fed messages for
 * its destination, one after another, as long as it has its turn.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/customers.h"
#include "queue/destinations.h"
#include "queue/dispatch.h"
#include "queue/neighbour.h"
#include "queue/shared.h"

static void handle_channel(evutil_socket_t fd, short what, void *context);

/* A connection that is given is remote-send's to use; -1: it makes one. */
static struct channel *
open_channel(struct manager *manager, struct destination *destination,
    const struct channel_opening *opening, int connection)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	struct buf packet = buf_new(PACKET_MAX);
	int ends[2];

	if (channel == NULL)
		temp_fail("out of memory");
	if (!packet_pair(ends)) {
		free(channel);
		return NULL;
	}
	const int fds[] = { ends[1], connection };
	channel_add_open(&packet, opening);
	bool is_sent = packet_send(
	    NEIGHBOUR_REMOTE, buf_span(&packet), fds, connection == -1 ? 1 : 2);
	int error = errno;
	close(ends[1]);
	buf_free(&packet);
	errno = error;
	if (!is_sent) {
		if (errno == EPIPE || errno == ECONNRESET)
			collect_die(manager, "remote-send");
		close(ends[0]);
		free(channel);
		return NULL;
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
	return channel;
}

static struct channel *
open_to(struct manager *manager, struct destination *destination)
{
	const struct channel_opening opening = { .destination =
						     span_of(destination->name),
		.route = span_of(destination->route),
		.asks = manager->limits.has_mx };
	struct channel *channel =
	    open_channel(manager, destination, &opening, -1);

	if (channel != NULL)
		shared_move(channel, destination->shared);
	return channel;
}

/* Does another destination wait that has no channel, or two fewer? */
static bool
is_another_behind(const struct channel *channel)
{
	const struct destination *destination = channel->destination;
	const struct destination *other = channel->manager->ring.first;

	if (other == destination)
		other = other->ring_next;
	return other != NULL &&
	       (other->channels == 0 ||
		   other->channels + 1 < destination->channels);
}

/* There are more connections than there may be by now; this one has carried all
 * that its host takes; or it has had its turn, and another's has come. */
static bool
is_turn_over(const struct channel *channel)
{
	const struct manager *manager = channel->manager;
	const struct destination *destination = channel->destination;
	uint64_t most = destination->limit->per_connection;

	return destination->channels > destination->window ||
	       shared_is_over(channel) ||
	       (most > 0 && channel->messages >= most) ||
	       (channel->messages >= TURN_MESSAGES &&
		   manager->channel_count >= manager->concurrency_remote &&
		   is_another_behind(channel));
}

/* ---- one that is idle ---- */

static bool
has_room(const struct manager *manager)
{
	return manager->channel_count < manager->concurrency_remote;
}

static void
set_state(struct channel *channel, enum channel_state state)
{
	bool was_idle = channel->state == CHANNEL_IDLE;
	bool is_idle = state == CHANNEL_IDLE;

	channel->state = state;
	channel->manager->idle_count += is_idle;
	channel->manager->idle_count -= was_idle;
	channel->destination->idle += is_idle;
	channel->destination->idle -= was_idle;
	if (was_idle && !is_idle)
		event_remove_timer(channel->readable);
}

static void
dismiss(struct channel *channel)
{
	set_state(channel, CHANNEL_LEAVING);
	shutdown(channel->fd, SHUT_WR);
}

/* Only for want of messages, and if nobody waits for its place. */
static bool
may_idle(const struct channel *channel)
{
	const struct manager *manager = channel->manager;
	const struct destination *destination = channel->destination;

	return !manager->is_ending && !channel->is_turned &&
	       channel->messages > 0 &&
	       channel->job_count == 0 && /* sent in vain */
	       destination->failures == 0 &&
	       !destination_is_blocked(destination) &&
	       !destination_has_work(destination) && !is_turn_over(channel) &&
	       (manager->ring.count == 0 || has_room(manager)) &&
	       (channel->shared == NULL || channel->shared->waiting_count == 0);
}

static void
rest(struct channel *channel)
{
	const struct timeval idle = { .tv_sec = CHANNEL_IDLE_S };

	if (!may_idle(channel)) {
		dismiss(channel);
		return;
	}
	set_state(channel, CHANNEL_IDLE);
	channel->idle_ms = clock_ms();
	if (event_add(channel->readable, &idle) == -1)
		temp_fail("out of memory");
}

/* The one that was idle longest, of those that fit; NULL: none is. */
static struct channel *
find_idle(const struct manager *manager, const struct destination *destination,
    const struct shared_limit *shared)
{
	struct channel *found = NULL;

	for (struct channel *channel = manager->channels; channel != NULL;
	     channel = channel->next)
		if (channel->state == CHANNEL_IDLE &&
		    (destination == NULL ||
			channel->destination == destination) &&
		    (shared == NULL || channel->shared == shared) &&
		    (found == NULL || channel->idle_ms < found->idle_ms))
			found = channel;
	return found;
}

/* Those that go already count. */
void
channel_make_room(
    struct manager *manager, const struct shared_limit *shared, size_t wanted)
{
	struct channel *idle;
	size_t leaving = 0;

	for (const struct channel *channel = manager->channels; channel != NULL;
	     channel = channel->next)
		leaving += channel->state == CHANNEL_LEAVING &&
			   (shared == NULL || channel->shared == shared);
	for (; leaving < wanted; leaving++) {
		if (manager->idle_count == 0 ||
		    (idle = find_idle(manager, NULL, shared)) == NULL)
			return;
		dismiss(idle);
	}
}

void
channel_end_idle(struct manager *manager)
{
	while (manager->idle_count > 0)
		dismiss(find_idle(manager, NULL, NULL));
}

/* ---- from its opening to its end ---- */

/* What was sent on it and not answered comes back as "later". */
static void
close_channel(struct channel *channel)
{
	struct manager *manager = channel->manager;
	struct destination *destination = channel->destination;
	struct channel **link = &manager->channels;
	bool is_lost = false;

	while (*link != channel)
		link = &(*link)->next;
	*link = channel->next;
	set_state(channel, CHANNEL_LEAVING);
	shared_move(channel, NULL);
	manager->channel_count--;
	event_free(channel->readable);
	close(channel->fd);
	for (size_t i = 0; i < channel->job_count; i++) {
		if (channel->jobs[i] == NULL)
			continue;
		is_lost = true;
		dispatch_fail_over(manager, channel->jobs[i],
		    "connection lost before an answer");
	}
	if (channel->is_turned)
		customer_end(manager, destination, channel->customer);
	free(channel);
	if (is_lost)
		destination_note(manager, destination, NOTE_LOST);
	destination->channels--;
	destination_consider(manager, destination);
}

/* May it have one more, and is there one? */
static bool
find_jobs(struct channel *channel)
{
	struct destination *destination = channel->destination;

	if (channel->manager->is_ending)
		return false;
	if (channel->is_turned)
		return channel->customer != NULL && customer_find_jobs(channel);
	return !is_turn_over(channel) && !destination_is_blocked(destination) &&
	       !shared_is_paced(channel->shared) &&
	       destination_paces(destination) &&
	       dispatch_find_jobs(channel->manager, destination);
}

/* The next message for its destination; false if there is none. */
static bool
feed_channel(struct channel *channel)
{
	struct transaction transaction = { NULL, 0, 0 };

	channel->job_count = 0;
	if (!find_jobs(channel))
		return false;
	struct job_list *jobs = &channel->destination->jobs;
	shared_count(channel->shared);
	channel->messages++;
	channel->has_answered =
	    channel->note == NOTE_ANSWER || channel->note == NOTE_SUCCESS;
	channel->note = NOTE_NONE;
	channel->heard_ms = clock_ms();
	while (jobs->first != NULL && dispatch_join(&transaction, jobs->first))
		channel->jobs[channel->job_count++] = jobs_take(jobs);
	return dispatch_send(channel->fd, 0, channel->jobs, channel->job_count);
}

/* Those without a verdict go back to wait; the channel has none then. */
static void
take_back_jobs(struct channel *channel)
{
	struct job *jobs[DELIVERY_RECIPIENTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < channel->job_count; i++)
		if (channel->jobs[i] != NULL)
			jobs[count++] = channel->jobs[i];
	channel->job_count = 0;
	if (count > 0)
		errand_put_back(channel->manager, jobs, count);
}

/* remote-send is about to connect: does control/limits allow that? */
static void
take_host(struct channel *channel, struct span host)
{
	struct manager *manager = channel->manager;
	struct shared_limit *shared = shared_of(manager, host);
	struct buf packet = buf_new(PACKET_MAX);

	channel->destination->shared = shared;
	if (shared != channel->shared) {
		shared_move(channel, NULL);
		if (!shared_has_room(shared) || shared_is_paced(shared)) {
			dismiss(channel);
			take_back_jobs(channel);
			return;
		}
		shared_move(channel, shared);
		shared_count(shared);
	}
	channel_add_ready(&packet);
	packet_send(channel->fd, buf_span(&packet), NULL, 0);
	buf_free(&packet);
}

static void
handle_channel(evutil_socket_t fd, short what, void *context)
{
	struct channel *channel = context;
	struct manager *manager = channel->manager;
	struct span host;
	int got;

	if (what == EV_TIMEOUT && channel->state == CHANNEL_IDLE)
		dismiss(channel);
	while ((got = packet_receive(fd, &manager->packet)) == 1) {
		packet_close_fds(&manager->packet);
		if (channel_parse_host(packet_span(&manager->packet), &host))
			take_host(channel, host);
		else if (!channel_is_ready(packet_span(&manager->packet)))
			channel_take_verdict(channel);
		else if (!feed_channel(channel))
			rest(channel);
	}
	if (got == 0 || errno != EAGAIN)
		close_channel(channel);
	schedule_run(manager);
}

static void
handle_again(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	schedule_run(context);
}

/* remote-send takes them as fast as it can; descriptors may be short, too. */
static void
come_back(struct manager *manager, bool is_soon)
{
	const struct timeval soon = { .tv_usec = 10000 };
	const struct timeval later = { .tv_sec = 1 };

	if (event_add(manager->channels_again, is_soon ? &soon : &later) == -1)
		temp_fail("out of memory");
}

static void
use_idle(struct manager *manager, struct destination *destination)
{
	struct channel *channel = find_idle(manager, destination, NULL);

	set_state(channel, CHANNEL_BUSY);
	if (!feed_channel(channel))
		rest(channel);
	destination_consider(manager, destination);
}

void
channel_run(struct manager *manager)
{
	struct destination *destination;
	bool has_more;

	while ((has_room(manager) || manager->idle_count > 0) &&
	       (destination = destination_turn(manager)) != NULL) {
		if (destination->idle > 0) {
			use_idle(manager, destination);
			continue;
		}
		if (!has_room(manager)) {
			destination_consider(manager, destination);
			channel_make_room(manager, NULL, manager->ring.count);
			return;
		}
		if (!dispatch_make_ready(manager, destination, &has_more)) {
			if (!has_more)
				continue;
			come_back(manager, true);
			return;
		}
		struct channel *channel = open_to(manager, destination);
		if (channel == NULL) {
			come_back(manager, errno == EAGAIN);
			destination_consider(manager, destination);
			return;
		}
		if (feed_channel(channel))
			destination_consider(manager, destination);
		else
			close_channel(channel);
	}
	if (manager->ring.count > 0 && has_room(manager))
		come_back(manager, false); /* when some have become silent */
}

struct channel *
channel_open_turned(struct manager *manager, struct destination *destination,
    const struct odmr_request *request, int connection)
{
	const struct channel_opening opening = { .destination =
						     span_of(destination->name),
		.server = request->server,
		.tls = request->tls };
	struct channel *channel = NULL;

	if (has_room(manager))
		channel =
		    open_channel(manager, destination, &opening, connection);
	if (channel != NULL)
		channel->is_turned = true;
	return channel;
}

void
channel_begin(struct channel *channel)
{
	if (!feed_channel(channel))
		dismiss(channel);
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
		collect_die(manager, "remote-send");
	log_event("remote-send answers nonsense");
}

void
channel_start(struct manager *manager)
{
	struct event *remote;

	fd_set_nonblocking(NEIGHBOUR_REMOTE);
	remote = event_new(manager->base, NEIGHBOUR_REMOTE,
	    EV_READ | EV_PERSIST, handle_remote, manager);
	manager->channels_again =
	    evtimer_new(manager->base, handle_again, manager);
	if (remote == NULL || event_add(remote, NULL) == -1 ||
	    manager->channels_again == NULL)
		temp_fail("out of memory");
}
