#ifndef QUEUE_DELAYS_H
#define QUEUE_DELAYS_H

/*
 * delays - control/delaywarning: when a sender is told of a delay.
 *
 * Grammar  ages, on one line or several, with spaces or commas between them,
 *          each greater than the one before: seconds, or 90s, 30m, 4h, 2d.
 *          A lone 0 is never; no file is 4 hours.
 * Limits   DELAYS_MAX ages, each at most DELAYS_AGE_MAX seconds.
 * Errors   a file without sense ends the program: control_complain.
 */

#include "base/control.h"

enum {
	DELAYS_MAX = 16,
	DELAYS_AGE_MAX = 10000000
};

struct delays {
	int64_t ages_s[DELAYS_MAX]; /* rising */
	size_t count;
};

void delays_read(struct delays *delays);

/* "90", "90s", "15m", "4h" or "2d" in seconds, at most DELAYS_AGE_MAX; false if
 * it is none. */
bool age_parse(struct span text, uint64_t *seconds);

#endif
