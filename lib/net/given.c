#include "net/given.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/die.h"
#include "queue/neighbour.h"

/* Where late has the neighbour; GIVEN_LATE_MAX if it is not there. */
static size_t
find_late(const struct late *late, int neighbour)
{
	size_t i = 0;

	if (late == NULL)
		return GIVEN_LATE_MAX;
	while (i < GIVEN_LATE_MAX && late->controls[i] != neighbour)
		i++;
	return i;
}

static int
open_one(struct given *given, int neighbour, const struct late *late)
{
	size_t i = find_late(late, neighbour);

	if (i == GIVEN_LATE_MAX)
		return neighbour_open_session(neighbour);
	return packet_pair(given->late[i]) ? given->late[i][0] : -1;
}

bool
given_open(struct given *given, const int *neighbours, int count,
    const struct late *late)
{
	given->count = 0;
	for (size_t i = 0; i < GIVEN_LATE_MAX; i++)
		given->late[i][0] = given->late[i][1] = -1;
	for (int i = 0; i < count; i++) {
		given->fds[i] = open_one(given, neighbours[i], late);
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
	for (size_t i = 0; i < GIVEN_LATE_MAX; i++)
		if (given->late[i][1] != -1)
			close(given->late[i][1]);
}

/*
 * Watched for one event: a child that is just being forked has a copy of each
 * end for a moment, and so keeps what is closed here from being forgotten.
 */
static bool
hold(int watch, struct places *places, struct place *place, size_t i,
    const int ends[2])
{
	uint64_t number = (uint64_t)(place - places->all) * GIVEN_LATE_MAX + i;
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT,
		.data.u64 = number };

	if (epoll_ctl(watch, EPOLL_CTL_ADD, ends[1], &event) == -1)
		return false;
	place->held[i][0] = ends[0];
	place->held[i][1] = ends[1];
	return true;
}

static bool
is_held(const struct place *place, int fd)
{
	for (size_t i = 0; i < GIVEN_LATE_MAX; i++)
		if (place->held[i][0] == fd)
			return true;
	return false;
}

void
given_hand_over(const struct given *given, int watch, struct places *places,
    struct place *place)
{
	for (size_t i = 0; i < GIVEN_LATE_MAX; i++)
		if (given->late[i][1] != -1 &&
		    !hold(watch, places, place, i, given->late[i]))
			close(given->late[i][1]);
	for (int i = 0; i < given->count; i++)
		if (!is_held(place, given->fds[i]))
			close(given->fds[i]);
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
given_tell(int watch, struct places *places, const struct late *late)
{
	struct epoll_event event;

	if (epoll_wait(watch, &event, 1, 0) != 1)
		return true;
	struct place *place = &places->all[event.data.u64 / GIVEN_LATE_MAX];
	size_t i = event.data.u64 % GIVEN_LATE_MAX;
	if (place->held[i][1] == -1)
		return true;
	bool is_told =
	    neighbour_pass_session(late->controls[i], place->held[i][1]);
	int error = errno;
	place_let_go(place, i);
	errno = error;
	return is_told;
}
