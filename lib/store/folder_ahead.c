#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/folder_state.h"

/*
 * Who asks for one message's file after another has the next ones opened and
 * read by the kernel meanwhile: a disk serves many at once as fast as one.
 */

enum {
	AHEAD = 16, /* files */
	AHEAD_RUN = 3,
	AHEAD_BYTES = 256 << 10 /* of each */
};

struct folder_ahead {
	size_t last;    /* that was asked for */
	size_t run;     /* of messages in a row */
	size_t reached; /* all before it were begun */
	uint32_t uids[AHEAD];
	int fds[AHEAD]; /* of message i at i % AHEAD; -1: none */
};

static struct folder_ahead *
ahead_of(struct folder *folder)
{
	if (folder->ahead == NULL) {
		folder->ahead = account_allocate(1, sizeof(*folder->ahead));
		folder->ahead->last = SIZE_MAX;
		for (size_t i = 0; i < AHEAD; i++)
			folder->ahead->fds[i] = -1;
	}
	return folder->ahead;
}

static void
drop(struct folder_ahead *ahead, size_t slot)
{
	if (ahead->fds[slot] != -1)
		close(ahead->fds[slot]);
	ahead->fds[slot] = -1;
}

void
folder_ahead_free(struct folder *folder)
{
	if (folder->ahead == NULL)
		return;
	for (size_t i = 0; i < AHEAD; i++)
		drop(folder->ahead, i);
	free(folder->ahead);
	folder->ahead = NULL;
}

/* What is not where it was thought to be is looked for when it is asked for. */
static void
begin(struct folder *folder, size_t i)
{
	struct folder_ahead *ahead = folder->ahead;
	const struct folder_message *message = &folder->items[i].message;
	size_t slot = i % AHEAD;

	drop(ahead, slot);
	if (message->is_expunged)
		return;
	ahead->fds[slot] = folder_try_open(folder, i);
	ahead->uids[slot] = message->uid;
	if (ahead->fds[slot] != -1)
		posix_fadvise(
		    ahead->fds[slot], 0, AHEAD_BYTES, POSIX_FADV_WILLNEED);
}

int
folder_ahead_take(struct folder *folder, size_t i)
{
	struct folder_ahead *ahead = ahead_of(folder);
	size_t slot = i % AHEAD;
	int fd = ahead->uids[slot] == folder->items[i].message.uid
		     ? ahead->fds[slot]
		     : -1;

	if (fd != -1)
		ahead->fds[slot] = -1;
	ahead->run = i == ahead->last + 1 ? ahead->run + 1 : 1;
	ahead->last = i;
	if (ahead->run < AHEAD_RUN)
		return fd;
	if (ahead->run == AHEAD_RUN || ahead->reached <= i)
		ahead->reached = i + 1;
	for (; ahead->reached < folder->count && ahead->reached < i + AHEAD;
	     ahead->reached++)
		begin(folder, ahead->reached);
	return fd;
}
