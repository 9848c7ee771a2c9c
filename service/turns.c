#include "service/turns.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"

enum {
	LOOK_AGAIN_S = 1 /* one whose holder was killed is free, untold */
};

void
turns_prepare(struct turns *turns)
{
	turns->count = control_number("checkpwconcurrency", 16, 1, 500);
	turns->file = memfd_create("turns", MFD_CLOEXEC);
	if (turns->file == -1)
		temp_fail("cannot make a file in memory");
	turns->left = mmap(NULL, sizeof(*turns->left), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turns->left == MAP_FAILED)
		temp_fail("out of memory");
}

static bool
lock_turn(const struct turns *turns, uint64_t turn)
{
	struct flock lock = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)turn,
		.l_len = 1 };

	if (fcntl(turns->file, F_SETLK, &lock) != -1)
		return true;
	if (errno != EAGAIN && errno != EACCES)
		temp_fail("cannot take a turn");
	return false;
}

static bool
take_free_turn(const struct turns *turns)
{
	for (uint64_t i = 0; i < turns->count; i++)
		if (lock_turn(turns, i))
			return true;
	return false;
}

/* One that was left since the count was read ends the wait at once. */
void
turns_take(const struct turns *turns)
{
	const struct timespec nap = { .tv_sec = LOOK_AGAIN_S };

	assert(turns->count > 0);
	for (;;) {
		uint32_t left = atomic_load(turns->left);

		if (take_free_turn(turns))
			return;
		syscall(
		    SYS_futex, turns->left, FUTEX_WAIT, left, &nap, NULL, 0);
	}
}

void
turns_leave(const struct turns *turns)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	fcntl(turns->file, F_SETLK, &lock);
	atomic_fetch_add(turns->left, 1);
	syscall(SYS_futex, turns->left, FUTEX_WAKE, 1, NULL, NULL, 0);
}
