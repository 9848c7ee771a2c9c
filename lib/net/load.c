#include "net/load.h"

#include <sched.h>
#include <unistd.h>

#include "base/span.h"

enum {
	WAITING = 2, /* for each processor, who runs included */
	LINE_MAX_BYTES = 128
};

/* The set has no room for the processors of the largest machines. */
uint64_t
load_processors(void)
{
	cpu_set_t usable;

	if (sched_getaffinity(0, sizeof(usable), &usable) == 0)
		return (uint64_t)CPU_COUNT(&usable);
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (uint64_t)online : 1;
}

/* proc_loadavg(5): "0.65 2.17 2.31 RUNNABLE/ALL PID", and we are one. */
bool
load_is_high(int fd, uint64_t processors)
{
	char line[LINE_MAX_BYTES];
	ssize_t got = pread(fd, line, sizeof(line), 0);
	struct span rest = { line, got > 0 ? (size_t)got : 0 };
	uint64_t runnable;

	for (int i = 0; i < 3; i++)
		span_cut(&rest, ' ');
	return span_number(span_cut(&rest, '/'), 10, UINT32_MAX, &runnable) &&
	       runnable > WAITING * processors + 1;
}
