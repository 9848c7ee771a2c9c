#include "local/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"

void
pool_init(struct pool *pool, int spawner_fd, size_t busy_max)
{
	*pool = (struct pool){ .spawner_fd = spawner_fd,
		.busy_max = busy_max,
		.bytes = buf_new(PACKET_MAX) };
	pool->last = &pool->first;
	for (size_t i = 0; i < DELIVERERS_MAX; i++)
		pool->workers[i].fd = -1;
}

void
pool_add(struct pool *pool, struct action *action, struct task *task)
{
	struct work *work = calloc(1, sizeof(*work));

	if (work == NULL)
		temp_fail("out of memory");
	work->action = action;
	work->task = task;
	*pool->last = work;
	pool->last = &work->next;
}

void
pool_add_again(struct pool *pool, struct work *work)
{
	pool_add(pool, work->action, work->task);
	work->action = NULL;
}

static size_t
slot_of(const struct pool *pool, const struct worker *worker)
{
	return (size_t)(worker - pool->workers);
}

static void
tell_spawner(struct pool *pool, const struct worker *worker, enum spawn_op op,
    const int *fds, int fd_count)
{
	const struct spawn_record record = { .op = op,
		.slot = (uint32_t)slot_of(pool, worker),
		.uid = worker->uid,
		.gid = worker->gid,
		.flags = worker->has_mail_group ? SPAWN_GROUP_MAIL : 0 };
	struct buf bytes = buf_new(sizeof(record) + PACKET_MAX);

	buf_add(&bytes, (struct span){ (const char *)&record, sizeof(record) });
	if (op == SPAWN_RELAY)
		buf_add(&bytes, buf_span(&pool->bytes));
	if (!packet_send(pool->spawner_fd, buf_span(&bytes), fds, fd_count))
		temp_fail("the spawner is gone");
	buf_free(&bytes);
}

/* ---- deliverers ---- */

static void
stop_worker(struct pool *pool, struct worker *worker)
{
	tell_spawner(pool, worker, SPAWN_STOP, NULL, 0);
	close(worker->fd);
	worker->fd = -1;
}

static void
start_worker(
    struct pool *pool, struct worker *worker, const struct action *action)
{
	int ends[2];

	if (!packet_pair(ends))
		temp_fail("cannot make a socketpair");
	*worker = (struct worker){ .fd = ends[0],
		.uid = action->uid,
		.gid = action->gid,
		.has_mail_group = action->has_mail_group };
	int fds[2] = { ends[1], ends[0] };
	tell_spawner(pool, worker, SPAWN_START, fds, 2);
	close(ends[1]);
}

static bool
is_exclusive(const struct action *action)
{
	return action->kind == COMMAND_PROGRAM ||
	       action->kind == COMMAND_FORWARD || action->is_asked;
}

static bool
may_take(const struct worker *worker, const struct action *action)
{
	return worker->fd != -1 && worker->uid == action->uid &&
	       worker->gid == action->gid &&
	       worker->has_mail_group == action->has_mail_group &&
	       !worker->is_exclusive &&
	       worker->sent_count <
		   (is_exclusive(action) ? 1 : (size_t)POOL_WINDOW);
}

/*
 * A deliverer for action: one of its user's, else a new one in a free place,
 * else in the place of the one that is idle longest; NULL if it must wait.
 */
static struct worker *
find_worker(struct pool *pool, const struct action *action)
{
	struct worker *known = NULL;
	struct worker *unused = NULL;
	struct worker *idle = NULL;
	size_t busy = 0;

	for (size_t i = 0; i < DELIVERERS_MAX; i++) {
		struct worker *worker = &pool->workers[i];

		busy += worker->fd != -1 && worker->sent_count > 0;
		if (known == NULL && may_take(worker, action))
			known = worker;
		if (worker->fd == -1)
			unused = worker;
		else if (worker->sent_count == 0 &&
			 (idle == NULL ||
			     worker->idle_since_ms < idle->idle_since_ms))
			idle = worker;
	}
	if (known != NULL && known->sent_count > 0)
		return known;
	if (busy >= pool->busy_max)
		return NULL;
	if (known != NULL)
		return known;
	if (unused == NULL && idle != NULL) {
		stop_worker(pool, idle);
		unused = idle;
	}
	if (unused != NULL)
		start_worker(pool, unused, action);
	return unused;
}

/* ---- work ---- */

static void
finish(
    struct pool *pool, struct work *work, const struct verdict *verdict, int fd)
{
	pool->done(pool->context, work, verdict, fd);
	if (work->action != NULL)
		action_free(work->action);
	free(work);
}

static void
fail(struct pool *pool, struct work *work, const char *why)
{
	const struct verdict verdict = { .kind = VERDICT_LATER,
		.code = span_of("4.3.0"),
		.text = span_of(why) };

	finish(pool, work, &verdict, -1);
}

