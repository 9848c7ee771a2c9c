/*
 * readers - what lies in the queue at the start is read by some threads: a
 * disk answers many requests in the time of one, and a long queue must be known
 * soon.  They open files and parse them, and touch nothing of the manager.
 *
 * A thread opens a whole batch before it reads the first of it, and says what
 * it will read: so the disk has hundreds of requests to put in order, and the
 * manager is not waked for each message.
 */

#include <malloc.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/die.h"
#include "base/thread.h"
#include "queue/manager.h"

enum {
	THREADS = 8,
	BATCHES = THREADS * 2, /* one is read while another is taken */
	STACK = 128 * 1024
};

struct batch {
	STAILQ_ENTRY(batch) link;
	struct reading items[READ_BATCH];
	size_t count;
};

STAILQ_HEAD(batch_list, batch);

static struct {
	pthread_mutex_t lock; /* of asked and done */
	pthread_cond_t has_asked;
	struct batch_list asked;
	struct batch_list done;
	struct batch_list free; /* the manager's own */
	struct batch batches[BATCHES];
	int done_event; /* eventfd: how many are done */
	bool has_threads;
} readers = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.has_asked = PTHREAD_COND_INITIALIZER };

/* ---- in a thread ---- */

static struct batch *
take_asked(void)
{
	struct batch *batch;

	pthread_mutex_lock(&readers.lock);
	while ((batch = STAILQ_FIRST(&readers.asked)) == NULL)
		pthread_cond_wait(&readers.has_asked, &readers.lock);
	STAILQ_REMOVE_HEAD(&readers.asked, link);
	pthread_mutex_unlock(&readers.lock);
	return batch;
}

static void
give(struct batch *batch)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&readers.lock);
	STAILQ_INSERT_TAIL(&readers.done, batch, link);
	pthread_mutex_unlock(&readers.lock);
	if (write(readers.done_event, &one, sizeof(one)) != sizeof(one))
		_exit(EX_TEMPFAIL);
}

static void
read_batch(const struct spool *spool, struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct reading *item = &batch->items[i];

		item->active = active_begin(spool, item->message);
		if (item->active != NULL)
			queue_file_expect(
			    item->active->fd, &item->message->name);
	}
	for (size_t i = 0; i < batch->count; i++) {
		struct reading *item = &batch->items[i];

		if (item->active != NULL)
			item->active = active_read(item->message, item->active);
	}
}

static void *
run(void *context)
{
	const struct spool *spool = context;

	for (;;) {
		struct batch *batch = take_asked();

		read_batch(spool, batch);
		give(batch);
	}
	return NULL;
}

/* ---- in the manager ---- */

static void
start_threads(struct manager *manager)
{
	/* A heap for each thread would be address space, which is limited. */
	mallopt(M_ARENA_MAX, 1);
	for (int i = 0; i < THREADS; i++)
		thread_start(run, &manager->spool, STACK, "reading");
	readers.has_threads = true;
}

/* One batch a turn: what else has come never waits for more. */
static void
handle_done(evutil_socket_t fd, short what, void *context)
{
	uint64_t one;

	(void)what;
	if (read(fd, &one, sizeof(one)) == -1)
		return;
	pthread_mutex_lock(&readers.lock);
	struct batch *batch = STAILQ_FIRST(&readers.done);
	STAILQ_REMOVE_HEAD(&readers.done, link);
	pthread_mutex_unlock(&readers.lock);
	schedule_take_read(context, batch->items, batch->count);
	STAILQ_INSERT_TAIL(&readers.free, batch, link);
	schedule_run(context);
}

void
readers_start(struct manager *manager)
{
	struct event *done;

	STAILQ_INIT(&readers.asked);
	STAILQ_INIT(&readers.done);
	STAILQ_INIT(&readers.free);
	for (size_t i = 0; i < BATCHES; i++)
		STAILQ_INSERT_TAIL(&readers.free, &readers.batches[i], link);
	readers.done_event =
	    eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (readers.done_event == -1)
		temp_fail("cannot make an eventfd");
	done = event_new(manager->base, readers.done_event,
	    EV_READ | EV_PERSIST, handle_done, manager);
	if (done == NULL || event_add(done, NULL) == -1)
		temp_fail("out of memory");
}

static void
ask(struct manager *manager, struct batch *batch)
{
	struct message *message;

	batch->count = 0;
	while (batch->count < READ_BATCH &&
	       (message = message_list_take(&manager->unread)) != NULL)
		batch->items[batch->count++] =
		    (struct reading){ .message = message };
	pthread_mutex_lock(&readers.lock);
	STAILQ_INSERT_TAIL(&readers.asked, batch, link);
	pthread_mutex_unlock(&readers.lock);
	pthread_cond_signal(&readers.has_asked);
}

void
readers_run(struct manager *manager)
{
	struct batch *batch;

	if (manager->unread.first != NULL && !readers.has_threads)
		start_threads(manager);
	while (manager->unread.first != NULL &&
	       (batch = STAILQ_FIRST(&readers.free)) != NULL) {
		STAILQ_REMOVE_HEAD(&readers.free, link);
		ask(manager, batch);
	}
}
