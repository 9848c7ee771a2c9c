/*
 * readers - what lies in the queue at the start is read by some threads: a
 * disk answers many requests in the time of one, and a long queue must be known
 * soon.  They open files and parse them, and touch nothing of the manager.
 */

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/die.h"
#include "queue/manager.h"

enum {
	THREADS = 8,
	BATCH = READ_AHEAD / 4, /* the manager is not waked for fewer */
	STACK = 128 * 1024
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t has_asked;
	struct message *asked[READ_AHEAD]; /* a ring */
	size_t first_asked;
	size_t asked_count;
	struct reading done[READ_AHEAD];
	size_t done_count;
	int done_event; /* eventfd: there are results */
	bool has_threads;
	size_t pending; /* asked, and not taken: the manager's own */
} readers = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.has_asked = PTHREAD_COND_INITIALIZER };

static struct message *
take_asked(void)
{
	pthread_mutex_lock(&readers.lock);
	while (readers.asked_count == 0)
		pthread_cond_wait(&readers.has_asked, &readers.lock);
	struct message *message = readers.asked[readers.first_asked];
	readers.first_asked = (readers.first_asked + 1) % READ_AHEAD;
	readers.asked_count--;
	pthread_mutex_unlock(&readers.lock);
	return message;
}

static void
give(struct message *message, struct active *active)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&readers.lock);
	readers.done[readers.done_count++] =
	    (struct reading){ message, active };
	bool is_enough =
	    readers.done_count == BATCH || readers.asked_count == 0;
	pthread_mutex_unlock(&readers.lock);
	if (is_enough &&
	    write(readers.done_event, &one, sizeof(one)) != sizeof(one))
		_exit(EX_TEMPFAIL);
}

static void *
run(void *context)
{
	const struct spool *spool = context;

	for (;;) {
		struct message *message = take_asked();

		give(message, active_read(spool, message));
	}
	return NULL;
}

static void
start_threads(struct manager *manager)
{
	pthread_attr_t attributes;
	pthread_t thread;

	/* A heap for each thread would be address space, which is limited. */
	mallopt(M_ARENA_MAX, 1);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	for (int i = 0; i < THREADS; i++) {
		errno =
		    pthread_create(&thread, &attributes, run, &manager->spool);
		if (errno != 0)
			temp_fail("cannot start a reading thread");
	}
	pthread_attr_destroy(&attributes);
	readers.has_threads = true;
}

static void
handle_done(evutil_socket_t fd, short what, void *context)
{
	struct reading done[READ_AHEAD];
	uint64_t number;

	(void)what;
	if (read(fd, &number, sizeof(number)) == -1)
		return;
	pthread_mutex_lock(&readers.lock);
	size_t count = readers.done_count;
	memcpy(done, readers.done, count * sizeof(*done));
	readers.done_count = 0;
	pthread_mutex_unlock(&readers.lock);
	readers.pending -= count;
	schedule_take_read(context, done, count);
	schedule_run(context);
}

void
readers_start(struct manager *manager)
{
	struct event *done;

	readers.done_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (readers.done_event == -1)
		temp_fail("cannot make an eventfd");
	done = event_new(manager->base, readers.done_event,
	    EV_READ | EV_PERSIST, handle_done, manager);
	if (done == NULL || event_add(done, NULL) == -1)
		temp_fail("out of memory");
}

void
readers_run(struct manager *manager)
{
	struct message *message;

	if (manager->unread.first != NULL && !readers.has_threads)
		start_threads(manager);
	while (readers.pending < READ_AHEAD &&
	       (message = message_list_take(&manager->unread)) != NULL) {
		readers.pending++;
		pthread_mutex_lock(&readers.lock);
		readers.asked[(readers.first_asked + readers.asked_count++) %
			      READ_AHEAD] = message;
		pthread_mutex_unlock(&readers.lock);
		pthread_cond_signal(&readers.has_asked);
	}
}
