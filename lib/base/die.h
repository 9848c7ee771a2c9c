#ifndef BASE_DIE_H
#define BASE_DIE_H

/*
 * die - log lines, and the one way out for a program that cannot go on.
 *
 * Only files that belong to a program, and the few constructors of lib/base,
 * call these; lib/mail and lib/net return a status and let the program decide.
 * Every line goes to fd 2, which the supervisor connects to the log, as
 * "program: message\n", whole lines in one write; control bytes in it are shown
 * as '?'. The log never blocks mail: see has_room in die.c.
 */

#include <stdnoreturn.h>
#include <sysexits.h>

/* Call first in main: the name that starts each log line. */
void program_name(const char *name);

/* Log and exit with a code of sysexits(3). */
noreturn void die(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As die, with ": " and the text of errno after the message. */
noreturn void die_errno(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As die_errno(EX_TEMPFAIL, ...): the caller is to try again later. */
noreturn void temp_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Log one event and go on.  errno is kept. */
void log_event(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * From now on lines wait, so that the log's reader is woken once for many:
 * begun(context) is called when the first waits, and the program then calls
 * log_flush soon. A program that dies writes what waits before its last line;
 * one that is killed loses it. For a program with one thread that logs.
 */
void log_gather(void (*begun)(void *context), void *context);

/* Write what waits. */
void log_flush(void);

/* As log_event, with ": " and the text of errno after the message. */
void warn_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
