#include "base/die.h"

#include <errno.h>
#include <limits.h>
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

/* Lines that wait; no more than goes into a pipe with one write. */
static struct {
	void (*begun)(void *context); /* NULL: none wait */
	void *context;
	char bytes[PIPE_BUF];
	size_t len;
	unsigned long lines;
} held;

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
has_room(unsigned long lines)
{
	struct pollfd log = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[96];

	if (poll(&log, 1, dropped == 0 ? LOG_WAIT_MS : 0) == 0) {
		dropped += lines;
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

/* One write for whole lines: those of two processes never mix in a pipe. */
static void
write_lines(const char *bytes, size_t len, unsigned long lines)
{
	if (has_room(lines) && write(STDERR_FILENO, bytes, len) == -1)
		return; /* the log is gone: nobody is left to tell */
}

void
log_gather(void (*begun)(void *context), void *context)
{
	held.begun = begun;
	held.context = context;
}

void
log_flush(void)
{
	if (held.len > 0)
		write_lines(held.bytes, held.len, held.lines);
	held.len = 0;
	held.lines = 0;
}

static void
hold_line(const char *line, size_t len)
{
	if (held.len + len > sizeof(held.bytes))
		log_flush();
	memcpy(held.bytes + held.len, line, len);
	held.len += len;
	if (held.lines++ == 0)
		held.begun(held.context);
}

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
	if (held.begun != NULL)
		hold_line(line, (size_t)used + 1);
	else
		write_lines(line, (size_t)used + 1, 1);
}

void
die(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(0, format, args);
	va_end(args);
	log_flush();
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
	log_flush();
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
	log_flush();
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
