#include "send/workers.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"

enum {
	EVENTS_MAX = 16
};

/* ---- the parent ---- */

void
workers_init(struct workers *workers, uint64_t uses)
{
	*workers = (struct workers){ .uses = uses,
		.watch = epoll_create1(EPOLL_CLOEXEC) };
	if (workers->watch == -1)
		temp_fail("cannot watch processes");
	for (size_t i = 0; i < WORKERS_MAX; i++)
		workers->all[i].end = -1;
}

static void
set_free(struct workers *workers, struct worker *worker, bool is_free)
{
	workers->free += is_free;
	workers->free -= worker->is_free;
	worker->is_free = is_free;
}

static void
send_away(struct workers *workers, struct worker *worker)
{
	set_free(workers, worker, false);
	close(worker->end);
	worker->end = -1;
}

/* The last that became free: what it needs is at hand. */
static struct worker *
find_free(struct workers *workers)
{
	struct worker *found = NULL;

	for (size_t i = 0; workers->free > 0 && i < WORKERS_MAX; i++) {
		struct worker *worker = &workers->all[i];

		if (worker->is_free &&
		    (found == NULL || worker->free_ms > found->free_ms))
			found = worker;
	}
	return found;
}

bool
workers_hand_over(
    struct workers *workers, struct span opening, int channel, int tls)
{
	const int fds[] = { channel, tls };
	struct worker *worker;

	while ((worker = find_free(workers)) != NULL) {
		set_free(workers, worker, false);
		worker->left--;
		if (packet_send(worker->end, opening, fds, tls == -1 ? 1 : 2))
			return true;
		send_away(workers, worker);
	}
	return false;
}

/* The parent never waits for one that does not read. */
void
workers_open(struct workers *workers, int ends[2])
{
	if (workers->uses <= 1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, ends) == -1)
		ends[0] = ends[1] = -1;
}

static struct worker *
find_place(struct workers *workers)
{
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (workers->all[i].end == -1)
			return &workers->all[i];
	return NULL;
}

void
workers_keep(struct workers *workers, const int ends[2], bool is_running)
{
	struct worker *worker = is_running ? find_place(workers) : NULL;
	struct epoll_event event = { .events = EPOLLIN };

	if (ends[0] == -1)
		return;
	close(ends[0]);
	if (worker != NULL) {
		event.data.u64 = (uint64_t)(worker - workers->all);
		if (epoll_ctl(workers->watch, EPOLL_CTL_ADD, ends[1], &event) ==
		    0) {
			*worker = (struct worker){ .end = ends[1],
				.left = workers->uses - 1 };
			return;
		}
	}
	close(ends[1]); /* it goes when its channel has ended */
}

/* A word that is too much, or an end, and we are done with it. */
static void
hear_one(struct workers *workers, struct worker *worker)
{
	char word;

	if (worker->end == -1)
		return;
	ssize_t got = recv(worker->end, &word, 1, MSG_DONTWAIT);
	if (got == -1 && errno == EAGAIN)
		return; /* it was another's, who had this place */
	if (got != 1 || worker->is_free || worker->left == 0) {
		send_away(workers, worker);
		return;
	}
	set_free(workers, worker, true);
	worker->free_ms = clock_ms();
}

void
workers_hear(struct workers *workers)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(workers->watch, events, EVENTS_MAX, 0);

	for (int i = 0; i < count; i++)
		hear_one(workers, &workers->all[events[i].data.u64]);
}

static void
send_away_since(struct workers *workers, int64_t since)
{
	for (size_t i = 0; workers->free > 0 && i < WORKERS_MAX; i++) {
		struct worker *worker = &workers->all[i];

		if (worker->is_free && worker->free_ms <= since)
			send_away(workers, worker);
	}
}

void
workers_make_room(struct workers *workers)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (workers->all[i].is_free && workers->all[i].free_ms < first)
			first = workers->all[i].free_ms;
	send_away_since(workers, first);
}

int64_t
workers_sleep_ms(const struct workers *workers)
{
	return workers->free > 0 ? WORKER_IDLE_MS : -1;
}

void
workers_sweep(struct workers *workers)
{
	int64_t now = clock_ms();

	if (workers->free == 0 || now - workers->swept_ms < WORKER_IDLE_MS / 2)
		return;
	workers->swept_ms = now;
	send_away_since(workers, now - WORKER_IDLE_MS);
}

/* ---- the process ---- */

/* In this order, or the manager could ask for the next one too early. */
bool
workers_next(int end, int channel, struct packet *packet)
{
	struct pollfd wait = { .fd = end, .events = POLLIN };
	bool is_free = end != -1 && packet_send(end, span_of("f"), NULL, 0);

	close(channel);
	if (!is_free)
		return false;
	while (poll(&wait, 1, -1) == -1)
		continue;
	return packet_receive(end, packet) == 1;
}
