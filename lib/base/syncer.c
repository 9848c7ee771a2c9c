#include "base/syncer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/thread.h"

enum {
	STACK = 64 * 1024,
	FILES_FIRST = 16
};

struct syncer {
	int file_system_fd;
	int *fds; /* what was added; the thread's while a sync runs */
	size_t count;
	size_t room;
	int wanted; /* eventfd: a sync is asked for */
	int done;   /* eventfd: error + 1 */
};

static bool
sync_now(const struct syncer *syncer)
{
	return syncer->count > 0 ? file_sync_all(syncer->fds, syncer->count)
				 : syncfs(syncer->file_system_fd) == 0;
}

static void *
run(void *context)
{
	struct syncer *syncer = context;

	for (;;) {
		uint64_t count;

		if (read(syncer->wanted, &count, sizeof(count)) == -1)
			continue;
		int error = sync_now(syncer) ? 0 : errno;
		count = (uint64_t)error + 1;
		if (write(syncer->done, &count, sizeof(count)) == -1)
			_exit(EX_TEMPFAIL);
	}
}

struct syncer *
syncer_new(int file_system_fd)
{
	struct syncer *syncer = calloc(1, sizeof(*syncer));

	if (syncer == NULL)
		temp_fail("out of memory");
	syncer->file_system_fd = file_system_fd;
	syncer->wanted = eventfd(0, EFD_CLOEXEC);
	syncer->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (syncer->wanted == -1 || syncer->done == -1)
		temp_fail("cannot make an eventfd");
	thread_start(run, syncer, STACK, "sync");
	return syncer;
}

int
syncer_fd(const struct syncer *syncer)
{
	return syncer->done;
}

void
syncer_add(struct syncer *syncer, int fd)
{
	if (syncer->count == syncer->room) {
		syncer->room = syncer->room * 2 + FILES_FIRST;
		syncer->fds = reallocarray(
		    syncer->fds, syncer->room, sizeof(*syncer->fds));
		if (syncer->fds == NULL)
			temp_fail("out of memory");
	}
	syncer->fds[syncer->count++] = fd;
}

void
syncer_start(struct syncer *syncer)
{
	const uint64_t one = 1;

	if (write(syncer->wanted, &one, sizeof(one)) == -1)
		temp_fail("cannot wake the sync thread");
}

int
syncer_result(struct syncer *syncer)
{
	uint64_t count = 0;

	if (read(syncer->done, &count, sizeof(count)) == -1)
		temp_fail("cannot learn the result of a sync");
	syncer->count = 0;
	return (int)(count - 1);
}