/* The deliverer is gone, or talks nonsense: its work is for later. */
static void
bury_worker(struct pool *pool, struct worker *worker)
{
	stop_worker(pool, worker);
	for (size_t i = 0; i < worker->sent_count; i++)
		fail(pool, worker->sent[i], "the deliverer of this user ended");
	worker->sent_count = 0;
}

/* False: the work is lost with its deliverer, and was answered. */
static void
send_work(struct pool *pool, struct worker *worker, struct work *work)
{
	struct command command = { .number = pool->next_number };
	int fds[2];

	work->number = pool->next_number++;
	int fd_count = pool->fill(pool->context, work, &command, fds);
	buf_clear(&pool->bytes);
	command_add(&pool->bytes, &command);
	/* Room is left for the spawner's record before it. */
	if (pool->bytes.overflow || pool->bytes.len > PACKET_MAX - 64) {
		fail(pool, work, "the command is too long");
		return;
	}
	worker->is_exclusive = is_exclusive(work->action);
	worker->sent[worker->sent_count++] = work;
	/* Asked again, the file is its recipient's already. */
	if (command.is_whole && command.kind == COMMAND_MAILDIR &&
	    fd_count == 1)
		tell_spawner(pool, worker, SPAWN_RELAY, fds, fd_count);
	else if (!packet_send(
		     worker->fd, buf_span(&pool->bytes), fds, fd_count))
		bury_worker(pool, worker);
	if (fd_count == 2)
		close(fds[1]); /* the session's end is the deliverer's now */
}

void
pool_run(struct pool *pool)
{
	struct work **link = &pool->first;

	while (*link != NULL) {
		struct work *work = *link;
		struct worker *worker = find_worker(pool, work->action);

		if (worker == NULL) {
			link = &work->next;
			continue;
		}
		*link = work->next;
		if (pool->last == &work->next)
			pool->last = link;
		work->next = NULL;
		send_work(pool, worker, work);
	}
}

size_t
pool_add_polls(const struct pool *pool, struct pollfd *polls)
{
	size_t count = 0;

	for (size_t i = 0; i < DELIVERERS_MAX; i++)
		if (pool->workers[i].fd != -1)
			polls[count++] =
			    (struct pollfd){ .fd = pool->workers[i].fd,
				    .events = POLLIN };
	return count;
}

static struct work *
take_sent(struct worker *worker, uint64_t number)
{
	for (size_t i = 0; i < worker->sent_count; i++) {
		struct work *work = worker->sent[i];

		if (work->number != number)
			continue;
		worker->sent_count--;
		memmove(&worker->sent[i], &worker->sent[i + 1],
		    (worker->sent_count - i) * sizeof(worker->sent[0]));
		return work;
	}
	return NULL;
}

static bool
is_sane(const struct verdict *verdict)
{
	return verdict->kind != VERDICT_UNREACHABLE &&
	       verdict->text.len <= DELIVERY_TEXT_MAX;
}

static void
handle_verdict(struct pool *pool, struct worker *worker)
{
	struct verdict verdict;
	int fd = packet_take_fd(&pool->packet, 0);
	struct work *work = NULL;

	packet_close_fds(&pool->packet);
	if (verdict_parse(packet_span(&pool->packet), &verdict) &&
	    is_sane(&verdict))
		work = take_sent(worker, verdict.number);
	if (work == NULL) {
		if (fd != -1)
			close(fd);
		log_event(
		    "the deliverer of uid %u answers nonsense", worker->uid);
		bury_worker(pool, worker);
		return;
	}
	worker->is_exclusive = false;
	if (worker->sent_count == 0)
		worker->idle_since_ms = clock_ms();
	finish(pool, work, &verdict, fd);
}

void
pool_handle(struct pool *pool, int fd)
{
	for (size_t i = 0; i < DELIVERERS_MAX; i++) {
		struct worker *worker = &pool->workers[i];

		if (worker->fd != fd)
			continue;
		if (packet_receive(fd, &pool->packet) == 1)
			handle_verdict(pool, worker);
		else
			bury_worker(pool, worker);
		return;
	}
}

int64_t
pool_expire(struct pool *pool)
{
	int64_t now = clock_ms();
	int64_t next = -1;

	for (size_t i = 0; i < DELIVERERS_MAX; i++) {
		struct worker *worker = &pool->workers[i];

		if (worker->fd == -1 || worker->sent_count > 0)
			continue;
		int64_t left = worker->idle_since_ms + POOL_IDLE_MS - now;
		if (left <= 0)
			stop_worker(pool, worker);
		else if (next == -1 || left < next)
			next = left;
	}
	return next;
}
