#include <bsd/string.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"
#include "store/folder_state.h"

/*
 * Who asks for one message's file after another has the next ones opened by a
 * thread meanwhile, and read by the kernel: a disk serves many at once as fast
 * as one, and what it costs to ask it is another processor's.
 *
 * The thread knows names alone; all else of a folder is the session's.
 */

enum {
	AHEAD = 32, /* files */
	AHEAD_RUN = 8,
	AHEAD_BYTES = 256 << 10, /* of each */
	STACK = 64 << 10
};

/* Whose it is: the session's, unless it is asked for or being opened. */
enum ahead_state {
	AHEAD_NONE,
	AHEAD_ASKED,
	AHEAD_OPENING, /* the thread's */
	AHEAD_OPEN
};

struct ahead_file {
	enum ahead_state state;
	int fd; /* -1: it is not there */
	int folder;
	uint32_t uid;
	char name[NAME_MAX + 1];
};

struct folder_ahead {
	/* The session's. */
	size_t last;    /* that was asked for */
	size_t run;     /* of messages in a row */
	size_t reached; /* all before it were asked of the thread */
	pthread_t thread;
	bool has_thread;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t has_asked;
	pthread_cond_t has_opened;
	size_t next; /* for the thread */
	size_t end;
	bool is_over;
	struct ahead_file files[AHEAD]; /* of message i: i % AHEAD */
};

/* ---- in the thread ---- */

/* Under the lock; NULL: the end. */
static struct ahead_file *
next_asked(struct folder_ahead *ahead)
{
	while (!ahead->is_over) {
		for (; ahead->next < ahead->end; ahead->next++) {
			struct ahead_file *file =
			    &ahead->files[ahead->next % AHEAD];

			if (file->state == AHEAD_ASKED)
				return file;
		}
		pthread_cond_wait(&ahead->has_asked, &ahead->lock);
	}
	return NULL;
}

static void *
run(void *context)
{
	struct folder_ahead *ahead = context;
	struct ahead_file *file;

	pthread_mutex_lock(&ahead->lock);
	while ((file = next_asked(ahead)) != NULL) {
		file->state = AHEAD_OPENING;
		pthread_mutex_unlock(&ahead->lock);
		int fd = file_open_quietly(file->folder, file->name);
		if (fd != -1)
			posix_fadvise(fd, 0, AHEAD_BYTES, POSIX_FADV_WILLNEED);
		pthread_mutex_lock(&ahead->lock);
		file->fd = fd;
		file->state = AHEAD_OPEN;
		pthread_cond_signal(&ahead->has_opened);
	}
	pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

/* ---- in the session ---- */

/* Under the lock: the file is the session's again; its descriptor, or -1. */
static int
take_back(struct folder_ahead *ahead, struct ahead_file *file)
{
	while (file->state == AHEAD_OPENING)
		pthread_cond_wait(&ahead->has_opened, &ahead->lock);
	int fd = file->state == AHEAD_OPEN ? file->fd : -1;
	file->state = AHEAD_NONE;
	return fd;
}

static void
drop(struct folder_ahead *ahead, struct ahead_file *file)
{
	int fd = take_back(ahead, file);

	if (fd != -1)
		close(fd);
}

static struct folder_ahead *
ahead_of(struct folder *folder)
{
	if (folder->ahead == NULL) {
		folder->ahead = account_allocate(1, sizeof(*folder->ahead));
		folder->ahead->last = SIZE_MAX;
		pthread_mutex_init(&folder->ahead->lock, NULL);
		pthread_cond_init(&folder->ahead->has_asked, NULL);
		pthread_cond_init(&folder->ahead->has_opened, NULL);
	}
	return folder->ahead;
}

void
folder_ahead_free(struct folder *folder)
{
	struct folder_ahead *ahead = folder->ahead;

	if (ahead == NULL)
		return;
	if (ahead->has_thread) {
		pthread_mutex_lock(&ahead->lock);
		ahead->is_over = true;
		pthread_mutex_unlock(&ahead->lock);
		pthread_cond_signal(&ahead->has_asked);
		pthread_join(ahead->thread, NULL);
	}
	for (size_t i = 0; i < AHEAD; i++)
		drop(ahead, &ahead->files[i]);
	pthread_mutex_destroy(&ahead->lock);
	pthread_cond_destroy(&ahead->has_asked);
	pthread_cond_destroy(&ahead->has_opened);
	free(ahead);
	folder->ahead = NULL;
}

/* What is not where it was thought to be is looked for when its turn comes. */
static void
ask(struct folder *folder, size_t i)
{
	const struct folder_item *item = &folder->items[i];
	struct ahead_file *file = &folder->ahead->files[i % AHEAD];
	struct buf name = buf_new(NAME_MAX);

	drop(folder->ahead, file);
	folder_add_file_name(&name, folder, item);
	const char *path = buf_string(&name);
	if (!item->message.is_expunged && path != NULL) {
		strlcpy(file->name, path, sizeof(file->name));
		file->folder = item->is_in_new ? folder->new : folder->cur;
		file->uid = item->message.uid;
		file->state = AHEAD_ASKED;
	}
	buf_free(&name);
}

/* Many at a time, since the thread may have to be woken. */
static void
ask_for_more(struct folder *folder, size_t i)
{
	struct folder_ahead *ahead = folder->ahead;
	bool is_new = ahead->run == AHEAD_RUN || ahead->reached <= i;

	if (is_new)
		ahead->reached = i + 1;
	if (ahead->reached > i + AHEAD / 2 || ahead->reached == folder->count)
		return;
	if (!ahead->has_thread)
		ahead->has_thread =
		    thread_try(&ahead->thread, run, ahead, STACK);
	pthread_mutex_lock(&ahead->lock);
	if (is_new)
		ahead->next = i + 1;
	for (; ahead->reached < folder->count && ahead->reached < i + AHEAD;
	     ahead->reached++)
		ask(folder, ahead->reached);
	ahead->end = ahead->reached;
	pthread_mutex_unlock(&ahead->lock);
	pthread_cond_signal(&ahead->has_asked);
}

int
folder_ahead_take(struct folder *folder, size_t i)
{
	struct folder_ahead *ahead = ahead_of(folder);
	struct ahead_file *file = &ahead->files[i % AHEAD];
	int fd = -1;

	pthread_mutex_lock(&ahead->lock);
	if (file->uid == folder->items[i].message.uid)
		fd = take_back(ahead, file);
	pthread_mutex_unlock(&ahead->lock);
	ahead->run = i == ahead->last + 1 ? ahead->run + 1 : 1;
	ahead->last = i;
	if (ahead->run >= AHEAD_RUN)
		ask_for_more(folder, i);
	return fd;
}
