#ifndef BASE_DIE_H
#define BASE_DIE_H

/*
 * die - log lines, and the one way out for a program that cannot go on.
 *
 * Only files that belong to a program, and the few constructors of lib/base,
 * call these; lib/mail and lib/net return a status and let the program decide.
 * Every line goes to fd 2, which the supervisor connects to the log, as
 * "program: message\n" in one write; control bytes in it are shown as '?'.
 * The log never blocks mail: see has_room in die.c.
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

/* As log_event, with ": " and the text of errno after the message. */
void warn_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
