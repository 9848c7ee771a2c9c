#ifndef SIEVE_REPORT_H
#define SIEVE_REPORT_H

/*
 * report - what is wrong with a script: lines of text, told in the order of
 * the script's lines whenever they were found.
 */

#include "base/buf.h"

enum {
	REPORT_ERRORS_MAX = 100
};

struct report_error {
	uint32_t line;
	size_t start; /* in text */
	size_t len;
};

struct report {
	struct buf text;
	struct report_error errors[REPORT_ERRORS_MAX];
	size_t count;
	bool is_cut; /* there were more */
};

struct report report_new(void);
void report_free(struct report *report);

/* One error; format is that of printf.  The text of a script gets into it by
 * report_shown alone. */
void report_error(struct report *report, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum {
	REPORT_SHOWN_MAX = 64
};

/* text as a message may have it: cut to what fits, nothing unprintable. */
struct report_shown {
	char text[REPORT_SHOWN_MAX + sizeof("...")];
};
struct report_shown report_shown(struct span text);

/* Append all as "line 3: ...", each ended by LF; not more than
 * SIEVE_ERRORS_MAX. */
void report_add_to(const struct report *report, struct buf *errors);

#endif
