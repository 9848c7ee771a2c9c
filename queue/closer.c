/*
 * closer - lets go of files that have been removed.
 *
 * Their blocks are freed then, which can take a disk longer than all else that
 * a message costs; a thread waits for that, and nobody for the thread.
 */

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"
#include "queue/manager.h"

enum {
	WAITING_MAX = 256, /* if there are more, the manager waits, too */
	STACK = 64 * 1024
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t has_some;
	int waiting[WAITING_MAX];
	size_t count;
	bool has_thread; /* the manager's own */
} closer = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.has_some = PTHREAD_COND_INITIALIZER };

static void *
run(void *context)
{
	int taken[WAITING_MAX];

	(void)context;
	for (;;) {
		pthread_mutex_lock(&closer.lock);
		while (closer.count == 0)
			pthread_cond_wait(&closer.has_some, &closer.lock);
		size_t count = closer.count;
		memcpy(taken, closer.waiting, count * sizeof(*taken));
		closer.count = 0;
		pthread_mutex_unlock(&closer.lock);
		for (size_t i = 0; i < count; i++)
			close(taken[i]);
	}
	return NULL;
}

void
closer_take(int fd)
{
	if (!closer.has_thread)
		thread_start(run, NULL, STACK, "closing");
	closer.has_thread = true;
	pthread_mutex_lock(&closer.lock);
	bool has_room = closer.count < WAITING_MAX;
	if (has_room)
		closer.waiting[closer.count++] = fd;
	pthread_mutex_unlock(&closer.lock);
	if (has_room)
		pthread_cond_signal(&closer.has_some);
	else
		close(fd);
}
