#include "net/given.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/die.h"
#include "queue/neighbour.h"

bool
given_open(struct given *given, const int *neighbours, int count, int late)
{
	*given = (struct given){ .late = { -1, -1 } };
	for (int i = 0; i < count; i++) {
		if (neighbours[i] != late)
			given->fds[i] = neighbour_open_session(neighbours[i]);
		else if (packet_pair(given->late))
			given->fds[i] = given->late[0];
		else
			given->fds[i] = -1;
		if (given->fds[i] == -1) {
			int error = errno;
			given_close(given);
			errno = error;
			return false;
		}
		given->count++;
	}
	return true;
}

void
given_close(const struct given *given)
{
	for (int i = 0; i < given->count; i++)
		close(given->fds[i]);
	if (given->late[1] != -1)
		close(given->late[1]);
}

/*
 * Watched for one event: a child that is just being forked has a copy of each
 * end for a moment, and so keeps what is closed here from being forgotten.
 */
static bool
hold(int watch, struct places *places, struct place *place, const int ends[2])
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT,
		.data.u64 = (uint64_t)(place - places->all) };

	if (epoll_ctl(watch, EPOLL_CTL_ADD, ends[1], &event) == -1)
		return false;
	place->held[0] = ends[0];
	place->held[1] = ends[1];
	return true;
}

void
given_hand_over(const struct given *given, int watch, struct places *places,
    struct place *place)
{
	const int *late = given->late;
	bool is_held = late[1] != -1 && hold(watch, places, place, late);

	for (int i = 0; i < given->count; i++)
		if (!is_held || given->fds[i] != late[0])
			close(given->fds[i]);
	if (!is_held && late[1] != -1)
		close(late[1]);
}

int
given_watch(void)
{
	int watch = epoll_create1(EPOLL_CLOEXEC);

	if (watch == -1)
		temp_fail("cannot watch sessions");
	return watch;
}

bool
given_tell(int watch, struct places *places, int control)
{
	struct epoll_event event;

	if (epoll_wait(watch, &event, 1, 0) != 1)
		return true;
	struct place *place = &places->all[event.data.u64];
	if (place->held[1] == -1)
		return true;
	bool is_told = neighbour_pass_session(control, place->held[1]);
	int error = errno;
	place_let_go(place);
	errno = error;
	return is_told;
}
