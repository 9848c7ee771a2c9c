#include "service/turns.h"

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"

void
turns_prepare(struct turns *turns)
{
	turns->count = control_number("checkpwconcurrency", 16, 1, 500);
	turns->file = memfd_create("turns", MFD_CLOEXEC);
	if (turns->file == -1)
		temp_fail("cannot make a file in memory");
}

static bool
lock_turn(const struct turns *turns, int command, uint64_t turn)
{
	struct flock lock = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)turn,
		.l_len = 1 };

	return fcntl(turns->file, command, &lock) != -1;
}

void
turns_take(const struct turns *turns)
{
	assert(turns->count > 0);
	for (uint64_t i = 0; i < turns->count; i++)
		if (lock_turn(turns, F_SETLK, i))
			return;
	if (!lock_turn(turns, F_SETLKW, (uint64_t)getpid() % turns->count))
		temp_fail("cannot wait for a turn");
}

void
turns_leave(const struct turns *turns)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	fcntl(turns->file, F_SETLK, &lock);
}
