#include "base/die.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LOG_WAIT_MS = 200
};

static const char *program = "?";
static unsigned long dropped; /* lines, since the log was last read */

void
program_name(const char *name)
{
	program = name;
}

/*
 * Is there room for a line?  A log whose disk is full or whose reader hangs
 * holds a program up once, for LOG_WAIT_MS; after that lines are dropped, and
 * counted, until it reads again.
 */
static bool
has_room(void)
{
	struct pollfd log = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[96];

	if (poll(&log, 1, dropped == 0 ? LOG_WAIT_MS : 0) == 0) {
		dropped++;
		return false;
	}
	if (dropped > 0) {
		int used = snprintf(line, sizeof(line),
		    "%.40s: %lu lines dropped: the log was full\n", program,
		    dropped);

		dropped = 0;
		return write(STDERR_FILENO, line, (size_t)used) == used;
	}
	return true;
}

/* One write per line, so lines of two processes never mix in a pipe. */
static void __attribute__((format(printf, 2, 0)))
log_line(int error, const char *format, va_list args)
{
	char line[1024];
	int room = (int)sizeof(line) - 1;
	int used = snprintf(line, sizeof(line), "%s: ", program);

	if (used < room)
		used +=
		    vsnprintf(line + used, (size_t)(room - used), format, args);
	if (error != 0 && used < room)
		used += snprintf(line + used, (size_t)(room - used), ": %s",
		    strerror(error));
	if (used > room)
		used = room;
	for (int i = 0; i < used; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = line[i] == '\n' ? ' ' : '?'; /* never two */
	line[used] = '\n';
	if (has_room() && write(STDERR_FILENO, line, (size_t)used + 1) == -1)
		return; /* the log is gone: nobody is left to tell */
}

void
die(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(0, format, args);
	va_end(args);
	_exit(code);
}

void
die_errno(int code, const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	log_line(error, format, args);
	va_end(args);
	_exit(code);
}

void
temp_fail(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	log_line(error, format, args);
	va_end(args);
	_exit(EX_TEMPFAIL);
}

void
log_event(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	log_line(0, format, args);
	va_end(args);
	errno = error;
}

void
warn_errno(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	log_line(error, format, args);
	va_end(args);
	errno = error;
}

#ifdef __SANITIZE_ADDRESS__
/*
 * A program that ends gives its memory back by ending; and the search for
 * leaks needs ptrace, which a setuid program does not have.
 */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif
